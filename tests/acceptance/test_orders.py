"""Steps of three sessions in sampled orders: no write goes on with a verdict older than a change of what it runs, and what only
closes waits for nobody."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random

import psycopg
import pytest

from qt001_cp.rehearsal.scene import AUDITOR
from tests.acceptance.attempt import SERVICE
from tests.acceptance.support import CALL, sign, superuser
from tests.concurrency.support import until
from tests.conftest import Stage

SEEDS = range(12)
STEPS = {
    "writes": ("BEGIN", CALL, CALL, "COMMIT"),
    "changes": ("BEGIN", "GRANT UPDATE ON public.qt001_source TO intern", "COMMIT"),
    "closes": ("BEGIN", "SELECT qt001_cp.refuse_sign_off(qt001_cp.subject_digest(), 'no')", "COMMIT"),
}
LOGINS = {"writes": SERVICE, "changes": None, "closes": AUDITOR}
BACK = "REVOKE UPDATE ON public.qt001_source FROM intern"


@dataclass
class Done:
    """One step: when it began and ended, by a clock that all sessions share, and the SQLSTATE of its refusal."""

    began: int
    ended: int
    sqlstate: str | None


@dataclass
class Session:
    """One connection, which does its steps one after the other."""

    connection: psycopg.Connection
    clock: Iterator[int]
    pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1))
    steps: list[Future[Done]] = field(default_factory=list)

    def take(self, statement: str) -> None:
        self.steps.append(self.pool.submit(self._take, statement))

    def _take(self, statement: str) -> Done:
        began = next(self.clock)
        try:
            self.connection.execute(statement.encode())
        except psycopg.Error as error:
            return Done(began, next(self.clock), error.sqlstate)
        status = self.connection.info.transaction_status
        failed = status == psycopg.pq.TransactionStatus.INERROR
        return Done(began, next(self.clock), "25P02" if failed else None)


@contextmanager
def sessions(stage: Stage) -> Iterator[dict[str, Session]]:
    clock = itertools.count()
    with (
        stage.connect(LOGINS["writes"]) as writes,
        stage.connect(LOGINS["changes"]) as changes,
        stage.connect(LOGINS["closes"]) as closes,
    ):
        made = {
            name: Session(connection, clock)
            for name, connection in (("writes", writes), ("changes", changes), ("closes", closes))
        }
        for session in made.values():
            session.connection.execute("SET lock_timeout = '2s'; SET statement_timeout = '100s'")
        yield made
        for session in made.values():
            session.pool.shutdown(wait=True)


def settled(admin: psycopg.Connection, session: Session) -> bool:
    """Whether its last step has ended, or waits for somebody's lock."""
    waits = "SELECT count(*) FROM pg_locks WHERE pid = %s AND NOT granted"
    return session.steps[-1].done() or admin.execute(waits, [session.connection.info.backend_pid]).fetchone() == (1,)


def order(seed: int) -> list[str]:
    drawn = [name for name, steps in STEPS.items() for _ in steps]
    Random(seed).shuffle(drawn)
    return drawn


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_no_order_lets_a_stale_write_through(opened: Stage, seed: int) -> None:
    superuser(opened, BACK)
    sign(opened)
    with sessions(opened) as made, opened.connect() as admin:
        for name in order(seed):
            session = made[name]
            session.take(STEPS[name][len(session.steps)])
            until(f"a step of {name}", lambda session=session: settled(admin, session))  # type: ignore[misc]
            if name == "closes":
                until("what only closes ends", session.steps[-1].done)
        done = {name: [step.result(100) for step in session.steps] for name, session in made.items()}
    told = (order(seed), done)
    closed, changed, committed = done["closes"][-1], done["changes"], done["writes"][-1]
    assert [step.sqlstate for step in done["closes"]] == [None, None, None], told
    calls = done["writes"][1:3]
    for call in calls:
        assert call.sqlstate in (None, "QT301", "25P02", "55P03"), told
        assert call.sqlstate is not None or not closed.ended < call.began, told
    if all(step.sqlstate is None for step in calls + changed):
        assert not changed[-1].ended < committed.began, told
