"""The application defines something between sealing and cutover, or during it: the cutover does not happen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
import pytest

from qt001_cp.rehearsal.scene import OPERATOR
from tests.concurrency.support import Running, forward, running, stage_of, until, waits_for_a_lock
from tests.conftest import Stage
from tests.cutover.support import begin_script, stopped, unchanged

pytestmark = pytest.mark.slow

MAKE = "CREATE FUNCTION public.made_late() RETURNS int LANGUAGE sql AS 'SELECT 1'"
KINDS = {
    "create a function": (MAKE, "DROP FUNCTION public.made_late()"),
    "create a table": ("CREATE TABLE public.made_late (id int)", "DROP TABLE public.made_late"),
    "alter a function": ("ALTER FUNCTION public.slugify(text) COST 7", "ALTER FUNCTION public.slugify(text) COST 100"),
    "alter a table": ("ALTER TABLE public.tags ADD COLUMN late int", "ALTER TABLE public.tags DROP COLUMN late"),
    "drop a constraint": (
        "ALTER TABLE public.articles_tags DROP CONSTRAINT articles_tags_tags_id_fkey",
        "ALTER TABLE public.articles_tags ADD CONSTRAINT articles_tags_tags_id_fkey FOREIGN KEY (tags_id) REFERENCES public.tags",
    ),
    "rename": ("ALTER TABLE public.tags RENAME TO labels", "ALTER TABLE public.labels RENAME TO tags"),
    "trigger": (
        "CREATE TRIGGER late BEFORE UPDATE ON public.tags FOR EACH ROW EXECUTE FUNCTION pg_catalog.suppress_redundant_updates_trigger()",
        "DROP TRIGGER late ON public.tags",
    ),
    "policy": ("CREATE POLICY late ON public.tags USING (true)", "DROP POLICY late ON public.tags"),
    "grant": ("GRANT SELECT ON public.tags TO intern", "REVOKE SELECT ON public.tags FROM intern"),
    "default privileges": (
        "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT INSERT ON TABLES TO intern",
        "ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE INSERT ON TABLES FROM intern",
    ),
}
DEFINING = {kind: both for kind, both in KINDS.items() if kind != "grant"}
"""An ACL is no definition: the comparison of owners and ACLs (QT110, QT112) meets it."""
HARMLESS = (
    "TRUNCATE public.redirects",
    "ANALYZE public.tags",
    "CREATE TEMPORARY TABLE scratch (id int PRIMARY KEY, late text)",
    "INSERT INTO public.tags (name) VALUES ('late')",
    "DROP TABLE scratch",
    "REINDEX TABLE public.tags",
)


@pytest.mark.parametrize("kind", KINDS)
def test_between_sealing_and_cutover(at_recorded: Stage, kind: str) -> None:
    stopped(at_recorded, f"SET LOCAL ROLE directus;\n{KINDS[kind][0]};\n", "QT102")


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE OR REPLACE FUNCTION public.qt001_touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
        "DROP TRIGGER qt001_source_guard ON public.qt001_source",
        "ALTER TABLE public.qt001_switch RENAME TO qt001_lever",
        "DROP VIEW public.qt001_recent_writes",
        "ALTER TABLE public.qt001_source DISABLE TRIGGER USER",
        "GRANT SELECT ON public.qt001_switch TO intern",
    ],
)
def test_of_what_moves(at_recorded: Stage, statement: str) -> None:
    stopped(at_recorded, f"SET LOCAL ROLE directus;\n{statement};\n", "QT102")


def test_committed_while_the_cutover_waits(at_recorded: Stage) -> None:
    """Each kind stops it, and only that: what the application did stays, nothing else has moved."""
    with at_recorded.connect("directus") as app, at_recorded.connect("reporting") as reader:
        for kind, (do, undo) in DEFINING.items():
            with _waiting(at_recorded, reader) as (script, release):
                app.execute(do)
                release()
                code, said = script.end()
            assert code == 3, f"{kind}: {said}"
            assert "ERROR:  QT102:" in said, f"{kind}: {said}"
            with at_recorded.connect() as connection:
                assert stage_of(connection) == "fix7a", kind
            app.execute(undo)


def test_uncommitted_at_the_end(at_recorded: Stage) -> None:
    """A function that nobody else sees yet, and that no lock betrays; the transaction began during the cutover."""
    with unchanged(at_recorded), at_recorded.connect("directus") as app, at_recorded.connect("reporting") as reader:
        with _waiting(at_recorded, reader, lock_timeout="3s") as (script, release):
            app.execute("BEGIN")
            app.execute(MAKE)
            release()
            code, said = script.end()
        assert code == 3, said
        assert "ERROR:  QT108:" in said, said
        assert "of directus" in said, said
        app.execute("ROLLBACK")


def test_nobody_changes_a_definition_once_it_has_its_locks(at_recorded: Stage) -> None:
    """The application waits, whatever it tries; and what it tried fails or comes after the cutover."""
    with _begun(at_recorded) as operator, at_recorded.connect("directus") as app:
        operator.execute("SELECT qt001_cp.lock_relations(%s)", [at_recorded.digest])
        app.execute("SET lock_timeout = '50ms'")
        for kind, (do, _) in DEFINING.items():
            with pytest.raises(psycopg.errors.LockNotAvailable):  # noqa: PT012 - the second line names what was let through
                app.execute(do)
                pytest.fail(kind)
        app.execute("SELECT count(*) FROM public.articles")
        app.execute("UPDATE public.articles SET title = title")


def test_during_without_a_lock_on_the_catalogs(at_recorded: Stage) -> None:
    """As for an operator who is no superuser: the application's open writers are waited for, then refused, at the end."""
    with at_recorded.connect("directus") as app:
        for kind, (do, undo) in DEFINING.items():
            with _begun(at_recorded, patience="200ms") as operator:
                app.execute("BEGIN")
                app.execute(do)
                assert ("QT108", f"session {app.info.backend_pid} of directus") in _findings(operator, at_recorded), (
                    kind
                )
                app.execute("COMMIT")
                found = _findings(operator, at_recorded)
                assert found, f"{kind}: {found}"
                assert {state for state, _ in found} == {"QT102"}, f"{kind}: {found}"
            app.execute(undo)


