"""What FIX7b changes on each object, for a person: owner, and who loses and gains what."""

from __future__ import annotations

from dataclasses import dataclass

from qt001_cp.model.manifest import ManifestObject, ObjectManifest
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
    """The transferred objects, in the order of the manifest. What only changes hands with its owner is one line."""
    return [_change(o) for o in manifest.transferred]


def _change(o: ManifestObject) -> Change:
    after = o.after or o.before
    moved = after.owner != o.before.owner
    lines = [f"~ owner {o.before.owner.name} → {after.owner.name}"] if moved else []
    lines += state_lines(o.before.as_owned_by(after.owner), after)
    return Change(o.ref.kind, o.ref.identity, o.reason, o.curated, tuple(lines))
