"""Finds the server programs of a major version: a folder that the operator names, the wheel's, or the cache's."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from qt001_cp.servers import wheel
from qt001_cp.servers.cache import PART, cached
from qt001_cp.servers.errors import ServerError
from qt001_cp.servers.installation import Installation
from qt001_cp.servers.pinned import MAJORS, WHEEL_MAJOR

VARIABLE = "QT001_TEST_POSTGRES"


def wanted_major(major: int | str | None = None) -> int | None:
    """``major``, else what QT001_TEST_POSTGRES says, else None. Raises :class:`ServerError` for one that we do not run."""
    said = str(major) if major is not None else os.environ.get(VARIABLE, "").strip()
    if not said:
        return None
    if said not in map(str, MAJORS):
        raise ServerError(
            f"PostgreSQL {said} is not one of ours: expected {MAJORS[0]} to {MAJORS[-1]}",
            hint=f"{VARIABLE}={WHEEL_MAJOR}, or another of {', '.join(map(str, MAJORS))}",
        )
    return int(said)


def binaries(major: int) -> Installation:
    """The programs of ``major``; it may have to be fetched. Raises :class:`ServerError`."""
    named = os.environ.get(f"QT001_POSTGRES_BIN_{major}")
    if named:
        return Installation(_checked(Path(named), major))
    if major == WHEEL_MAJOR:
        return wheel.installation()
    folder = cached(major)
    return Installation(folder / PART / "bin", folder, (PART,))


def _checked(folder: Path, major: int) -> Path:
    variable = f"QT001_POSTGRES_BIN_{major}"
    hint = f"{variable} is the folder with initdb and postgres, such as /usr/lib/postgresql/{major}/bin"
    for program in ("initdb", "postgres"):
        if not os.access(folder / program, os.X_OK):
            raise ServerError(f"{variable}: there is no program {program} in {folder}", hint=hint)
    said = subprocess.run([str(folder / "postgres"), "--version"], capture_output=True, text=True, check=False).stdout
    found = re.search(r"\(PostgreSQL\) (\d+)", said)
    if found is None or int(found[1]) != major:
        raise ServerError(f"{variable}: expected PostgreSQL {major} in {folder}, found {said.strip()!r}", hint=hint)
    return folder.absolute()
