"""Runs one PostgreSQL of a major version; the supervisor's half of embedded.py."""

from __future__ import annotations

import contextlib
import ctypes
import os
import pwd
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

from qt001_cp.servers.binaries import binaries
from qt001_cp.servers.confine import Cell, lock_in, words
from qt001_cp.servers.errors import ServerError
from qt001_cp.servers.folders import bases, run_folder
from qt001_cp.servers.installation import runs, server_user

SUPERUSER: Final = "postgres"
_SETTINGS: Final = {
    "listen_addresses": "",
    "port": "5432",
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
# Shared memory in files of its own folder; no workers of others, no library but the server's, nothing received or sent.
_CONFINED: Final = {
    "dynamic_shared_memory_type": "mmap",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_logical_replication_workers": "0",
    "archive_mode": "off",
    "temp_file_limit": "8GB",
}


@contextmanager
def run_cluster(
    major: int, base: Path | None = None, confined: bool = False, /, **settings: str
) -> Iterator[dict[str, Any]]:
    """Make a cluster and start it, with ``settings`` beside ours; yields where it answers; stops it and removes it.

    ``base``: the folder for its data, where it is not to be the first that will do, a tmpfs. ``confined``: whose code it
    runs is not ours, so it is locked in as far as this kernel can (confine.py).

    Raises :class:`ServerError`.
    """
    user = server_user()
    places = bases(user)
    with ExitStack() as stack:
        folder = stack.enter_context(run_folder(base or places[0], user))
        programs = reachable(major, user, folder, places[1:], stack)
        initdb(programs, folder / "data", user)
        configure(folder / "data", _SETTINGS | (_CONFINED if confined else {}) | settings)
        held = stack.enter_context(_postgres(programs, folder, user, _parts(major, programs) if confined else None))
        yield {"host": str(folder), "port": 5432, "superuser": SUPERUSER, "user": _name(user), "confinement": held}


def _parts(major: int, programs: Path) -> list[Path]:
    """The folders that the programs read: those of the installation, or of its copy."""
    original = binaries(major)
    if original.root is None:
        return [programs.parent]
    root = programs.parents[len(original.bin.relative_to(original.root).parts) - 1]
    return [root / name for name in original.parts]


def _name(user: pwd.struct_passwd | None) -> str:
    """Whose rights the server has on this machine."""
    if user is not None:
        return user.pw_name
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return f"user {os.geteuid()}"


def reachable(major: int, user: pwd.struct_passwd | None, folder: Path, others: list[Path], stack: ExitStack) -> Path:
    """The programs, or a copy that ``user`` can run: beside the data, or elsewhere where that is noexec."""
    original = binaries(major)
    if user is None or runs(original.bin, user):
        return original.bin
    if not original.movable:
        raise ServerError(f"user {user.pw_name} cannot run {original.bin / 'postgres'}", hint="run as an ordinary user")
    copy = original.copy_for(user, folder / "programs")
    for base in others:
        if runs(copy, user):
            break
        copy = original.copy_for(user, stack.enter_context(run_folder(base, user)) / "programs")
    if not runs(copy, user):
        raise ServerError(f"user {user.pw_name} cannot run {copy / 'postgres'}", hint="run as an ordinary user")
    return copy


def initdb(programs: Path, data: Path, user: pwd.struct_passwd | None) -> None:
    options = ["-U", SUPERUSER, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]
    done = subprocess.run(
        [str(programs / "initdb"), "-D", str(data), *options],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        check=False,
        cwd="/",
        **identity(user),
    )
    if done.returncode != 0:
        raise ServerError(f"initdb ended with {done.returncode}: {done.stderr.strip()}")


def configure(data: Path, settings: Mapping[str, str]) -> None:
    """Write ``settings`` to postgresql.conf: ALTER SYSTEM can still say otherwise (PostgreSQL documentation, 19.1.2)."""
    lines = (f"{name} = '{value.replace(chr(39), chr(39) * 2)}'\n" for name, value in settings.items())
    with (data / "postgresql.conf").open("a", encoding="utf-8") as file:
        file.writelines(lines)


@contextmanager
def _postgres(
    programs: Path, folder: Path, user: pwd.struct_passwd | None, readable: list[Path] | None
) -> Iterator[list[str]]:
    """The running server; yields what holds it. It gets an empty environment: what the caller has in his is his."""
    data, log = folder / "data", folder / "log"
    program = programs / "postgres"
    hear, tell = os.pipe()
    lock = lock_in(Cell(folder, program.resolve(), readable), tell) if readable is not None else None

    def prepare() -> None:
        die_with_us()
        if lock is not None:
            lock()

    with log.open("wb") as out:
        try:
            postgres = subprocess.Popen(
                [str(program), "-D", str(data), "-k", str(folder)],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                cwd="/",
                env={},
                preexec_fn=prepare,
                **identity(user),
            )
        finally:
            os.close(tell)
            done = os.read(hear, 16).decode().strip()
            os.close(hear)
    try:
        _wait_until_ready(data, postgres, log)
        yield words(done) if readable is not None else []
    finally:
        _stop(postgres)


def _wait_until_ready(data: Path, postgres: subprocess.Popen[bytes], log: Path) -> None:
    """The last line of postmaster.pid says 'ready' (PostgreSQL documentation, "pg_ctl")."""
    pid_file = data / "postmaster.pid"
    for _ in range(1500):
        if postgres.poll() is not None:
            raise ServerError(f"postgres ended with {postgres.returncode}: {log.read_text(errors='replace')[-2000:]}")
        with contextlib.suppress(OSError):
            lines = pid_file.read_text().splitlines()
            if len(lines) >= 8 and lines[7].strip() == "ready":
                return
        time.sleep(0.02)
    raise ServerError("postgres was not ready within 30 seconds")


def _stop(postgres: subprocess.Popen[bytes]) -> None:
    """Fast, then immediate, then hard (PostgreSQL documentation, "Shutting Down the Server")."""
    for number, seconds in ((signal.SIGINT, 5), (signal.SIGQUIT, 5), (signal.SIGKILL, 5)):
        if postgres.poll() is not None:
            return
        postgres.send_signal(number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            postgres.wait(seconds)


def die_with_us() -> None:
    """Should the supervisor itself be killed, the kernel sends the server an immediate shutdown (Linux)."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(1, signal.SIGQUIT)


def identity(user: pwd.struct_passwd | None) -> dict[str, Any]:
    return {} if user is None else {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
