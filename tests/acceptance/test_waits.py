"""No lock of the application holds or closes anything; what only closes waits for no guarded write; who is waited for is named."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from qt001_cp.rehearsal.scene import AUDITOR, SCANNER, VERIFIER
from tests.acceptance.attempt import SERVICE
from tests.acceptance.support import CALL, sign, superuser
from tests.concurrency.support import until
from tests.conftest import Stage

pytestmark = pytest.mark.slow

APPLICATION = "directus"
OTHER_CALL = CALL.replace("QT001-0001", "QT001-0002")
"""A write of another row: a guarded write that is open has locked its own."""
REFUSE = "SELECT qt001_cp.refuse_sign_off(qt001_cp.subject_digest(), 'no')"
REVOKE = "REVOKE UPDATE ON public.qt001_source FROM intern"
GRANT = "GRANT UPDATE ON public.qt001_source TO intern"
LOCKABLE = """
SELECT format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', c.oid::regclass) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v') AND c.relowner = 'directus'::regrole AND n.nspname !~ '^pg_' ORDER BY 1
"""
"""What the application can lock: what it owns. A view's lock goes through to what it reads, so tables come with it."""
OWN_DDL = (
    "ALTER TABLE public.tags ALTER COLUMN id SET STATISTICS 50",
    "GRANT SELECT ON public.tags TO PUBLIC",
)


def patient(connection: psycopg.Connection) -> psycopg.Connection:
    """Nothing in this file waits without end: a statement that does is cancelled, and the test fails."""
    connection.execute("SET statement_timeout = '100s'")
    return connection


@pytest.fixture
def application(opened: Stage) -> Iterator[psycopg.Connection]:
    """A session of the application in an open transaction; taken back at the end, and the auditor's refusal too."""
    with opened.connect(APPLICATION) as connection:
        connection.execute("BEGIN")
        yield connection
        connection.execute("ROLLBACK")
    superuser(opened, REVOKE)
    sign(opened)


def nobody_waits(stage: Stage) -> None:
    """Every control-plane call goes through, and says what it says without the application: a clean state, a writer that writes."""
    with (
        patient(stage.connect(SERVICE)) as service,
        patient(stage.connect()) as admin,
        patient(stage.connect(VERIFIER)) as verifier,
        patient(stage.connect(SCANNER)) as scanner,
        patient(stage.connect(AUDITOR)) as auditor,
    ):
        admin.execute(REVOKE)  # noted: the next call of the writer computes all gates
        service.execute(OTHER_CALL)
        assert verifier.execute("SELECT qt001_cp.verify()").fetchone() == ([],)
        assert scanner.execute("SELECT qt001_cp.scan()").fetchone() == ([],)
        assert admin.execute("SELECT accepted FROM qt001_cp.v_fix7_acceptance").fetchone() == (True,)
        assert admin.execute("SELECT count(*) FROM qt001_cp.v_fix7_gate WHERE NOT open").fetchone() == (0,)
        assert admin.execute("SELECT object FROM qt001_cp.drift()").fetchall() == []
        service.execute(OTHER_CALL)
        auditor.execute(REFUSE)
        with pytest.raises(psycopg.Error) as refused:
            service.execute(OTHER_CALL)
    assert refused.value.sqlstate == "QT301"
    assert "sign_off_present" in str(refused.value)


def test_locks_on_all_that_the_application_owns_hold_nobody(opened: Stage, application: psycopg.Connection) -> None:
    with opened.connect() as admin:
        locks = [row[0] for row in admin.execute(LOCKABLE)]
    assert "LOCK TABLE articles IN ACCESS EXCLUSIVE MODE" in locks
    for lock in locks:
        application.execute("SAVEPOINT one")
        try:
            application.execute(lock)
        except psycopg.errors.InsufficientPrivilege:  # a view over something that is no longer its own
            application.execute("ROLLBACK TO one")
    nobody_waits(opened)


@pytest.mark.parametrize("early", [False, True], ids=["deferred", "at once"])
@pytest.mark.parametrize("statement", OWN_DDL)
def test_a_change_of_its_own_that_stays_open_holds_nobody(
    opened: Stage, application: psycopg.Connection, statement: str, early: bool
) -> None:
    application.execute(statement.encode())
    if early:
        application.execute("SET CONSTRAINTS ALL IMMEDIATE")
    nobody_waits(opened)


def test_who_may_hold_writers(opened: Stage) -> None:
    """Superusers, the owners of what is protected and of what decides; of all others nobody, and nobody can say so of a change."""
    query = (
        "SELECT rolname FROM pg_roles r WHERE NOT rolsuper AND has_schema_privilege(r.oid, 'qt001_cp_watch', 'USAGE')"
        " AND has_function_privilege(r.oid, 'qt001_cp_watch.hold()', 'EXECUTE')"
        " AND NOT pg_has_role(r.oid, 'qt001_cp_owner', 'MEMBER')"
    )
    with opened.connect() as admin, opened.connect(APPLICATION) as application:
        assert admin.execute(query).fetchall() == []
        assert "directus" not in str(admin.execute("SELECT qt001_cp.may_change_what_runs()").fetchone())
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            application.execute("SELECT qt001_cp_watch.hold()")


