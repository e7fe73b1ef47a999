"""The estate before and after: counts by kind, and equal changes of owner and privileges in groups. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from qt001_cp.model.manifest import ManifestObject, ObjectManifest
from qt001_cp.plan.difference import state_lines
from qt001_cp.review.changes import changes

Key = tuple[str, str]
_PRIVILEGE: Final = re.compile(r"([-+]) ([A-Z]+) (for .*)", re.DOTALL)


@dataclass(frozen=True)
class KindCount:
    """Objects of one kind: by disposition, and by owner before, after FIX7b, and now.

    ``missing``: not found now. Default privileges that are taken away leave no entry, so none of them is ever missing.
    """

    kind: str
    total: int
    transferred: int
    retained: int
    application_before: int
    application_after: int
    application_now: int
    control_now: int
    missing: int


@dataclass(frozen=True)
class ChangeGroup:
    """Objects of one kind that change in the same way. ``lines``: '~' a new owner, '-' what goes, '+' what comes."""

    stage: str
    kind: str
    curated: bool
    reason: str
    lines: tuple[str, ...]
    objects: tuple[str, ...]


def estate_counts(manifest: ObjectManifest, owners: Mapping[Key, str]) -> tuple[KindCount, ...]:
    """One row a kind. ``owners``: of every object of the database now, by kind and identity."""
    rows = []
    app = manifest.application.name
    for kind in sorted({o.ref.kind for o in manifest.objects}):
        here = [o for o in manifest.objects if o.ref.kind == kind]
        now = [owners.get(o.ref.key) for o in here]
        rows.append(
            KindCount(
                kind,
                len(here),
                sum(o.disposition == "transfer" for o in here),
                sum(o.disposition != "transfer" for o in here),
                sum(o.before.owner.name == app for o in here),
                sum(_owned_after(o) == app for o in here),
                now.count(app),
                now.count(manifest.pair.owner.name),
                0 if kind == "default acl" else now.count(None),
            )
        )
    return tuple(rows)


def change_groups(manifest: ObjectManifest) -> tuple[ChangeGroup, ...]:
    """What FIX7b changes, then what FIX7c takes from the legacy authority; equal changes of a kind are one group."""
    made: dict[tuple[str, str, bool, str, tuple[str, ...]], list[str]] = {}
    for c in changes(manifest):
        made.setdefault(("fix7b", c.kind, c.curated, c.reason, together(c.lines)), []).append(c.identity)
    for o in manifest.transferred:
        if o.retired is not None:
            made.setdefault(("fix7c", o.ref.kind, o.curated, o.reason, _retired(o)), []).append(o.ref.identity)
    groups = [ChangeGroup(*key, tuple(sorted(objects))) for key, objects in made.items()]
    return tuple(sorted(groups, key=lambda g: (g.stage, g.kind, not g.curated, -len(g.objects), g.objects)))


def together(lines: Iterable[str]) -> tuple[str, ...]:
    """Privileges of one grantee from one grantor on one line; lines on columns stay as they are."""
    made: dict[tuple[str, str], list[str]] = {}
    for line in lines:
        found = _PRIVILEGE.fullmatch(line)
        made.setdefault((found[1], found[3]) if found else (line, ""), []).append(found[2] if found else "")
    return tuple(f"{sign} {', '.join(held)} {rest}" if rest else sign for (sign, rest), held in made.items())


def kinds_of(groups: Iterable[ChangeGroup]) -> list[tuple[str, str, list[ChangeGroup]]]:
    """(stage, kind, groups), in order."""
    made: dict[tuple[str, str], list[ChangeGroup]] = {}
    for g in groups:
        made.setdefault((g.stage, g.kind), []).append(g)
    return [(stage, kind, held) for (stage, kind), held in made.items()]


def _owned_after(o: ManifestObject) -> str | None:
    after = o.after or o.before
    return None if o.ref.kind == "default acl" and not after.acl else after.owner.name


def _retired(o: ManifestObject) -> tuple[str, ...]:
    assert o.retired is not None
    return together(state_lines(o.after or o.before, o.retired))
