"""The fingerprint of the catalogs: the quick comparison at the end of a run says yes where nothing else happened, and only there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from qt001_cp.rehearsal.scene import OPERATOR
from tests.conftest import Stage
from tests.cutover.support import cluster, printed, refused, refused_in_psql, run, stopped
from tests.faults.test_complete import Script
from tests.faults.test_complete import printed as statements_of

DEFINING = (
    "CREATE TABLE public.late (id int)", "CREATE FUNCTION public.late() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "ALTER FUNCTION public.slugify(text) COST 7", "ALTER TABLE public.tags ADD COLUMN late int",
    "ALTER TABLE public.tags ALTER COLUMN name SET DEFAULT 'late'", "ALTER TABLE public.tags ALTER COLUMN name SET STORAGE EXTERNAL",
    "ALTER TABLE public.qt001_source DISABLE TRIGGER USER", "ALTER TABLE public.tags ENABLE ROW LEVEL SECURITY",
    "CREATE POLICY late ON public.tags USING (true)", "CREATE RULE late AS ON DELETE TO public.tags DO ALSO NOTHING",
    "CREATE INDEX late ON public.tags (name)", "ALTER TABLE public.articles_tags DROP CONSTRAINT articles_tags_tags_id_fkey",
    "ALTER SEQUENCE public.tags_id_seq OWNED BY NONE", "ALTER SEQUENCE public.tags_id_seq INCREMENT 2", "ALTER TABLE public.tags RENAME TO labels",
    "CREATE TYPE public.late AS ENUM ('a')", "CREATE CAST (text AS public.order_status) WITH INOUT", "CREATE STATISTICS public.late ON id, name FROM public.tags",
    "CREATE OPERATOR public.<<>> (FUNCTION = pg_catalog.texteq, LEFTARG = text, RIGHTARG = text)",
    "CREATE PUBLICATION late FOR TABLE public.tags",
    "CREATE TEXT SEARCH CONFIGURATION public.late (COPY = pg_catalog.simple)", "CREATE FOREIGN DATA WRAPPER late",
    "ALTER FUNCTION public.slugify(text) DEPENDS ON EXTENSION plpgsql", "CREATE SCHEMA late", "SELECT pg_catalog.lo_create(0)",
    "GRANT SELECT ON public.tags TO intern", "GRANT SELECT (name) ON public.tags TO intern", "REVOKE EXECUTE ON FUNCTION pg_catalog.pg_ls_waldir() FROM pg_monitor",
    "ALTER TABLE public.tags OWNER TO reporting", "ALTER DEFAULT PRIVILEGES FOR ROLE directus GRANT INSERT ON TABLES TO intern",
    "ALTER ROLE directus CREATEROLE", "GRANT reporting TO directus", "CREATE ROLE late", "ALTER ROLE directus SET search_path = public",
    "ALTER DATABASE directus_case SET search_path = public", "GRANT CREATE ON DATABASE directus_case TO intern", "ALTER DATABASE directus_case OWNER TO reporting",
)  # fmt: skip
"""In catalogs of every sort, one row or several; two of them note themselves in pg_depend alone."""
HARMLESS = (
    "INSERT INTO public.tags (name) VALUES ('late')", "ANALYZE public.tags", "COMMENT ON TABLE public.tags IS 'late'",
    "CREATE TEMPORARY TABLE scratch (id serial PRIMARY KEY, late text DEFAULT 'x' CHECK (late <> ''))",
    "CREATE TEMPORARY VIEW late AS SELECT 1 AS one", "DROP TABLE IF EXISTS scratch",
)  # fmt: skip


@contextmanager
def _before_the_end(stage: Stage, name: str, end: str) -> Iterator[psycopg.Connection]:
    """The operator's session in the transaction of a script, just before its postconditions; nothing of it stays."""
    script: Script = statements_of(name, stage)
    with stage.connect() as connection:
        connection.execute(f"SET SESSION AUTHORIZATION {OPERATOR}")
        for statement in script.statements:
            if f'"{end}"' in statement:
                break
            connection.execute(statement.encode())
        connection.execute("RESET ROLE")
        yield connection
        connection.execute("ROLLBACK")


