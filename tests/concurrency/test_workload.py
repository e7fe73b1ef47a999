"""Writers and readers of the application beside the stage: the old world, the new world, or the expected refusal."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field

import psycopg
import pytest

from qt001_cp.rehearsal.scene import VERIFIER
from tests.concurrency.support import back, forward, running, stage_of, until, waits_for_a_lock
from tests.conftest import Stage

PAYLOAD = """{"code": "QT-9001", "title": "workload", "severity": "low", "reason": "test", "lines":
              [{"description": "one", "quantity": 1, "price": 2}]}"""
BLOCKED = "55000"
"""The estate's own writer says that it is blocked: FIX7b wants it blocked, and its downgrade leaves it so."""
REFUSED = frozenset({"42501", "QT301"})
OLD_WRITER = frozenset({BLOCKED})
CALLS = {
    "gateway": ("SELECT public.qt001_gateway(%s::jsonb)", OLD_WRITER | REFUSED),
    "table": ("SELECT count(*) FROM public.qt001_write_log", REFUSED),
    "protected": ("UPDATE public.qt001_source SET title = title WHERE code = 'QT-0001'", REFUSED),
    "lines": ("DELETE FROM public.qt001_source_line WHERE false", REFUSED),
    "curated": ("SELECT count(*) FROM public.qt001_status", REFUSED),
    "retained": ("UPDATE public.articles SET title = title WHERE id = 1", frozenset[str]()),
    "both": (
        "WITH a AS (UPDATE public.articles SET title = title WHERE id = 2 RETURNING 1) SELECT count(*) FROM a, public.qt001_source",
        REFUSED,
    ),
    "scratch": ("CREATE TEMPORARY TABLE IF NOT EXISTS scratch AS SELECT 1 AS one", REFUSED),
}


@dataclass
class Workload:
    """One session a call, each in a loop until told to stop; ``answers`` has (call, SQLSTATE or 'done')."""

    stage: Stage
    stop: threading.Event = field(default_factory=threading.Event)
    answers: Counter[tuple[str, str]] = field(default_factory=Counter)
    messages: dict[tuple[str, str], str] = field(default_factory=dict)

    def __enter__(self) -> Workload:
        self.threads = [threading.Thread(target=self._session, args=(call,)) for call in (*CALLS, "transaction")]
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        for thread in self.threads:
            thread.join()

    def rounds(self, call: str) -> int:
        return sum(n for (name, _), n in self.answers.items() if name == call)

    def _session(self, call: str) -> None:
        with self.stage.connect("directus") as connection:
            while not self.stop.wait(0.002):
                try:
                    if call == "transaction":
                        self._transaction(connection)
                    else:
                        statement = CALLS[call][0]
                        connection.execute(statement, [PAYLOAD] if "%s" in statement else None)
                    key = (call, "done")
                except psycopg.Error as exc:
                    key = (call, exc.sqlstate or f"no SQLSTATE: {exc}")
                    self.messages[key] = str(exc)
                self.answers[key] += 1

    def _transaction(self, connection: psycopg.Connection) -> None:
        """Writes what it keeps, then what it loses: in one transaction, so it may be on the way when the locks come."""
        with connection.transaction():
            connection.execute("UPDATE public.articles SET title = title WHERE id = 3")
            connection.execute("UPDATE public.qt001_source SET title = title WHERE code = 'QT-0002'")
            connection.execute("UPDATE public.qt001_permit_record SET state = state WHERE false")

    def judge(self) -> None:
        allowed = {**{name: states for name, (_, states) in CALLS.items()}, "transaction": REFUSED}
        odd = {k: self.messages[k] for k in self.answers if k[1] != "done" and k[1] not in allowed[k[0]]}
        assert not odd, odd
        assert all(self.rounds(name) > 0 for name in allowed), self.answers


def _busy(workload: Workload) -> None:
    """Every session has had an answer since now."""
    before = {name: workload.rounds(name) for name in (*CALLS, "transaction")}
    until("every session is answered", lambda: all(workload.rounds(n) > before[n] for n in before))


def test_while_it_runs_there_and_back(at_recorded: Stage) -> None:
    with Workload(at_recorded) as workload:
        _busy(workload)
        at_recorded.scene.psql(forward(at_recorded))
        _busy(workload)
        at_recorded.scene.psql(back(at_recorded))
        _busy(workload)
    workload.judge()
    for call in ("protected", "table", "transaction"):
        assert workload.answers[call, "done"] > 0, workload.answers
        assert workload.answers[call, "42501"] > 0, workload.answers
    assert workload.answers["gateway", BLOCKED] > 0, workload.answers
    assert workload.answers["gateway", "42501"] > 0, workload.answers


@pytest.mark.slow
def test_while_it_waits_for_a_lock(at_recorded: Stage) -> None:
    with Workload(at_recorded) as workload, at_recorded.connect("reporting") as reader:
        for text, end in (
            (forward(at_recorded, lock_timeout="50s"), "fix7b"),
            (back(at_recorded, lock_timeout="50s"), "fix7a"),
        ):
            reader.execute("BEGIN")
            reader.execute("SELECT 1 FROM public.qt001_source")
            with running(at_recorded, text) as script:
                until("the script waits", lambda: waits_for_a_lock(at_recorded))
                _busy(workload)
                assert script.process.poll() is None, script.end()
                reader.execute("ROLLBACK")
                code, said = script.end()
            assert code == 0, said
            _busy(workload)
            with at_recorded.connect() as connection:
                assert stage_of(connection) == end
    workload.judge()


def test_of_fix7c(at_fix7b_done: Stage) -> None:
    """The writer that asks for acceptance comes and goes under the workload."""
    with Workload(at_fix7b_done) as workload:
        _busy(workload)
        at_fix7b_done.upgrade("fix7c")
        _busy(workload)
        at_fix7b_done.downgrade("fix7b")
        _busy(workload)
    workload.judge()
    with at_fix7b_done.connect(VERIFIER) as connection:
        assert stage_of(connection) == "fix7b"
