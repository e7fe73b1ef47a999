"""Keeps one embedded server, as a small process of its own: ``python -m qt001_cp.servers.supervisor``.

It lives as long as its standard input is open. When whoever started it ends, in whatever way, the pipe closes: the
server is stopped and its folder removed. It has a session of its own, so that Ctrl-C reaches the caller alone.
On standard output it prints one JSON line: {"host", "port", "superuser", "version"} or {"error"}.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from qt001_cp.errors import Qt001Error
from qt001_cp.servers.errors import ServerError
from qt001_cp.servers.wheel import reachable_programs, server_user

PREFIX: Final = "qt001-pg-"
SUPERUSER: Final = "postgres"
_NEEDED_BYTES: Final = 300 * 1024 * 1024
_YOUNG_SECONDS: Final = 60
_SETTINGS: Final = {
    "listen_addresses": "",
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "max_connections": "60",
    "max_prepared_transactions": "4",
    "max_locks_per_transaction": "256",
    "autovacuum": "off",
    "jit": "off",
    "unix_socket_permissions": "0700",
}


def main() -> int:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    base = _base()
    _sweep(base)
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=base))
    try:
        with (folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            _serve(folder)
    except (Qt001Error, OSError) as exc:
        print(json.dumps({"error": str(exc)}), flush=True)
        return 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


def _serve(folder: Path) -> None:
    user = server_user()
    if user is not None:
        os.chown(folder, user.pw_uid, user.pw_gid)
    programs = reachable_programs(user, folder / "programs")
    data, log = folder / "data", folder / "log"
    _initdb(programs, data, user)
    options = [f"--{name}={value}" for name, value in _SETTINGS.items()]
    with log.open("wb") as out:
        postgres = subprocess.Popen(
            [str(programs / "postgres"), "-D", str(data), "-k", str(folder), *options],
            stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd="/", preexec_fn=_die_with_us, **_identity(user),
        )  # fmt: skip
    try:
        _wait_until_ready(data, postgres, log)
        version = int((data / "PG_VERSION").read_text()) * 10000
        print(json.dumps({"host": str(folder), "port": 5432, "superuser": SUPERUSER, "version": version}), flush=True)
        sys.stdin.buffer.read()
    finally:
        _stop(postgres)


def _initdb(programs: Path, data: Path, user: pwd.struct_passwd | None) -> None:
    done = subprocess.run(
        [str(programs / "initdb"), "-D", str(data), "-U", SUPERUSER, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, cwd="/", **_identity(user),
    )  # fmt: skip
    if done.returncode != 0:
        raise ServerError(f"initdb ended with {done.returncode}: {done.stderr.strip()}")


def _wait_until_ready(data: Path, postgres: subprocess.Popen[bytes], log: Path) -> None:
    """The last line of postmaster.pid says 'ready' (PostgreSQL documentation, "pg_ctl")."""
    pid_file = data / "postmaster.pid"
    for _ in range(600):
        if postgres.poll() is not None:
            raise ServerError(f"postgres ended with {postgres.returncode}: {log.read_text(errors='replace')[-2000:]}")
        with contextlib.suppress(OSError):
            lines = pid_file.read_text().splitlines()
            if len(lines) >= 8 and lines[7].strip() == "ready":
                return
        time.sleep(0.05)
    raise ServerError("postgres was not ready within 30 seconds")


def _stop(postgres: subprocess.Popen[bytes]) -> None:
    """Fast, then immediate, then hard (PostgreSQL documentation, "Shutting Down the Server")."""
    for number, seconds in ((signal.SIGINT, 10), (signal.SIGQUIT, 5), (signal.SIGKILL, 5)):
        if postgres.poll() is not None:
            return
        postgres.send_signal(number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            postgres.wait(seconds)


def _die_with_us() -> None:
    """Should the supervisor itself be killed, the kernel sends the server an immediate shutdown (Linux)."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(1, signal.SIGQUIT)


def _identity(user: pwd.struct_passwd | None) -> dict[str, Any]:
    return {} if user is None else {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def _base() -> Path:
    """A tmpfs where there is one with room, else the folder for temporary files."""
    shared = Path("/dev/shm")
    with contextlib.suppress(OSError):
        if os.access(shared, os.W_OK | os.X_OK) and shutil.disk_usage(shared).free > _NEEDED_BYTES:
            return shared
    return Path(tempfile.gettempdir())


def _sweep(base: Path) -> None:
    """Remove folders whose supervisor is gone: nobody holds their lock any more. Young ones may be starting."""
    for folder in base.glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError), (folder / "lock").open("r+") as lock:
            if time.time() - folder.stat().st_mtime < _YOUNG_SECONDS:
                continue
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
