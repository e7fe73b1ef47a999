"""A PostgreSQL of the test's own, which it may kill in any way and start again on the same data."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from qt001_cp.servers import Server
from qt001_cp.servers.binaries import wanted_major
from qt001_cp.servers.cluster import SUPERUSER, die_with_us, identity, initdb, reachable
from qt001_cp.servers.folders import bases, run_folder
from qt001_cp.servers.installation import server_user
from qt001_cp.servers.pinned import WHEEL_MAJOR
from qt001_cp.servers.wheel import programs as own_programs

# fsync matters only when the machine dies: what a killed process has written, the kernel keeps.
SETTINGS = {
    "listen_addresses": "",
    "port": "5432",
    "fsync": "off",
    "max_connections": "30",
    "max_locks_per_transaction": "256",
    "max_prepared_transactions": "2",
    "autovacuum": "off",
    "jit": "off",
    "restart_after_crash": "on",
}


@dataclass
class Cluster:
    """``start`` and ``kill`` as often as one likes; ``server`` is how to talk to it."""

    binaries: Path
    folder: Path
    identity: dict[str, Any]
    postgres: subprocess.Popen[bytes] | None = None
    more: Mapping[str, str] = field(default_factory=dict)

    def start(self) -> None:
        """Start it on its data, and wait until it answers (after whatever recovery it needs)."""
        self._launch()
        self.answers()

    def _launch(self) -> None:
        options = [f"--{name}={value}" for name, value in (SETTINGS | dict(self.more)).items()]
        with (self.folder / "log").open("ab") as log:
            self.postgres = subprocess.Popen(
                [str(self.binaries / "postgres"), "-D", str(self.folder / "data"), "-k", str(self.folder), *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                preexec_fn=die_with_us,
                **self.identity,
            )

    def server(self) -> Server:
        return Server(str(self.folder), 5432, SUPERUSER, "embedded", self.answers(), own_programs(), trusts=True)

    def answers(self) -> int:
        """Wait until it lets somebody in; returns its version."""
        end = time.monotonic() + 60
        while True:
            try:
                with psycopg.connect(host=str(self.folder), port=5432, user=SUPERUSER, dbname="postgres") as connection:
                    return connection.info.server_version
            except psycopg.OperationalError:
                assert time.monotonic() < end, (self.folder / "log").read_text(errors="replace")[-2000:]
                time.sleep(0.02)
                # A killed server's processes may hold its memory for a moment longer; then the next one gives up.
                if self.postgres is not None and self.postgres.poll() is not None:
                    self._launch()

    def revive(self) -> None:
        """Start it again if it lies dead."""
        if self.postgres is None or self.postgres.poll() is not None:
            self.start()

    def kill_one(self, pid: int) -> None:
        """SIGKILL for one of its processes, and for no other."""
        assert self.postgres is not None
        assert pid in _children(self.postgres.pid)
        os.kill(pid, signal.SIGKILL)

    def kill(self) -> None:
        """SIGKILL for the postmaster and every process of it, as when the machine's memory runs out."""
        assert self.postgres is not None
        for pid in [self.postgres.pid, *_children(self.postgres.pid)]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.postgres.wait()

    def stop(self) -> None:
        if self.postgres is not None and self.postgres.poll() is None:
            self.postgres.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.postgres.wait(10)
                return
            self.kill()


@contextmanager
def cluster(programs: Path | None = None, **more: str) -> Iterator[Cluster]:
    """A new one, started; stopped and removed at the end. ``programs``: of another installation; ``more``: settings."""
    user, major = server_user(), wanted_major() or WHEEL_MAJOR
    places = bases(user)
    with ExitStack() as stack:
        folder = stack.enter_context(run_folder(places[0], user))
        found = programs or reachable(major, user, folder, places[1:], stack)
        initdb(found, folder / "data", user)
        made = Cluster(found, folder, identity(user), more=more)
        stack.callback(made.stop)
        made.start()
        yield made


def _children(pid: int) -> list[int]:
    listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    pairs = [tuple(map(int, line.split())) for line in listed.splitlines()]
    return [child for child, parent in pairs if parent == pid]
