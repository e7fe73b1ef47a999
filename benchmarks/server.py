"""A server for benchmarks: any installed major version, with room for the locks of a large cutover."""

from __future__ import annotations

import pwd
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

import psycopg

from qt001_cp.servers import Server, ServerError
from qt001_cp.servers.folders import bases, run_folder
from qt001_cp.servers.server import conninfo
from qt001_cp.servers.wheel import copy_for, programs, runs, server_user

_WHEEL: Final = 18
_SETTINGS: Final = {
    "listen_addresses": "",
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "shared_buffers": "512MB",
    "max_wal_size": "8GB",
    "checkpoint_timeout": "1h",
    "max_connections": "20",
    "max_locks_per_transaction": "20000",
    "autovacuum": "off",
}
"""No disk in the figures; statistics as VACUUM ANALYZE leaves them; the rest as PostgreSQL ships it."""


@contextmanager
def bench_server(major: int) -> Iterator[Server]:
    """A fresh server of ``major``, gone with everything when the block ends. Raises :class:`ServerError`."""
    user = server_user()
    with ExitStack() as stack:
        folder = stack.enter_context(run_folder(bases(user)[0], user))
        clients = programs() if major == _WHEEL else Path(f"/usr/lib/postgresql/{major}/bin")
        if not (clients / "postgres").exists():
            raise ServerError(f"PostgreSQL {major} is not in {clients}", hint="choose another with --postgres")
        own = clients if user is None or runs(clients, user) else copy_for(user, folder / "programs")
        stack.enter_context(_started(own, folder, user))
        with psycopg.connect(conninfo(str(folder), 5432, "postgres", "postgres")) as connection:
            version = connection.info.server_version
        yield Server(str(folder), 5432, "postgres", "embedded", version, clients, trusts=True)


@contextmanager
def _started(binaries: Path, folder: Path, user: pwd.struct_passwd | None) -> Iterator[None]:
    identity: dict[str, Any] = {} if user is None else {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    data = str(folder / "data")
    initdb = [str(binaries / "initdb"), "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "-N"]
    subprocess.run(initdb, check=True, capture_output=True, cwd="/", **identity)
    options = [f"--{name}={value}" for name, value in _SETTINGS.items()]
    with (folder / "log").open("wb") as log:
        command = [str(binaries / "postgres"), "-D", data, "-k", str(folder), *options]
        postgres = subprocess.Popen(command, stdout=log, stderr=log, cwd="/", **identity)
    try:
        _wait(folder, postgres)
        yield
    finally:
        postgres.send_signal(signal.SIGINT)
        postgres.wait(60)


def _wait(folder: Path, postgres: subprocess.Popen[bytes]) -> None:
    for _ in range(1500):
        if postgres.poll() is not None:
            raise ServerError(f"postgres ended: {(folder / 'log').read_text(errors='replace')[-2000:]}")
        try:
            psycopg.connect(conninfo(str(folder), 5432, "postgres", "postgres")).close()
        except psycopg.OperationalError:
            time.sleep(0.02)
        else:
            return
    raise ServerError("postgres was not ready within 30 seconds")
