"""Where a script is stopped, what is killed there, and waiting until nothing of it is left."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import psycopg
import pytest

from qt001_cp.rehearsal.scene import OPERATOR
from tests.concurrency.support import until
from tests.faults.world import DATABASE, World


@dataclass(frozen=True)
class Point:
    """``statement``: before the ``nth`` with a tag; ``line``: before a line of the script, all before it answered;
    ``ledger``: in the first INSERT of an event; ``commit``: committed here, and waiting for a standby that never comes."""

    kind: Literal["statement", "line", "ledger", "commit"]
    what: str = ""
    nth: int = 1


LEDGER = Point("ledger")
AT_COMMIT = Point("commit")


def statement(tag: str, nth: int) -> Point:
    return Point("statement", tag, nth)


def before_line(line: str) -> Point:
    return Point("line", line)


def killed_at(world: World, text: str, point: Point, kill: str) -> None:
    """Run ``text`` up to ``point``, kill, and wait until the server answers and the script's session is gone."""
    if point.kind == "line":
        head = text[: text.rindex(f"\n{point.what}")]
        text = f"{head}\nSELECT pg_catalog.pg_advisory_xact_lock_shared(43), pg_catalog.pg_sleep(600);\n"
    with _holding(world, point) as holder, _psql(world, text) as (psql, pid):
        until(f"the script comes to {point}", lambda: _stopped(holder, pid, psql, point))
        _kill(world, psql, pid, kill)
        if kill == "client" and point.kind != "line":
            # The backend of a client that is gone goes on until it wants to answer.
            _let_go(holder, point)
        elif kill == "client":
            holder.execute("SELECT pg_cancel_backend(%s)", [pid])
    until("the script's session is gone", lambda: _nobody(world))
    with world.scene.connect() as connection:
        _let_go(connection, point)
        connection.execute("TRUNCATE hold.at")
        if point.kind == "ledger":
            connection.execute("DROP TRIGGER hold ON qt001_cp.event")


@contextmanager
def _holding(world: World, point: Point) -> Iterator[psycopg.Connection]:
    """Whatever makes the script wait at ``point``; the lock goes with the session."""
    holder = world.scene.connect()
    try:
        if point.kind == "commit":
            holder.execute("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
            holder.execute("SELECT pg_reload_conf()")
            said = "SHOW synchronous_standby_names"
            until("the server waits for standbys", lambda: holder.execute(said).fetchone() == ("nobody",))
        elif point.kind == "ledger":
            made = "CREATE TRIGGER hold BEFORE INSERT ON qt001_cp.event FOR EACH ROW EXECUTE FUNCTION hold.insert()"
            holder.execute(made)
        elif point.kind == "statement":
            holder.execute("INSERT INTO hold.at VALUES (%s, %s)", [point.what, point.nth])
        else:
            holder.execute("INSERT INTO hold.at VALUES ('none', 1)")
        holder.execute("SELECT pg_advisory_lock(42)")
        yield holder
    finally:
        holder.close()


def _let_go(connection: psycopg.Connection, point: Point) -> None:
    if point.kind == "commit":
        connection.execute("ALTER SYSTEM RESET synchronous_standby_names")
        connection.execute("SELECT pg_reload_conf()")
    else:
        connection.execute("SELECT pg_advisory_unlock_all()")


@contextmanager
def _psql(world: World, text: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """psql with a file, as the operator, and the process id of its backend."""
    server = world.scene.server
    with tempfile.NamedTemporaryFile("w", suffix=".sql", encoding="utf-8") as file:
        file.write(f"SELECT pg_backend_pid();\n{text}")
        file.flush()
        call = [str(server.bin / "psql"), "-X", "-q", "-At", "-v", "ON_ERROR_STOP=1", "-f", file.name]
        psql = subprocess.Popen(
            call,
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**server.env(DATABASE, OPERATOR), "PGAPPNAME": "running"},
        )
        assert psql.stdout is not None
        try:
            yield psql, int(psql.stdout.readline())
        finally:
            psql.kill()
            psql.communicate()


def _kill(world: World, psql: subprocess.Popen[str], pid: int, kill: str) -> None:
    if kill == "client":
        psql.kill()
        psql.wait()
    elif kill == "terminated":
        with world.scene.connect() as connection:
            connection.execute("SELECT pg_terminate_backend(%s)", [pid])
    elif kill == "backend":
        world.cluster.kill_one(pid)
    else:
        world.cluster.kill()
        world.cluster.start()


def _stopped(holder: psycopg.Connection, pid: int, psql: subprocess.Popen[str], point: Point) -> bool:
    if psql.poll() is not None:
        assert psql.stdout is not None
        pytest.fail(f"the script ended before {point}: {psql.stdout.read()[-2000:]}")
    query = (
        "SELECT EXISTS (SELECT 1 FROM pg_stat_activity WHERE pid = %s AND wait_event = 'SyncRep')"
        if point.kind == "commit"
        else "SELECT EXISTS (SELECT 1 FROM pg_locks WHERE pid = %s AND locktype = 'advisory' AND objid = 43 AND granted)"
    )
    return holder.execute(query, [pid]).fetchone() == (True,)


def _nobody(world: World) -> bool:
    try:
        with world.scene.connect() as connection:
            query = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'running'"
            return connection.execute(query).fetchone() == (0,)
    except psycopg.OperationalError:
        return False
