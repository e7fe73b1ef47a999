"""The order of all statements of one direction. It is the lock order, the same in every run. In a change, whose objects are few, the
locks come first; what it takes runs before its text, what it gives back behind it.

Privileges first and owners last: only ALTER … OWNER of a relation takes ACCESS EXCLUSIVE, and of a composite type, whose
columns a session that uses it has to read; so those locks are held for the shortest time. Privileges of relations wait for the
locks too: GRANT and REVOKE hold a weak one (ACCESS SHARE, since 18) and the relation's row, and whoever asks for more than a weak
one itself, while the script waits for it, would be the victim of a deadlock. Where another grantor has to speak they come first
all the same, because a schema's own privileges go behind them.

Containers (database, schema) lose privileges last and get them back first, because the grantors in between look objects up in
them. Their owners change first: without superuser, PostgreSQL asks whether an object's new owner may CREATE in its schema.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from qt001_cp.model import kinds
from qt001_cp.model.manifest import ManifestObject, ObjectManifest
from qt001_cp.model.steps import Step

Direction: TypeAlias = Literal["forward", "restore", "retire", "revive", "move", "unmove"]
"""'forward' and its reversal 'restore' are FIX7b; 'retire' and 'revive' the legacy authority in FIX7c; 'move' and 'unmove' what a
change takes and gives back."""
MOVES: Final = ("move", "unmove")
PHASES: Final = (
    "privileges, before the owners",
    "owners",
    "privileges of relations",
    "owners of relations and composite types",
    "privileges, after the owners",
)
LOCKED_FROM: Final = 2
"""The first phase whose statements lock relations against everybody: all of them are locked before it, in one go."""


@dataclass(frozen=True, slots=True)
class Placed:
    """One step of one object in its phase (an index into :data:`PHASES`)."""

    phase: int
    object: ManifestObject
    step: Step
    late: bool = False
    """Behind the text of a change: what goes to the application goes last, what comes from it comes first."""


def ordered(manifest: ObjectManifest, direction: Direction) -> tuple[Placed, ...]:
    """All steps of ``direction``, in the order in which they run. The way back of what may be gone by then is PostgreSQL's to find."""
    placed = [
        (p.late, p.phase, _weight(p.phase, o, direction), number, p)
        for number, o in enumerate(manifest.objects)
        if direction != "restore" or not manifest.may_go(o.ref)
        for p in _steps(o, direction)
    ]
    return tuple(p for *_, p in sorted(placed, key=lambda x: x[:4]))


def takes(o: ManifestObject, direction: Direction) -> bool:
    """Whether the steps of this direction lead to the control plane's owner: 'unmove' takes again what a change has given back."""
    return direction in ("forward", "retire") or (
        direction in MOVES and (o.disposition == "transfer") == (direction == "move")
    )


def _steps(o: ManifestObject, direction: Direction) -> Iterator[Placed]:
    plan = o.plans.get(direction)
    if plan is None:
        return
    kind = kinds.BY_KEY[o.ref.kind]
    locked = kind.relation and not any(step.set_role for step in plan.pre)
    late = direction in MOVES and not takes(o, direction)
    for step in plan.pre:
        yield Placed(LOCKED_FROM if locked else 0, o, step, late)
    if plan.owner is not None:
        yield Placed(3 if kind.relation or "composite" in (o.detail or ()) else 1, o, plan.owner, late)
    for step in plan.post:
        yield Placed(4, o, step, late)


def _weight(phase: int, o: ManifestObject, direction: Direction) -> int:
    container = kinds.BY_KEY[o.ref.kind].container
    if phase == 1:
        return int(not container)
    if phase != 0:
        return 0
    return int(container if takes(o, direction) else not container)
