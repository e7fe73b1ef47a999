"""What the application lays before the control plane comes: roles, schemas and default privileges of its names."""

from __future__ import annotations

import psycopg
import pytest

from qt001_cp.errors import Refused
from qt001_cp.rehearsal.scene import OPERATOR, bootstrap, teardown
from qt001_cp.servers import ServerError
from qt001_cp.workflow import revisions
from tests.conftest import Stage
from tests.cutover.support import APPLICATION, DROP_WATCH, cluster, findings, run, unchanged

POLICY = "qt001_cp/estate/policy.toml"
_DEFAULT = "ALTER DEFAULT PRIVILEGES FOR ROLE qt001_cp_owner GRANT ALL ON TABLES TO directus;\n"

BEFORE_BOOTSTRAP = {
    "a role that can log in": ("ALTER ROLE qt001_cp_auditor LOGIN;\n", "role qt001_cp_auditor with LOGIN"),
    "a role with power": (
        "ALTER ROLE qt001_cp_operator CREATEROLE BYPASSRLS;\n",
        "role qt001_cp_operator with CREATEROLE, BYPASSRLS",
    ),
    "the schema": ("CREATE SCHEMA qt001_cp AUTHORIZATION directus;\n", "schema qt001_cp of directus"),
    "default privileges": (_DEFAULT, "default privileges of qt001_cp_owner"),
    "an event trigger's function": (
        "CREATE FUNCTION public.articles_hook() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';\n"
        "ALTER FUNCTION public.articles_hook() OWNER TO directus;\n"
        "CREATE EVENT TRIGGER hook ON ddl_command_end EXECUTE FUNCTION public.articles_hook();\n",
        "event trigger hook with a function of directus",
    ),
}

BEFORE_FIX7A = {
    "a function that fits better": (
        "CREATE FUNCTION qt001_cp.record_event(verb text, subject text, detail json) RETURNS text LANGUAGE sql AS 'SELECT NULL::text';\n"
        "ALTER FUNCTION qt001_cp.record_event(text, text, json) OWNER TO directus;\n",
        "function qt001_cp.record_event(text,text,json) of directus",
    ),
    "a table": ("CREATE TABLE qt001_cp.document (body bytea);\n", "relation document of "),
    "the version table": (
        "ALTER TABLE qt001_cp.alembic_version OWNER TO directus;\n",
        "relation alembic_version of directus",
    ),
    "a type": ("CREATE TYPE qt001_cp.answer AS ENUM ('yes');\n", "type answer of "),
    "an operator": (
        "CREATE OPERATOR qt001_cp.= (FUNCTION = pg_catalog.texteq, LEFTARG = text, RIGHTARG = text);\n",
        "operator = of ",
    ),
    "the schema of the watch": (
        "CREATE SCHEMA qt001_cp_watch AUTHORIZATION directus;\n",
        "schema qt001_cp_watch of directus",
    ),
    "default privileges": (_DEFAULT, "default privileges of qt001_cp_owner"),
}

BEFORE_FIX7B = {
    "a function beside ours": (
        "CREATE FUNCTION qt001_cp.aside() RETURNS void LANGUAGE sql AS '';\nALTER FUNCTION qt001_cp.aside() OWNER TO directus;\n",
        "QT108",
        "function qt001_cp.aside()",
    ),
    "the version table": (
        "ALTER TABLE qt001_cp.alembic_version OWNER TO directus;\n",
        "QT108",
        "table qt001_cp.alembic_version",
    ),
    "a grant on the ledger": ("GRANT INSERT ON qt001_cp.event TO directus;\n", "QT108", "table qt001_cp.event"),
    "a column of a table of ours": (
        "GRANT UPDATE (person) ON qt001_cp.person TO reporting;\n",
        "QT108",
        "table qt001_cp.person",
    ),
    "a routine for everybody": (
        "GRANT EXECUTE ON FUNCTION qt001_cp.seal_manifest(text) TO PUBLIC;\n",
        "QT108",
        "function qt001_cp.seal_manifest(pg_catalog.text)",
    ),
    "the schema for everybody": ("GRANT USAGE ON SCHEMA qt001_cp TO PUBLIC;\n", "QT108", "schema qt001_cp"),
    "CREATE in the schema": ("GRANT CREATE ON SCHEMA qt001_cp TO reporting;\n", "QT108", "schema qt001_cp"),
    "the schema of the watch": (
        "CREATE SCHEMA qt001_cp_watch AUTHORIZATION directus;\n",
        "QT108",
        "schema qt001_cp_watch",
    ),
    "a duty that can log in": ("ALTER ROLE qt001_cp_verifier LOGIN;\n", "QT107", "role qt001_cp_verifier"),
}


