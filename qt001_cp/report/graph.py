"""The reachability graph: the application role, the ways in, what they use, and the data behind them. Pure.

Before: what the sealed manifest says the role held, and what the sealed sources did. Now: what PostgreSQL answers for
the role today, and what today's sources do. A line that was there before and is not there now is blocked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from typing import Final, Literal

from qt001_cp.model.inventory import State
from qt001_cp.model.manifest import ManifestObject, ObjectManifest
from qt001_cp.model.names import Role

Key = tuple[str, str]
Reached = Mapping[Key, frozenset[tuple[str, Key]]]
Column = Literal["role", "way in", "uses", "data"]
COLUMNS: Final[tuple[Column, ...]] = ("role", "way in", "uses", "data")
GUARD: Final[Key] = ("function", "qt001_cp.require_acceptance(pg_catalog.text)")
_ROLE: Final = "role"
_DATA: Final = ("table", "materialized view", "foreign table")
_CODE: Final = ("function", "procedure", "view")
_PARTS: Final = ("gateway", "permit", "apply", "writer")
_VERBS: Final = ("calls", "reads", "writes")
MOST: Final = {"way in": 12, "uses": 8, "data": 10}
"""Objects in a column that a person can still read; the rest is counted."""


@dataclass(frozen=True)
class Node:
    """``part``: what it is on the apply path. ``before``/``now``: what the role holds on it; None: not asked or no such object."""

    kind: str
    identity: str
    column: Column
    part: str
    before: str | None
    now: str | None

    @property
    def key(self) -> Key:
        return (self.kind, self.identity)


@dataclass(frozen=True)
class Edge:
    """``verb``: why the one reaches the other. ``blocked``: it was so before and is not any more."""

    start: Key
    end: Key
    verb: str
    blocked: bool


@dataclass(frozen=True)
class Graph:
    """What is drawn, and how many objects of each column were left out."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    left_out: Mapping[str, int]
    guard: str | None


@dataclass(frozen=True)
class Known:
    """What the database said. ``held``: privileges of the role on an object now. ``members``: roles that it is a member of.

    ``views``: what a view reads, by the catalogs. ``bodies``: what today's sources reach, None where the sealed sources
    still run. ``guard``: the gates in words, None before FIX7c.
    """

    held: Mapping[Key, str]
    members: frozenset[str]
    views: Mapping[Key, frozenset[Key]]
    bodies: Mapping[Key, frozenset[tuple[str, Key]]] | None
    guard: str | None


def candidates(manifest: ObjectManifest) -> dict[Key, str]:
    """The ways in: key → what it is. The apply path from its gateway on, the legacy authority, the curated views."""
    objects = {o.ref.identity: o.ref.key for o in manifest.objects if o.ref.kind in (*_CODE, *_DATA)}
    parts = [(r.identity, r.part) for r in manifest.repoint]
    parts.sort(key=lambda p: _PARTS.index(p[1]) if p[1] in _PARTS else len(_PARTS))
    found = {objects[identity]: part for identity, part in parts if identity in objects}
    found |= {(item["kind"], item["identity"]): "legacy authority" for item in manifest.legacy}
    return found | {o.ref.key: "curated view" for o in manifest.transferred if o.curated and o.ref.key not in found}


def build(manifest: ObjectManifest, known: Known) -> Graph:
    """The graph, cut to what can be read; see :data:`MOST`."""
    sealed = {o.ref.key: o for o in manifest.objects}
    ways = candidates(manifest)
    before, now = _sealed_edges(manifest, known), _edges_now(manifest, known)
    column = {key: _column(key, part) for key, part in ways.items()}
    if known.guard is not None:
        column[GUARD] = "uses"
    _add_what_is_reached(column, list(ways), sealed, lambda start: _both(start, before, now))
    shown, left_out = _cut(column, ways, before, now)
    nodes = [Node("role", manifest.application.name, "role", "application role", None, None)]
    for key in shown:
        o = sealed.get(key)
        part = "acceptance guard" if key == GUARD else ways.get(key, "")
        held = holds(o.before, known.members) if o is not None else None
        nodes.append(Node(*key, column[key], part, held, None if key == GUARD else known.held.get(key)))
    here = {n.key for n in nodes}
    edges = [e for e in _role_edges(nodes) if e.end in here]
    for start in shown:
        edges += _edges(start, here, _both(start, before, now), now.get(start, frozenset()))
    return Graph(tuple(nodes), tuple(edges), left_out, known.guard)


