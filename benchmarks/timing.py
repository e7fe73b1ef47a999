"""How long a script takes through psql, and how much of that time it holds ACCESS EXCLUSIVE on a relation."""

from __future__ import annotations

import re
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psycopg

from benchmarks.clock import clock
from qt001_cp.rehearsal.scene import OPERATOR, Scene

_FIRST: Final = re.compile(
    r"^ALTER (?:TABLE|VIEW|MATERIALIZED VIEW|SEQUENCE) (\S+|\".*?\"\.\".*?\") OWNER TO", re.MULTILINE
)
_EVERY: Final = 0.005


@dataclass(frozen=True)
class Run:
    """One script or reading: wall time, and processor time of client and server together."""

    seconds: float
    cpu: float


def psql(scene: Scene, *arguments: str) -> Run:
    """Run psql as the operator, without its output. Raises :class:`ServerError`."""
    with clock(scene.server) as reading:
        scene.server.run("psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", *arguments, dbname=scene.database, user=OPERATOR)
    return Run(reading.seconds, reading.cpu)


def watched(scene: Scene, script: Path) -> float:
    """Run a printed script as it is, and see from another session when its first relation is locked: the seconds from then to
    its end, in which others wait."""
    found = _FIRST.search(script.read_text("utf-8"))
    if found is None:
        raise RuntimeError(f"{script}: expected a statement that locks a relation, found none")
    seen: list[float] = []
    stop = threading.Event()
    with scene.connect() as connection:
        connection.execute(f"SET lock_timeout = {round(_EVERY * 1000)}")
        watcher = threading.Thread(target=_watch, args=(connection, found.group(1), stop, seen))
        watcher.start()
        try:
            start = time.perf_counter()
            run = psql(scene, "-f", str(script))
        finally:
            stop.set()
            watcher.join()
    return start + run.seconds - seen[0] if seen else 0.0


def _watch(connection: psycopg.Connection, relation: str, stop: threading.Event, seen: list[float]) -> None:
    """Ask for ACCESS SHARE on ``relation`` (EXPLAIN takes it) until somebody's ACCESS EXCLUSIVE is in the way."""
    while not stop.wait(_EVERY):
        asked = time.perf_counter()
        try:
            connection.execute(f"EXPLAIN SELECT FROM {relation}".encode())
        except psycopg.errors.LockNotAvailable:
            seen.append(asked)
            return


def timed_dump(scene: Scene) -> Run:
    """``pg_dump -s`` of the database, its output thrown away."""
    server = scene.server
    command = [str(server.bin / "pg_dump"), "-s"]
    with clock(server) as reading:
        subprocess.run(command, env=server.env(scene.database), stdout=subprocess.DEVNULL, check=True)
    return Run(reading.seconds, reading.cpu)