@pytest.mark.parametrize("way", BEFORE_BOOTSTRAP)
def test_the_bootstrap_takes_over_nothing_that_was_laid_before(at_base: Stage, way: str) -> None:
    laid, said = BEFORE_BOOTSTRAP[way]
    server, database = at_base.scene.server, at_base.scene.database
    teardown(server, database)
    with cluster(
        at_base, laid, "ALTER ROLE qt001_cp_auditor NOLOGIN;\nALTER ROLE qt001_cp_operator NOCREATEROLE NOBYPASSRLS;\n"
    ):
        before = at_base.scene.dump()
        with pytest.raises(ServerError) as caught:
            bootstrap(server, database, rehearsal=False)
        assert f"found {said}" in str(caught.value)
        assert at_base.scene.dump() == before


@pytest.mark.parametrize("way", BEFORE_FIX7A)
def test_fix7a_takes_over_nothing_that_was_laid_before(at_base: Stage, way: str) -> None:
    laid, said = BEFORE_FIX7A[way]
    run(at_base, laid)
    before = at_base.scene.dump()
    with pytest.raises(Refused) as caught:
        revisions.upgrade(at_base.scene.dsn(OPERATOR), "fix7a", policy=POLICY)
    assert caught.value.sqlstate == "QT122"
    assert said in str(caught.value)
    assert at_base.scene.dump() == before


@pytest.mark.parametrize("way", BEFORE_FIX7B)
def test_fix7b_finds_it_in_the_schema_of_the_control_plane(at_fix7a_sealed: Stage, way: str) -> None:
    laid, sqlstate, named = BEFORE_FIX7B[way]
    assert (sqlstate, named) in findings(at_fix7a_sealed, laid)


def test_fix7c_refuses_a_watch_that_is_not_its_own(at_fix7b_done: Stage) -> None:
    run(at_fix7b_done, "CREATE SCHEMA qt001_cp_watch AUTHORIZATION reporting;\n")
    with unchanged(at_fix7b_done), pytest.raises(Refused) as caught:
        at_fix7b_done.upgrade("fix7c")
    assert caught.value.sqlstate == "QT108"
    assert "schema qt001_cp_watch" in str(caught.value)


def test_the_guard_runs_nothing_of_a_watch_that_is_not_its_own(at_fix7c_done: Stage) -> None:
    """Deployed without superuser there is no watch, and its name is free."""
    run(
        at_fix7c_done,
        f"{DROP_WATCH}CREATE SCHEMA qt001_cp_watch AUTHORIZATION reporting;\n"
        "SET ROLE reporting;\n"
        "GRANT USAGE ON SCHEMA qt001_cp_watch TO PUBLIC;\n"
        "CREATE SEQUENCE qt001_cp_watch.tripped;\n"
        "CREATE TABLE qt001_cp_watch.latch ();\n"
        "CREATE FUNCTION qt001_cp_watch.trip() RETURNS bigint LANGUAGE sql AS 'SELECT pg_catalog.nextval(''qt001_cp_watch.tripped'')';\n"
        "CREATE VIEW qt001_cp_watch.change AS SELECT qt001_cp_watch.trip() AS xid;\n"
        "CREATE FUNCTION qt001_cp_watch.rows_kept() RETURNS boolean LANGUAGE sql AS 'SELECT qt001_cp_watch.trip() > 0';\n"
        "GRANT ALL ON ALL TABLES IN SCHEMA qt001_cp_watch TO PUBLIC;\n"
        "GRANT ALL ON ALL SEQUENCES IN SCHEMA qt001_cp_watch TO PUBLIC;\n",
    )
    with at_fix7c_done.connect("qt001_service") as service, pytest.raises(psycopg.Error) as caught:
        service.execute("SELECT public.qt001_gateway('{}'::jsonb)")
    assert caught.value.sqlstate == "QT301"
    with at_fix7c_done.connect() as connection:
        assert connection.execute("SELECT is_called FROM qt001_cp_watch.tripped").fetchone() == (False,)
        closed = connection.execute("SELECT closed FROM qt001_cp.v_fix7_acceptance").fetchone()
    assert closed is not None
    assert "entry_points_paired" in closed[0]


def test_the_application_reaches_nothing_in_the_schema_of_the_control_plane(at_fix7c_done: Stage) -> None:
    """Neither PUBLIC nor the application holds anything on it, or on anything in it or in the watch."""
    with at_fix7c_done.connect() as connection:
        held = connection.execute(
            "SELECT n.nspname, o.name FROM pg_namespace n CROSS JOIN LATERAL ("
            "  SELECT 'schema' AS name WHERE has_schema_privilege(%(app)s, n.oid, 'USAGE, CREATE') UNION ALL"
            "  SELECT p.proname FROM pg_proc p WHERE p.pronamespace = n.oid AND has_function_privilege(%(app)s, p.oid, 'EXECUTE') UNION ALL"
            "  SELECT c.relname FROM pg_class c WHERE c.relnamespace = n.oid AND c.relkind IN ('r', 'p', 'v')"
            "    AND (has_table_privilege(%(app)s, c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')"
            "         OR has_any_column_privilege(%(app)s, c.oid, 'SELECT, INSERT, UPDATE, REFERENCES'))) o"
            " WHERE n.nspname LIKE 'qt001\\_cp%%'",
            {"app": APPLICATION},
        ).fetchall()
    assert held == []
