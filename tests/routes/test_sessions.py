"""What was open before the cutover goes on after a plain one; ours wants it closed first, and says which it is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from psycopg.pq.abc import PGconn

from tests.concurrency.support import until
from tests.conftest import Library, Stage
from tests.cutover.support import APPLICATION, begin_script, cluster, findings, refused, run
from tests.routes import walk
from tests.routes.plain import plain_cutover

pytestmark = pytest.mark.slow


@contextmanager
def _base(library: Library) -> Iterator[Stage]:
    with walk.copied(library, "base") as stage:
        yield stage


def _cut(stage: Stage) -> None:
    with stage.connect() as connection:
        plain_cutover(connection, APPLICATION, "qt001_cp_owner", ())


def _holding(application: psycopg.Connection) -> None:
    with application.transaction():
        application.execute("DECLARE held CURSOR WITH HOLD FOR SELECT title FROM public.qt001_source")


def _open_ddl(application: psycopg.Connection) -> None:
    application.execute("BEGIN")
    application.execute(
        "CREATE FUNCTION public.qt001_normalise(x varchar) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT 1::text'"
    )


_MAPPED = "GRANT reporting TO directus;\n"
_REPLICATING = ("ALTER ROLE directus REPLICATION;\n", "ALTER ROLE directus NOREPLICATION;\n")
_SETTING = "ALTER DATABASE directus_case SET search_path = articles_first, public"


@contextmanager
def _replicating(stage: Stage) -> Iterator[PGconn]:
    """A session that copies what the server writes, of a role that has lost the attribute since it began."""
    server = stage.scene.server
    if not server.trusts:
        pytest.skip("the application has no login of its own here")
    run(stage, _REPLICATING[0])
    try:
        conninfo = server.conninfo(stage.scene.database, APPLICATION) + " replication=true"
        replication = psycopg.pq.PGconn.connect(conninfo.encode())
        assert replication.status == psycopg.pq.ConnStatus.OK, replication.error_message
    finally:
        run(stage, _REPLICATING[1])
    try:
        replication.send_query(b"IDENTIFY_SYSTEM")
        while (answer := replication.get_result()) is not None:
            place = answer.get_value(0, 2)
        replication.send_query(b"START_REPLICATION PHYSICAL " + (place or b""))
        started = replication.get_result()
        assert started is not None, replication.error_message
        assert started.status == psycopg.pq.ExecStatus.COPY_BOTH, replication.error_message
        yield replication
    finally:
        replication.finish()


@contextmanager
def _elsewhere(stage: Stage, statement: str) -> Iterator[psycopg.Connection]:
    """The application in another database, with an open transaction that changes what the databases share."""
    with stage.scene.server.connect("postgres", APPLICATION) as application:
        application.execute("BEGIN")
        application.execute(statement.encode())
        yield application


def test_plain_cursor_with_hold_reads_on(library: Library) -> None:
    with _base(library) as stage, stage.connect(APPLICATION) as application:
        _holding(application)
        _cut(stage)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            application.execute("SELECT title FROM public.qt001_source")
        assert application.execute("FETCH ALL FROM held").fetchall()


def test_plain_uncommitted_ddl_commits_after_it(library: Library) -> None:
    with _base(library) as stage, stage.connect(APPLICATION) as application:
        _open_ddl(application)
        _cut(stage)
        application.execute("COMMIT")
        with stage.connect() as connection:
            owner = connection.execute(
                "SELECT proowner::regrole::text FROM pg_proc WHERE oid = 'public.qt001_normalise(varchar)'::regprocedure"
            ).fetchone()
    assert owner == (APPLICATION,)


def test_plain_prepared_transaction_commits_after_it(library: Library) -> None:
    with _base(library) as stage:
        with stage.connect(APPLICATION) as application:
            application.execute("BEGIN")
            application.execute("CREATE TABLE public.qt001_prepared (id integer)")
            application.execute("PREPARE TRANSACTION 'before'")
        _cut(stage)
        with stage.connect(APPLICATION) as application:
            application.execute("COMMIT PREPARED 'before'")
            application.execute("INSERT INTO public.qt001_prepared VALUES (1)")
            assert application.execute("SELECT count(*) FROM public.qt001_prepared").fetchone() == (1,)


def test_plain_set_role_outlives_the_membership(library: Library) -> None:
    with _base(library) as stage, cluster(stage, _MAPPED, ""), stage.connect(APPLICATION) as application:
        application.execute("SET ROLE reporting")
        with stage.connect() as connection:
            connection.execute("REVOKE reporting FROM directus")
        _cut(stage)
        assert application.execute("SELECT current_user, count(*) > 0 FROM public.qt001_source").fetchone() == (
            "reporting",
            True,
        )


def test_plain_replication_goes_on_without_the_attribute(library: Library) -> None:
    with _base(library) as stage, _replicating(stage) as replication:
        _cut(stage)
        run(stage, "UPDATE public.qt001_source SET title = title || ' seen by replication';\n")
        read = bytearray()
        until("the row arrives", lambda: b"seen by replication" in _more(replication, read))


def _more(replication: PGconn, read: bytearray) -> bytearray:
    replication.consume_input()
    while (got := replication.get_copy_data(1))[0] > 0:
        read += bytes(got[1])
    return read


def test_plain_a_setting_made_in_another_database_commits_after_it(library: Library) -> None:
    with _base(library) as stage, _elsewhere(stage, _SETTING) as application:
        _cut(stage)
        with stage.connect() as connection:
            connection.execute("ALTER DATABASE directus_case OWNER TO qt001_cp_owner")
        application.execute("COMMIT")
        with stage.connect("reporting") as other:
            assert other.execute("SHOW search_path").fetchone() == ("articles_first, public",)


def _found(stage: Stage) -> list[str]:
    """The open sessions that the preconditions name."""
    return [what for state, what in findings(stage, "") if state == "QT108" and what.startswith("session")]


def test_ours_refuses_an_idle_session_with_a_held_cursor(at_fix7a_sealed: Stage) -> None:
    with at_fix7a_sealed.connect(APPLICATION) as application:
        _holding(application)
        refused(at_fix7a_sealed, "QT108", "session", "of directus", rehearsal="first")


def test_ours_finds_every_session_that_could_go_on(at_fix7a_sealed: Stage) -> None:
    """Uncommitted DDL; a role that was granted once; a login that is a member of the application."""
    stage = at_fix7a_sealed
    assert _found(stage) == []
    with stage.connect(APPLICATION) as application:
        _open_ddl(application)
        assert all("of directus" in what for what in _found(stage))
        assert _found(stage)
    with cluster(stage, _MAPPED, ""), stage.connect(APPLICATION) as application:
        application.execute("SET ROLE reporting")
        run(stage, "REVOKE reporting FROM directus;\n")
        assert ["of directus" in what for what in _found(stage)] == [True]
    with cluster(stage, "GRANT directus TO intern;\n", "REVOKE directus FROM intern;\n"), stage.connect("intern"):
        assert ["of intern" in what for what in _found(stage)] == [True]


def test_ours_refuses_a_session_that_came_during_the_cutover(at_fix7a_sealed: Stage) -> None:
    """The preconditions hold, then the application connects: the postconditions look again."""
    stage = at_fix7a_sealed
    with stage.connect("qt001_dba") as operator, operator.transaction(force_rollback=True):
        operator.execute("SET LOCAL lock_timeout = '5s'")
        operator.execute("SET LOCAL statement_timeout = '60s'")
        begin_script(operator)
        operator.execute("SELECT qt001_cp.cutover_begin(%s, true)", [stage.digest])
        operator.execute("SELECT qt001_cp.lock_relations(%s)", [stage.digest])
        with stage.connect(APPLICATION) as application:
            # The catalogs are locked: what it wants to define waits for the end of the cutover.
            application.execute("SET lock_timeout = '100ms'")
            with pytest.raises(psycopg.errors.LockNotAvailable):
                _open_ddl(application)
            with pytest.raises(psycopg.Error) as caught, operator.transaction():
                operator.execute("SELECT qt001_cp.cutover_end(%s, true)", [stage.digest])
            said = operator.execute("SELECT object FROM qt001_cp.open_session_findings(%s)", [stage.digest]).fetchall()
            application.execute("ROLLBACK")
    assert caught.value.sqlstate in ("QT108", "QT110")
    assert [what for (what,) in said if what.endswith("of directus")]


def test_ours_goes_through_when_the_application_has_gone(at_fix7a_sealed: Stage) -> None:
    with at_fix7a_sealed.connect(APPLICATION) as application:
        _holding(application)
    at_fix7a_sealed.upgrade("fix7b", rehearsal="first")
    with at_fix7a_sealed.connect(APPLICATION) as application, pytest.raises(psycopg.errors.InsufficientPrivilege):
        application.execute("SELECT title FROM public.qt001_source")


def test_ours_refuses_a_session_that_replicates(at_fix7a_sealed: Stage) -> None:
    with _replicating(at_fix7a_sealed):
        refused(at_fix7a_sealed, "QT108", "session", "of directus", "for replication", rehearsal="first")
        refused(
            at_fix7a_sealed, "QT108", "session", "of directus", "for replication", rehearsal="first", sessions="keep"
        )


def test_ours_refuses_a_transaction_in_another_database(at_fix7a_sealed: Stage) -> None:
    with _elsewhere(at_fix7a_sealed, _SETTING) as application:
        refused(at_fix7a_sealed, "QT108", "session", "of directus", rehearsal="first", lock_timeout="300ms")
        assert [what for what in _found(at_fix7a_sealed) if what.endswith("of directus")]
        application.execute("ROLLBACK")
        application.execute("SELECT 1")
        assert _found(at_fix7a_sealed) == []


def test_ours_refuses_a_transaction_that_began_in_another_database_meanwhile(at_fix7a_sealed: Stage) -> None:
    """The catalogs that the databases share are not locked: the postconditions look again."""
    stage = at_fix7a_sealed
    with stage.connect("qt001_dba") as operator, operator.transaction(force_rollback=True):
        operator.execute("SET LOCAL lock_timeout = '1s'")
        operator.execute("SET LOCAL statement_timeout = '60s'")
        begin_script(operator)
        operator.execute("SELECT qt001_cp.cutover_begin(%s, true)", [stage.digest])
        with _elsewhere(stage, _SETTING), pytest.raises(psycopg.Error) as caught, operator.transaction():
            operator.execute("SELECT qt001_cp.cutover_end(%s, true)", [stage.digest])
    assert caught.value.sqlstate == "QT108"
    assert "of directus" in str(caught.value)


def test_ours_refuses_a_transaction_prepared_in_another_database(at_fix7a_sealed: Stage) -> None:
    stage = at_fix7a_sealed
    with _elsewhere(stage, _SETTING) as application:
        application.execute("PREPARE TRANSACTION 'elsewhere'")
        try:
            found = findings(stage, "")
        finally:
            application.execute("ROLLBACK PREPARED 'elsewhere'")
    assert ("QT108", "prepared transaction elsewhere") in found
