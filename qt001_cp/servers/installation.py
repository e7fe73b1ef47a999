"""An installation of PostgreSQL's server programs, and its copy for a user who cannot reach it."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from qt001_cp.servers.errors import ServerError

_UNPRIVILEGED = ("nobody", "daemon", "bin")


@dataclass(frozen=True)
class Installation:
    """``bin`` has initdb and postgres. Where the whole can be moved, it is ``parts`` below ``root``."""

    bin: Path
    root: Path | None = None
    parts: tuple[str, ...] = ()

    @property
    def movable(self) -> bool:
        """Whether it finds its own files wherever it lies; a distribution's PostgreSQL does not."""
        return self.root is not None

    def copy_for(self, user: pwd.struct_passwd, target: Path) -> Path:
        """Copy it below ``target``, owned by ``user``; returns the copy's folder of programs."""
        assert self.root is not None
        for name in self.parts:
            if (self.root / name).exists():
                shutil.copytree(self.root / name, target / name, symlinks=True)
        for path in (target, *target.rglob("*")):
            os.chown(path, user.pw_uid, user.pw_gid, follow_symlinks=False)
        return target / self.bin.relative_to(self.root)


def server_user() -> pwd.struct_passwd | None:
    """Whom the server runs as: None for ourselves; as root an existing unprivileged user."""
    if os.geteuid() != 0:
        return None
    for name in _UNPRIVILEGED:
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            continue
        if found.pw_uid != 0:
            return found
    raise ServerError(
        "PostgreSQL does not run as root, and there is no unprivileged user here", hint="run as an ordinary user"
    )


def runs(folder: Path, user: pwd.struct_passwd) -> bool:
    """Whether ``user`` gets to the programs in ``folder`` and may run them."""
    try:
        done = subprocess.run(
            [str(folder / "postgres"), "--version"],
            user=user.pw_uid,
            group=user.pw_gid,
            extra_groups=[],
            capture_output=True,
            check=False,
            cwd="/",
        )
    except OSError:
        return False
    return done.returncode == 0
