"""The files of a change: an Alembic revision on the team's own branch, and two files of SQL."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Final

from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError

from qt001_cp.errors import FileProblem, UsageError
from qt001_cp.model.change import NOTHING, OURS, WAYS, file_of, require_name
from qt001_cp.policy_file import write_whole
from qt001_cp.project import project_folder

INI: Final = "alembic.ini"
_REVISION: Final = '''"""{name}

A change of what is protected: the owner role runs {name}.forward.sql, and to undo it {name}.back.sql, both beside this file.

Revision ID: {name}
Revises: {before}
"""

from alembic import op

import qt001_cp.ops  # noqa: F401

revision = "{name}"
down_revision = {down}
branch_labels = {labels}
depends_on = {depends}


def upgrade() -> None:
    op.run_change(__file__, revision, down_revision, "forward")


def downgrade() -> None:
    op.run_change(__file__, revision, down_revision, "back")
'''
_SQL: Final = {
    "forward": "-- {name}: what changes. The owner role runs it, with search_path pg_catalog: name every object with its schema.\n",
    "back": "-- {name}: what undoes it, exactly.\n",
}


_SERVER: Final = f"-- {{name}}: the server is another major version; nothing is changed.\n{NOTHING}\n"


def new_change(folder: Path, name: str, label: str, *, server: bool = False) -> list[Path]:
    """Write the revision of a new change, its two texts and, for the first one, an alembic.ini that knows our branch and this one.

    Returns the files that were written. Raises :class:`UsageError` for a name that no revision can have, :class:`FileProblem`
    where a file of that name is there already, or the folder holds something that Alembic cannot read. ``server``: the change
    follows the server to another major version, and its texts do nothing.
    """
    require_name(name)
    require_name(label, "label")
    if name == label:
        raise UsageError(
            f"change {name}: expected another name than that of the branch, found the same", hint="--label …"
        )
    revision = folder / f"{name}.py"
    files = [revision, *(file_of(revision, way) for way in WAYS)]
    for path in files:
        if path.exists():
            raise FileProblem(f"{path}: expected no file of this name, found one", hint="give the change another name")
    ini = folder / INI
    if not ini.exists():
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(ini, [_ini(project_folder()).encode()])
        files = [ini, *files]
    before = _newest(ini)
    words = {
        "name": name,
        "before": before or "",
        "down": f'"{before}"' if before else "None",
        "labels": "None" if before else f'("{label}",)',
        "depends": "None" if before else '"fix7c"',
    }
    write_whole(revision, [_REVISION.format(**words).encode()])
    for way in WAYS:
        write_whole(file_of(revision, way), [(_SERVER if server else _SQL[way]).format(name=name).encode()])
    return files


def _newest(ini: Path) -> str | None:
    """The change that the next one follows: the head of the team's branch. Raises :class:`FileProblem`."""
    try:
        known = ScriptDirectory.from_config(Config(str(ini)))
        heads = [head for head in known.get_heads() if not head.startswith(OURS)]
    except (CommandError, SyntaxError, KeyError, ImportError) as exc:
        raise FileProblem(
            f"{ini}: Alembic cannot read its revisions: {exc}", hint="alembic -c ALEMBIC_INI heads"
        ) from exc
    if len(heads) > 1:
        raise FileProblem(
            f"{ini}: expected one newest change, found {', '.join(sorted(heads))}",
            hint=f"alembic -c {shlex.quote(str(ini))} heads; let one follow the other (down_revision)",
        )
    return heads[0] if heads else None


def _ini(project: Path) -> str:
    """Our alembic.ini, with both folders of revisions: the team's is the one that the file stands in."""
    text = (project / INI).read_text("utf-8")
    place = str(project).replace("%", "%%")
    text = re.sub(r"(?m)^script_location = .*$", lambda _: f"script_location = {place}/alembic", text)
    locations = f"version_locations =\n    {place}/alembic/versions\n    %(here)s\npath_separator = newline"
    text = re.sub(r"(?m)^path_separator = .*$", lambda _: locations, text)
    return re.sub(r"(?m)^prepend_sys_path = .*\n", "", text)
