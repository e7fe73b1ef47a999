"""What a successor says otherwise than its predecessor, for a person: objects side by side, and who is given or loses what."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from qt001_cp.model import kinds
from qt001_cp.model.inventory import State
from qt001_cp.model.manifest import ManifestObject, ObjectManifest
from qt001_cp.model.names import PUBLIC, Grantee, grantee_name
from qt001_cp.plan.difference import state_lines
from qt001_cp.review.side_by_side import Row, side_by_side

What = Literal["born", "changed", "gone"]
_NOBODY: Final[Mapping[tuple[Grantee, str | None], frozenset[str]]] = {}


@dataclass(frozen=True)
class Part:
    """A part of an object that becomes another: old and new, line beside line."""

    title: str
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class ChangedObject:
    """``acl``: what differs, a line each ('-' what goes, '+' what comes), never two whole ones."""

    what: What
    kind: str
    identity: str
    curated: bool
    reason: str
    parts: tuple[Part, ...]
    acl: tuple[str, ...]


@dataclass(frozen=True)
class Notice:
    """What a role holds no longer, and what it is given. ``meant``: the application's, or everybody's."""

    role: str
    object: str
    taken: tuple[str, ...]
    given: tuple[str, ...]
    meant: bool


def changed_objects(old: ObjectManifest, new: ObjectManifest, live: Mapping[str, str]) -> list[ChangedObject]:
    """What is gone, changed and born, each in the order of its name; nothing of what is as it was. ``live``: the routines of the apply
    path before the change, as PostgreSQL prints them, as it does those of the successor."""
    before, after = {o.ref.key: o for o in old.objects}, {o.ref.key: o for o in new.objects}
    was = {r.identity: r.after for r in old.repoint}
    routines = {
        r.identity: (live.get(r.identity, was[r.identity]), r.after)
        for r in new.repoint
        if was.get(r.identity) != r.after
    }
    pairs = ((before.get(key), after.get(key)) for key in sorted(before.keys() | after.keys()))
    found = [o for one, other in pairs if (o := _object(one, other, routines)) is not None]
    rank = {"gone": 0, "changed": 1, "born": 2}
    return sorted(found, key=lambda o: rank[o.what])


def notices(old: ObjectManifest, new: ObjectManifest) -> list[Notice]:
    """By role, the application first, then PUBLIC, then others. What an owner holds of its own is left out."""
    before, after = {o.ref.key: o for o in old.transferred}, {o.ref.key: o for o in new.transferred}
    made = []
    for key in sorted(before.keys() | after.keys()):
        o = after.get(key) or before[key]
        had, has = (_held(side.get(key)) for side in (before, after))
        for who, column in sorted(had.keys() | has.keys(), key=lambda k: (grantee_name(k[0]), k[1] or "")):
            one, other = had.get((who, column), frozenset()), has.get((who, column), frozenset())
            if one != other:
                where = str(o.ref) if column is None else f"{o.ref}, column {column}"
                meant = who in (new.application, PUBLIC)
                made.append(Notice(grantee_name(who), where, _ordered(one - other), _ordered(other - one), meant))
    rank = {new.application.name: 0, "PUBLIC": 1}
    return sorted(made, key=lambda n: (rank.get(n.role, 2), n.role))


def _object(
    old: ManifestObject | None, new: ManifestObject | None, routines: Mapping[str, tuple[str, str]]
) -> ChangedObject | None:
    o = new or old
    assert o is not None
    parts = tuple(_parts(old, new, routines.get(o.ref.identity) if o.ref.kind in kinds.ROUTINES else None))
    acl = tuple(_acl(old, new))
    if not parts and not acl and old is not None and new is not None and old.curated == new.curated:
        return None
    what: What = "born" if old is None else "gone" if new is None else "changed"
    return ChangedObject(what, o.ref.kind, o.ref.identity, o.curated, o.reason, parts, acl)


def _parts(old: ManifestObject | None, new: ManifestObject | None, source: tuple[str, str] | None) -> Iterator[Part]:
    def of(name: str) -> tuple[Any, Any]:
        return getattr(old, name, None), getattr(new, name, None)

    told = [
        ("source", *(source or (None, None))),
        ("definition", *of("source")),
        ("how it is kept", *of("storage_source")),
        ("what it reaches", *(_detail(side) for side in (old, new))),
    ]
    for title, one, other in told:
        if title == "what it reaches" and (old is None or new is None):
            continue
        if rows := side_by_side(one, other):
            yield Part(title, rows)


def _detail(o: ManifestObject | None) -> str | None:
    return json.dumps(o.detail, indent=1, sort_keys=True, ensure_ascii=False) if o is not None and o.detail else None


def _acl(old: ManifestObject | None, new: ManifestObject | None) -> Iterator[str]:
    one, other = _state(old), _state(new)
    known = one or other
    assert known is not None
    if one is not None and other is not None:
        yield from state_lines(one, other)
        return
    # Of what is born or gone, what the owner has of its own goes without saying.
    others = replace(known, acl=tuple(item for item in known.acl if item.grantee != known.owner))
    empty = State(known.owner, ())
    yield from state_lines(*((empty, others) if one is None else (others, empty)))


def _state(o: ManifestObject | None) -> State | None:
    return None if o is None else o.retired or o.after or o.before


def _held(o: ManifestObject | None) -> Mapping[tuple[Grantee, str | None], frozenset[str]]:
    state = _state(o)
    if state is None:
        return _NOBODY
    made: dict[tuple[Grantee, str | None], set[str]] = {}
    for column, acl in ((None, state.acl), *((c.column, c.acl) for c in state.columns)):
        for item in acl:
            if item.grantee != state.owner:
                made.setdefault((item.grantee, column), set()).add(
                    f"{item.privilege} WITH GRANT OPTION" if item.grantable else item.privilege
                )
    return {key: frozenset(held) for key, held in made.items()}


def _ordered(privileges: frozenset[str]) -> tuple[str, ...]:
    order = list(kinds.BITS)
    return tuple(sorted(privileges, key=lambda p: (order.index(p.removesuffix(" WITH GRANT OPTION")), p)))
