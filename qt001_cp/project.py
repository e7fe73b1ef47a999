"""Where the files of this project are that a person needs beside the package: alembic.ini, scripts, docs."""

from __future__ import annotations

from pathlib import Path

import qt001_cp
from qt001_cp.errors import DatabaseProblem, FileProblem


def project_folder() -> Path:
    """The folder with alembic.ini: the checkout, or the copy inside an installed wheel. Raises :class:`FileProblem`."""
    package = Path(qt001_cp.__file__).parent
    for folder in (package.parent, package / "_project"):
        if (folder / "alembic.ini").exists() and (folder / "alembic").is_dir():
            return folder
    raise FileProblem("alembic.ini is neither beside the package nor in it", hint="install qt001-cp again")


def without_fix7a(database: str) -> DatabaseProblem:
    """FIX7a is not there: what the administrator and the operator type, with the paths as they are seen from here."""
    folder = project_folder()
    here = folder == Path.cwd()
    psql = f"psql -X -v ON_ERROR_STOP=1 -d ADMIN_DSN -f {'' if here else f'{folder}/'}scripts/bootstrap.sql"
    alembic = (
        f"alembic {'' if here else f'-c {folder}/alembic.ini '}-x policy=FILE -x database=OPERATOR_DSN upgrade fix7a"
    )
    return DatabaseProblem(
        f"FIX7a is not deployed in database {database}",
        hint=f"{psql}\n        then {alembic}\n        see docs/operator.md",
    )
