"""What FIX7b changes on each object, for a person: owner, and who loses and gains what."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from qt001_cp.model.manifest import ManifestObject, ObjectManifest
from qt001_cp.model.names import PUBLIC, Role
from qt001_cp.plan.difference import state_lines


@dataclass(frozen=True)
class Change:
    """One object of the manifest. ``lines``: '-' what goes, '+' what comes, '~' a new owner; empty: nothing moves."""

    kind: str
    identity: str
    reason: str
    curated: bool
    lines: tuple[str, ...]


def changes(manifest: ObjectManifest) -> list[Change]:
    """The objects that are transferred, then those that lend, in the order of the manifest. What only changes hands with its owner is one line."""
    return [_change(o) for o in (*manifest.transferred, *manifest.lent)]


@dataclass(frozen=True)
class Grantor:
    """A role that may pass on what is transferred, or whose new objects the application gets. ``lines``: what, on what."""

    role: str
    lines: tuple[str, ...]


def grantors(manifest: ObjectManifest) -> list[Grantor]:
    """Who could give the application back what the cutover takes; the policy of the manifest says that it trusts them."""
    found: dict[str, list[str]] = {}
    for o in manifest.objects:
        if o.ref.kind != "default acl":
            for role, what in _grantable(o):
                found.setdefault(role, []).append(f"{what} on {o.ref}")
        elif o.disposition == "retain" and o.before.owner != manifest.application:
            given = [e.privilege for e in o.before.acl if e.grantee in (PUBLIC, manifest.application)]
            if given:
                found.setdefault(o.before.owner.name, []).append(f"{', '.join(given)} by {o.ref}")
    return [Grantor(role, tuple(lines)) for role, lines in sorted(found.items())]


def _grantable(o: ManifestObject) -> Iterator[tuple[str, str]]:
    """Role and privilege of each grant option that the manifest leaves to another role than the owner."""
    if o.after is None:
        return
    acls = [("", o.after.acl), *((f" ({c.column})", c.acl) for c in o.after.columns)]
    for column, acl in acls:
        for e in acl:
            if e.grantable and isinstance(e.grantee, Role) and e.grantee != o.after.owner:
                yield e.grantee.name, f"{e.privilege}{column}"


def _change(o: ManifestObject) -> Change:
    after = o.after or o.before
    moved = after.owner != o.before.owner
    lines = [f"~ owner {o.before.owner.name} → {after.owner.name}"] if moved else []
    lines += state_lines(o.before.as_owned_by(after.owner), after)
    return Change(o.ref.kind, o.ref.identity, o.reason, o.curated, tuple(lines))
