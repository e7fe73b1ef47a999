"""What can move into a schema of its own before FIX7a, so that CREATE stays with the application where its migrations create; and
who reaches it by name.

What is bound by number (a view's query, a trigger, a default, a body that PostgreSQL parsed) follows by itself. Text does not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from qt001_cp.model.inventory import Inventory, InventoryObject
from qt001_cp.model.names import Role, path_schemas
from qt001_cp.plan.analysis import Analyses
from qt001_cp.plan.candidate.suggest import Suggested

_ORDER: Final = ("function", "procedure", "aggregate", "operator", "materialized view", "view", "foreign table", "type")
"""The kinds that move, in this order there and in the opposite one back: the arguments of a routine are named by the types' old place."""

_BODY: Final = re.compile(r"^AS (?P<tag>\$\w*\$)(?P<body>.*)(?P=tag)", re.MULTILINE | re.DOTALL)
"""As pg_get_functiondef() quotes it."""


@dataclass(frozen=True)
class Moving:
    """What moves out of one schema, in order. ``holders``: other roles that hold something on it."""

    schema: str
    objects: tuple[InventoryObject, ...]
    holders: tuple[str, ...]


@dataclass(frozen=True)
class Caller:
    """A routine whose text names something that moves. ``breaks``: it fails after the move as it is."""

    routine: str
    named: str
    how: str
    breaks: bool

    def __str__(self) -> str:
        return f"{self.routine} names {self.named} {self.how}"


def movable(inventory: Inventory, suggested: Suggested) -> list[Moving]:
    """Protected routines, views and types of each schema in which objects of the application stay. Tables and sequences may stay."""
    stays = {
        suggested.groups[key].schema
        for key, s in suggested.suggestions.items()
        if s.disposition == "retain" and key in suggested.groups and key[0] in ("table", "view", "materialized view")
    }
    found: dict[str, list[InventoryObject]] = {}
    for o in inventory.objects:
        group = suggested.groups.get(o.ref.key)
        moves = o.ref.kind in _ORDER and o.ref.key in suggested.transferred and o.state.owner == inventory.application
        if moves and group is not None and group.schema in stays:
            found.setdefault(group.schema, []).append(o)
    return [
        Moving(schema, tuple(sorted(objects, key=_place)), tuple(sorted(_holders(objects, inventory.application))))
        for schema, objects in sorted(found.items())
    ]


def _place(o: InventoryObject) -> tuple[int, str]:
    return _ORDER.index(o.ref.kind), o.ref.identity


def _holders(objects: Iterable[InventoryObject], application: Role) -> set[str]:
    return {
        item.grantee.name
        for o in objects
        for item in o.state.acl
        if isinstance(item.grantee, Role) and item.grantee not in (application, o.state.owner)
    }


def callers(moving: Moving, inventory: Inventory, analyses: Analyses, target: str) -> Iterator[Caller]:
    """The routines whose text names something that moves, in order."""
    by_key = inventory.by_key()
    moved = {o.ref.key: o for o in moving.objects}
    for key, analysis in sorted(analyses.items()):
        o = by_key[key]
        body = _text(o)
        if body is not None:
            for end in dict.fromkeys((e.kind, e.identity) for e in analysis.edges):
                if end in moved and _named(moved[end].ref.name).search(body):
                    how, breaks = _how(o, body, moved[end], moving.schema, target)
                    yield Caller(str(o.ref), str(moved[end].ref), how, breaks)


def _text(o: InventoryObject) -> str | None:
    """The text of a body that is looked up anew each time; None of what is bound by number."""
    found = _BODY.search(o.definition)
    return found["body"] if found and o.ref.kind in ("function", "procedure") else None


def _how(o: InventoryObject, body: str, what: InventoryObject, schema: str, target: str) -> tuple[str, bool]:
    if _qualified(schema, what.ref.name).search(body):
        return f"as {schema}.{what.ref.name}: its text has to say {target}.{what.ref.name} after the move", True
    path = _pinned(o.detail)
    if path is None:
        return "without a schema: it goes on where its caller's search_path has the new one", False
    if target in path_schemas(path):
        return "without a schema, and finds it", False
    return f"without a schema, and its search_path is pinned ({path}): it has to have {target} after the move", True


def _qualified(schema: str, name: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w$.\"]){_either(schema)}\s*\.\s*{_either(name)}(?![\w$\"])", re.IGNORECASE)


def _named(name: str) -> re.Pattern[str]:
    """What is not written in a text, such as the type of an argument, is bound by number."""
    return re.compile(rf"(?<![\w$\"]){_either(name)}(?![\w$\"])", re.IGNORECASE)


def _either(word: str) -> str:
    """A name as a text may say it: quoted, and bare where it can be."""
    quoted = '"' + re.escape(word.replace('"', '""')) + '"'
    return f"(?:{quoted}|{re.escape(word)})" if re.fullmatch(r"[a-z_][a-z0-9_$]*", word) else quoted


def _pinned(detail: Mapping[str, object] | None) -> str | None:
    path = (detail or {}).get("search_path")
    return path if isinstance(path, str) else None
