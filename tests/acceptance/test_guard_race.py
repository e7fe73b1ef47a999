"""Nothing gets between the guard's check and the end of the write: a change is seen, or it waits, or it is refused."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from qt001_cp.cli import main
from qt001_cp.rehearsal.scene import OPERATOR
from tests.acceptance.attempt import SERVICE
from tests.acceptance.support import CALL
from tests.concurrency.support import running, until
from tests.conftest import Stage
from tests.cutover.support import DROP_WATCH, run

pytestmark = pytest.mark.slow

CHANGE = "GRANT UPDATE ON public.qt001_source TO intern"
BACK = "REVOKE UPDATE ON public.qt001_source FROM intern"
WAITING = """
SELECT count(*) FROM pg_locks l WHERE l.relation = 'qt001_cp_watch.latch'::regclass AND NOT l.granted
  AND l.mode = 'ExclusiveLock'
"""
ROWS = "SELECT count(*) FROM public.qt001_write_log"


def count(stage: Stage, query: str) -> int:
    with stage.connect() as admin:
        row = admin.execute(query).fetchone()
    assert row is not None
    return int(row[0])


def blocked(connection: psycopg.Connection) -> None:
    with pytest.raises(psycopg.Error) as refused:
        connection.execute(CALL)
    assert refused.value.sqlstate == "QT301"


def test_a_change_between_check_and_end_waits_for_the_writer(opened: Stage) -> None:
    with opened.connect(SERVICE) as service:
        service.execute(CALL)
        service.execute("BEGIN")
        service.execute(CALL)
        with running(opened, CHANGE + ";\n") as change:
            until("the change waits", lambda: count(opened, WAITING) == 1)
            assert count(opened, "SELECT count(*) FROM qt001_cp_watch.change") == 0
            service.execute(CALL)  # the same transaction still may: nothing has changed
            service.execute("COMMIT")
            assert change.end()[0] == 0
        blocked(service)
        with opened.connect() as admin:
            admin.execute(BACK)
        service.execute(CALL)


def test_an_open_change_stops_nobody_and_counts_from_its_commit_on(opened: Stage) -> None:
    with opened.connect(SERVICE) as service, opened.connect() as admin:
        service.execute(CALL)
        admin.execute("BEGIN")
        admin.execute(CHANGE)
        service.execute(CALL)
        admin.execute("COMMIT")
        blocked(service)
        admin.execute(BACK)
        service.execute(CALL)


def test_a_prepared_change_holds_writers_back(opened: Stage) -> None:
    with opened.connect(SERVICE) as service, opened.connect() as admin:
        service.execute(CALL)
        admin.execute("BEGIN")
        admin.execute(CHANGE)
        admin.execute("PREPARE TRANSACTION 'change'")
        try:
            service.execute("SET lock_timeout = '50ms'")
            with pytest.raises(psycopg.errors.LockNotAvailable) as refused:
                service.execute(CALL)
            assert "prepared transaction 'change' of postgres, since " in str(refused.value)
            assert "ROLLBACK PREPARED 'change';" in str(refused.value.diag.message_hint)
        finally:
            admin.execute("COMMIT PREPARED 'change'")
        blocked(service)
        admin.execute(BACK)
        service.execute(CALL)


def test_in_a_deadlock_the_change_is_refused_and_the_writer_goes_on(opened: Stage) -> None:
    """The writer waits for a table that the change has locked, and the change would have to wait for the writer."""
    with opened.connect(SERVICE) as service, opened.connect() as admin, ThreadPoolExecutor(1) as pool:
        service.execute(CALL)
        service.execute("BEGIN")
        service.execute(CALL)
        admin.execute("BEGIN")
        admin.execute("ALTER TABLE public.qt001_setting ADD COLUMN extra integer")
        reads = pool.submit(service.execute, "SELECT count(*) FROM public.qt001_setting")
        waits = f"SELECT count(*) FROM pg_locks l WHERE l.pid = {service.info.backend_pid} AND NOT l.granted"
        until("the writer waits for the table", lambda: count(opened, waits) == 1)
        with pytest.raises(psycopg.Error) as refused:
            admin.execute("COMMIT")
        assert refused.value.sqlstate == "QT307"
        assert "waits for this transaction" in str(refused.value.diag.message_primary)
        reads.result(60)
        service.execute("COMMIT")
        service.execute(CALL)


@pytest.mark.parametrize("level", ["REPEATABLE READ", "SERIALIZABLE"])
def test_an_old_snapshot_does_not_write_through_a_replaced_routine(opened: Stage, level: str) -> None:
    """The replaced body runs at once, the old snapshot still sees the old source: the guard does not judge by it."""
    evil = "CREATE OR REPLACE FUNCTION public.qt001_normalise(value text) RETURNS text LANGUAGE sql IMMUTABLE AS $$SELECT ''$$"
    with opened.connect(SERVICE) as service, opened.connect() as admin:
        service.execute(CALL)
        before = count(opened, ROWS)
        row = admin.execute("SELECT pg_get_functiondef('public.qt001_normalise(text)'::regprocedure)").fetchone()
        assert row is not None
        service.execute(f"BEGIN ISOLATION LEVEL {level}")
        service.execute("SELECT 1")
        admin.execute(evil)
        try:
            with pytest.raises(psycopg.Error) as refused:
                service.execute(CALL)
            assert refused.value.sqlstate == "QT305"
            service.execute("ROLLBACK")
            assert count(opened, ROWS) == before
            blocked(service)
        finally:
            admin.execute(row[0])
        service.execute(CALL)


def test_nobody_else_reaches_what_the_guard_remembers(opened: Stage) -> None:
    with opened.connect() as admin:
        held = admin.execute(
            "SELECT r.rolname, c.oid::regclass::text FROM pg_roles r, pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE NOT r.rolsuper AND r.rolname NOT IN ('qt001_cp_ledger', 'pg_read_all_data', 'pg_write_all_data', 'pg_maintain')"
            " AND c.relkind = 'r' AND (n.nspname = 'qt001_cp_watch' OR c.relname = 'verdict')"
            " AND has_table_privilege(r.oid, c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE, TRIGGER')"
        ).fetchall()
        owners = admin.execute(
            "SELECT DISTINCT r.rolsuper FROM pg_roles r WHERE r.oid IN (SELECT p.proowner FROM pg_proc p WHERE p.pronamespace ="
            " 'qt001_cp_watch'::regnamespace UNION ALL SELECT c.relowner FROM pg_class c WHERE c.relnamespace = 'qt001_cp_watch'::regnamespace)"
        ).fetchall()
    assert (held, owners) == ([], [(True,)])


def test_a_callers_own_names_and_settings_do_not_bend_it(opened: Stage) -> None:
    """Even a superuser's session with tables of the guard's names before everything else."""
    with opened.connect() as caller, opened.connect() as admin:
        caller.execute(CALL)
        caller.execute("CREATE TEMP TABLE verdict AS SELECT * FROM qt001_cp.verdict")
        caller.execute("CREATE TEMP TABLE change (xid xid8)")
        caller.execute("SET search_path = pg_temp, public")
        admin.execute(CHANGE)
        try:
            blocked(caller)
        finally:
            admin.execute(BACK)
        caller.execute(CALL)


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("ALTER EVENT TRIGGER qt001_cp_watch_drop ENABLE REPLICA", "an event trigger of the watch"),
        ("ALTER TABLE qt001_cp.person DISABLE TRIGGER noted", "a trigger of the watch"),
        ("ALTER TABLE qt001_cp_watch.change DISABLE TRIGGER settle", "a trigger of the watch"),
        ("ALTER TABLE qt001_cp_watch.latch OWNER TO qt001_cp_owner", "a role that is not a superuser"),
    ],
)
def test_a_weakened_watch_keeps_nothing_and_needs_a_new_sign_off(opened: Stage, statement: str, reason: str) -> None:
    with opened.connect() as admin, admin.transaction(force_rollback=True):
        admin.execute(statement.encode())
        mode = admin.execute("SELECT mode, reason FROM qt001_cp.guard_mode()").fetchone()
        assert mode is not None
        assert mode[0] == "exact"
        assert reason in mode[1]
        closed = admin.execute("SELECT gate FROM qt001_cp.gate_findings() WHERE gate = 'sign_off_present'").fetchall()
    assert closed == [("sign_off_present",)]


def test_whoever_takes_the_latch_early_and_stays_is_named(opened: Stage) -> None:
    """An administrator changes what is protected, has the end of the change begin, and keeps the transaction open."""
    with opened.connect(SERVICE) as service, opened.connect() as admin:
        service.execute(CALL)
        admin.execute("BEGIN")
        admin.execute(CHANGE)
        admin.execute("SET CONSTRAINTS ALL IMMEDIATE")
        service.execute("SET statement_timeout = '60s'")
        with pytest.raises(psycopg.Error) as refused:
            service.execute(CALL)
        assert refused.value.sqlstate == "55P03"
        said = str(refused.value)
        assert f"session {admin.info.backend_pid} of postgres, in a transaction since " in said, said
        assert f"SELECT pg_terminate_backend({admin.info.backend_pid});" in said, said
        admin.execute("ROLLBACK")
        service.execute(CALL)


def test_without_event_triggers_every_call_is_judged(opened: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    """The watch is gone: the guard does without by itself, after a new sign-off, and says so."""
    with opened.connect(SERVICE) as service, opened.connect() as admin:
        service.execute(CALL)
        kept = admin.execute("SELECT * FROM qt001_cp.verdict").fetchone()
        main(["status", "--database", opened.scene.dsn(OPERATOR)])
        assert "guard kept: " in capsys.readouterr().out
        run(opened, DROP_WATCH)
        blocked(service)
        main(["status", "--database", opened.scene.dsn(OPERATOR)])
        assert (
            "guard exact: FIX7c was deployed without superuser: there are no event triggers" in capsys.readouterr().out
        )
        admin.execute("SET SESSION AUTHORIZATION qt001_auditor")
        admin.execute("SELECT qt001_cp.sign_off(qt001_cp.subject_digest(), 'test', 600)")
        admin.execute("RESET SESSION AUTHORIZATION")
        service.execute(CALL)
        assert admin.execute("SELECT * FROM qt001_cp.verdict").fetchone() == kept
        admin.execute(CHANGE)
        blocked(service)
        admin.execute(BACK)
        service.execute(CALL)
