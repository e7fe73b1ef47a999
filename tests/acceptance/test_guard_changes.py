"""The guard keeps a verdict; after each way of changing something the very next call is refused, in every session."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from tests.acceptance.attempt import SERVICE
from tests.acceptance.changes import CHANGES, JUDGED_AGAIN, UNNOTICED, Change
from tests.acceptance.support import CALL
from tests.conftest import Stage


@pytest.fixture(scope="module")
def service(opened: Stage) -> Iterator[psycopg.Connection]:
    """A session of the application's service that is open all the time."""
    with opened.connect(SERVICE) as connection:
        yield connection


def epoch(stage: Stage) -> int:
    with stage.connect() as admin:
        row = admin.execute("SELECT number FROM qt001_cp.verdict").fetchone()
    assert row is not None
    return int(row[0])


def kept(stage: Stage, service: psycopg.Connection) -> int:
    """Calls until the verdict is kept; the epoch under which it is, and under which a second call is not judged again."""
    service.execute(CALL)
    number = epoch(stage)
    assert number > 0
    service.execute(CALL)
    assert epoch(stage) == number
    return number


def refusal(connection: psycopg.Connection) -> str:
    with pytest.raises(psycopg.Error) as refused:
        connection.execute(CALL)
    assert refused.value.sqlstate == "QT301"
    return str(refused.value.diag.message_primary)


@pytest.mark.slow
@pytest.mark.parametrize("change", CHANGES, ids=str)
def test_the_next_call_after_a_change_is_refused(opened: Stage, service: psycopg.Connection, change: Change) -> None:
    kept(opened, service)
    with opened.connect() as admin:
        admin.execute(CALL)
        for statement in change.do:
            admin.execute(statement)
        try:
            assert change.gate in refusal(admin), "in the session that made the change"
            assert change.gate in refusal(service), "in a session that was open before"
        finally:
            for statement in change.undo:
                admin.execute(statement)
    service.execute(CALL)


def test_what_changes_nothing_is_not_refused(opened: Stage, service: psycopg.Connection) -> None:
    number = kept(opened, service)
    with opened.connect() as admin:
        for statement in UNNOTICED:
            admin.execute(statement)
            service.execute(CALL)
            assert epoch(opened) == number, statement
        for statement in JUDGED_AGAIN:
            admin.execute(statement)
            number = kept(opened, service)


def test_a_change_that_is_rolled_back_changes_nothing(opened: Stage, service: psycopg.Connection) -> None:
    number = kept(opened, service)
    with opened.connect() as admin, admin.transaction(force_rollback=True):
        admin.execute("DROP TABLE public.qt001_setting CASCADE")
        assert "inventory_exact" in refusal_inside(admin)
        service.execute(CALL)
    service.execute(CALL)
    assert epoch(opened) == number


def refusal_inside(connection: psycopg.Connection) -> str:
    with pytest.raises(psycopg.Error) as refused, connection.transaction():
        connection.execute(CALL)
    return str(refused.value.diag.message_primary)


def test_a_verdict_ends_with_the_sign_off(opened: Stage, service: psycopg.Connection) -> None:
    """Time cannot be turned forward: a shorter sign-off brings the end nearer, and a verdict past its end is not taken."""
    number = kept(opened, service)
    with opened.connect() as admin:
        assert (
            admin.execute("SELECT valid_until - made_at FROM qt001_cp.verdict").fetchone()
            == admin.execute("SELECT interval '5 minutes'").fetchone()
        )
        admin.execute("UPDATE qt001_cp.verdict SET valid_until = clock_timestamp()")
        service.execute(CALL)
        assert epoch(opened) == number + 1
        admin.execute("SET SESSION AUTHORIZATION qt001_auditor")
        admin.execute("SELECT qt001_cp.sign_off(qt001_cp.subject_digest(), 'test', 100)")
        admin.execute("RESET SESSION AUTHORIZATION")
        service.execute(CALL)
        row = admin.execute(
            "SELECT v.valid_until = (e.detail ->> 'valid_until')::timestamptz FROM qt001_cp.verdict v, qt001_cp.v_event e"
            " WHERE e.verb = 'signed' ORDER BY e.seq DESC LIMIT 1"
        ).fetchone()
    assert row == (True,)


def test_the_verdict_says_of_what_it_speaks(opened: Stage, service: psycopg.Connection) -> None:
    kept(opened, service)
    with opened.connect() as admin:
        row = admin.execute(
            "SELECT v.subject = qt001_cp.subject_digest(), v.made_by,"
            " v.head = (SELECT e.digest FROM qt001_cp.event e ORDER BY e.seq DESC LIMIT 1) FROM qt001_cp.verdict v"
        ).fetchone()
        assert row is not None
        assert (row[0], row[2]) == (True, True)
        assert row[1] in (SERVICE, "postgres")
        mode = admin.execute("SELECT mode FROM qt001_cp.guard_mode()").fetchone()
    assert mode == ("kept",)
