"""Autovacuum of a large table goes on for hours: it gives way to the cutover, as it does to any session that waits for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from tests.concurrency.support import forward, stage_of, until
from tests.conftest import Stage
from tests.cutover.support import reseal

_ON = {"autovacuum": "on", "autovacuum_naptime": "1s"}
_SLOW = (
    "autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_cost_delay = 100,"
    " autovacuum_vacuum_cost_limit = 1"
)


@contextmanager
def _autovacuum(connection: psycopg.Connection) -> Iterator[None]:
    try:
        for name, value in _ON.items():
            connection.execute(f"ALTER SYSTEM SET {name} = '{value}'".encode())
        connection.execute("SELECT pg_reload_conf()")
        yield
    finally:
        for name in _ON:
            connection.execute(f"ALTER SYSTEM RESET {name}".encode())
        connection.execute("SELECT pg_reload_conf()")


def _vacuums(connection: psycopg.Connection) -> bool:
    query = (
        "SELECT EXISTS (SELECT 1 FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE a.backend_type = 'autovacuum worker'"
        " AND l.relation = 'qt001_data.rejected_row'::regclass AND l.mode = 'ShareUpdateExclusiveLock' AND l.granted)"
    )
    return connection.execute(query).fetchone() == (True,)


def test_autovacuum_gives_way(at_fix7a_sealed: Stage, tmp_path: Path) -> None:
    stage = at_fix7a_sealed
    with stage.connect() as connection:
        connection.execute(f"ALTER TABLE qt001_data.rejected_row SET ({_SLOW})".encode())
        reseal(stage, tmp_path)
        with _autovacuum(connection):
            connection.execute(
                "INSERT INTO qt001_data.rejected_row (raw, reason) SELECT '{}', 'late' FROM generate_series(1, 40000)"
            )
            connection.execute("DELETE FROM qt001_data.rejected_row WHERE reason = 'late'")
            if connection.info.server_version >= 150000:
                connection.execute("SELECT pg_stat_force_next_flush()")
            until("autovacuum is at work", lambda: _vacuums(connection))
            stage.scene.psql(forward(stage, lock_timeout="10s", rehearsal="first"))
            assert stage_of(connection) == "fix7b"
