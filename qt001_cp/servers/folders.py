"""Folders of running servers: where they may be, whose they are, and the sweep of what a crash left behind."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pwd
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from qt001_cp.servers.errors import ServerError

PREFIX: Final = "qt001-pg-"
_LONGEST_SOCKET: Final = 100  # bytes; the kernel's limit is 107, 103 elsewhere
_NEEDED_BYTES: Final = 300 * 1024 * 1024
_YOUNG_SECONDS: Final = 60


def bases(user: pwd.struct_passwd | None) -> list[Path]:
    """Where a server's folder may be made, the best first: a tmpfs, then the folders for temporary files."""
    wanted = dict.fromkeys([Path("/dev/shm"), Path(tempfile.gettempdir()), Path("/tmp"), Path("/var/tmp")])  # noqa: S108 - the run's own folder in it is made anew, mode 0700
    found = [base for base in wanted if _serves(base, user)]
    if not found:
        raise ServerError(
            f"no folder for the server's data: {', '.join(map(str, wanted))} have no {_NEEDED_BYTES >> 20} MB of room, "
            "or a path too long for a socket, or are closed to us",
            hint="set TMPDIR to a short path with room",
        )
    return found


@contextmanager
def run_folder(base: Path, user: pwd.struct_passwd | None) -> Iterator[Path]:
    """A folder that only ``user`` (and root) may enter, locked as long as it is in use, then removed."""
    _sweep(base)
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=base))
    try:
        with (folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if user is not None:
                os.chown(folder, user.pw_uid, user.pw_gid)
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _serves(base: Path, user: pwd.struct_passwd | None) -> bool:
    socket = base / f"{PREFIX}12345678" / ".s.PGSQL.5432"
    try:
        return (
            base.is_dir()
            and os.access(base, os.W_OK | os.X_OK)
            and len(os.fsencode(socket)) < _LONGEST_SOCKET
            and shutil.disk_usage(base).free > _NEEDED_BYTES
            and (user is None or _may_enter(base, user))
        )
    except OSError:
        return False


def _may_enter(base: Path, user: pwd.struct_passwd) -> bool:
    for folder in (base, *base.parents):
        found = folder.stat()
        if found.st_uid == user.pw_uid:
            bit = stat.S_IXUSR
        elif found.st_gid == user.pw_gid:
            bit = stat.S_IXGRP
        else:
            bit = stat.S_IXOTH
        if not found.st_mode & bit:
            return False
    return True


def _sweep(base: Path) -> None:
    """Remove folders whose supervisor is gone: nobody holds their lock any more. Young ones may be starting."""
    for folder in base.glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):
            if folder.is_symlink() or time.time() - folder.stat().st_mtime < _YOUNG_SECONDS:
                continue
            try:
                lock = os.open(folder / "lock", os.O_RDONLY | os.O_NOFOLLOW)
            except FileNotFoundError:
                shutil.rmtree(folder, ignore_errors=True)
                continue
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(lock)
