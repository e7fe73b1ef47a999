"""A PostgreSQL of the test's own, which it may kill in any way and start again on the same data.

From the wheel, or from the folder of programs that QT001_TEST_PROGRAMS names (one with initdb and postgres).
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psycopg

from qt001_cp.servers import Server
from qt001_cp.servers.folders import bases, run_folder
from qt001_cp.servers.installation import runs, server_user
from qt001_cp.servers.wheel import installation, programs

SUPERUSER = "postgres"
SETTINGS = {
    "listen_addresses": "", "port": "5432", "fsync": "on", "full_page_writes": "on", "max_connections": "30",
    "max_locks_per_transaction": "128", "max_prepared_transactions": "2", "autovacuum": "off", "jit": "off",
}  # fmt: skip


class Cluster:
    """``start`` and ``kill`` as often as one likes; ``server`` is how to talk to it."""

    def __init__(self, binaries: Path, folder: Path, identity: dict[str, Any], settings: dict[str, str]) -> None:
        self.binaries, self.folder, self.identity, self.settings = binaries, folder, identity, settings
        self.postgres: subprocess.Popen[bytes] | None = None
        init = [str(binaries / "initdb"), "-D", str(folder / "data"), "-U", SUPERUSER, "-A", "trust", "-E", "UTF8",
                "--locale=C", "--no-sync"]  # fmt: skip
        subprocess.run(init, check=True, capture_output=True, cwd="/", **identity)

    def start(self) -> None:
        """Start it on its data, and wait until it answers (after whatever recovery it needs)."""
        options = [f"--{name}={value}" for name, value in self.settings.items()]
        with (self.folder / "log").open("ab") as log:
            self.postgres = subprocess.Popen(
                [str(self.binaries / "postgres"), "-D", str(self.folder / "data"), "-k", str(self.folder), *options],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", **self.identity,
            )  # fmt: skip
        self.answers()

    def server(self) -> Server:
        version = self.answers()
        return Server(str(self.folder), 5432, SUPERUSER, "embedded", version, programs(), trusts=True)

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

    def kill(self) -> None:
        """SIGKILL for the postmaster and every process of it, at once, as when the machine's memory runs out."""
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
def cluster(**settings: str) -> Iterator[Cluster]:
    """A new cluster, not started; stopped and removed at the end."""
    user = server_user()
    identity = {} if user is None else {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    binaries = Path(os.environ.get("QT001_TEST_PROGRAMS") or programs())
    with ExitStack() as stack:
        folder = stack.enter_context(run_folder(bases(user)[0], user))
        if user is not None and not runs(binaries, user):
            binaries = installation().copy_for(user, folder / "programs")
        made = Cluster(binaries, folder, identity, {**SETTINGS, **settings})
        stack.callback(made.stop)
        yield made


def _children(pid: int) -> list[int]:
    listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    pairs = [tuple(map(int, line.split())) for line in listed.splitlines()]
    return [child for child, parent in pairs if parent == pid]
