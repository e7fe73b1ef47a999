"""The locks come late: writers go on until the statements that need them, and nobody is the victim of a deadlock."""

from __future__ import annotations

import threading

import psycopg
import pytest

from qt001_cp.rehearsal.scene import OPERATOR
from tests.concurrency.support import back, forward, running, stage_of, until, waits_for_a_lock
from tests.conftest import Stage

_LOCKS = 'DO $qt001$ BEGIN PERFORM qt001_cp."lock_relations"('
_EXCLUSIVE = """SELECT l.relation::regclass::text FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
WHERE l.pid = pg_backend_pid() AND l.mode = 'AccessExclusiveLock' AND c.relnamespace NOT IN ('qt001_cp'::regnamespace, 'pg_toast'::regnamespace)
  AND c.relkind <> 'i'"""


@pytest.mark.parametrize("direction", ["forward", "restore"])
def test_no_relation_is_locked_before(at_recorded: Stage, direction: str) -> None:
    """Of all statements in front of the locks none shuts a reader out; behind them every relation that moves is shut."""
    text = forward(at_recorded)
    if direction == "restore":
        with running(at_recorded, text) as script:
            assert script.end()[0] == 0
        text = back(at_recorded)
    before, locks, rest = text.partition(_LOCKS)
    assert locks, text
    with at_recorded.connect(OPERATOR) as operator:
        for statement in _statements(before):
            operator.execute(statement.encode())
        assert operator.execute(_EXCLUSIVE).fetchall() == []
        operator.execute((_LOCKS + rest.partition(";\n\n")[0]).encode())
        held = {r[0] for r in operator.execute(_EXCLUSIVE)}
        operator.execute("ROLLBACK")
    assert {"qt001_source", "qt001_status", "qt001_source_id_seq"} <= {h.rpartition(".")[2] for h in held}, held


def test_what_cannot_be_opened_before_is_left(at_recorded: Stage) -> None:
    """One that somebody has locked, and one that is gone: the locks, which come next, say what there is to say."""
    with at_recorded.connect(OPERATOR) as operator, at_recorded.connect() as other:
        locked = "SELECT 'public.qt001_setting'::regclass::oid"
        for numbers in ("SELECT 1", "SELECT NULL WHERE false"):
            operator.execute(f"SELECT qt001_cp.warm_relation_cache(ARRAY({numbers})::oid[])".encode())
        other.execute("BEGIN")
        other.execute("LOCK TABLE public.qt001_setting")
        operator.execute("BEGIN")
        operator.execute(f"SELECT qt001_cp.warm_relation_cache(ARRAY({locked}))".encode())
        assert operator.execute("SHOW lock_timeout").fetchone() == ("0",)
        operator.execute("ROLLBACK")
        other.execute("ROLLBACK")


@pytest.mark.parametrize(
    ("statement", "waits"),
    [("ALTER FUNCTION public.qt001_touch() COST 7", True), ("TRUNCATE public.qt001_setting CASCADE", False)],
)
def test_nobody_is_the_victim_of_a_deadlock(at_recorded: Stage, statement: str, waits: bool) -> None:
    """The script waits for a table that somebody reads, who then changes what the script has changed already, or asks for more
    on that table: whoever it is goes on, and the script either gives up or ends. deadlock_timeout passes several times."""
    ended: list[str] = []
    with at_recorded.connect() as other, at_recorded.connect() as seen:
        pid = other.info.backend_pid
        other.execute("BEGIN")
        other.execute("LOCK TABLE public.qt001_setting IN ACCESS SHARE MODE")

        def change() -> None:
            try:
                other.execute(statement.encode())
                ended.append("done")
            except psycopg.Error as exc:
                ended.append(str(exc.sqlstate))

        with running(at_recorded, forward(at_recorded, lock_timeout="3s")) as script:
            until("the script waits for the table", lambda: waits_for_a_lock(at_recorded))
            thread = threading.Thread(target=change)
            thread.start()
            until("the other one waits for the script, or goes on", lambda: _waits(seen, pid) or bool(ended))
            assert bool(ended) is not waits, ended
            code, said = script.end()
            thread.join()
        other.execute("ROLLBACK")
    assert ended == ["done"], said
    assert code == 3, said
    assert "ERROR:  55P03:" in said, said
    assert f"held by session {pid}" in said, said
    with at_recorded.connect() as connection:
        assert stage_of(connection) == "fix7a"


def _waits(seen: psycopg.Connection, pid: int) -> bool:
    row = seen.execute("SELECT cardinality(pg_blocking_pids(%s)) > 0", [pid]).fetchone()
    return bool(row and row[0])


def _statements(text: str) -> list[str]:
    """Alembic puts an empty line behind each."""
    return [s for s in text.split(";\n\n") if s.strip()]
