"""docs/gates.md and docs/nogo.md, made of what the tests close and of what PostgreSQL answered."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from qt001_cp.model.canonical import Json
from qt001_cp.model.nogo import FAMILIES
from tests.acceptance.closers import CLOSERS

_GATES = """# Gates

`qt001_cp.v_fix7_gate` has one row a gate, computed from the live catalogs and the ledger at each look; `qt001_cp.v_fix7_acceptance` is
open when all are. A closed gate's reason names the object, what was expected, what was found, and the command that mends it.

Each line under *closed alone by* is a test (`tests/acceptance/test_gates.py`): in a database where all gates are open it moves that one
thing; the gate named closes, no other does, acceptance is gone and the gateway's next write is refused (QT301). All together open in
`tests/acceptance/test_sufficiency.py`, where the writer writes. This page is generated:
`QT001_WRITE_PAGES=1 scripts/test tests/acceptance/test_pages.py`.

| # | gate | open when | closed alone by | the reason names |
| --- | --- | --- | --- | --- |
"""
_NOGO = """# No-go cases

What PostgreSQL answered in the rehearsal of the reference estate that the tests run. A case passes when it is refused with an SQLSTATE
and a message that belong to its reason, and the state before and after is the same: owners, ACLs, definitions, content of the protected
tables, ledger. This page is generated from such a record: `QT001_WRITE_PAGES=1 scripts/test tests/acceptance/test_pages.py`.
"""
_DIGEST = re.compile(r"\b([0-9a-f]{64}|[0-9a-f]{12})\b")
_DETAIL = re.compile(r"\s\d+ finding\(s\):.*", re.DOTALL)
_UUID = re.compile(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")
_BYTES = re.compile(r"<\d+ bytes>")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d(:?\d\d)?)?")


def gates(rows: Iterable[tuple[int, str, str]]) -> str:
    """The page of gates. ``rows``: ordinal, gate, meaning, as the database has them."""
    lines = []
    for ordinal, gate, meaning in rows:
        closers = [c for c in CLOSERS if c.gate == gate]
        for n, closer in enumerate(closers):
            head = (str(ordinal), f"`{gate}`", meaning) if n == 0 else ("", "", "")
            lines.append(_row([*head, closer.name, f"`{closer.named}`"]))
    return _GATES + "".join(lines)


def nogo(record: Json) -> str:
    """The page of cases of one no-go record."""
    parts = [_NOGO]
    for family, title in FAMILIES.items():
        cases = [c for c in record["cases"] if c["family"] == family]
        parts.append(f"\n## {title[0].upper()}{title[1:]} ({len(cases)})\n\n")
        parts.append(_denials(cases) if family == "acl_denials" else _cases(cases))
    return "".join(parts)


def _denials(cases: Sequence[Json]) -> str:
    """Thousands of cases: verb by kind of object, how many, by whom, and what was answered."""
    groups: dict[tuple[str, str], list[Json]] = {}
    for c in cases:
        verb = c["name"].split(f" {_kind(c)} ")[0]
        groups.setdefault((_kind(c), verb), []).append(c)
    lines = ["| kind | tried | cases | as | answered |\n| --- | --- | --- | --- | --- |\n"]
    for (kind, verb), listed in sorted(groups.items()):
        roles = ", ".join(sorted({c["role"] for c in listed}))
        answers = ", ".join(f"{code} × {n}" for code, n in sorted(Counter(c["sqlstate"] for c in listed).items()))
        lines.append(_row([kind, verb, str(len(listed)), roles, answers]))
    return "".join(lines)


def _kind(case: Json) -> str:
    """The kind of the object, the first words of how a case names it."""
    words = case["object"].split(" ")
    return (
        " ".join(words[:2])
        if words[0] in ("materialized", "foreign", "default", "text", "large", "event")
        else words[0]
    )


def _cases(cases: Sequence[Json]) -> str:
    lines = ["| case | as | the statement that is refused | SQLSTATE | message |\n| --- | --- | --- | --- | --- |\n"]
    for c in sorted(cases, key=lambda c: c["name"]):
        statement = c["statements"][-1].partition(": ")[2]
        lines.append(
            _row([c["name"], c["role"], _code(_still(statement)), c["sqlstate"], _still(_DETAIL.sub("", c["message"]))])
        )
    return "".join(lines)


def _still(text: str) -> str:
    """Without what differs between two runs: digests, moments, identifiers made at random."""
    text = _BYTES.sub("<… bytes>", _UUID.sub("…", _MOMENT.sub("…", _DIGEST.sub("…", text))))
    return text if len(text) <= 300 else text[:299] + "…"


def _code(text: str) -> str:
    shown = " ".join(text.split())
    shown = shown if len(shown) <= 160 else shown[:159] + "…"
    return f"`{shown.replace('`', 'ˋ')}`"


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(" ".join(c.split()).replace("|", "\\|") for c in cells) + " |\n"
