"""A suggested disposition for each object of an estate, with the reason; None where only a person can decide."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from qt001_cp.model import kinds
from qt001_cp.model.inventory import Inventory, InventoryObject
from qt001_cp.model.names import PUBLIC
from qt001_cp.plan.analysis import Analyses
from qt001_cp.plan.candidate.groups import Group, groups_of

Node = tuple[str, str]
Reach = tuple[Node, Node, str]
_RUN = ("function", "procedure", "aggregate", "type", "operator", "operator class", "operator family", "collation")
"""What runs, or decides, inside an object that uses it: it has to be in the same hand."""


@dataclass(frozen=True)
class Suggestion:
    """``disposition`` None: undecided. ``keep``: privileges that PUBLIC goes on holding."""

    disposition: str | None
    reason: str
    keep: tuple[str, ...] = ()


@dataclass
class Suggested:
    """What was suggested for each object, and what was seen on the way."""

    groups: Mapping[Node, Group]
    suggestions: dict[Node, Suggestion] = field(default_factory=dict)
    protected: dict[Group, str] = field(default_factory=dict)

    @property
    def transferred(self) -> frozenset[Node]:
        return frozenset(k for k, s in self.suggestions.items() if s.disposition == "transfer")


def edges_of(analyses: Analyses, catalog: Iterable[Reach]) -> list[Reach]:
    """What reaches what: by the catalogs, and by the bodies of routines and views."""
    bodies = [(key, (e.kind, e.identity), e.verb) for key, a in sorted(analyses.items()) for e in a.edges]
    return sorted({*catalog, *bodies})


def suggest(inventory: Inventory, edges: Sequence[Reach], protect: Sequence[str]) -> Suggested:
    """``protect``: patterns of schema.name; without them a group is protected that holds a SECURITY DEFINER routine."""
    made = Suggested(groups_of(inventory))
    made.protected = _protected(inventory, made.groups, protect)
    by_key = inventory.by_key()
    for key, group in made.groups.items():
        if group in made.protected:
            made.suggestions[key] = Suggestion("transfer", made.protected[group])
    _close(made, by_key, edges)
    outgoing = {(a, b): why for a, b, why in edges}
    for key, group in made.groups.items():
        if key not in made.suggestions:
            made.suggestions[key] = _outside(by_key[key], group, made, outgoing, inventory)
    _doubt(made)
    tables = {
        o.ref.identity: made.suggestions.get(o.ref.key) for o in inventory.objects if o.ref.kind in kinds.RELATIONS
    }
    for o in inventory.objects:
        table = tables.get(o.follows or "")
        if table is not None:
            made.suggestions[o.ref.key] = table
        elif o.ref.key not in made.suggestions:
            made.suggestions[o.ref.key] = _beside(o, made, inventory)
    return made


def _protected(inventory: Inventory, groups: Mapping[Node, Group], protect: Sequence[str]) -> dict[Group, str]:
    found: dict[Group, str] = {}
    for o in inventory.objects:
        group = groups.get(o.ref.key)
        if group is None:
            continue
        full = f"{o.ref.schema}.{o.ref.name}"
        if any(fnmatchcase(full, pattern) for pattern in protect):
            found.setdefault(group, "named to be protected")
        elif not protect and (o.detail or {}).get("definer") and o.state.owner == inventory.application:
            found.setdefault(group, f"holds a SECURITY DEFINER routine, {o.ref.identity}")
    return found


def _close(made: Suggested, by_key: Mapping[Node, InventoryObject], edges: Sequence[Reach]) -> None:
    """What runs inside a transferred object goes with it, and what runs inside that."""
    moved = True
    while moved:
        moved = False
        for start, end, why in edges:
            if start in made.transferred and end in by_key and end not in made.suggestions and end[0] in _RUN:
                made.suggestions[end] = Suggestion(
                    "transfer", f"runs inside {start[0]} {start[1]} ({why}), with the new owner's rights"
                )
                moved = True


def _outside(
    o: InventoryObject, group: Group, made: Suggested, edges: Mapping[tuple[Node, Node], str], inventory: Inventory
) -> Suggestion:
    for (start, end), why in edges.items():
        if end == o.ref.key and start in made.transferred:
            return Suggestion(None, f"{start[0]} {start[1]}, which is protected, reaches it ({why})")
        if start == o.ref.key and end in made.transferred:
            return Suggestion(
                None, f"it reaches {end[0]} {end[1]}, which is protected ({why}): rewrite it, or curate a view"
            )
    if o.state.owner != inventory.application:
        return Suggestion("retain", f"belongs to {o.state.owner.name}, and nothing protected reaches it")
    return Suggestion("retain", f"{group}: nothing protected reaches it, and it reaches nothing protected")


def _doubt(made: Suggested) -> None:
    """A group that is partly protected, or tied to what is, is no group to retain without looking."""
    tied: dict[Group, str] = {}
    for key, s in made.suggestions.items():
        if s.disposition != "retain" and made.groups[key] not in made.protected:
            tied.setdefault(made.groups[key], f"{key[0]} {key[1]}")
    for key, s in made.suggestions.items():
        if s.disposition == "retain" and made.groups[key] in tied:
            made.suggestions[key] = Suggestion(
                None, f"its group, {made.groups[key]}, is tied to what is protected by {tied[made.groups[key]]}"
            )


def _beside(o: InventoryObject, made: Suggested, inventory: Inventory) -> Suggestion:
    """What lies in no schema: the database, schemas, default privileges, and what only an administrator owns."""
    ours = o.state.owner == inventory.application
    if o.ref.kind == "database":
        return Suggestion(
            "transfer",
            "the owner of a database may drop its schemas and set what every session starts with",
            _of_public(o, "CONNECT"),
        )
    if o.ref.kind == "schema":
        return _schema(o, _protected_in(o.ref.name, made))
    if o.ref.kind == "default acl":
        return _defaults(o, _protected_in(o.ref.schema, made), ours)
    if ours:
        refusal = kinds.BY_KEY[o.ref.kind].refusal(inventory.server_version // 10000)
        return Suggestion(None, refusal or f"a {o.ref.kind} of the application: does anything protected need it?")
    return Suggestion("retain", f"belongs to {o.state.owner.name}")


def _schema(o: InventoryObject, protected: Sequence[Node]) -> Suggestion:
    if not protected:
        return Suggestion("retain", "nothing in it is protected")
    reason = f"its owner may drop and rename what others own in it, such as {protected[0][1]}"
    return Suggestion("transfer", reason, _of_public(o, "USAGE"))


def _defaults(o: InventoryObject, protected: Sequence[Node], ours: bool) -> Suggestion:
    if protected:
        return Suggestion(None, "speaks of what is made in a protected schema from now on: take it away, or let it be")
    if ours:
        return Suggestion("retain", "speaks of what the application makes itself")
    return Suggestion(None, f"gives away what {o.state.owner.name} makes from now on: take it away, or let it be")


def _protected_in(schema: str | None, made: Suggested) -> list[Node]:
    transferred = made.transferred
    return [node for node, group in made.groups.items() if group.schema == schema and node in transferred]


def _of_public(o: InventoryObject, privilege: str) -> tuple[str, ...]:
    """The privilege, where PUBLIC holds it."""
    held = any(i.privilege == privilege for i in o.state.acl if i.grantee == PUBLIC)
    return (privilege,) if held else ()
