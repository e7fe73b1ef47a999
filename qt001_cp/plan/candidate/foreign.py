"""Foreign keys across the border of what is protected: what they hold together, and what can be done about each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

_ACTS: Final = {"c": "CASCADE", "n": "SET NULL", "d": "SET DEFAULT"}
ACTIONS: Final = {"a": "NO ACTION", "r": "RESTRICT", **_ACTS}


@dataclass(frozen=True, order=True)
class ForeignKey:
    """``name``: quoted where it has to be. ``table`` refers to ``referenced``. ``on_delete``, ``on_update``: as in pg_constraint."""

    name: str
    table: str
    referenced: str
    on_delete: str
    on_update: str
    definition: str

    @property
    def full(self) -> str:
        """As ``--keep-foreign-key`` takes it."""
        return f"{self.table}.{self.name}"

    @property
    def bare(self) -> str:
        """Its name as the catalog has it."""
        return self.name[1:-1].replace('""', '"') if self.name.startswith('"') else self.name

    def is_edge(self, start: tuple[str, str], end: tuple[str, str], why: str) -> bool:
        """Whether what reaches what does so by this key, one way or the other."""
        sides = {("table", self.table), ("table", self.referenced)}
        return why == f"constraint {self.bare}" and {start, end} == sides

    @property
    def drop(self) -> str:
        return f"ALTER TABLE {self.table} DROP CONSTRAINT {self.name};"

    @property
    def add(self) -> str:
        return f"ALTER TABLE {self.table} ADD CONSTRAINT {self.name} {self.definition};"

    def lets(self) -> str:
        """What whoever owns the referenced side may do through it to the other one."""
        acts = [
            f"{verb} of a row does {_ACTS[action]} to {self.table}"
            for verb, action in (("DELETE", self.on_delete), ("UPDATE", self.on_update))
            if action in _ACTS
        ]
        return (
            "; ".join(acts)
            or f"no row of {self.referenced} can go that {self.table} names; its owner can drop the constraint"
        )


def component(keys: Iterable[ForeignKey], start: Iterable[str]) -> frozenset[str]:
    """The tables that foreign keys hold together with ``start``, themselves included."""
    neighbours: dict[str, set[str]] = {}
    for key in keys:
        neighbours.setdefault(key.table, set()).add(key.referenced)
        neighbours.setdefault(key.referenced, set()).add(key.table)
    found: set[str] = set()
    todo = list(start)
    while todo:
        table = todo.pop()
        if table not in found:
            found.add(table)
            todo += neighbours.get(table, ())
    return frozenset(found)


def crossing(keys: Iterable[ForeignKey], protected: frozenset[str]) -> list[ForeignKey]:
    """The keys with one side protected and the other not: the fewest that have to go where nothing else comes along."""
    return [key for key in keys if (key.table in protected) != (key.referenced in protected)]


def fewest(keys: Sequence[ForeignKey], protected: frozenset[str]) -> tuple[frozenset[str], list[ForeignKey]]:
    """The tables that should come along so that as few keys as possible have to go, short of all of the component.

    Each table of the border is tried, and what would then cross less than before is gone on with.
    """
    best, cut = protected, crossing(keys, protected)
    whole = component(keys, protected)
    moved = True
    while moved:
        moved = False
        for table in sorted({side for key in cut for side in (key.table, key.referenced)} - best):
            tried = best | {table}
            less = crossing(keys, tried)
            if tried != whole and len(less) < len(cut):
                best, cut, moved = tried, less, True
                break
    return best - protected, cut


def choices(key: ForeignKey, protected: frozenset[str]) -> Iterator[str]:
    """What can be done about a key that crosses the border, a line each."""
    other = key.referenced if key.table in protected else key.table
    yield f"foreign key {key.name} of {key.table} to {key.referenced} crosses the border; as it is, {key.lets()}"
    yield f"  keep it, if that may be: --keep-foreign-key {_shell(key.full)}"
    yield f"  or transfer the other side too: --protect {_shell(other)}"
    yield f"  or replace it by a migration: {key.drop}  -- back: {key.add}"


def _shell(name: str) -> str:
    return "'" + name.replace("'", "'\\''") + "'"
