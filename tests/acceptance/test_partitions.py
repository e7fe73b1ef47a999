"""Tables that the sealed policy lets grow: their partitions come and go, and no gate closes; what is more than a partition closes one.

The policy of the reference estate has ``qt001_data.measurement``, with a partition a year; contract, section 10 "Growth".
"""

from __future__ import annotations

import pytest

from qt001_cp.rehearsal.scene import AUDITOR, AUTHOR, OPERATOR, SCANNER, VERIFIER
from tests.acceptance.attempt import Attempt
from tests.acceptance.conditions_partitions import BY_HAND, MORE, NEW, TABLE, TRIGGER, More

ADD = f"SELECT qt001_cp.add_partition('{TABLE}', %s, ARRAY[%s], ARRAY[%s])"
YEAR = ["2030-01-01", "2031-01-01"]


def as_owner(attempt: Attempt, *statements: str) -> None:
    for statement in ("SET ROLE qt001_cp_owner", *statements, "RESET ROLE"):
        attempt.connection.execute(statement)


def made(attempt: Attempt) -> None:
    attempt.run(ADD, [NEW, *YEAR], user=OPERATOR)


def refused(attempt: Attempt, state: str, statement: str, params: list[str], *, user: str) -> str:
    error = attempt.refused(statement, params, user=user)
    assert error.sqlstate == state, error
    return str(error)


def told(attempt: Attempt) -> list[tuple[str, str]]:
    rows = attempt.connection.execute("SELECT object, found FROM qt001_cp.told()").fetchall()
    return [(str(what), str(found)) for what, found in rows]


def closing(attempt: Attempt) -> list[str]:
    rows = attempt.connection.execute(
        "SELECT gate || ': ' || object || ': expected ' || expected || ', found ' || found FROM qt001_cp.gate_findings()"
    ).fetchall()
    return [str(row) for (row,) in rows]


def test_a_partition_that_the_policy_allows_closes_nothing_and_is_told(attempt: Attempt) -> None:
    subject = attempt.run("SELECT qt001_cp.subject_digest()")
    made(attempt)
    attempt.run("SELECT qt001_cp.drop_partition('qt001_data.measurement_2025')", user=OPERATOR)
    assert attempt.verdict() == (True, "", "")
    assert attempt.run("SELECT qt001_cp.subject_digest()") == subject
    assert attempt.connection.execute("SELECT * FROM qt001_cp.drift()").fetchall() == []
    expected = "1 new (qt001_data.measurement_2030); 1 gone (qt001_data.measurement_2025)"
    assert told(attempt) == [(f"table {TABLE}", expected)]
    owner = "SELECT pg_get_userbyid(relowner), relacl FROM pg_class WHERE oid = %s::regclass"
    assert attempt.connection.execute(owner, [NEW]).fetchone() == ("qt001_cp_owner", None)


def test_the_schedule_finds_nothing_and_the_ledger_has_it(attempt: Attempt) -> None:
    made(attempt)
    attempt.run("SELECT qt001_cp.drop_partition('qt001_data.measurement_2026')", user=OPERATOR)
    assert attempt.run("SELECT qt001_cp.verify()", user=VERIFIER) == []
    assert attempt.run("SELECT qt001_cp.scan()", user=SCANNER) == []
    events = attempt.connection.execute(
        "SELECT verb, actor::text, subject, detail ->> 'table', detail ->> 'statement' FROM qt001_cp.event"
        " WHERE verb LIKE 'partition%' ORDER BY seq"
    ).fetchall()
    made_by = f"CREATE TABLE {NEW} PARTITION OF {TABLE} FOR VALUES FROM ('2030-01-01') TO ('2031-01-01')"
    assert events == [
        ("partition_added", OPERATOR, NEW, TABLE, made_by),
        ("partition_dropped", OPERATOR, f"{TABLE}_2026", TABLE, f"DROP TABLE {TABLE}_2026"),
    ]