def test_the_end_of_its_change_holds_nobody(opened: Stage, application: psycopg.Connection) -> None:
    """A cursor that is kept runs its query while the transaction commits, after every deferred trigger."""
    application.execute("ALTER TABLE public.tags ADD COLUMN late int")
    application.execute("DECLARE kept CURSOR WITH HOLD FOR SELECT pg_sleep(60)")
    with ThreadPoolExecutor(1) as pool:
        commits = pool.submit(application.execute, "COMMIT")
        with opened.connect() as admin:
            asleep = f"SELECT count(*) FROM pg_stat_activity WHERE pid = {application.info.backend_pid} AND wait_event = 'PgSleep'"
            until("its commit sleeps", lambda: admin.execute(asleep).fetchone() == (1,))
            nobody_waits(opened)
            admin.execute("SELECT pg_cancel_backend(%s)", [application.info.backend_pid])
        with pytest.raises(psycopg.errors.QueryCanceled):
            commits.result(60)


def test_a_prepared_change_of_its_own_holds_nobody(opened: Stage, application: psycopg.Connection) -> None:
    application.execute("ALTER TABLE public.tags ALTER COLUMN id SET STATISTICS 50")
    application.execute("PREPARE TRANSACTION 'own'")
    try:
        nobody_waits(opened)
    finally:
        application.execute("ROLLBACK PREPARED 'own'")
        application.execute("BEGIN")


def test_what_only_closes_does_not_wait_for_a_prepared_write(opened: Stage) -> None:
    """And what may change what the write runs is refused in its time, with the one thing to type that ends it."""
    with opened.connect(SERVICE) as service, patient(opened.connect()) as admin:
        service.execute(CALL)
        service.execute("BEGIN")
        service.execute(CALL)
        service.execute("PREPARE TRANSACTION 'hold ''it'")
        try:
            admin.execute("SET lock_timeout = '500ms'")
            with pytest.raises(psycopg.Error) as refused:
                admin.execute(GRANT)
            assert refused.value.sqlstate == "QT307"
            assert "prepared transaction 'hold ''it' of qt001_service, since " in str(refused.value)
            assert "ROLLBACK PREPARED 'hold ''it';" in str(refused.value.diag.message_hint)
            nobody_waits(opened)
        finally:
            admin.execute("COMMIT PREPARED 'hold ''it'")
        sign(opened)
        service.execute(CALL)


def test_a_guarded_write_that_stays_open_is_named_and_stops_no_refusal(opened: Stage) -> None:
    with opened.connect(SERVICE) as service, patient(opened.connect()) as admin:
        service.execute("BEGIN")
        service.execute(CALL)
        admin.execute("SET lock_timeout = '500ms'")
        with pytest.raises(psycopg.Error) as refused:
            admin.execute(GRANT)
        assert refused.value.sqlstate == "QT307"
        assert f"session {service.info.backend_pid} of qt001_service, in a transaction since " in str(refused.value)
        assert f"SELECT pg_terminate_backend({service.info.backend_pid});" in str(refused.value.diag.message_hint)
        nobody_waits(opened)
        service.execute("COMMIT")
    sign(opened)


def test_a_duty_that_keeps_the_ledger_is_named(opened: Stage) -> None:
    with opened.connect(AUDITOR) as first, patient(opened.connect(VERIFIER)) as verifier:
        first.execute("BEGIN")
        first.execute("SELECT qt001_cp.refuse_sign_off('another subject', 'no')")
        verifier.execute("SET lock_timeout = '300ms'")
        with pytest.raises(psycopg.Error) as refused:
            verifier.execute("SELECT qt001_cp.verify()")
        assert refused.value.sqlstate == "55P03"
        assert f"session {first.info.backend_pid} of qt001_auditor" in str(refused.value)
        assert f"SELECT pg_terminate_backend({first.info.backend_pid});" in str(refused.value.diag.message_hint)
        first.execute("ROLLBACK")
        assert verifier.execute("SELECT qt001_cp.verify()").fetchone() == ([],)


def test_a_lock_on_what_is_protected_is_named(opened: Stage) -> None:
    """A superuser's own: the rows of a source table cannot be counted meanwhile."""
    with opened.connect() as holder, patient(opened.connect()) as reader:
        holder.execute("BEGIN; LOCK TABLE public.qt001_source IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(psycopg.Error) as refused:
            reader.execute("SELECT * FROM qt001_cp.v_fix7_gate")
        assert refused.value.sqlstate == "55P03"
        assert f"session {holder.info.backend_pid} of " in str(refused.value)
        holder.execute("ROLLBACK")


def test_writers_wait_for_the_one_that_computes(opened: Stage) -> None:
    """Who comes meanwhile takes its answer: the gates are computed once."""
    number = "SELECT number FROM qt001_cp.verdict"
    with opened.connect(SERVICE) as service, opened.connect() as admin, ThreadPoolExecutor(1) as pool:
        superuser(opened, REVOKE)
        admin.execute("BEGIN; LOCK TABLE qt001_cp_watch.turn IN EXCLUSIVE MODE")
        admin.execute(CALL)
        kept = admin.execute(number).fetchone()
        waits = pool.submit(service.execute, CALL)
        waiting = "SELECT count(*) FROM pg_locks WHERE relation = 'qt001_cp_watch.turn'::regclass AND NOT granted"
        until("the other writer waits", lambda: admin.execute(waiting).fetchone() == (1,))
        admin.execute("COMMIT")
        waits.result(60)
        assert admin.execute(number).fetchone() == kept


def test_nobody_waits_long_for_one_that_computes(opened: Stage) -> None:
    with patient(opened.connect(SERVICE)) as service, opened.connect() as admin:
        superuser(opened, REVOKE)
        admin.execute("BEGIN; LOCK TABLE qt001_cp_watch.turn IN EXCLUSIVE MODE")
        service.execute(CALL)
        admin.execute("ROLLBACK")
