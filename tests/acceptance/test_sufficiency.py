"""A gate that can never open proves nothing: with real evidence and an independent sign-off the writer writes."""

from __future__ import annotations

import psycopg
import pytest

from qt001_cp.rehearsal.state import data_digest
from tests.acceptance.closers import GATES
from tests.acceptance.support import CALL, closed, open_all, superuser
from tests.conftest import Stage


@pytest.mark.parametrize("test_authority", [True, False], ids=["test authority", "real evidence"])
def test_the_writer_is_blocked_and_opens_for_evidence(at_fix7c_done: Stage, test_authority: bool) -> None:
    with at_fix7c_done.connect("qt001_service") as service, at_fix7c_done.connect() as admin:
        before = data_digest(admin, without="qt001_cp")
        with pytest.raises(psycopg.Error) as refused:
            service.execute(CALL)
        assert refused.value.sqlstate == "QT301"
        assert data_digest(admin, without="qt001_cp") == before
        open_all(at_fix7c_done, test_authority=test_authority)
        answer = admin.execute("SELECT accepted, open_gates FROM qt001_cp.v_fix7_acceptance").fetchone()
        assert answer == (True, len(GATES))
        service.execute(CALL)
        title = admin.execute("SELECT title FROM public.qt001_source WHERE code = 'QT001-0001'").fetchone()
    assert title == ("Water level",)


@pytest.mark.parametrize("level", ["REPEATABLE READ", "SERIALIZABLE"])
def test_an_older_snapshot_is_refused_even_when_all_gates_are_open(at_fix7c_done: Stage, level: str) -> None:
    open_all(at_fix7c_done)
    with at_fix7c_done.connect("qt001_service") as service:
        service.execute(f"BEGIN ISOLATION LEVEL {level}")
        with pytest.raises(psycopg.Error) as refused:
            service.execute(CALL)
    assert refused.value.sqlstate == "QT305"


REPLICA = "SET session_replication_role = replica"


@pytest.mark.parametrize("by", [REPLICA, f"ALTER ROLE qt001_service {REPLICA}"])
def test_a_session_of_replica_role_is_refused_even_when_all_gates_are_open(at_fix7c_done: Stage, by: str) -> None:
    """The writer would write without its triggers and foreign keys."""
    open_all(at_fix7c_done)
    with at_fix7c_done.connect() as admin:
        before = admin.execute("SELECT count(*) FROM public.qt001_write_log").fetchone()
        parameter = admin.info.server_version >= 150000
        power = "GRANT SET ON PARAMETER session_replication_role TO" if parameter else "ALTER ROLE"
        admin.execute(f"{power} qt001_service{'' if parameter else ' SUPERUSER'}".encode())
        try:
            if by != REPLICA:
                admin.execute(by.encode())
            with at_fix7c_done.connect("qt001_service") as service:
                if by == REPLICA:
                    service.execute(by.encode())
                with pytest.raises(psycopg.Error) as refused:
                    service.execute(CALL)
            after = admin.execute("SELECT count(*) FROM public.qt001_write_log").fetchone()
        finally:
            admin.execute("ALTER ROLE qt001_service RESET session_replication_role")
            power = "REVOKE SET ON PARAMETER session_replication_role FROM" if parameter else "ALTER ROLE"
            admin.execute(f"{power} qt001_service{'' if parameter else ' NOSUPERUSER'}".encode())
    assert refused.value.sqlstate == "QT305"
    assert "session_replication_role origin, found replica" in str(refused.value)
    assert after == before


def test_the_test_authority_counts_only_where_the_bootstrap_said_so(at_fix7c_done: Stage) -> None:
    open_all(at_fix7c_done)
    superuser(at_fix7c_done, "UPDATE qt001_cp.bootstrap SET test_authority = false")
    assert set(closed(at_fix7c_done)) == {"capability_evidence_real"}


def test_each_part_of_the_apply_path_asks(at_fix7c_done: Stage) -> None:
    """As the owner, without the gateway in between: writer, apply and permit refuse by themselves."""
    calls = (
        "SELECT public.qt001_write('{}'::jsonb)",
        "SELECT public.qt001_permit('{}'::jsonb)",
        "SELECT public.qt001_apply(gen_random_uuid(), '{}'::jsonb)",
        "SELECT public.qt001_refresh_statistics()",
    )
    with at_fix7c_done.connect() as admin:
        for call in calls:
            with pytest.raises(psycopg.Error) as refused:
                admin.execute(call)
            assert refused.value.sqlstate == "QT301", call
