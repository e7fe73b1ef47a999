"""A suggested disposition for each object of an estate, with the reason; None where only a person can decide."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches

from qt001_cp.model import kinds
from qt001_cp.model.inventory import Inventory, InventoryObject
from qt001_cp.model.names import PUBLIC, glob
from qt001_cp.plan.analysis import Analyses
from qt001_cp.plan.candidate.groups import Group, groups_of

Node = tuple[str, str]
Reach = tuple[Node, Node, str]
_NEAREST, _ALIKE = 3, 0.5
_RETAINED = "named to be retained: "
_RUN = ("function", "procedure", "aggregate", "type", "operator", "operator class", "operator family", "collation")
"""What runs, or decides, inside an object that uses it: it has to be in the same hand."""
_DECIDED = ("database", "schema", "default acl")
"""What the draft says of these follows from what is protected."""
_NO_CALL = ("table", "sequence")
"""Beside these the application may go on creating: nobody calls them, and no type or routine is looked for by their names."""


@dataclass(frozen=True)
class Suggestion:
    """``disposition`` None: undecided. ``keep``: privileges that PUBLIC goes on holding; ``kept``: the application."""

    disposition: str | None
    reason: str
    keep: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()


_UNNEEDED = Suggestion("retain", "the application made it, and nothing protected reaches what is in it")


@dataclass(frozen=True)
class Wishes:
    """What was asked for, as patterns of schema.name in which only * and ? are special, each matched exactly; of what lies in no
    schema of the kind and the name, as documents print it: ``extension pg_trgm``.

    ``protect``: pattern → what the application keeps of it. Without any, a group is protected that holds a SECURITY DEFINER
    routine; a privilege may be one of columns: ``UPDATE(announced)``. ``retain``: what stays the application's. ``keys``: the
    foreign keys that are kept where they cross the border, as schema.table.name.
    """

    protect: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    retain: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()


@dataclass(frozen=True)
class Unmatched:
    """A pattern that names nothing of the estate, and the names that are nearest to it."""

    pattern: str
    nearest: tuple[str, ...]


def unmatched(inventory: Inventory, wishes: Wishes, keys: Iterable[str] = ()) -> list[Unmatched]:
    """``keys``: the names of the foreign keys that there are."""
    names = sorted({name for o in inventory.objects if (name := _full(o)) is not None})
    asked = [(pattern, names) for pattern in (*wishes.protect, *wishes.retain)]
    asked += [(pattern, sorted(keys)) for pattern in wishes.keys]
    return [
        Unmatched(pattern, tuple(_nearest(pattern, there)))
        for pattern, there in asked
        if not any(glob(pattern).fullmatch(name) for name in there)
    ]


def _nearest(pattern: str, names: Sequence[str]) -> list[str]:
    """By the whole name, else by the name without its schema."""
    found = get_close_matches(pattern, names, n=_NEAREST, cutoff=_ALIKE)
    bare = {name.rpartition(".")[2]: name for name in names}
    return found or [
        bare[b] for b in get_close_matches(pattern.rpartition(".")[2], list(bare), n=_NEAREST, cutoff=_ALIKE)
    ]


def _full(o: InventoryObject) -> str | None:
    """What a pattern has to match. None of what the draft decides by itself: the database, and schemas by what is in them."""
    if o.ref.schema is not None:
        return f"{o.ref.schema}.{o.ref.name}"
    return None if o.ref.kind in _DECIDED else f"{o.ref.kind} {o.ref.name}"


@dataclass
class Suggested:
    """What was suggested for each object, and what was seen on the way."""

    groups: Mapping[Node, Group]
    suggestions: dict[Node, Suggestion] = field(default_factory=dict)
    protected: dict[Group, str] = field(default_factory=dict)
    ties: list[str] = field(default_factory=list)
    """What was named to be retained and is tied to what is transferred: FIX7b will refuse it."""

    @property
    def transferred(self) -> frozenset[Node]:
        return frozenset(k for k, s in self.suggestions.items() if s.disposition == "transfer")


def edges_of(analyses: Analyses, catalog: Iterable[Reach]) -> list[Reach]:
    """What reaches what: by the catalogs, and by the bodies of routines and views."""
    bodies = [(key, (e.kind, e.identity), e.verb) for key, a in sorted(analyses.items()) for e in a.edges]
    return sorted({*catalog, *bodies})


def suggest(inventory: Inventory, edges: Sequence[Reach], wishes: Wishes) -> Suggested:
    """Named objects are treated as they were named, and nothing beside them but what has to come along."""
    named = bool(wishes.protect)
    made = Suggested(groups_of(inventory, whole_schemas=named))
    by_key = inventory.by_key()
    made.protected = {} if named else _holding_definers(inventory, made.groups)
    for key, group in made.groups.items():
        if group in made.protected:
            made.suggestions[key] = Suggestion("transfer", made.protected[group])
    for key in made.groups:
        if said := _wished(by_key[key], wishes):
            made.suggestions[key] = said
    _close(made, by_key, edges)
    outgoing = {(a, b): why for a, b, why in edges}
    for key, group in made.groups.items():
        if key not in made.suggestions:
            made.suggestions[key] = _outside(by_key[key], group, made, outgoing, inventory)
    if not named:
        _doubt(made)
    made.ties = list(_ties(made, edges, wishes))
    needed = _behind(made.transferred, edges)
    tables = {
        o.ref.identity: made.suggestions.get(o.ref.key) for o in inventory.objects if o.ref.kind in kinds.RELATIONS
    }
    for o in inventory.objects:
        table = tables.get(o.follows or "")
        if table is not None:
            made.suggestions[o.ref.key] = replace(table, kept=())
        elif o.ref.key not in made.suggestions:
            own = o.ref.kind == "extension" and o.state.owner == inventory.application and o.ref.key not in needed
            drafted = _UNNEEDED if own else _beside(o, made, inventory)
            made.suggestions[o.ref.key] = _wished(o, wishes) or drafted
    return made


def _behind(start: Iterable[Node], edges: Sequence[Reach]) -> set[Node]:
    """What can be reached from there, over whatever lies between."""
    onward: dict[Node, list[Node]] = {}
    for one, other, _ in edges:
        onward.setdefault(one, []).append(other)
    found: set[Node] = set()
    todo = list(start)
    while todo:
        node = todo.pop()
        if node not in found:
            found.add(node)
            todo += onward.get(node, ())
    return found


def _wished(o: InventoryObject, wishes: Wishes) -> Suggestion | None:
    """What a pattern that names it says; the first that matches decides what is kept."""
    name = _full(o)
    if name is None:
        return None
    for pattern in wishes.retain:
        if glob(pattern).fullmatch(name):
            return Suggestion("retain", f"{_RETAINED}{pattern}")
    for pattern, keep in wishes.protect.items():
        if glob(pattern).fullmatch(name):
            there = kinds.BY_KEY[o.ref.kind].privileges
            kept = tuple(p for p in keep if p.partition("(")[0] in there)
            return Suggestion("transfer", f"named to be protected: {pattern}", kept=kept)
    return None


def _ties(made: Suggested, edges: Sequence[Reach], wishes: Wishes) -> Iterator[str]:
    if not wishes.retain:
        return
    kept = {key for key, s in made.suggestions.items() if s.reason.startswith(_RETAINED)}
    for start, end, why in edges:
        if (start in kept and end in made.transferred) or (end in kept and start in made.transferred):
            yield f"{start[0]} {start[1]} reaches {end[0]} {end[1]} ({why}), and only one of them is to be retained"


def _holding_definers(inventory: Inventory, groups: Mapping[Node, Group]) -> dict[Group, str]:
    found: dict[Group, str] = {}
    for o in inventory.objects:
        group = groups.get(o.ref.key)
        if group is not None and (o.detail or {}).get("definer") and o.state.owner == inventory.application:
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
            return Suggestion(None, f"it reaches {end[0]} {end[1]}, which is protected ({why}){_way_out(o, why)}")
    if o.state.owner != inventory.application:
        return Suggestion("retain", f"belongs to {o.state.owner.name}, and nothing protected reaches it")
    return Suggestion("retain", f"{group}: nothing protected reaches it, and it reaches nothing protected")


def _way_out(o: InventoryObject, why: str) -> str:
    """A foreign key has choices of its own."""
    return "" if o.ref.kind == "table" and why.startswith("constraint ") else ": rewrite it, or curate a view"


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
        return _schema(o, _protected_in(o.ref.name, made), _kept_of_schema(o.ref.name, made))
    if o.ref.kind == "default acl":
        return _defaults(o, _protected_in(o.ref.schema, made), ours)
    if ours:
        refusal = kinds.BY_KEY[o.ref.kind].refusal(inventory.server_version // 10000)
        return Suggestion(None, refusal or f"a {o.ref.kind} of the application: does anything protected need it?")
    return Suggestion("retain", f"belongs to {o.state.owner.name}")


def _schema(o: InventoryObject, protected: Sequence[Node], kept: tuple[str, ...]) -> Suggestion:
    if not protected:
        return Suggestion("retain", "nothing in it is protected")
    reason = f"its owner may drop and rename what others own in it, such as {protected[0][1]}"
    return Suggestion("transfer", reason, _of_public(o, "USAGE"), kept)


def _kept_of_schema(schema: str, made: Suggested) -> tuple[str, ...]:
    """CREATE too, where the application goes on using the schema and nothing is protected there that a call or a name could be
    taken from: tables and their sequences."""
    protected = _protected_in(schema, made)
    if all(kind in _NO_CALL for kind, _ in protected) and len(protected) < len(
        [node for node, group in made.groups.items() if group.schema == schema and node[0] in kinds.RELATIONS]
    ):
        return ("USAGE", "CREATE")
    return ("USAGE",) if any(made.suggestions[node].kept for node in protected) else ()


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
