"""From the estate and the policy to the candidate object manifest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from qt001_cp.analyse.result import Edge
from qt001_cp.errors import Findings, ManifestError, NotRestorable, PolicyError
from qt001_cp.model import kinds, roles
from qt001_cp.model.inventory import Inventory, InventoryObject
from qt001_cp.model.manifest import ManifestObject, ObjectManifest, Repoint
from qt001_cp.model.names import PUBLIC
from qt001_cp.model.policy import PARTS, Policy, Rule
from qt001_cp.plan.analysis import Analyses
from qt001_cp.plan.step_plans import Wish, plan_retirement, plan_steps


def generate(
    inventory: Inventory, policy: Policy, new_sources: Mapping[str, str], analyses: Analyses
) -> ObjectManifest:
    """Classify every object and plan every transferred one.

    ``new_sources``: identity → text of the new source, for each routine that the policy repoints.
    ``analyses``: what each routine reaches; it goes into the manifest, bound to the digest of the definition.
    Raises :class:`Findings` naming each unclassified object, :class:`NotRestorable` naming each object that could
    not be put back exactly, :class:`PolicyError` where the policy names what the estate does not have, or leaves a value undecided.
    """
    ruled = _ruled(inventory, policy)
    if left := policy.undecided():
        raise PolicyError(
            f"the policy is still undecided: {', '.join(left)}", hint="write what they are: docs/policy.md"
        )
    _known(inventory, policy)
    objects = _objects(ruled, _Estate(inventory, policy, analyses))
    by_identity = {o.ref.identity: o for o in inventory.objects if o.ref.kind in kinds.ROUTINES}
    manifest = ObjectManifest(
        inventory.database,
        inventory.server_version // 10000,
        inventory.application,
        {"name": policy.name, "sha256": policy.digest()},
        policy.apply_path,
        policy.blocked,
        policy.legacy,
        tuple(
            Repoint(identity, part, by_identity[identity].definition, new_sources[identity])
            for identity, part in policy.parts().items()
        ),
        objects,
    )
    _followers(manifest)
    return manifest


class _Estate(NamedTuple):
    """What one object is judged with."""

    inventory: Inventory
    policy: Policy
    analyses: Analyses


def _ruled(inventory: Inventory, policy: Policy) -> list[tuple[InventoryObject, Rule]]:
    ruled = [(o, policy.rule_for(o.ref)) for o in inventory.objects]
    unclassified = [o for o, rule in ruled if rule is None]
    if unclassified:
        listed = "\n".join(f"  {o.ref}  ({', '.join(o.why)})" for o in unclassified)
        raise Findings(
            f"{len(unclassified)} object(s) of the estate are unclassified:\n{listed}",
            hint="add a [[rule]] with disposition and reason for each, then generate again",
        )
    return [(o, rule) for o, rule in ruled if rule is not None]


def _objects(ruled: Iterable[tuple[InventoryObject, Rule]], estate: _Estate) -> tuple[ManifestObject, ...]:
    objects, refused = [], []
    for o, rule in ruled:
        try:
            objects.append((_retained if rule.disposition == "retain" else _transferred)(o, rule, estate))
        except NotRestorable as exc:
            refused.append(exc)
    if refused:
        raise NotRestorable(
            f"{len(refused)} object(s) cannot be restored exactly:\n" + "\n".join(f"  {e}" for e in refused)
        )
    return tuple(objects)


def _retained(o: InventoryObject, rule: Rule, estate: _Estate) -> ManifestObject:
    if _is_legacy(o, estate.policy):
        raise PolicyError(
            f"{o.ref} is legacy authority, but rule {rule.number} retains it",
            hint="legacy authority is transferred first, then retired by FIX7c",
        )
    if _is_curated(o, estate.policy):
        raise PolicyError(
            f"{o.ref} is a curated view, but rule {rule.number} retains it", hint="a curated view is transferred"
        )
    # What the application keeps runs with its own rights; what others own and it may call runs with theirs.
    foreign = o.ref.kind in kinds.ROUTINES and o.state.owner != estate.inventory.application
    return ManifestObject(
        o.ref,
        "retain",
        rule.reason,
        False,
        o.definition_digest,
        _replaced_source(o, estate.policy),
        o.follows,
        _detail(o, estate.analyses) if foreign else o.detail,
        o.state,
        None,
        None,
        {},
    )


def _transferred(o: InventoryObject, rule: Rule, estate: _Estate) -> ManifestObject:
    if why := _cannot_move(o, estate.inventory.server_version):
        raise NotRestorable(f"{o.ref}: {why}", hint=f"let rule {rule.number} not match it, or retain it")
    after, forward, restore = plan_steps(str(o.ref), o.state, _wish(o, rule, estate))
    plans = {"forward": forward, "restore": restore}
    retired = None
    if _is_legacy(o, estate.policy):
        retired, plans["retire"], plans["revive"] = plan_retirement(str(o.ref), after)
    return ManifestObject(
        o.ref,
        "transfer",
        rule.reason,
        _is_curated(o, estate.policy),
        o.definition_digest,
        _replaced_source(o, estate.policy),
        o.follows,
        _detail(o, estate.analyses),
        o.state,
        after,
        retired,
        plans,
    )


def _wish(o: InventoryObject, rule: Rule, estate: _Estate) -> Wish:
    kind, system = kinds.BY_KEY[o.ref.kind], bool((o.detail or {}).get("system"))
    # What PUBLIC holds on the system's own objects every client needs; more than the server came with is refused (precondition 8).
    everybody = frozenset(i.privilege for i in o.state.acl if system and i.grantee == PUBLIC)
    return Wish(
        estate.inventory.application,
        roles.OWNER,
        own_statement=o.follows is None,
        owner_moves=kind.alter is not None and not system,
        keep_application=rule.keep_application,
        keep_public=rule.keep_public | everybody,
        curated=_is_curated(o, estate.policy),
        default_order=o.acl_default,
    )


def _cannot_move(o: InventoryObject, server_version: int) -> str | None:
    kind, detail = kinds.BY_KEY.get(o.ref.kind), o.detail or {}
    if detail.get("system") and kind is not None and kind.grant is not None:
        # Of the system's own objects and of members of extensions the owner stays: what is taken back is a GRANT.
        return None
    if detail.get("shell") and server_version < 180000:
        return "it is only a shell, and its privileges can be changed since PostgreSQL 18 only: define it, or drop it"
    return "this release does not know the kind" if kind is None else kind.refusal(server_version // 10000)


def _is_legacy(o: InventoryObject, policy: Policy) -> bool:
    return any((leg["kind"], leg["identity"]) == o.ref.key for leg in policy.legacy)


def _is_curated(o: InventoryObject, policy: Policy) -> bool:
    return o.ref.kind == "view" and o.ref.identity in policy.curated


def _detail(o: InventoryObject, analyses: Analyses) -> Mapping[str, Any] | None:
    """What only this kind has; for a routine also what the analysis says that its body reaches."""
    analysis = analyses.get(o.ref.key) if o.ref.kind in ("function", "procedure") else None
    if analysis is None:
        return o.detail
    return {
        **(o.detail or {}),
        "reaches": [{"verb": e.verb, "kind": e.kind, "identity": e.identity} for e in _distinct(analysis.edges)],
        "unknown": [{"rule": u.rule, "detail": u.detail} for u in analysis.unknown],
    }


def _distinct(edges: tuple[Edge, ...]) -> list[Edge]:
    return list({(e.verb, e.kind, e.identity): e for e in edges}.values())


def _replaced_source(o: InventoryObject, policy: Policy) -> str | None:
    """The text itself for routines of the apply path: FIX7c replaces it, and its downgrade puts it back."""
    return o.definition if o.ref.kind in kinds.ROUTINES and o.ref.identity in policy.repoint else None


def _known(inventory: Inventory, policy: Policy) -> None:
    """Everything that the policy names is in the estate."""
    present = {o.ref.identity for o in inventory.objects}
    keys = {o.ref.key for o in inventory.objects}
    for where, identity in _named(policy):
        if identity not in present:
            raise PolicyError(
                f"policy: {where}: {identity} is not in the estate",
                hint="write it as 'qt001-cp inventory' prints it, types qualified",
            )
    definitions = {o.ref.identity: o.definition for o in inventory.objects if o.ref.kind in kinds.RELATIONS}
    for trigger in policy.apply_path["triggers"]:
        name, _, table = trigger.partition(" on ")
        if f"TRIGGER {name} " not in definitions.get(table, ""):
            raise PolicyError(
                f"policy: apply_path.triggers: there is no trigger {trigger} in the estate",
                hint="write it as pg_identify_object prints it: name on schema.table",
            )
    for legacy in policy.legacy:
        if (legacy["kind"], legacy["identity"]) not in keys:
            raise PolicyError(
                f"policy: legacy: {legacy['kind']} {legacy['identity']} is not in the estate",
                hint="write it as 'qt001-cp inventory' prints it",
            )


def _named(policy: Policy) -> Iterator[tuple[str, str]]:
    """Where an identity stands in the policy, and the identity."""
    yield from (("curated_view", identity) for identity in policy.curated)
    yield from (("repoint", identity) for identity in policy.repoint)
    yield from ((f"apply_path.{part}", policy.apply_path[part]) for part in (*PARTS, "readiness"))
    yield from (("apply_path.source_tables", table) for table in policy.apply_path["source_tables"])
    yield from (("blocked", blocked["table"]) for blocked in policy.blocked)


def _followers(manifest: ObjectManifest) -> None:
    """A sequence that a column owns goes where its table goes."""
    place = {o.ref.identity: o.disposition for o in manifest.objects if o.ref.kind in kinds.RELATIONS}
    for o in manifest.objects:
        if o.follows is not None and place.get(o.follows, o.disposition) != o.disposition:
            raise ManifestError(
                f"{o.ref} belongs to a column of {o.follows}, but one is transferred and the other retained",
                hint="classify both alike: PostgreSQL moves such a sequence with its table",
            )
