"""Two object manifests, compared for a person."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from qt001_cp.model.acl import AclItem
from qt001_cp.model.inventory import State
from qt001_cp.model.manifest import ManifestObject, ObjectManifest
from qt001_cp.model.names import grantee_name


def difference(old: ObjectManifest, new: ObjectManifest) -> list[str]:
    """One line a difference, objects first; empty where the manifests do the same."""
    ours, theirs = {o.ref.key: o for o in old.objects}, {o.ref.key: o for o in new.objects}
    lines = list(_heads(old, new))
    for key in sorted(ours.keys() | theirs.keys()):
        lines += _objects(ours.get(key), theirs.get(key))
    sources = {r.identity: r.after for r in old.repoint}
    lines += [f"~ {r.identity}: its new source differs" for r in new.repoint if sources.get(r.identity) != r.after]
    return lines


def _heads(old: ObjectManifest, new: ObjectManifest) -> Iterator[str]:
    for what, before, after in (
        ("database", old.database, new.database),
        ("server", old.server_major, new.server_major),
        ("application role", old.application.name, new.application.name),
        ("policy", old.policy["sha256"], new.policy["sha256"]),
        ("apply path", old.apply_path, new.apply_path),
        ("blocked", old.blocked, new.blocked),
        ("legacy", old.legacy, new.legacy),
    ):
        if before != after:
            yield f"~ {what}: {before} → {after}"


def _objects(old: ManifestObject | None, new: ManifestObject | None) -> Iterator[str]:
    if old is None and new is not None:
        yield f"+ {new.ref}  ({new.disposition}: {new.reason})"
    elif new is None and old is not None:
        yield f"- {old.ref}  (was {old.disposition})"
    elif old is not None and new is not None:
        yield from _object(old, new)


def _object(old: ManifestObject, new: ManifestObject) -> Iterator[str]:
    if old.disposition != new.disposition:
        yield f"~ {old.ref}: {old.disposition} → {new.disposition}"
    if old.curated != new.curated:
        yield f"~ {old.ref}: {'no longer' if old.curated else 'now'} a curated view"
    if old.definition != new.definition:
        yield from (f"~ {old.ref}: its definition: {line}" for line in changed_lines(old.source, new.source))
    if old.storage != new.storage:
        lines = changed_lines(old.storage_source, new.storage_source)
        yield from (f"~ {old.ref}: how it is kept: {line}" for line in lines)
    yield from _state(f"{old.ref} before", old.before, new.before)
    if old.after is not None and new.after is not None:
        yield from _state(f"{old.ref} after", old.after, new.after)


def changed_lines(old: str | None, new: str | None) -> list[str]:
    """The lines of two texts in which they differ, each with a sign."""
    compared = difflib.unified_diff((old or "").splitlines(), (new or "").splitlines(), n=0, lineterm="")
    changed = [f"{line[0]} {line[1:].strip()}" for line in list(compared)[2:] if not line.startswith("@@")]
    return changed or ["~ in what ends its lines"]


class _Change(NamedTuple):
    """``sign``: + gained, - lost, ~ another one. ``column``: where it is about one."""

    sign: str
    column: str | None
    said: str


def _state(what: str, old: State, new: State) -> Iterator[str]:
    for sign, column, said in _changes(old, new):
        yield f"{sign} {what}: {said}" if column is None else f"{sign} {what}, column {column}: {said}"


def state_lines(old: State, new: State) -> list[str]:
    """What differs between two states of one object, a line each, without its name."""
    return [
        f"{sign} {said}" if column is None else f"{sign} column {column}: {said}"
        for sign, column, said in _changes(old, new)
    ]


def _changes(old: State, new: State) -> Iterator[_Change]:
    if old.owner != new.owner:
        yield _Change("~", None, f"owner {old.owner.name} → {new.owner.name}")
    yield from _acl(None, old.acl, new.acl)
    ours, theirs = {c.column: c.acl for c in old.columns}, {c.column: c.acl for c in new.columns}
    for column in sorted(ours.keys() | theirs.keys()):
        yield from _acl(column, ours.get(column, ()), theirs.get(column, ()))


def _acl(column: str | None, old: Iterable[AclItem], new: Iterable[AclItem]) -> Iterator[_Change]:
    ours, theirs = set(old), set(new)
    for sign, items in (("-", ours - theirs), ("+", theirs - ours)):
        for item in sorted(items, key=repr):
            option = " with grant option" if item.grantable else ""
            said = f"{item.privilege} for {grantee_name(item.grantee)} from {item.grantor.name}{option}"
            yield _Change(sign, column, said)
