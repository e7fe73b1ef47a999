"""Runs our Alembic revisions from Python: online, or to the text that ``alembic --sql`` prints."""

from __future__ import annotations

import io
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError

from qt001_cp.errors import FileProblem, Qt001Error, Refused
from qt001_cp.project import project_folder as project_folder
from qt001_cp.sql.build import BASE, newest


def upgrade(database: str, revision: str, **x: str) -> str:
    """``alembic upgrade`` online; returns what it printed. Raises :class:`Qt001Error` with the server's words."""
    return _run("upgrade", revision, {"database": database, **x}, sql=False)


def downgrade(database: str, revision: str, **x: str) -> str:
    """``alembic downgrade`` online."""
    return _run("downgrade", revision, {"database": database, **x}, sql=False)


def upgrade_sql(start: str, end: str, **x: str) -> str:
    """The text of ``alembic upgrade START:END --sql``; no server is asked."""
    return _run("upgrade", f"{start}:{end}", x, sql=True)


def downgrade_sql(start: str, end: str, **x: str) -> str:
    """The text of ``alembic downgrade START:END --sql``."""
    return _run("downgrade", f"{start}:{end}", x, sql=True)


def change(ini: Path, verb: str, database: str, revision: str, **x: str) -> str:
    """``alembic -c INI upgrade|downgrade`` online: a revision of the team's own."""
    return _run(verb, revision, {"database": database, **x}, sql=False, ini=ini)


def change_sql(ini: Path, name: str, **x: str) -> str:
    """The text of ``alembic -c INI upgrade BEFORE:NAME --sql``: a change of the team's own. Raises :class:`Qt001Error`."""
    before, _ = _before(ini, name)
    return _run("upgrade", f"{_rows(before)}:{name}", x, sql=True, ini=ini)


def _rows(theirs: str) -> str:
    """What Alembic starts from: the team's revision, and beside it the newest release of ours, where there is one behind FIX7c."""
    ours = newest()
    return theirs if ours == BASE else ours if theirs == BASE else f"{theirs},{ours}"


def change_back_sql(ini: Path, name: str, **x: str) -> str:
    """The text of its way back."""
    _, target = _before(ini, name)
    return _run("downgrade", f"{_rows(name)}:{target}", x, sql=True, ini=ini)


def require_ini(ini: Path) -> None:
    """Raises :class:`FileProblem` where the team's changes are not."""
    if not ini.is_file():
        raise FileProblem(f"{ini}: expected the alembic.ini of the team's changes, found none", hint="--changes FOLDER")


def _before(ini: Path, name: str) -> tuple[str, str]:
    """Where the way forward begins, and where the way back ends: the change before this one, or the foot of the team's branch."""
    require_ini(ini)
    try:
        revision = ScriptDirectory.from_config(Config(str(ini))).get_revision(name)
    except (CommandError, SyntaxError, KeyError, ImportError) as exc:
        raise FileProblem(
            f"{ini}: Alembic cannot read change {name}: {exc}", hint="alembic -c ALEMBIC_INI history"
        ) from exc
    down = revision.down_revision if revision is not None else None
    if isinstance(down, str):
        return down, down
    labels = sorted((revision.branch_labels or set()) - {name}) if revision is not None else []
    return BASE, f"{labels[0]}@base" if labels else f"{name}@-1"


def _run(verb: str, revision: str, x: Mapping[str, str], *, sql: bool, ini: Path | None = None) -> str:
    printed, buffer = io.StringIO(), io.StringIO()
    config = Config(str(ini or project_folder() / "alembic.ini"), stdout=printed, output_buffer=buffer)
    config.cmd_opts = Namespace(x=[f"{name}={value}" for name, value in x.items()])
    config.attributes["quiet"] = True
    try:
        getattr(command, verb)(config, revision, sql=sql)
    except CommandError as exc:
        problem = _problem(exc)
    else:
        return buffer.getvalue() if sql else printed.getvalue()
    # Here, behind the handler: what is raised in it would get Alembic's error, which it caused, for its context: a circle.
    raise problem


def _problem(exc: CommandError) -> Qt001Error:
    cause = exc.__cause__
    if isinstance(cause, Qt001Error):
        return cause
    sqlstate = getattr(getattr(cause, "orig", None), "sqlstate", None)
    said: Qt001Error = Qt001Error(str(exc))
    if sqlstate is not None and (sqlstate.startswith("QT") or sqlstate == "42501"):
        said = Refused(str(exc).removeprefix(f"[{sqlstate}] "), sqlstate=sqlstate)
    said.__cause__ = exc
    return said
