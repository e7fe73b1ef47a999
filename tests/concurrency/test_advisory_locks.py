"""Advisory locks are everybody's: whoever keeps one stops neither a stage, nor its reversal, nor the ledger."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from qt001_cp.rehearsal.scene import OPERATOR, VERIFIER
from tests.conftest import Stage
from tests.cutover.support import APPLICATION, refused


@contextmanager
def _keeping(stage: Stage, login: str) -> Iterator[None]:
    with stage.connect(login) as session:
        for name in ("qt001_cp.cutover", "qt001_cp.event"):
            session.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", [name])
        yield


def test_they_stop_no_stage(at_recorded: Stage) -> None:
    with _keeping(at_recorded, "public_only"):
        at_recorded.upgrade("fix7b")
        at_recorded.upgrade("fix7c")
        at_recorded.downgrade("fix7b")


def test_the_application_does_not_stop_the_way_back(at_fix7b_done: Stage) -> None:
    with _keeping(at_fix7b_done, APPLICATION):
        at_fix7b_done.downgrade("fix7a")


def test_the_application_does_not_stop_the_verifier(at_fix7c_done: Stage) -> None:
    with _keeping(at_fix7c_done, APPLICATION), at_fix7c_done.connect(VERIFIER) as verifier:
        verifier.execute("SET statement_timeout = '60s'")
        verifier.execute("SELECT qt001_cp.verify()")
        assert verifier.execute("SELECT verb FROM qt001_cp.v_event ORDER BY seq DESC LIMIT 1").fetchone() == (
            "verified",
        )


def test_whoever_keeps_one_is_named(at_fix7b_done: Stage) -> None:
    said: list[str] = []
    with (
        _keeping(at_fix7b_done, APPLICATION),
        at_fix7b_done.connect(OPERATOR) as operator,
        operator.transaction(force_rollback=True),
    ):
        operator.add_notice_handler(lambda notice: said.append(notice.message_primary or ""))
        operator.execute("SELECT qt001_cp.take_stage_lock()")
    assert any("of directus holds the advisory lock" in line for line in said), said


def test_another_operator_is_named(at_recorded: Stage) -> None:
    with at_recorded.connect(OPERATOR) as first, first.transaction(force_rollback=True):
        first.execute("SELECT qt001_cp.take_stage_lock()")
        refused(at_recorded, "QT123", f"session {first.info.backend_pid} of {OPERATOR}")


def test_only_an_operator_takes_the_lock_that_decides(at_recorded: Stage) -> None:
    for login in (APPLICATION, VERIFIER):
        with at_recorded.connect(login) as session:
            try:
                session.execute("SELECT qt001_cp.lock_stage()")
            except psycopg.errors.InsufficientPrivilege:
                continue
        raise AssertionError(f"{login} took it")
