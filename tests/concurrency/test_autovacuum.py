"""Autovacuum of a large table goes on for hours: it gives way to the cutover, as it does to any session that waits for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from tests.concurrency.support import forward, stage_of, until
from tests.conftest import Stage

_SLOW = {
    "autovacuum": "on", "autovacuum_naptime": "1s", "autovacuum_vacuum_threshold": "30000",
    "autovacuum_vacuum_scale_factor": "0", "autovacuum_vacuum_cost_delay": "100ms", "autovacuum_vacuum_cost_limit": "1",
}  # fmt: skip


@contextmanager
def _slow_autovacuum(connection: psycopg.Connection) -> Iterator[None]:
    try:
        for name, value in _SLOW.items():
            connection.execute(f"ALTER SYSTEM SET {name} = '{value}'".encode())
        connection.execute("SELECT pg_reload_conf()")
        yield
    finally:
        for name in _SLOW:
            connection.execute(f"ALTER SYSTEM RESET {name}".encode())
        connection.execute("SELECT pg_reload_conf()")


def _vacuums(connection: psycopg.Connection) -> bool:
    query = (
        "SELECT EXISTS (SELECT 1 FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE a.backend_type = 'autovacuum worker'"
        " AND l.relation = 'qt001_data.rejected_row'::regclass AND l.mode = 'ShareUpdateExclusiveLock' AND l.granted)"
    )
    return connection.execute(query).fetchone() == (True,)


def test_autovacuum_gives_way(at_recorded: Stage) -> None:
    with at_recorded.connect() as connection, _slow_autovacuum(connection):
        connection.execute(
            "INSERT INTO qt001_data.rejected_row (raw, reason) SELECT '{}', 'late' FROM generate_series(1, 40000)"
        )
        connection.execute("DELETE FROM qt001_data.rejected_row WHERE reason = 'late'")
        if connection.info.server_version >= 150000:
            connection.execute("SELECT pg_stat_force_next_flush()")
        until("autovacuum is at work", lambda: _vacuums(connection))
        at_recorded.scene.psql(forward(at_recorded, lock_timeout="10s"))
        assert stage_of(connection) == "fix7b"
