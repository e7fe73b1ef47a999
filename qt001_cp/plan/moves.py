"""What a change takes from the application, and what it gives back: the rules of its policy against the deployed manifest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from qt001_cp.errors import ManifestError
from qt001_cp.model.change import Change
from qt001_cp.model.inventory import Inventory
from qt001_cp.model.manifest import ManifestObject, ObjectManifest
from qt001_cp.model.names import Role
from qt001_cp.model.policy import Policy
from qt001_cp.model.steps import StepPlan
from qt001_cp.plan.analysis import Analyses
from qt001_cp.plan.generate import transfers
from qt001_cp.plan.keep import Need
from qt001_cp.plan.step_plans import plan_correction

Key = tuple[str, str]


@dataclass(frozen=True)
class Estate:
    """The application's estate on the copy, before the change: what is there, what it reaches, what inserting needs."""

    inventory: Inventory
    analyses: Analyses
    needs: Iterable[Need]


def draft(predecessor: ObjectManifest, estate: Estate, policy: Policy, change: Change) -> ObjectManifest:
    """``predecessor`` with what the change moves: 'move' and 'unmove' of each object that ``policy`` newly transfers, or no longer.

    The successor as far as it is known before the text has run. Raises :class:`ManifestError` for what no change can move,
    :class:`NotRestorable` as a cutover would.
    """
    _require_pair(predecessor, policy)
    known = {o.ref.key: o for o in predecessor.objects}
    taken = {o.ref.key: o for o in _taken(known, estate, policy)}
    stays = [
        _given(o, policy, predecessor) if _is_given(o, policy, predecessor.pair.owner) else settled(o)
        for o in predecessor.objects
    ]
    objects = {o.ref.key: o for o in stays} | taken
    _followers(objects, {*taken, *(o.ref.key for o in stays if "move" in o.plans)})
    return replace(
        predecessor,
        policy={"name": policy.name, "sha256": policy.digest()},
        objects=tuple(sorted(objects.values(), key=lambda o: o.ref.key)),
        succession={"predecessor": predecessor.digest(), "change": change.digest()},
        growth=policy.growth,
    )


def _require_pair(predecessor: ObjectManifest, policy: Policy) -> None:
    if policy.pair != predecessor.pair:
        raise ManifestError(
            f"policy {policy.name}: expected owner {predecessor.pair.owner.name} and ledger role {predecessor.pair.ledger.name}, for"
            f" which FIX7a was configured, found {policy.pair.owner.name} and {policy.pair.ledger.name}",
            hint="no change moves what decides: let [roles] name the deployed pair",
        )


def settled(o: ManifestObject) -> ManifestObject:
    """Without the steps of the change that has moved it: of the next one they are no part."""
    return replace(o, plans={way: plan for way, plan in o.plans.items() if way not in ("move", "unmove")})


def _taken(known: Mapping[Key, ManifestObject], estate: Estate, policy: Policy) -> Iterable[ManifestObject]:
    wanted = set()
    for found in estate.inventory.objects:
        rule, before = policy.rule_for(found.ref), known.get(found.ref.key)
        if rule is None or (before is not None and before.disposition == rule.disposition):
            continue
        if rule.disposition == "lend" or (before is not None and before.disposition == "lend"):
            raise ManifestError(
                f"{found.ref}: expected a rule that transfers or retains it, as before, found a loan that begins or ends",
                hint="a loan is a GRANT of its owner's: it changes with the next cutover alone",
            )
        if rule.disposition == "transfer":
            wanted.add(found.ref.key)
    for o in transfers(estate.inventory, policy, estate.analyses, estate.needs, wanted):
        yield replace(o, plans={**o.plans, "move": o.plans["forward"], "unmove": o.plans["restore"]})


def _is_given(o: ManifestObject, policy: Policy, owner: Role) -> bool:
    rule = policy.rule_for(o.ref)
    return o.disposition == "transfer" and o.before.owner != owner and rule is not None and rule.disposition == "retain"


def _given(o: ManifestObject, policy: Policy, predecessor: ObjectManifest) -> ManifestObject:
    """``o`` as the application's again: what the first cutover found, and the way back to what it is now."""
    assert o.after is not None
    rule, path = policy.rule_for(o.ref), predecessor.apply_path or {}
    assert rule is not None
    parts = {*path.get("source_tables", ()), *(v for v in path.values() if isinstance(v, str))}
    if o.retired is not None or o.ref.identity in parts | {r.identity for r in predecessor.repoint}:
        raise ManifestError(
            f"{o.ref}: expected a rule that transfers it, as a part of the apply path or legacy authority, found rule"
            f" {rule.number}, which retains it",
            hint="another apply path is another cutover",
        )
    if any(o.ref.identity == g.table for g in predecessor.growth) or predecessor.may_go(o.ref):
        raise ManifestError(
            f"{o.ref}: expected a table whose partitions stand in the manifest, found one that grows",
            hint="first a change whose policy lets it grow no more: what it has by then is named by the successor",
        )
    again = o.plans.get("forward") or _again(o)
    return replace(
        o,
        disposition="retain",
        reason=rule.reason,
        curated=False,
        after=None,
        plans={"move": o.plans["restore"], "unmove": again},
    )


def _again(o: ManifestObject) -> StepPlan:
    """To the state of today, which is no longer the one of the cutover: a change has granted something since."""
    assert o.after is not None
    return plan_correction(str(o.ref), o.before, o.after)


def _followers(objects: Mapping[Key, ManifestObject], moved: set[Key]) -> None:
    """A sequence that a column owns goes where its table goes. Raises :class:`ManifestError`."""
    place = {key[1]: o.disposition for key, o in objects.items() if key[0] != "sequence"}
    for key, o in objects.items():
        if o.follows is None or o.disposition == place.get(o.follows, o.disposition):
            continue
        if key in moved or any(other[1] == o.follows for other in moved):
            raise ManifestError(
                f"{o.ref}: expected the disposition of {o.follows}, to whose column it belongs, found {o.disposition}",
                hint="write a rule that covers both: PostgreSQL moves such a sequence with its table",
            )