def test_what_a_finding_names(at_recorded: Stage) -> None:
    with at_recorded.connect("directus") as app, _begun(at_recorded) as operator:
        for do in (MAKE, "ALTER TABLE public.redirects ADD COLUMN late int", "DROP VIEW public.customers_by_country"):
            app.execute(do)
        found = operator.execute("SELECT object, found FROM qt001_cp.concurrent_change_findings()").fetchall()
    assert ("function public.made_late()", "made (pg_proc)") in found
    assert ("table public.redirects", "changed (pg_class)") in found
    assert any(what.startswith("pg_rewrite") and how == "dropped (pg_rewrite)" for what, how in found), found


def test_no_definition_changes(at_recorded: Stage) -> None:
    """Rows, statistics, storage, temporary tables: no reason to stop."""
    with at_recorded.connect("directus") as app, _begun(at_recorded) as operator:
        for do in HARMLESS:
            app.execute(do)
        assert _findings(operator, at_recorded) == []


def _findings(operator: psycopg.Connection, stage: Stage) -> list[tuple[str, str]]:
    query = (
        "SELECT sqlstate, object FROM qt001_cp.open_writer_findings(%s)"
        " UNION ALL SELECT sqlstate, object FROM qt001_cp.concurrent_change_findings()"
    )
    return [(r[0], r[1]) for r in operator.execute(query, [stage.digest])]


@contextmanager
def _begun(stage: Stage, patience: str = "2s") -> Iterator[psycopg.Connection]:
    """The operator's session in a transaction that has remembered the catalogs; rolled back."""
    with stage.connect(OPERATOR) as operator, operator.transaction(force_rollback=True):
        operator.execute("SET LOCAL lock_timeout = '200ms'")
        begin_script(operator)
        operator.execute("SELECT qt001_cp.wait_for_application(%s)", [stage.digest])
        operator.execute("SELECT qt001_cp.take_snapshot(%s, 'forward')", [stage.digest])
        operator.execute(f"SET LOCAL lock_timeout = '{patience}'")
        yield operator


@contextmanager
def _waiting(
    stage: Stage, reader: psycopg.Connection, lock_timeout: str = "50s"
) -> Iterator[tuple[Running, Callable[[], object]]]:
    """The cutover, past its preconditions and waiting for a reader, and what lets it go on."""
    reader.execute("BEGIN")
    reader.execute("SELECT 1 FROM public.qt001_source")
    with running(stage, forward(stage, lock_timeout=lock_timeout)) as script:
        until("the cutover waits", lambda: waits_for_a_lock(stage) or script.process.poll() is not None)
        yield script, lambda: reader.execute("ROLLBACK")