def _both(start: Key, before: Reached, now: Reached) -> list[tuple[str, Key]]:
    return sorted(before.get(start, frozenset()) | now.get(start, frozenset()))


def _add_what_is_reached(
    column: dict[Key, Column],
    todo: list[Key],
    sealed: Mapping[Key, ManifestObject],
    reached: Callable[[Key], list[tuple[str, Key]]],
) -> None:
    while todo:
        for _, end in reached(todo.pop(0)):
            if end not in column and end in sealed:
                column[end] = "data" if end[0] in _DATA else "uses"
                todo.append(end)


def _edges(start: Key, here: Set[Key], reached: list[tuple[str, Key]], now: Set[tuple[str, Key]]) -> Iterator[Edge]:
    """One edge for all verbs that go on, and one for all that are blocked, to each node that is shown."""
    verbs: dict[tuple[Key, bool], list[str]] = {}
    for verb, end in reached:
        if end in here and end != start:
            verbs.setdefault((end, (verb, end) not in now), []).append(verb)
    for (end, blocked), said in verbs.items():
        yield Edge(start, end, ", ".join(said), blocked)


def holds(state: State, members: Iterable[str]) -> str:
    """What the role held in a state, itself, through a role, or as everybody; empty: nothing."""
    own = set(members)
    if state.owner.name in own:
        return "owner"
    acls = [state.acl, *(c.acl for c in state.columns)]
    held = {i.privilege for acl in acls for i in acl if not isinstance(i.grantee, Role) or i.grantee.name in own}
    return ", ".join(sorted(held))


def _column(key: Key, part: str) -> Column:
    if part == "legacy authority":
        return "uses"
    return "data" if key[0] in _DATA and part != "curated view" else "way in"


def _role_edges(nodes: list[Node]) -> list[Edge]:
    role = nodes[0].key
    made = []
    for n in nodes[1:]:
        if n.column == "way in" and (n.before or n.now):
            made.append(Edge(role, n.key, n.now or n.before or "", not n.now))
    return made


def _sealed_edges(manifest: ObjectManifest, known: Known) -> dict[Key, frozenset[tuple[str, Key]]]:
    return {o.ref.key: _reaches(o) | _reads(o.ref.key, known) for o in manifest.objects if o.ref.kind in _CODE}


def _edges_now(manifest: ObjectManifest, known: Known) -> dict[Key, frozenset[tuple[str, Key]]]:
    if known.bodies is None:
        return _sealed_edges(manifest, known)
    return {
        o.ref.key: (_chosen(known.bodies[o.ref.key]) if o.ref.key in known.bodies else _reaches(o))
        | _reads(o.ref.key, known)
        for o in manifest.objects
        if o.ref.kind in _CODE
    }


def _reaches(o: ManifestObject) -> frozenset[tuple[str, Key]]:
    listed = (o.detail or {}).get("reaches") or ()
    return _chosen(frozenset((r["verb"], (r["kind"], r["identity"])) for r in listed))


def _chosen(edges: frozenset[tuple[str, Key]]) -> frozenset[tuple[str, Key]]:
    return frozenset(e for e in edges if e[0] in _VERBS and e[1][0] in (*_CODE, *_DATA))


def _reads(key: Key, known: Known) -> frozenset[tuple[str, Key]]:
    """The catalogs know a function in a view's query too."""
    seen = known.views.get(key, frozenset())
    return frozenset(("reads" if end[0] in (*_DATA, "view") else "calls", end) for end in seen)


def _cut(
    column: Mapping[Key, Column],
    ways: Mapping[Key, str],
    before: Mapping[Key, frozenset[tuple[str, Key]]],
    now: Mapping[Key, frozenset[tuple[str, Key]]],
) -> tuple[list[Key], dict[str, int]]:
    """Keys to show, in order of column; ways in, guard and legacy first, then what most lines lead to."""
    lines: dict[Key, int] = {}
    for edges in (*before.values(), *now.values()):
        for _, end in edges:
            lines[end] = lines.get(end, 0) + 1
    shown: list[Key] = []
    left_out: dict[str, int] = {}
    rank = {key: number for number, key in enumerate(ways)}
    for name in COLUMNS[1:]:
        here = [k for k in column if column[k] == name]
        here.sort(key=lambda k: (k != GUARD, rank.get(k, len(rank)), -lines.get(k, 0), k))
        shown += here[: MOST[name]]
        if len(here) > MOST[name]:
            left_out[name] = len(here) - MOST[name]
    return shown, left_out
