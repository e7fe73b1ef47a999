"""After the cutover something new, granted or changed closes a gate by what it reaches, and not because it is new."""

from __future__ import annotations

import pytest

from qt001_cp.rehearsal.scene import SCANNER
from tests.acceptance.attempt import Attempt
from tests.acceptance.growth import REACHED, TOLD, Reached, Told


@pytest.mark.parametrize("case", TOLD, ids=str)
def test_it_closes_nothing_and_is_told(attempt: Attempt, case: Told) -> None:
    subject = attempt.run("SELECT qt001_cp.subject_digest()")
    case.move(attempt)
    assert attempt.verdict() == (True, "", "")
    assert attempt.run("SELECT qt001_cp.subject_digest()") == subject
    assert attempt.connection.execute("SELECT * FROM qt001_cp.drift()").fetchall() == []
    told = {str(what) for (what,) in attempt.connection.execute("SELECT object FROM qt001_cp.told()")}
    for what in case.told:
        assert any(object_.startswith(what) for object_ in told), told
    assert not any("qt001_cp" in object_ for object_ in told)
    assert attempt.run("SELECT qt001_cp.scan()", user=SCANNER) == []


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE qt001_data.note RENAME TO measurement_2031",
        "ALTER TABLE qt001_data.note ADD FOREIGN KEY (year) REFERENCES qt001_data.measurement (at)",
        "ALTER TABLE qt001_data.note INHERIT qt001_data.measurement",
        "ALTER TABLE qt001_data.measurement ATTACH PARTITION qt001_data.note DEFAULT",
        "CREATE INDEX lower ON qt001_data.note (year)",
        "DROP SCHEMA qt001_data CASCADE",
        "ALTER SCHEMA qt001_data RENAME TO gone",
    ],
)
def test_a_table_of_its_own_in_a_protected_schema_is_no_way_in(attempt: Attempt, statement: str) -> None:
    """It may stay there, because its owner has no CREATE beside it and nothing protected lets it touch it."""
    attempt.run("CREATE TABLE qt001_data.note (year date)")
    attempt.run("ALTER TABLE qt001_data.note OWNER TO directus")
    assert attempt.refused(statement, user="directus").sqlstate in ("42501", "42809", "42P16")


def test_nothing_is_told_at_first(attempt: Attempt) -> None:
    assert attempt.connection.execute("SELECT * FROM qt001_cp.told()").fetchall() == []


def test_a_new_object_that_the_policy_retains_is_not_told(attempt: Attempt) -> None:
    attempt.run("CREATE TABLE public.tags_more (id int)")
    attempt.run("ALTER TABLE public.tags_more OWNER TO directus")
    assert attempt.connection.execute("SELECT * FROM qt001_cp.told()").fetchall() == []


def test_a_new_object_that_the_policy_transfers_is_told_as_such(attempt: Attempt) -> None:
    attempt.run("CREATE TABLE public.qt001_more (id int)")
    attempt.run("ALTER TABLE public.qt001_more OWNER TO directus")
    mend = attempt.run("SELECT mend FROM qt001_cp.told() WHERE object = 'table public.qt001_more'")
    assert "of the policy transfers it" in mend


@pytest.mark.parametrize("case", REACHED, ids=str)
def test_what_reaches_something_protected_closes(attempt: Attempt, case: Reached) -> None:
    case.move(attempt)
    rows = attempt.connection.execute(
        "SELECT object || ': expected ' || expected || ', found ' || found FROM qt001_cp.gate_findings() WHERE gate = %s",
        [case.gate],
    ).fetchall()
    assert any(case.named in row for (row,) in rows), rows
