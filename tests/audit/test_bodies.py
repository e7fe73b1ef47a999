"""What the audit sees in a body, against the hand-made truth of the analyser's tests."""

from __future__ import annotations

import re

from qt001_cp.analyse import core, rules
from qt001_cp.audit import functions
from qt001_cp.audit.bodies import words
from tests.analyse.cases_core import CORE
from tests.analyse.cases_dynamic import DYNAMIC
from tests.analyse.cases_sql import SQL
from tests.analyse.cases_static import STATIC
from tests.analyse.estate import NAMES, Case

FALSE = {"format with a value", "names that only look like objects"}
"""Of the cases: where it says more than the truth."""
UNSEEN = {"text that doubles"}
"""Where it takes a dynamic statement for constant that the analyser gives up on."""


_UNLISTED = NAMES.system_routines - functions.harmless()
ONE_OF_TWO = {"interval_avg", "ts_rewrite"}
"""Names of which one overload is harmless and another is not."""


def _known() -> dict[tuple[str, str], set[str]]:
    known: dict[tuple[str, str], set[str]] = {}
    for key, found in NAMES.relations.items():
        for k in (key, ("", key[1])):
            known.setdefault(k, set()).add(found[1])
    for key, many in NAMES.routines.items():
        for k in (key, ("", key[1])):
            known.setdefault(k, set()).update(identity for _, identity in many)
    return known


def _said(case: Case, named: set[str], *, unknown: bool = True) -> list[str]:
    match = re.search(r"\$function\$(.*)\$function\$", case.source.definition, re.DOTALL)
    routine = {
        "identity": "app.probe()",
        "language": case.source.language,
        "body": match and match.group(1),
        "unlisted": _UNLISTED,
    }
    entry = {"unknown": [{"rule": u.split(" ")[0], "detail": u.partition(" ")[2]} for u in case.unknown if unknown]}
    return list(words(entry, routine, named, _known()))


def _named(case: Case) -> set[str]:
    return {re.sub(r"^\w+ (materialized view|foreign table|\w+) ", "", e) for e in case.edges}


def test_it_says_what_the_truth_lacks_and_hardly_more() -> None:
    cases = [c for c in (*STATIC, *DYNAMIC, *SQL) if c.source.language in ("sql", "plpgsql")]
    assert len(cases) > 140
    assert {c.name for c in cases if _said(c, _named(c))} == FALSE
    lost = [(c, n) for c in cases for n in _named(c)]
    seen = sum(bool(_said(c, _named(c) - {n})) for c, n in lost)
    assert seen / len(lost) > 0.75, (seen, len(lost))
    opaque = [c for c in cases if any(u.startswith("dynamic-sql-opaque") for u in c.unknown)]
    assert len(opaque) > 20
    assert {c.name for c in opaque if not _said(c, _named(c), unknown=False)} == UNSEEN


def test_another_language_has_to_be_unknown() -> None:
    routine = {"identity": "app.probe()", "language": "plpython3u", "body": "plpy.execute(x)"}
    (said,) = words({"unknown": []}, routine, set(), {})
    assert said == "language plpython3u cannot be read, the evidence has nothing unknown"
    assert list(words({"unknown": [{"rule": "language", "detail": "plpython3u"}]}, routine, set(), {})) == []


def test_its_list_is_that_of_the_analyser() -> None:
    """They share no file and no code; the analyser's tells overloads apart."""
    listed = core.core().functions
    assert functions.harmless() == {n for n, many in listed.items() if any(f.verdict != core.UNKNOWN for f in many)}
    assert {n for n in functions.harmless() if any(f.verdict == core.UNKNOWN for f in listed[n])} == ONE_OF_TWO


def test_a_call_that_is_not_harmless_has_to_be_unknown() -> None:
    listed = [
        c
        for c in CORE
        if c.source.language in ("sql", "plpgsql") and any(u.startswith(rules.UNLISTED) for u in c.unknown)
    ]
    assert {c.name for c in listed if _said(c, _named(c))} == set()
    silent = {c.name for c in listed if not [s for s in _said(c, _named(c), unknown=False) if "is not harmless" in s]}
    assert silent == HIDDEN_CALLS
    ordinary = [c for c in CORE if c.source.language in ("sql", "plpgsql") and not c.unknown]
    assert len(ordinary) > 5
    assert {c.name for c in ordinary if _said(c, _named(c))} == set()


HIDDEN_CALLS = {"functions in C", "aggregate of the server's own functions", "operator of the server's own functions"}
"""Where only the catalogs know that a function of the server's own, or one in C, stands behind a name."""