def test_a_year_of_partitions_with_a_job_that_makes_and_drops_them(attempt: Attempt) -> None:
    subject = attempt.run("SELECT qt001_cp.subject_digest()")
    for month in range(1, 13):
        after = f"2031-{month + 1:02}-01" if month < 12 else "2032-01-01"
        attempt.run(ADD, [f"{TABLE}_2031_{month:02}", f"2031-{month:02}-01", after], user=OPERATOR)
        if month > 3:
            attempt.run("SELECT qt001_cp.drop_partition(%s)", [f"{TABLE}_2031_{month - 3:02}"], user=OPERATOR)
        assert attempt.verdict() == (True, "", "")
    assert attempt.run("SELECT qt001_cp.subject_digest()") == subject
    assert "3 new" in told(attempt)[0][1]
    assert attempt.run("SELECT qt001_cp.verify()", user=VERIFIER) == []
    assert attempt.run("SELECT qt001_cp.scan()", user=SCANNER) == []


def test_what_the_owner_makes_detaches_and_attaches_by_hand_closes_nothing(attempt: Attempt) -> None:
    detach = f"ALTER TABLE {TABLE} DETACH PARTITION {TABLE}_2025"
    as_owner(attempt, BY_HAND, detach)
    assert attempt.verdict() == (True, "", "")
    attach = f"ALTER TABLE {TABLE} ATTACH PARTITION {TABLE}_2025 FOR VALUES FROM ('2025-01-01') TO ('2026-01-01')"
    as_owner(attempt, attach)
    assert attempt.verdict() == (True, "", "")
    as_owner(attempt, detach, f"DROP TABLE {TABLE}_2025")
    assert attempt.verdict() == (True, "", "")


def test_an_index_without_a_meaning_may_be_on_a_partition(attempt: Attempt) -> None:
    made(attempt)
    as_owner(attempt, f"CREATE INDEX measurement_2030_more ON {NEW} (taken_on)")
    assert attempt.verdict() == (True, "", "")


@pytest.mark.parametrize("case", MORE, ids=str)
def test_what_is_more_than_a_partition_closes(attempt: Attempt, case: More) -> None:
    as_owner(attempt, BY_HAND)
    assert attempt.verdict() == (True, "", "")
    for statement in case.statements:
        attempt.run(statement)
    attempt.run(f"ALTER TABLE {NEW} OWNER TO qt001_cp_owner")
    found = closing(attempt)
    assert any(f.startswith("inventory_exact: table qt001_data.measurement_2030") and case.fault in f for f in found), (
        found
    )


def test_a_trigger_on_a_sealed_partition_closes(attempt: Attempt) -> None:
    attempt.run(TRIGGER)
    attempt.run(
        f"CREATE TRIGGER more BEFORE INSERT ON {TABLE}_2026 FOR EACH ROW EXECUTE FUNCTION public.beside()",
    )
    assert any("inventory_exact: table qt001_data.measurement_2026" in f for f in closing(attempt))


def test_a_table_of_another_role_that_somebody_attaches_closes(attempt: Attempt) -> None:
    """The shared definition of the table does not name its partitions any more; the comparison looks for them."""
    attempt.run(f"CREATE TABLE public.planted (LIKE {TABLE})")
    attempt.run("ALTER TABLE public.planted OWNER TO reporting")
    attempt.run(f"ALTER TABLE {TABLE} ATTACH PARTITION public.planted FOR VALUES FROM ('2040-01-01') TO ('2041-01-01')")
    found = closing(attempt)
    assert any(f.startswith("inventory_exact: table public.planted") and "owned by reporting" in f for f in found), (
        found
    )


def test_a_partition_elsewhere_or_of_another_name_is_the_owners_and_closes(attempt: Attempt) -> None:
    as_owner(attempt, BY_HAND.replace("measurement_2030", "other_2030"))
    assert any(f.startswith("inventory_exact: table qt001_data.other_2030") for f in closing(attempt))


