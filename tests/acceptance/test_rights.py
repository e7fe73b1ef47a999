"""No privilege in qt001_cp is left over, on a column neither, as PostgreSQL itself answers."""

from __future__ import annotations

import pytest

from tests.acceptance.attempt import Attempt

DUTIES = ("qt001_cp_author", "qt001_cp_operator", "qt001_cp_verifier", "qt001_cp_auditor")
OUTSIDERS = ("directus", "public_only", "reporting", "intern", "qt001_service")


def test_each_definer_function_is_registered(attempt: Attempt) -> None:
    query = """SELECT i.identity FROM pg_proc p CROSS JOIN LATERAL pg_identify_object('pg_proc'::regclass, p.oid, 0) i
               WHERE p.pronamespace = 'qt001_cp'::regnamespace AND p.prosecdef
                 AND p.prorettype <> 'trigger'::regtype -- which nobody can call
                 AND i.identity NOT IN (SELECT e.identity FROM qt001_cp.entry_point e)
                 -- the guard of the apply path itself, which its owner alone may call
                 AND i.identity <> 'qt001_cp.require_acceptance(pg_catalog.text)'"""
    assert attempt.connection.execute(query).fetchall() == []


def test_everything_belongs_to_the_ledger_role(attempt: Attempt) -> None:
    """But for what runs the text of a change, or lends CREATE around what it gives back: these have the owner's rights and no more."""
    query = """SELECT c.oid::regclass::text FROM pg_class c WHERE c.relnamespace = 'qt001_cp'::regnamespace
                 AND c.relowner <> 'qt001_cp_ledger'::regrole
               UNION ALL SELECT p.oid::regprocedure::text FROM pg_proc p
               WHERE p.pronamespace = 'qt001_cp'::regnamespace AND p.proowner <> 'qt001_cp_ledger'::regrole"""
    others = {row[0] for row in attempt.connection.execute(query).fetchall()}
    assert others == {
        "qt001_cp.run_change(text)",
        "qt001_cp.lend_create(text)",
        "qt001_cp.add_partition(text,text,text[],text[])",
        "qt001_cp.add_list_partition(text,text,text[])",
        "qt001_cp.drop_partition(text)",
    }
    for name in others:
        owner = f"SELECT proowner::regrole::text FROM pg_proc WHERE oid = '{name}'::regprocedure"
        assert attempt.run(owner) == "qt001_cp_owner"


@pytest.mark.parametrize("role", OUTSIDERS)
def test_outsider_has_nothing(attempt: Attempt, role: str) -> None:
    held = """
    SELECT 'schema ' || v FROM unnest(ARRAY['USAGE', 'CREATE']) v WHERE has_schema_privilege(%(role)s, 'qt001_cp', v)
    UNION ALL
    SELECT 'execute ' || p.oid::regprocedure FROM pg_proc p
    WHERE p.pronamespace = 'qt001_cp'::regnamespace AND has_function_privilege(%(role)s, p.oid, 'EXECUTE')
    UNION ALL
    SELECT v || ' ' || c.oid::regclass FROM pg_class c,
        unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) v
    WHERE c.relnamespace = 'qt001_cp'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm')
      AND has_table_privilege(%(role)s, c.oid, v)
    UNION ALL
    SELECT 'column ' || v || ' ' || c.oid::regclass FROM pg_class c, unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'REFERENCES']) v
    WHERE c.relnamespace = 'qt001_cp'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm')
      AND has_any_column_privilege(%(role)s, c.oid, v)"""
    assert attempt.connection.execute(held, {"role": role}).fetchall() == []


@pytest.mark.parametrize("role", DUTIES)
def test_no_duty_writes_a_table_of_the_control_plane(attempt: Attempt, role: str) -> None:
    query = """SELECT v || ' ' || c.oid::regclass FROM pg_class c, unnest(ARRAY['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'TRIGGER']) v
               WHERE c.relnamespace = 'qt001_cp'::regnamespace AND c.relkind IN ('r', 'p', 'v')
                 AND c.relname NOT LIKE 'alembic\\_version%%' AND has_table_privilege(%s, c.oid, v)"""
    assert attempt.connection.execute(query, [role]).fetchall() == []
