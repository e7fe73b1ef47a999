"""Two object manifests, compared for a person."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from qt001_cp.model.acl import AclItem
from qt001_cp.model.inventory import State
from qt001_cp.model.manifest import ManifestObject, ObjectManifest
from qt001_cp.model.names import Role


def difference(old: ObjectManifest, new: ObjectManifest) -> list[str]:
    """One line a difference, objects first; empty where the manifests do the same."""
    lines = [
        f"~ {what}: {before} → {after}"
        for what, before, after in (
            ("database", old.database, new.database),
            ("server", old.server_major, new.server_major),
            ("application role", old.application.name, new.application.name),
            ("policy", old.policy["sha256"], new.policy["sha256"]),
            ("apply path", old.apply_path, new.apply_path),
            ("blocked", old.blocked, new.blocked),
            ("legacy", old.legacy, new.legacy),
        )
        if before != after
    ]
    ours, theirs = {o.ref.key: o for o in old.objects}, {o.ref.key: o for o in new.objects}
    for key in sorted(ours.keys() | theirs.keys()):
        before, after = ours.get(key), theirs.get(key)
        if before is None and after is not None:
            lines.append(f"+ {after.ref}  ({after.disposition}: {after.reason})")
        elif after is None and before is not None:
            lines.append(f"- {before.ref}  (was {before.disposition})")
        elif before is not None and after is not None:
            lines += _object(before, after)
    sources = {r.identity: r.after for r in old.repoint}
    lines += [f"~ {r.identity}: its new source differs" for r in new.repoint if sources.get(r.identity) != r.after]
    return lines


def _object(old: ManifestObject, new: ManifestObject) -> Iterator[str]:
    if old.disposition != new.disposition:
        yield f"~ {old.ref}: {old.disposition} → {new.disposition}"
    if old.curated != new.curated:
        yield f"~ {old.ref}: {'no longer' if old.curated else 'now'} a curated view"
    if old.definition != new.definition:
        yield f"~ {old.ref}: its definition differs ({old.definition[:12]} → {new.definition[:12]})"
    yield from _state(f"{old.ref} before", old.before, new.before)
    if old.after is not None and new.after is not None:
        yield from _state(f"{old.ref} after", old.after, new.after)


def _state(what: str, old: State, new: State) -> Iterator[str]:
    if old.owner != new.owner:
        yield f"~ {what}: owner {old.owner.name} → {new.owner.name}"
    yield from _acl(what, old.acl, new.acl)
    ours, theirs = {c.column: c.acl for c in old.columns}, {c.column: c.acl for c in new.columns}
    for column in sorted(ours.keys() | theirs.keys()):
        yield from _acl(f"{what}, column {column}", ours.get(column, ()), theirs.get(column, ()))


def state_lines(old: State, new: State) -> list[str]:
    """What differs between two states of one object, a line each, without its name."""
    return [line.replace(" state:", "", 1).replace(" state, ", " ", 1) for line in _state("state", old, new)]


def _acl(what: str, old: Iterable[AclItem], new: Iterable[AclItem]) -> Iterator[str]:
    ours, theirs = set(old), set(new)
    for sign, items in (("-", ours - theirs), ("+", theirs - ours)):
        for item in sorted(items, key=repr):
            grantee = item.grantee.name if isinstance(item.grantee, Role) else "PUBLIC"
            option = " with grant option" if item.grantable else ""
            yield f"{sign} {what}: {item.privilege} for {grantee} from {item.grantor.name}{option}"
