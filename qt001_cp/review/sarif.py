"""Findings as SARIF 2.1.0, for the tools that read it.

Source: OASIS SARIF 2.1.0, sections 3.14 (run), 3.27 (result), 3.33 (logicalLocation), 3.49 (reportingDescriptor).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from qt001_cp.analyse.rules import ALL_RULES
from qt001_cp.sql.build import version

SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"


def analysis_sarif(routines: Iterable[Mapping[str, Any]], subject: str | None = None) -> dict[str, Any]:
    """What the analyser could not decide. ``routines``: as in the evidence (kind, identity, unknown).

    ``subject``: the digest of the object manifest that the analysis is about.
    """
    results = [
        _result(
            u["rule"],
            "error",
            f"{r['kind']} {r['identity']}, line {u['line']}: {ALL_RULES[u['rule']]} {u['detail']}",
            f"{r['kind']} {r['identity']}",
            {"line": u["line"]},
        )
        for r in routines
        for u in r["unknown"]
    ]
    return _log("qt001-cp analyse", ALL_RULES, results, subject)


def findings_sarif(findings: Iterable[Mapping[str, Any]], tool: str, subject: str | None = None) -> dict[str, Any]:
    """Findings as ``(sqlstate, object, expected, found, mend)``, as every check inside the database gives them."""
    listed = list(findings)
    rules = {f["sqlstate"]: f"a finding of SQLSTATE {f['sqlstate']}" for f in listed}
    results = [
        _result(
            f["sqlstate"],
            "error",
            f"{f['object']}: expected {f['expected']}, found {f['found']}. {f['mend']}",
            f["object"],
            {"mend": f["mend"]},
        )
        for f in listed
    ]
    return _log(tool, dict(sorted(rules.items())), results, subject)


def _result(rule: str, level: str, text: str, place: str, more: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "ruleId": rule,
        "level": level,
        "message": {"text": text},
        "locations": [{"logicalLocations": [{"fullyQualifiedName": place}]}],
        "properties": dict(more),
    }


def _log(tool: str, rules: Mapping[str, str], results: list[dict[str, Any]], subject: str | None) -> dict[str, Any]:
    numbers = {rule: n for n, rule in enumerate(rules)}
    driver = {
        "name": tool,
        "version": version(),
        "rules": [{"id": rule, "shortDescription": {"text": text}} for rule, text in rules.items()],
    }
    run: dict[str, Any] = {
        "tool": {"driver": driver},
        "results": [{**r, "ruleIndex": numbers[r["ruleId"]]} for r in results],
    }
    if subject is not None:
        run["properties"] = {"subject": subject}
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
