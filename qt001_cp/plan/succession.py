"""The successor of a deployed object manifest, from what a change has left on a copy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from qt001_cp.errors import ManifestError
from qt001_cp.model.change import Change
from qt001_cp.model.inventory import Inventory, InventoryObject, State
from qt001_cp.model.kinds import ROUTINES
from qt001_cp.model.manifest import ManifestObject, ObjectManifest, Repoint
from qt001_cp.model.names import ObjectRef, Role
from qt001_cp.model.policy import Policy
from qt001_cp.model.steps import ChangeOwner, StepPlan
from qt001_cp.plan.analysis import Analyses
from qt001_cp.plan.generate import detail_of, is_curated, owned_object, require_growth
from qt001_cp.plan.step_plans import plan_return


@dataclass(frozen=True)
class Succession:
    """``manifest``: the successor. ``born``, ``changed``, ``gone``, ``taken``, ``given``: what it says otherwise than its predecessor, in
    words for people; of what changed which parts: definition, storage, ACL, source."""

    manifest: ObjectManifest
    born: tuple[ObjectRef, ...]
    changed: tuple[tuple[ObjectRef, tuple[str, ...]], ...]
    gone: tuple[ObjectRef, ...]
    taken: tuple[ObjectRef, ...] = ()
    given: tuple[ObjectRef, ...] = ()

    def lines(self) -> Iterator[str]:
        """What becomes another, a line each."""
        yield from (f"born: {ref}" for ref in self.born)
        yield from (f"changed: {ref} ({', '.join(parts)})" for ref, parts in self.changed)
        yield from (f"gone: {ref}" for ref in self.gone)
        yield from (f"taken from the application: {ref}" for ref in self.taken)
        yield from (f"given back: {ref}" for ref in self.given)


@dataclass(frozen=True)
class Copy:
    """What is on the copy after the change. ``owned``: all that the control plane's owner owns; ``estate``: the application's;
    ``sources``: identity → digest of the source that was deployed before, for each routine of the apply path."""

    owned: Inventory
    estate: Inventory
    analyses: Analyses
    sources: Mapping[str, str]


def succeed(
    predecessor: ObjectManifest, moved: ObjectManifest, copy: Copy, policy: Policy, change: Change
) -> Succession:
    """The successor of ``predecessor``, which a change brings whose text has run on ``copy``. ``moved``: what :func:`draft` says of it.

    Each object carries the state that the first cutover found, or the change that has taken it; what is born since stays with the
    control plane's owner on the way back, or goes to whom its rule names. Raises :class:`NotRestorable` for an ACL that would not come
    back, :class:`ManifestError` for a change without effect, or one that takes away a routine of the apply path.
    """
    owner = predecessor.pair.owner
    live = {o.ref.key: o for o in copy.owned.objects if o.state.owner == owner}
    repoint = tuple(_repointed(part, live, copy.sources) for part in predecessor.repoint)
    here = _Here(predecessor, copy, policy, repoint)
    # What may come and go by itself is no matter of a change: not that it is there, and not that it is gone.
    gone = [o for o in moved.objects if _is_owned(o, owner) and o.ref.key not in live and not moved.may_go(o.ref)]
    stays = [
        (_given_back(o, copy.estate) if "move" in o.plans else o)
        if not _is_owned(o, owner) or moved.may_go(o.ref)
        else _as_now(o, live.pop(o.ref.key), here)
        for o in moved.objects
        if o not in gone
    ]
    born = [_born(o, here, change) for o in live.values() if not moved.may_go(o.ref)]
    before = {o.ref.key: o for o in moved.objects}
    changed = [(o.ref, parts) for o in stays if (parts := _parts(before[o.ref.key], o, here))]
    if lost := next((o for o in gone if "move" in o.plans), None):
        raise ManifestError(
            f"{lost.ref}: expected what the change takes, found that its text drops it",
            hint="what is taken is protected afterwards: take the DROP out of the text",
        )
    if not (born or changed or gone or moved.moved or moved.growth != predecessor.growth):
        raise ManifestError(
            f"change {change.revision}: expected a text that changes something protected, found none that does",
            hint="what nobody protects needs no change of ours: let its owner make it",
        )
    manifest = replace(
        predecessor,
        policy={"name": policy.name, "sha256": policy.digest()},
        repoint=repoint,
        objects=tuple(sorted([*stays, *born], key=lambda o: o.ref.key)),
        succession={"predecessor": predecessor.digest(), "change": change.digest()},
        growth=policy.growth,
    )
    require_growth(manifest)
    return Succession(
        manifest,
        tuple(o.ref for o in born),
        tuple(changed),
        tuple(o.ref for o in gone),
        tuple(o.ref for o in manifest.moved if o.disposition == "transfer"),
        tuple(o.ref for o in manifest.moved if o.disposition == "retain"),
    )


@dataclass(frozen=True)
class _Here:
    """What each object is judged with."""

    predecessor: ObjectManifest
    copy: Copy
    policy: Policy
    repoint: tuple[Repoint, ...]

    @property
    def replaced(self) -> frozenset[str]:
        """The routines of the apply path whose source is another than the predecessor's."""
        pairs = zip(self.predecessor.repoint, self.repoint, strict=True)
        return frozenset(new.identity for old, new in pairs if new.after != old.after)


