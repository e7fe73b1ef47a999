"""Before FIX7a: what can move into a schema of its own, the scripts for it, and who reaches it by name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import psycopg

from qt001_cp.catalog.search_path import read_search_path
from qt001_cp.emit.own_schema import Scripts, own_schema_scripts
from qt001_cp.errors import UsageError
from qt001_cp.model.names import Role
from qt001_cp.plan.candidate.movable import Caller, Moving, callers, movable
from qt001_cp.plan.candidate.suggest import Wishes
from qt001_cp.workflow.candidate import look

_IN_THE_WAY = "SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = %s"


@dataclass(frozen=True)
class OwnSchema:
    """``moving``: empty where nothing has to move; then there are no scripts."""

    moving: list[Moving]
    callers: list[Caller]
    scripts: Scripts | None

    def write(self, folder: Path) -> list[Path]:
        """Both scripts. Raises :class:`UsageError` where one is there already."""
        if self.scripts is None:
            return []
        files = {folder / "schema-move.sql": self.scripts.move, folder / "schema-back.sql": self.scripts.back}
        for path in files:
            if path.exists():
                raise UsageError(f"{path} is there already, and nothing is overwritten", hint="--out another folder")
        folder.mkdir(parents=True, exist_ok=True)
        for path, text in files.items():
            path.write_text(text, "utf-8")
        return list(files)


def own_schema(connection: psycopg.Connection, application: Role, wishes: Wishes, target: str) -> OwnSchema:
    """Read the estate; nothing is written to the database. Raises :class:`Qt001Error`; :class:`UsageError` where the new schema is
    there already."""
    seen = look(connection, application, wishes)
    moving = movable(seen.inventory, seen.suggested)
    if not moving:
        return OwnSchema([], [], None)
    if connection.execute(_IN_THE_WAY, [target]).fetchone() is not None or target.startswith("pg_"):
        raise UsageError(f"schema {target} is there already, or is no name for one", hint="take a name that is new")
    names = [(o.ref.kind, o.ref.name, o.ref.args) for each in moving for o in each.objects]
    if len(names) != len(set(names)):
        raise UsageError(
            f"two of what would move to {target} have one name: {', '.join(m.schema for m in moving)}",
            hint="move those of one schema at a time: name only these with --protect",
        )
    path = read_search_path(connection, application)
    scripts = own_schema_scripts(moving, target, seen.inventory.database, application, path)
    found = [c for each in moving for c in callers(each, seen.inventory, seen.analyses, target)]
    return OwnSchema(moving, found, scripts)
