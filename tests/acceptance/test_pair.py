"""Verifier and scanner share no verdict: where the functions of one are made blind, the other still sees."""

from __future__ import annotations

import pytest

from qt001_cp.rehearsal.scene import AUDITOR, AUTHOR, OPERATOR, SCANNER, VERIFIER
from tests.acceptance.attempt import Attempt

_GATES = (
    "coverage_aspects",
    "excess_privilege_findings",
    "reach_findings",
    "readiness_findings",
    "ledger_findings",
    "search_path_findings",
    "dependency_findings",
    "analysis_findings",
    "entry_point_findings",
    "application_power_findings",
)
_SCANS = (
    "scan_owners",
    "scan_touching",
    "scan_privileges",
    "scan_roles",
    "scan_members",
    "scan_sources",
    "scan_ledger",
)
# A body that returns no row, under the same signature.
_BLIND = """
SELECT pg_get_functiondef(p.oid) FROM pg_proc p WHERE p.pronamespace = 'qt001_cp'::regnamespace AND p.proname = %s
"""
FAULTS = {
    "an owner": ("ALTER TABLE public.qt001_setting OWNER TO directus", "table public.qt001_setting"),
    "a privilege": ("GRANT UPDATE ON public.qt001_setting TO directus", "table public.qt001_setting"),
    "a privilege by PUBLIC": (
        "GRANT EXECUTE ON FUNCTION public.qt001_write(jsonb) TO PUBLIC",
        "function public.qt001_write(pg_catalog.jsonb)",
    ),
    "a privilege on a column": ("GRANT SELECT (key) ON public.qt001_setting TO directus", "table public.qt001_setting"),
    "an attribute": ("ALTER ROLE directus CREATEROLE", "role directus"),
    "a membership": (
        "CREATE ROLE between NOLOGIN; GRANT between TO directus; GRANT pg_signal_backend TO between",
        "role directus",
    ),
    "somebody who can become it": ("GRANT directus TO qt001_service", "role qt001_service"),
    "a child of a protected table": (
        "CREATE TABLE public.late () INHERITS (public.qt001_setting); ALTER TABLE public.late OWNER TO directus",
        "table public.late",
    ),
    "an overload": (
        "CREATE FUNCTION public.qt001_write(text) RETURNS bigint LANGUAGE sql AS 'SELECT 1::bigint'",
        "function public.qt001_write(pg_catalog.text)",
    ),
    "the writer's body": (
        "UPDATE pg_proc SET prosrc = prosrc || ' ' WHERE oid = 'public.qt001_write(jsonb)'::regprocedure",
        "public.qt001_write(pg_catalog.jsonb)",
    ),
    "a trigger of the ledger": ("ALTER TABLE qt001_cp.event DISABLE TRIGGER append_only", "qt001_cp.event"),
    "an event taken out": (
        "ALTER TABLE qt001_cp.event DISABLE TRIGGER append_only; DELETE FROM qt001_cp.event WHERE seq = 2;"
        " ALTER TABLE qt001_cp.event ENABLE ALWAYS TRIGGER append_only",
        "event",
    ),
}


def _blind(attempt: Attempt, names: tuple[str, ...]) -> None:
    """As a superuser would: the functions answer with no row. CREATE OR REPLACE keeps owner and ACL."""
    for name in names:
        definition = attempt.run(_BLIND, [name])
        head = definition[: definition.index("\nAS $")]
        attempt.run(
            f"{head.replace('LANGUAGE plpgsql', 'LANGUAGE sql')}\nAS 'SELECT {_nulls(attempt, name)} WHERE false'"
        )


def _nulls(attempt: Attempt, name: str) -> str:
    types = attempt.run(
        "SELECT string_agg('NULL::' || format_type(t, NULL), ', ' ORDER BY n) FROM pg_proc p,"
        " unnest(p.proallargtypes, p.proargmodes) WITH ORDINALITY u(t, m, n)"
        " WHERE p.pronamespace = 'qt001_cp'::regnamespace AND p.proname = %s AND u.m = 't'",
        [name],
    )
    return str(types)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize(
    ("blind", "run", "login"), [(_GATES, "scan", SCANNER), (_SCANS, "verify", VERIFIER)], ids=["scan", "verify"]
)
def test_one_sees_where_the_other_is_blind(
    attempt: Attempt, fault: str, blind: tuple[str, ...], run: str, login: str
) -> None:
    statements, named = FAULTS[fault]
    _blind(attempt, blind)
    for statement in statements.split("; "):
        attempt.run(statement)
    other, watcher = ("verify", VERIFIER) if run == "scan" else ("scan", SCANNER)
    assert [f for f in attempt.run(f"SELECT qt001_cp.{other}()", user=watcher) if named in f["object"]] == []
    assert any(named in f["object"] for f in attempt.run(f"SELECT qt001_cp.{run}()", user=login))


@pytest.mark.parametrize("login", [AUTHOR, OPERATOR, AUDITOR, "directus", "qt001_service"])
def test_nobody_else_scans(attempt: Attempt, login: str) -> None:
    before = attempt.run("SELECT count(*) FROM qt001_cp.event")
    refusal = attempt.refused("SELECT qt001_cp.scan()", user=login)
    assert refusal.sqlstate in ("42501", "QT107")
    assert attempt.run("SELECT count(*) FROM qt001_cp.event") == before


@pytest.mark.parametrize("first", ["verify", "scan"])
def test_after_a_pause_one_round_is_enough(attempt: Attempt, first: str) -> None:
    """Both are late, and each says so of the other; in either order the second run opens the gate."""
    second = {"verify": "scan", "scan": "verify"}[first]
    login = {"verify": VERIFIER, "scan": SCANNER}
    readiness = attempt.document("readiness.json")
    readiness["verifier"]["max_age_seconds"] = 3
    attempt.deploy(readiness)
    attempt.run("SELECT pg_sleep(4)")
    late = attempt.run(f"SELECT qt001_cp.{first}()", user=login[first])
    assert len(late) == 1
    assert "a run in the last 3 s" in late[0]["expected"]
    assert attempt.run(f"SELECT qt001_cp.{second}()", user=login[second]) == []
    assert attempt.connection.execute("SELECT count(*) FROM qt001_cp.verifier_findings()").fetchone() == (0,)
