"""A script that runs beside the test, and waiting for what it does; nothing here measures time."""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg

from qt001_cp.rehearsal.scene import OPERATOR
from qt001_cp.workflow import revisions
from tests.conftest import Stage

PATIENCE = 60
"""Seconds after which a test says that something never happened; no test passes or fails by how long it took."""


def until(what: str, happened: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < end, f"it never happened: {what}"
        time.sleep(0.02)


@dataclass
class Running:
    """psql with a script, running."""

    process: subprocess.Popen[str]

    def end(self) -> tuple[int, str]:
        """Its exit code, and what it said."""
        said, _ = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, said


@contextmanager
def running(stage: Stage, text: str, user: str = OPERATOR) -> Iterator[Running]:
    """Run ``text`` through psql as ``user``; killed if it still runs at the end of the block."""
    server = stage.scene.server
    if not server.trusts:
        text, user = f'SET SESSION AUTHORIZATION "{user}";\n{text}', server.superuser
    with tempfile.NamedTemporaryFile("w", suffix=".sql", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        call = [
            str(server.bin / "psql"),
            "-X",
            "-q",
            "-v",
            "ON_ERROR_STOP=1",
            "-v",
            "VERBOSITY=verbose",
            "-f",
            file.name,
        ]
        process = subprocess.Popen(
            call,
            env={**server.env(stage.scene.database, user), "PGAPPNAME": "running"},
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        try:
            yield Running(process)
        finally:
            if process.poll() is None:
                process.kill()
                process.communicate()


def waits_for_a_lock(stage: Stage) -> bool:
    """Whether the running script waits for a lock on a relation now."""
    with stage.connect() as connection:
        row = connection.execute(
            "SELECT count(*) FROM pg_locks l JOIN pg_stat_activity a USING (pid)"
            " WHERE a.application_name = 'running' AND l.locktype = 'relation' AND NOT l.granted"
        ).fetchone()
    return row is not None and row[0] > 0


def forward(stage: Stage, **x: str) -> str:
    """The cutover as it is printed for a database in use: the application's idle sessions stay."""
    return revisions.upgrade_sql("fix7a", "fix7b", **{"manifest": stage.manifest_path, "sessions": "keep", **x})


def back(stage: Stage, **x: str) -> str:
    return revisions.downgrade_sql("fix7b", "fix7a", manifest=stage.manifest_path, **x)


def stage_of(connection: psycopg.Connection) -> str:
    row = connection.execute("SELECT qt001_cp.stage()").fetchone()
    assert row is not None
    return str(row[0])
