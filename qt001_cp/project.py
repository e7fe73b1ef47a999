"""Where the files of this project are that a person needs beside the package: alembic.ini, scripts, docs."""

from __future__ import annotations

import shlex
from pathlib import Path

import qt001_cp
from qt001_cp.connecting import LOGIN_TRIGGERS, WITHOUT_TRIGGERS
from qt001_cp.errors import DatabaseProblem, FileProblem


def project_folder() -> Path:
    """The folder with alembic.ini: the checkout, or the copy inside an installed wheel. Raises :class:`FileProblem`."""
    package = Path(qt001_cp.__file__).parent
    for folder in (package.parent, package / "_project"):
        if (folder / "alembic.ini").exists() and (folder / "alembic").is_dir():
            return folder
    raise FileProblem("alembic.ini is neither beside the package nor in it", hint="install qt001-cp again")


def bootstrap(version: int | None = None) -> str:
    """What the administrator types first, with the path as it is seen from here. ``version``: server_version_num, if known."""
    psql = f"psql -X -v ON_ERROR_STOP=1 -d ADMIN_DSN -f {_seen('scripts/bootstrap.sql')}"
    if version is not None and version < LOGIN_TRIGGERS:
        return psql
    who = "a superuser" if version is not None else "a superuser of PostgreSQL 17 or later"
    return f"{psql}\n        as {who}, {WITHOUT_TRIGGERS}before it: no login event trigger runs then"


def without_fix7a(database: str, version: int, so: str = "") -> DatabaseProblem:
    """FIX7a is not there: what the administrator and the operator type. ``version``: server_version_num."""
    alembic = f"alembic -c {_seen('alembic.ini')} -x policy=FILE -x database=OPERATOR_DSN upgrade fix7a"
    return DatabaseProblem(
        f"FIX7a is not deployed in database {database}{so}",
        hint=f"{bootstrap(version)}\n        then {alembic}\n        see docs/operator.md",
    )


def _seen(name: str) -> str:
    folder = project_folder()
    return name if folder == Path.cwd() else shlex.quote(str(folder / name))
