"""What was checked when the no-go record came in stands for the cutover while nothing has changed, and not a moment longer."""

from __future__ import annotations

import re

import psycopg
import pytest

from qt001_cp.rehearsal.scene import OPERATOR
from tests.conftest import Stage
from tests.cutover.support import cluster, printed, refused, refused_downgrade, refused_in_psql, run, stopped

_KNOWN = "SELECT qt001_cp.checked_before(%s, %s) IS NOT NULL"
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


def _known(operator: psycopg.Connection, stage: Stage, direction: str = "forward") -> bool:
    row = operator.execute(_KNOWN, [stage.digest, direction]).fetchone()
    assert row is not None
    return bool(row[0])


def _become(connection: psycopg.Connection, login: str) -> None:
    connection.execute(f"SET LOCAL SESSION AUTHORIZATION {login}")


def test_every_change_of_a_catalog_is_seen(at_recorded: Stage) -> None:
    with at_recorded.connect() as connection, connection.transaction(force_rollback=True):
        for statement in DEFINING:
            with connection.transaction(force_rollback=True):
                connection.execute(statement)
                _become(connection, OPERATOR)
                assert not _known(connection, at_recorded), statement
        for statement in HARMLESS:
            connection.execute(statement)
            with connection.transaction(force_rollback=True):
                _become(connection, OPERATOR)
                assert _known(connection, at_recorded), statement


def test_cutover_and_restore_take_it(at_fix7b_done: Stage) -> None:
    """The cutover that made this database found itself checked: else there would be nothing for the way back."""
    with at_fix7b_done.connect(OPERATOR) as operator, operator.transaction(force_rollback=True):
        operator.execute("SET LOCAL lock_timeout = '5s'; SET LOCAL statement_timeout = '1min'")
        operator.execute("SELECT qt001_cp.restore_begin(%s)", [at_fix7b_done.digest])
        assert operator.execute("SELECT qt001_cp.is_checked()").fetchone() == (True,)


def test_of_whom_and_of_what(at_recorded: Stage) -> None:
    """It was checked for one login, one direction, one manifest, one state of the ledger, and for half a round of xids."""
    with at_recorded.connect() as connection, connection.transaction(force_rollback=True):
        assert not _known(connection, at_recorded), "the superuser did not record it"
        stamp = "SELECT qt001_cp.ledger_stamp(%s)"
        before = connection.execute(stamp, [at_recorded.digest]).fetchone()
        _become(connection, OPERATOR)
        assert not _known(connection, at_recorded, "restore")
        connection.execute("RESET SESSION AUTHORIZATION")
        connection.execute("ALTER TABLE qt001_cp.manifest_row_fix7a DISABLE TRIGGER USER")
        connection.execute("UPDATE qt001_cp.manifest_row SET object = object WHERE number = 1")
        assert connection.execute(stamp, [at_recorded.digest]).fetchone() != before
    with at_recorded.connect() as connection, connection.transaction(force_rollback=True):
        connection.execute("UPDATE qt001_cp.checked SET made = (made::text::numeric + 4294967296)::text::xid8")
        _become(connection, OPERATOR)
        assert not _known(connection, at_recorded)


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
    text = printed(at_recorded)
    before, mark, after = re.split(r'(DO \$call_[0-9a-f]{16}\$ BEGIN PERFORM qt001_cp\."cutover_end"\()', text)
    refused_in_psql(at_recorded, f"{before}{statement};\n\n{mark}{after}", sqlstate)


def test_changed_since_the_cutover_is_refused(at_fix7b_done: Stage) -> None:
    run(at_fix7b_done, "ALTER FUNCTION public.qt001_write(jsonb) COST 7")
    refused_downgrade(at_fix7b_done, "fix7a", "QT113", "qt001_write")


def test_a_transaction_with_changes_of_its_own_keeps_nothing(at_recorded: Stage) -> None:
    """It could change the same row again after the stamp, and the row would bear the same number."""
    replaced = "CREATE OR REPLACE FUNCTION public.slugify(value text) RETURNS text LANGUAGE sql IMMUTABLE AS $f${}$f$"
    with at_recorded.connect() as connection:
        (record,) = connection.execute(
            "SELECT body FROM qt001_cp.document WHERE kind LIKE 'qt001.rehearsal/%'"
        ).fetchone() or (b"",)
        (definition,) = connection.execute(
            "SELECT pg_get_functiondef('public.slugify(text)'::regprocedure)"
        ).fetchone() or ("",)
        with connection.transaction():
            connection.execute(definition)
            _become(connection, OPERATOR)
            connection.execute("SELECT qt001_cp.record_rehearsal(%s)", [record])
            connection.execute("RESET SESSION AUTHORIZATION")
            connection.execute(replaced.format("SELECT 'another'::text"))
        kept = connection.execute("SELECT count(*) FROM qt001_cp.checked").fetchone()
    assert kept == (0,)
    with at_recorded.connect(OPERATOR) as operator:
        assert not _known(operator, at_recorded)
        with operator.transaction():
            operator.execute("CREATE TEMPORARY TABLE scratch (a int)")
            assert operator.execute("SELECT qt001_cp.keep_checked(%s)", [at_recorded.digest]).fetchone() == (False,)
    refused(at_recorded, "QT102", "public.slugify(")


@pytest.mark.parametrize(
    ("statement", "sqlstate", "named"),
    [
        ("GRANT UPDATE ON qt001_cp.checked TO intern", "QT108", "qt001_cp.checked"),
        ("UPDATE qt001_cp.person SET person = 'One Person'", "QT107", "One Person"),
        ("ALTER TABLE public.tags ADD COLUMN early int", "QT102", "public.tags"),
    ],
)
def test_what_was_wrong_before_the_record_is_not_kept(
    at_recorded: Stage, statement: str, sqlstate: str, named: str
) -> None:
    """The stamp of the catalogs says that nothing has changed; it must not say that for something that was never right."""
    run(at_recorded, statement)
    with at_recorded.connect(OPERATOR) as operator:
        assert operator.execute("SELECT qt001_cp.keep_checked(%s)", [at_recorded.digest]).fetchone() == (False,)
    refused(at_recorded, sqlstate, named)


def test_there_and_back_leaves_what_was_kept_as_it_was(at_recorded: Stage) -> None:
    """Its rows and their order: a dump shows both."""
    before = at_recorded.scene.dump("--create")
    at_recorded.upgrade("fix7b")
    with at_recorded.connect() as connection:
        assert connection.execute("SELECT direction FROM qt001_cp.checked ORDER BY 1").fetchall() == [
            ("forward",),
            ("restore",),
        ]
    at_recorded.downgrade("fix7a")
    assert at_recorded.scene.dump("--create") == before


def test_changed_after_the_end_in_the_same_transaction_is_refused(at_recorded: Stage) -> None:
    """The row bears the number of the cutover, as it did when the cutover ended; it stands in another place."""
    mark = re.compile(r'^DO \$call_[0-9a-f]{16}\$ BEGIN PERFORM qt001_cp\."cutover_end"\(.*\n', re.MULTILINE)
    text = printed(at_recorded)
    found = mark.search(text)
    assert found is not None
    late = "ALTER FUNCTION public.qt001_write(jsonb) COST 7;\n"
    at_recorded.scene.server.psql(
        text[: found.end()] + late + text[found.end() :], dbname=at_recorded.scene.database, user=OPERATOR
    )
    refused_downgrade(at_recorded, "fix7a", "QT113", "qt001_write")
