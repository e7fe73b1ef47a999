"""The control plane itself: who may call, read and create what in schema qt001_cp."""

from __future__ import annotations

import psycopg
import pytest

from qt001_cp.rehearsal.scene import AUDITOR, AUTHOR, OPERATOR, VERIFIER
from tests.acceptance.closers import GATES
from tests.acceptance.support import closed, superuser
from tests.conftest import Stage

DUTIES = (AUTHOR, OPERATOR, VERIFIER, AUDITOR)


@pytest.mark.parametrize("login", DUTIES)
def test_every_duty_reads_gates_and_ledger(at_fix7c_done: Stage, login: str) -> None:
    with at_fix7c_done.connect(login) as connection:
        assert connection.execute("SELECT count(*) FROM qt001_cp.v_fix7_gate").fetchone() == (len(GATES),)
        assert connection.execute("SELECT accepted FROM qt001_cp.v_fix7_acceptance").fetchone() == (False,)
        assert connection.execute("SELECT count(*) > 5 FROM qt001_cp.v_event").fetchone() == (True,)


@pytest.mark.parametrize("role", ["directus", "public_only", "qt001_service"])
def test_nobody_else_reaches_anything(at_fix7c_done: Stage, role: str) -> None:
    with at_fix7c_done.connect() as admin:
        reached = admin.execute(
            "SELECT p.oid::regprocedure::text FROM pg_proc p WHERE p.pronamespace = 'qt001_cp'::regnamespace"
            " AND has_function_privilege(%(role)s, p.oid, 'EXECUTE')"
            " UNION ALL SELECT c.oid::regclass::text FROM pg_class c WHERE c.relnamespace = 'qt001_cp'::regnamespace"
            " AND c.relkind IN ('r', 'p', 'v') AND has_table_privilege(%(role)s, c.oid, 'SELECT, INSERT, UPDATE, DELETE')"
            " UNION ALL SELECT 'schema' WHERE has_schema_privilege(%(role)s, 'qt001_cp', 'USAGE, CREATE')",
            {"role": role},
        ).fetchall()
    assert reached == []


def test_what_is_noted_is_all_that_stands_there(at_fix7c_done: Stage) -> None:
    """By the catalogs themselves, with whatever somebody puts there; moved into it, and out of it again."""
    with at_fix7c_done.connect() as admin:
        for statement in (
            "CREATE TABLE qt001_cp.stray (id serial PRIMARY KEY, t text) PARTITION BY RANGE (id)", "CREATE TABLE qt001_cp.part PARTITION OF"
            " qt001_cp.stray DEFAULT", "CREATE VIEW qt001_cp.seen AS SELECT 1 AS a", "CREATE MATERIALIZED VIEW qt001_cp.kept AS SELECT 1 AS a",
            "CREATE INDEX ON qt001_cp.kept (a)", "CREATE TYPE qt001_cp.pair_of AS (a int, b text)", "CREATE TYPE qt001_cp.word AS ENUM ('a')",
            "CREATE DOMAIN qt001_cp.small AS int", "CREATE TYPE qt001_cp.span AS RANGE (subtype = int)", "CREATE TYPE qt001_cp.shell",
            "CREATE TABLE public.late (id int)", "ALTER TABLE public.late SET SCHEMA qt001_cp", "ALTER TABLE qt001_cp.late SET SCHEMA public",
            "CREATE TYPE public.moved AS ENUM ('a')", "ALTER TYPE public.moved SET SCHEMA qt001_cp",
        ):  # fmt: skip  # one a line, or two
            admin.execute(statement.encode())
        for there, noted in (
            ("SELECT oid FROM pg_class WHERE relnamespace = 'qt001_cp'::regnamespace", "SELECT oid FROM qt001_cp.control_relation()"),
            ("SELECT oid FROM pg_type WHERE typnamespace = 'qt001_cp'::regnamespace AND typrelid = 0 AND typelem = 0",
             "SELECT objid FROM qt001_cp.control_object() WHERE classid = 'pg_type'::regclass"),
        ):  # fmt: skip  # what there is, and what is noted
            assert sorted(admin.execute(noted.encode()).fetchall()) == sorted(admin.execute(there.encode()).fetchall())


def test_what_writes_is_for_exactly_one_duty(at_fix7c_done: Stage) -> None:
    with at_fix7c_done.connect() as admin:
        rows = admin.execute(
            "SELECT p.proname, array_agg(pg_get_userbyid(a.grantee)::text) FROM pg_proc p, aclexplode(p.proacl) a"
            " WHERE p.pronamespace = 'qt001_cp'::regnamespace AND p.prosecdef AND p.provolatile = 'v'"
            " AND a.grantee <> p.proowner GROUP BY p.proname"
        ).fetchall()
    assert len(rows) >= 14
    assert {name: holders for name, holders in rows if len(holders) != 1} == {}


def test_every_definer_routine_pins_its_search_path(at_fix7c_done: Stage) -> None:
    with at_fix7c_done.connect() as admin:
        loose = admin.execute(
            "SELECT p.oid::regprocedure::text FROM pg_proc p WHERE p.pronamespace = 'qt001_cp'::regnamespace"
            " AND NOT coalesce('search_path=pg_catalog, pg_temp' = ANY (p.proconfig), false)"
        ).fetchall()
    assert loose == []


@pytest.mark.parametrize("login", DUTIES)
def test_no_duty_may_plant_a_routine(at_fix7c_done: Stage, login: str) -> None:
    """An overload of a guard would be called in its place, with the owner's rights."""
    plant = "CREATE FUNCTION qt001_cp.require_duty(name) RETURNS void LANGUAGE sql AS 'SELECT'"
    role = {OPERATOR: "qt001_cp_operator"}.get(login, login)
    with at_fix7c_done.connect(login) as connection:
        connection.execute(f"SET ROLE {role}")
        with pytest.raises(psycopg.Error) as refused:
            connection.execute(plant)
    assert refused.value.sqlstate == "42501"


def test_a_foreign_routine_and_a_grant_of_create_close_the_gate(at_fix7c_done: Stage) -> None:
    superuser(at_fix7c_done, "CREATE FUNCTION qt001_cp.require_duty(name) RETURNS void LANGUAGE sql AS 'SELECT'")
    assert "owner postgres" in closed(at_fix7c_done)["entry_points_paired"]
    superuser(
        at_fix7c_done,
        "DROP FUNCTION qt001_cp.require_duty(name)",
        "GRANT CREATE ON SCHEMA qt001_cp TO qt001_cp_operator",
    )
    assert "CREATE for qt001_cp_operator" in closed(at_fix7c_done)["entry_points_paired"]


@pytest.mark.parametrize("role", ["origin", "replica"])
def test_the_ledger_is_append_only_for_everybody(at_fix7c_done: Stage, role: str) -> None:
    with at_fix7c_done.connect() as admin:
        admin.execute(f"SET session_replication_role = {role}".encode())
        for table, column in (("event", "seq"), ("document", "digest"), ("manifest_row", "number")):
            for verb in (f"UPDATE {{}} SET {column} = {column}", "DELETE FROM {}", "TRUNCATE {}"):
                with pytest.raises(psycopg.Error) as refused:
                    admin.execute(verb.format(f"qt001_cp.{table}").encode())
                assert refused.value.sqlstate == "QT201", (table, verb)