def _as_expected(connection: psycopg.Connection, stage: Stage) -> bool:
    row = connection.execute("SELECT qt001_cp.as_expected(%s)", [stage.digest]).fetchone()
    assert row is not None
    return bool(row[0])


def test_a_cutover_alone_is_as_expected_and_every_other_change_is_seen(at_recorded: Stage) -> None:
    with _before_the_end(at_recorded, "upgrade fix7b", "cutover_end") as operator:
        assert _as_expected(operator, at_recorded)
        for statement in DEFINING:
            operator.execute("SAVEPOINT change")
            operator.execute(statement)
            assert not _as_expected(operator, at_recorded), statement
            operator.execute("ROLLBACK TO SAVEPOINT change")
        for statement in HARMLESS:
            operator.execute(statement)
            assert _as_expected(operator, at_recorded), statement


def test_a_restore_alone_is_as_expected(at_fix7b_done: Stage) -> None:
    with _before_the_end(at_fix7b_done, "downgrade fix7b", "restore_end") as operator:
        assert _as_expected(operator, at_fix7b_done)
        operator.execute("ALTER FUNCTION public.slugify(text) COST 7")
        assert not _as_expected(operator, at_fix7b_done)


def test_nothing_of_a_run_stays(at_recorded: Stage) -> None:
    tables = "run", "run_snapshot", "run_object", "run_statement", "catalog_snapshot", "owner_acl_snapshot"
    at_recorded.upgrade("fix7b")
    with at_recorded.connect() as connection:
        assert [connection.execute(f"SELECT count(*) FROM qt001_cp.{t}").fetchone() for t in tables] == [(0,)] * len(
            tables
        )


def test_changed_in_between_is_refused(at_recorded: Stage) -> None:
    """What no other row says than one of pg_depend, and what stands in no catalog of the database."""
    stopped(at_recorded, "SET LOCAL ROLE directus;\nALTER SEQUENCE public.tags_id_seq OWNED BY NONE;\n", "QT102")
    with cluster(at_recorded, "ALTER ROLE directus CREATEROLE", "ALTER ROLE directus NOCREATEROLE"):
        refused(at_recorded, "QT108", "CREATEROLE")


@pytest.mark.parametrize(
    ("statement", "sqlstate"),
    [
        ("ALTER FUNCTION public.qt001_write(jsonb) COST 7", "QT110"),
        ("ALTER TABLE public.qt001_source DISABLE TRIGGER USER", "QT110"),
        ("ALTER TABLE public.tags ALTER COLUMN name SET DEFAULT 'late'", "QT110"),
    ],
)
def test_done_by_the_script_itself_is_refused(at_recorded: Stage, statement: str, sqlstate: str) -> None:
    """In a row that the statements rewrite, in one of a part, and in one beside the manifest."""
    text, marks = re.subn(
        r'(?=DO \$call_[0-9a-f]{16}\$ BEGIN PERFORM qt001_cp\."cutover_end"\()',
        f"{statement};\n\n",
        printed(at_recorded),
    )
    assert marks == 1
    refused_in_psql(at_recorded, text, sqlstate)


def test_what_changed_since_the_cutover_stays(at_fix7b_done: Stage) -> None:
    """No statement of the way back touches it, so it neither refuses nor is taken for an effect of the script."""
    run(at_fix7b_done, "ALTER FUNCTION public.qt001_write(jsonb) COST 7")
    at_fix7b_done.downgrade("fix7a")
    with at_fix7b_done.connect() as connection:
        cost = connection.execute("SELECT procost FROM pg_proc WHERE proname = 'qt001_write'").fetchone()
    assert cost == (7,)
