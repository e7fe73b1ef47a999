"""Who may call and read what in qt001_cp, as PostgreSQL itself answers."""

from __future__ import annotations

import pytest

from tests.acceptance.attempt import Attempt

DUTIES = {"qt001_cp_author", "qt001_cp_operator", "qt001_cp_verifier", "qt001_cp_auditor"}
OUTSIDERS = ("directus", "public_only", "reporting", "intern", "qt001_service")
_GRANTEES = """
SELECT p.oid::regprocedure::text, array_agg(CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(a.grantee) END)
           FILTER (WHERE a.grantee <> p.proowner)
FROM pg_proc p CROSS JOIN LATERAL aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
WHERE p.pronamespace = 'qt001_cp'::regnamespace AND p.prosecdef GROUP BY p.oid
"""
_SIGNER = "qt001_cp.sign_off(text,text,integer)"


def test_each_definer_function_is_for_one_duty(attempt: Attempt) -> None:
    grantees = dict(attempt.connection.execute(_GRANTEES).fetchall())
    assert {f: g for f, g in grantees.items() if g is None or len(g) != 1 or g[0] not in DUTIES} == {}
    assert grantees[_SIGNER] == ["qt001_cp_auditor"]
    assert len(grantees) >= 14


def test_each_definer_function_is_registered_or_has_no_way_in(attempt: Attempt) -> None:
    query = """SELECT i.identity FROM pg_proc p CROSS JOIN LATERAL pg_identify_object('pg_proc'::regclass, p.oid, 0) i
               WHERE p.pronamespace = 'qt001_cp'::regnamespace AND p.prosecdef
                 AND i.identity NOT IN (SELECT e.identity FROM qt001_cp.entry_point e)"""
    assert attempt.connection.execute(query).fetchall() == []


def test_every_search_path_is_pinned(attempt: Attempt) -> None:
    query = """SELECT p.oid::regprocedure::text, p.proconfig FROM pg_proc p
               WHERE p.pronamespace = 'qt001_cp'::regnamespace
                 AND NOT coalesce('search_path=pg_catalog, pg_temp' = ANY (p.proconfig), false)"""
    assert attempt.connection.execute(query).fetchall() == []


def test_everything_belongs_to_the_owner_role(attempt: Attempt) -> None:
    query = """SELECT c.oid::regclass::text FROM pg_class c WHERE c.relnamespace = 'qt001_cp'::regnamespace
                 AND c.relowner <> 'qt001_cp_owner'::regrole AND c.relname NOT LIKE 'alembic\\_version%'
               UNION ALL SELECT p.oid::regprocedure::text FROM pg_proc p
               WHERE p.pronamespace = 'qt001_cp'::regnamespace AND p.proowner <> 'qt001_cp_owner'::regrole"""
    assert attempt.connection.execute(query).fetchall() == []


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


@pytest.mark.parametrize("role", sorted(DUTIES))
def test_no_duty_writes_a_table_of_the_control_plane(attempt: Attempt, role: str) -> None:
    query = """SELECT v || ' ' || c.oid::regclass FROM pg_class c, unnest(ARRAY['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'TRIGGER']) v
               WHERE c.relnamespace = 'qt001_cp'::regnamespace AND c.relkind IN ('r', 'p', 'v')
                 AND c.relname NOT LIKE 'alembic\\_version%%' AND has_table_privilege(%s, c.oid, v)"""
    assert attempt.connection.execute(query, [role]).fetchall() == []
