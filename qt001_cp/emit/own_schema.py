"""The script that moves protected routines, views and types into a schema of their own, and the one that moves them back.

For the team to read, try on a copy and run before FIX7a; nothing of it is FIX7. Each is one transaction: all or nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from qt001_cp.emit.quoting import identifier, literal, readable
from qt001_cp.emit.statements import address
from qt001_cp.model import kinds
from qt001_cp.model.inventory import InventoryObject
from qt001_cp.model.names import Role
from qt001_cp.plan.candidate.movable import Moving

_HEAD: Final = "\\set ON_ERROR_STOP on\nBEGIN;\nSET LOCAL search_path = pg_catalog;\nSET LOCAL lock_timeout = '5s';\n"


@dataclass(frozen=True)
class SearchPath:
    """Where sessions of the application look in one database. ``own``: the setting of the role in the database, as the catalog has
    it, or None; ``effective``: the schemas that hold now, in order."""

    own: str | None
    effective: tuple[str, ...]


@dataclass(frozen=True)
class Scripts:
    """There and back."""

    move: str
    back: str


def own_schema_scripts(
    moving: Sequence[Moving], target: str, database: str, application: Role, path: SearchPath
) -> Scripts:
    """``target``: the name of the new schema, which must not be there."""
    forward = [o for each in moving for o in each.objects]
    whole = f"{_count(len(forward))} of {application.name} out of {', '.join(m.schema for m in moving)} into schema {target}"
    usage = "".join(f"GRANT USAGE ON SCHEMA {identifier(target)} TO {who};\n" for who in _lookers(moving))
    there = "".join(_statement(o, target) for o in forward)
    back = "".join(_statement(_moved(o, target), o.ref.schema or "") for o in reversed(forward))
    look = f"ALTER ROLE {identifier(application.name)} IN DATABASE {identifier(database)}"
    paths = ", ".join(identifier(s) for s in (*(p for p in path.effective if p != target), target))
    return Scripts(
        _comment(f"Moves {whole}. Read it, try it on a copy with everything that calls them, then run it before FIX7a.")
        + _HEAD
        + f"CREATE SCHEMA {identifier(target)} AUTHORIZATION {identifier(application.name)};\n"
        + usage
        + there
        + _comment(
            "Last in the path: what the migrations create goes where it went. Nothing there may have the names of what has moved."
        )
        + f"{look} SET search_path = {paths};\nCOMMIT;\n",
        _comment(f"Moves back {whole}. Run it when FIX7b is back.")
        + _HEAD
        + back
        + (f"{look} SET search_path = {path.own};\n" if path.own is not None else f"{look} RESET search_path;\n")
        + f"DROP SCHEMA {identifier(target)};\nCOMMIT;\n",
    )


def _comment(text: str) -> str:
    return f"-- {readable(text)[1:-1] if readable(text) == literal(text) else ascii(text)[1:-1]}\n"


def _count(number: int) -> str:
    return f"{number} object{'' if number == 1 else 's'}"


def _lookers(moving: Sequence[Moving]) -> list[str]:
    """Who holds something on what moves has to be let into the new schema; PUBLIC may look into it as into most."""
    return ["PUBLIC", *sorted({identifier(name) for each in moving for name in each.holders})]


def _statement(o: InventoryObject, schema: str) -> str:
    return f"ALTER {kinds.BY_KEY[o.ref.kind].alter} {address(o.ref)} SET SCHEMA {identifier(schema)};\n"


def _moved(o: InventoryObject, target: str) -> InventoryObject:
    return replace(o, ref=replace(o.ref, schema=target))