def test_a_squatted_name_is_refused(attempt: Attempt) -> None:
    attempt.run(f"CREATE TABLE {NEW} (LIKE {TABLE})")
    attempt.run(f"ALTER TABLE {NEW} OWNER TO directus")
    before = attempt.run("SELECT count(*) FROM qt001_cp.event")
    said = refused(attempt, "QT313", ADD, [NEW, *YEAR], user=OPERATOR)
    assert "found one of directus" in said
    assert attempt.run("SELECT count(*) FROM qt001_cp.event") == before


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("qt001_data.other_2030", "measurement_* in schema qt001_data"),
        ("public.measurement_2030", "measurement_* in schema qt001_data"),
        ("measurement_2030", "measurement_* in schema qt001_data"),
    ],
)
def test_a_name_that_the_policy_does_not_have_is_refused(attempt: Attempt, name: str, said: str) -> None:
    assert said in refused(attempt, "QT313", ADD, [name, *YEAR], user=OPERATOR)
    assert attempt.verdict() == (True, "", "")


def test_another_table_does_not_grow_by_that_name(attempt: Attempt) -> None:
    call = "SELECT qt001_cp.add_partition('public.page_views', %s, ARRAY[%s], ARRAY[%s])"
    assert "it is none of public.page_views" in refused(attempt, "QT313", call, [NEW, *YEAR], user=OPERATOR)


@pytest.mark.parametrize(("login", "state"), [(AUTHOR, "42501"), (AUDITOR, "42501"), ("directus", "42501")])
def test_only_an_operator_makes_and_drops_partitions(attempt: Attempt, login: str, state: str) -> None:
    refused(attempt, state, ADD, [NEW, *YEAR], user=login)
    refused(attempt, state, "SELECT qt001_cp.drop_partition(%s)", [f"{TABLE}_2025"], user=login)


def test_a_bound_is_a_constant_whatever_stands_in_it(attempt: Attempt) -> None:
    """The owner's function composes the statement: a value cannot end it."""
    refused(attempt, "22007", ADD, [NEW, "2030-01-01') TO ('2031-01-01'); DROP TABLE public.qt001_source; --", "x"], user=OPERATOR)  # fmt: skip
    refused(attempt, "QT313", ADD, [f"{NEW} (LIKE public.pages)", *YEAR], user=OPERATOR)
    refused(attempt, "QT313", "SELECT qt001_cp.drop_partition('public.qt001_source')", [], user=OPERATOR)
    assert attempt.verdict() == (True, "", "")


def test_a_list_is_no_bound_of_a_range(attempt: Attempt) -> None:
    call = f"SELECT qt001_cp.add_list_partition('{TABLE}', %s, ARRAY[%s])"
    assert "invalid bound specification" in refused(attempt, "42P16", call, [NEW, "2030-01-01"], user=OPERATOR)
    assert attempt.run("SELECT count(*) FROM qt001_cp.event WHERE verb = 'partition_added'") == 0


def test_a_table_that_is_no_partition_is_not_dropped(attempt: Attempt) -> None:
    as_owner(attempt, f"CREATE TABLE {NEW} (LIKE {TABLE})", f"CREATE RULE more AS ON INSERT TO {NEW} DO ALSO NOTHING")
    refused(attempt, "QT313", "SELECT qt001_cp.drop_partition(%s)", [NEW], user=OPERATOR)


def test_default_privileges_cannot_give_a_new_partition_to_others(attempt: Attempt) -> None:
    attempt.run(
        "ALTER DEFAULT PRIVILEGES FOR ROLE qt001_cp_owner IN SCHEMA qt001_data GRANT SELECT ON TABLES TO reporting"
    )
    assert "others have privileges on it" in refused(attempt, "QT313", ADD, [NEW, *YEAR], user=OPERATOR)
    assert attempt.run("SELECT to_regclass(%s)", [NEW]) is None


def test_create_for_the_application_where_partitions_are_made_closes(attempt: Attempt) -> None:
    attempt.run("GRANT CREATE ON SCHEMA qt001_data TO directus")
    assert any(f.startswith("application_role_contained: schema qt001_data") for f in closing(attempt))