def _is_owned(o: ManifestObject, owner: Role) -> bool:
    """Not so of what stays, and of what counts as transferred and keeps its owner: the system's own, and default privileges of others."""
    return o.disposition == "transfer" and o.after is not None and o.after.owner == owner


def _repointed(part: Repoint, live: Mapping[tuple[str, str], InventoryObject], sources: Mapping[str, str]) -> Repoint:
    found = next(
        (o for (kind, name), o in live.items() if name == part.identity and kind in ("function", "procedure")), None
    )
    if found is None:
        raise ManifestError(
            f"routine {part.identity}: expected the {part.part} of the apply path, found no such routine after the change",
            hint="give it a new body (CREATE OR REPLACE); another apply path is another cutover",
        )
    return part if sources.get(part.identity) == found.definition_digest else replace(part, after=found.definition)


def _as_now(o: ManifestObject, found: InventoryObject, here: _Here) -> ManifestObject:
    """``o`` as it is after the change. The definition of a routine of the apply path stays the one from before FIX7c."""
    now = o
    if o.ref.identity not in {part.identity for part in here.repoint}:
        if found.definition_digest != o.definition:
            now = replace(now, definition=found.definition_digest, source=found.definition)
        if _reached(detail := detail_of(found, here.copy.analyses)) != _reached(o.detail):
            now = replace(now, detail=detail)
    if found.storage_digest != o.storage:
        now = replace(now, storage=found.storage_digest, storage_source=found.storage)
    if _as_sets(found.state) != _as_sets(o.retired or o.after):
        now = _granted(now, found, here.policy)
    return now


def _given_back(o: ManifestObject, estate: Inventory) -> ManifestObject:
    """``o`` as the application has it again. Raises :class:`ManifestError` where that is not what the first cutover found."""
    found = next((live for live in estate.objects if live.ref.key == o.ref.key), None)
    if found is None or _as_sets(found.state) != _as_sets(o.before):
        raise ManifestError(
            f"{o.ref}: expected it given back as it was before the cutover, {o.before.to_json()}, found"
            f" {found.state.to_json() if found is not None else 'no such object'}",
            hint="let the text of the change leave its privileges alone",
        )
    return replace(
        o,
        definition=found.definition_digest,
        source=found.definition,
        storage=found.storage_digest,
        storage_source=found.storage,
        detail=found.detail,
    )


def _granted(o: ManifestObject, found: InventoryObject, policy: Policy) -> ManifestObject:
    """With another ACL, and the way back from that one."""
    if o.retired is not None:
        raise ManifestError(
            f"{o.ref}: expected no privilege of the legacy authority, found {found.state.to_json()['acl']}",
            hint="take the GRANT out of the text of the change",
        )
    restore = o.plans.get("restore")
    back = plan_return(str(o.ref), found.state, o.before, restore.owner if restore is not None else None)
    plans = {way: plan for way, plan in o.plans.items() if way != "forward"} | {"restore": back}
    return replace(o, after=found.state, curated=is_curated(found, policy), plans=plans)


def _reached(detail: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """What the analysis and the catalogs know of a routine or view; what else stands there says how it was before the cutover."""
    told = ("reaches", "unknown", "definer", "search_path", "language")
    return {key: value for key, value in (detail or {}).items() if key in told}


def _as_sets(state: State | None) -> tuple[Any, ...]:
    assert state is not None
    return state.owner, frozenset(state.acl), frozenset((c.column, frozenset(c.acl)) for c in state.columns)


def _parts(o: ManifestObject, now: ManifestObject, here: _Here) -> tuple[str, ...]:
    said = {
        "definition": o.definition != now.definition,
        "storage": o.storage != now.storage,
        "ACL": o.after != now.after,
        "source": o.ref.kind in ROUTINES and o.ref.identity in here.replaced,
    }
    return tuple(part for part, differs in said.items() if differs)


def _born(o: InventoryObject, here: _Here, change: Change) -> ManifestObject:
    """What was not there: the control plane's owner's, now and on the way back, or whose the policy says."""
    born = owned_object(o, here.policy, here.copy.analyses, f"born with change {change.revision}")
    # A sequence that a column owns goes where its table goes.
    above = next((t.ref for t in here.copy.owned.objects if t.ref.identity == o.follows), o.ref)
    rule = here.policy.rule_for(above)
    if rule is None or rule.back_to is None:
        return born
    restore = (
        {}
        if o.follows is not None
        else {"restore": StepPlan((), ChangeOwner(here.predecessor.pair.owner, rule.back_to), ())}
    )
    return replace(born, before=o.state.as_owned_by(rule.back_to), plans=restore)
