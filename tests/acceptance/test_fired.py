"""Gate 7: what runs with another's rights when the application writes is analysed, whoever may execute it."""

from __future__ import annotations

import re

import pytest

from tests.acceptance.attempt import Attempt
from tests.acceptance.fired import BESIDE, WAYS

GATE = "application_role_contained"


def _do(attempt: Attempt, statements: str) -> None:
    for statement in statements.strip().split(";\n"):
        attempt.run(statement.removesuffix(";"))


def _found(attempt: Attempt) -> list[str]:
    rows = attempt.connection.execute("SELECT gate, object FROM qt001_cp.gate_findings()").fetchall()
    return [words for named, words in rows if named == GATE]


def _rows(attempt: Attempt) -> int:
    return int(attempt.run("SELECT count(*) FROM public.qt001_setting"))


@pytest.mark.parametrize("way", WAYS)
def test_what_runs_with_anothers_rights_is_analysed(attempt: Attempt, way: str) -> None:
    planned = WAYS[way]
    _do(attempt, planned.made)
    found = _found(attempt)
    assert any(line.endswith(planned.routine) or f"{planned.routine} " in line for line in found), found
    for statement in planned.attack[:-1]:
        attempt.run(statement, user="directus")
    for statement in filter(None, planned.between.split("|")):
        attempt.run(statement)
    assert _rows(attempt) > 0
    attempt.run(planned.attack[-1], user="directus")
    assert _rows(attempt) == 0, "a way that does not work proves nothing"


@pytest.mark.parametrize("way", BESIDE)
def test_the_team_next_door_closes_nothing(attempt: Attempt, way: str) -> None:
    _do(attempt, BESIDE[way])
    assert attempt.verdict() == (True, "", "")


_DEFINER = [
    way for way, planned in WAYS.items() if "SECURITY DEFINER" in planned.made and "CASCADE" not in planned.made
]
"""Behind a foreign key's action the table's owner is left, whatever the routine is."""


@pytest.mark.parametrize("way", _DEFINER)
def test_finding_says_what_to_type(attempt: Attempt, way: str) -> None:
    _do(attempt, WAYS[way].made)
    rows = attempt.connection.execute("SELECT found, mend FROM qt001_cp.gate_findings() WHERE gate = %s", [GATE])
    ((found, mend),) = rows.fetchall()
    assert re.search(r"run by (trigger|aggregate|function|operator)", found), found
    attempt.run(mend)
    assert attempt.verdict() == (True, "", "")
