"""From the estate and the policy to the candidate object manifest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qt001_cp.analyse.result import Edge
from qt001_cp.errors import Findings, ManifestError, NotRestorable, PolicyError
from qt001_cp.model import kinds, roles
from qt001_cp.model.inventory import Inventory, InventoryObject
from qt001_cp.model.manifest import ManifestObject, ObjectManifest, Repoint
from qt001_cp.model.names import PUBLIC
from qt001_cp.model.policy import PARTS, Policy, Rule
from qt001_cp.plan.analysis import Analyses
from qt001_cp.plan.ways import Wish, plan_retirement, plan_ways


def generate(
    inventory: Inventory, policy: Policy, new_sources: Mapping[str, str], analyses: Analyses
) -> ObjectManifest:
    """Classify every object and plan every transferred one.

    ``new_sources``: identity → text of the new source, for each routine that the policy repoints.
    ``analyses``: what each routine reaches; it goes into the manifest, bound to the digest of the definition.
    Raises :class:`Findings` naming each unclassified object, :class:`NotRestorable` naming each object that could
    not be put back exactly, :class:`PolicyError` where the policy names what the estate does not have, or leaves a value undecided.
    """
    ruled = [(o, policy.rule_for(o.ref)) for o in inventory.objects]
    unclassified = [o for o, rule in ruled if rule is None]
    if unclassified:
        listed = "\n".join(f"  {o.ref}  ({', '.join(o.why)})" for o in unclassified)
        raise Findings(
            f"{len(unclassified)} object(s) of the estate are unclassified:\n{listed}",
            hint="add a [[rule]] with disposition and reason for each, then generate again",
        )
    if left := policy.undecided():
        raise PolicyError(
            f"the policy is still undecided: {', '.join(left)}", hint="write what they are: docs/policy.md"
        )
    _known(inventory, policy)
    objects, refused = [], []
    for o, rule in ruled:
        assert rule is not None
        try:
            objects.append(_object(o, rule, inventory, policy, analyses))
        except NotRestorable as exc:
            refused.append(exc)
    if refused:
        raise NotRestorable(
            f"{len(refused)} object(s) cannot be restored exactly:\n" + "\n".join(f"  {e}" for e in refused)
        )
    by_identity = {o.ref.identity: o for o in inventory.objects if o.ref.kind in kinds.ROUTINES}
    repoint = tuple(
        Repoint(identity, part, by_identity[identity].definition, new_sources[identity])
        for identity, part in policy.parts().items()
    )
    manifest = ObjectManifest(
        inventory.database,
        inventory.server_version // 10000,
        inventory.application,
        {"name": policy.name, "sha256": policy.digest()},
        policy.apply_path,
        policy.blocked,
        policy.legacy,
        repoint,
        tuple(objects),
    )
    _followers(manifest)
    return manifest


def _object(o: InventoryObject, rule: Rule, inventory: Inventory, policy: Policy, analyses: Analyses) -> ManifestObject:
    curated = o.ref.kind == "view" and o.ref.identity in policy.curated
    legacy = any((leg["kind"], leg["identity"]) == o.ref.key for leg in policy.legacy)
    if rule.disposition == "retain":
        if legacy:
            raise PolicyError(f"{o.ref} is legacy authority, but rule {rule.number} retains it",
                              hint="legacy authority is transferred first, then retired by FIX7c")  # fmt: skip
        if curated:
            raise PolicyError(f"{o.ref} is a curated view, but rule {rule.number} retains it",
                              hint="a curated view is transferred")  # fmt: skip
        # What the application keeps runs with its own rights; what others own and it may call runs with theirs.
        foreign = o.ref.kind in kinds.ROUTINES and o.state.owner != inventory.application
        detail = _detail(o, analyses) if foreign else o.detail
        return ManifestObject(o.ref, "retain", rule.reason, False, o.definition_digest, _source(o, policy), o.follows,
                              detail, o.state, None, None, {})  # fmt: skip
    kind = kinds.BY_KEY.get(o.ref.kind)
    why = "this release does not know the kind" if kind is None else kind.refusal(inventory.server_version // 10000)
    if (o.detail or {}).get("shell") and inventory.server_version < 180000:
        why = "it is only a shell, and its privileges can be changed since PostgreSQL 18 only: define it, or drop it"
    system = bool((o.detail or {}).get("system"))
    # Of the system's own objects and of members of extensions the owner stays: what is taken back is a GRANT.
    if why and not (system and kind is not None and kind.grant is not None):
        raise NotRestorable(f"{o.ref}: {why}", hint=f"let rule {rule.number} not match it, or retain it")
    # What PUBLIC holds on the system's own objects every client needs; more than the server came with is refused (precondition 8).
    everybody = frozenset(i.privilege for i in o.state.acl if system and i.grantee == PUBLIC)
    wish = Wish(
        inventory.application,
        roles.OWNER,
        own_statement=o.follows is None,
        owner_moves=kind is not None and kind.alter is not None and not system,
        keep_application=rule.keep_application,
        keep_public=rule.keep_public | everybody,
        curated=curated,
        default_order=o.acl_default,
    )
    after, forward, restore = plan_ways(str(o.ref), o.state, wish)
    ways = {"forward": forward, "restore": restore}
    retired = None
    if legacy:
        retired, ways["retire"], ways["revive"] = plan_retirement(str(o.ref), after)
    return ManifestObject(o.ref, "transfer", rule.reason, curated, o.definition_digest, _source(o, policy), o.follows,
                          _detail(o, analyses), o.state, after, retired, ways)  # fmt: skip


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


def _source(o: InventoryObject, policy: Policy) -> str | None:
    """The text itself for routines of the apply path: FIX7c replaces it, and its downgrade puts it back."""
    return o.definition if o.ref.kind in kinds.ROUTINES and o.ref.identity in policy.repoint else None


def _known(inventory: Inventory, policy: Policy) -> None:
    present = {o.ref.identity for o in inventory.objects}
    keys = {o.ref.key for o in inventory.objects}
    named: list[tuple[str, str]] = [("curated_view", i) for i in policy.curated]
    named += [("repoint", i) for i in policy.repoint]
    named += [(f"apply_path.{p}", policy.apply_path[p]) for p in (*PARTS, "readiness")]
    named += [("apply_path.source_tables", t) for t in policy.apply_path["source_tables"]]
    named += [("blocked", b["table"]) for b in policy.blocked]
    for where, identity in named:
        if identity not in present:
            raise PolicyError(
                f"policy: {where}: {identity} is not in the estate",
                hint="write it as 'qt001-cp inventory' prints it, types qualified",
            )
    definitions = {o.ref.identity: o.definition for o in inventory.objects if o.ref.kind in kinds.RELATIONS}
    for trigger in policy.apply_path["triggers"]:
        name, _, table = trigger.partition(" on ")
        if f"TRIGGER {name} " not in definitions.get(table, ""):
            raise PolicyError(f"policy: apply_path.triggers: there is no trigger {trigger} in the estate",
                              hint="write it as pg_identify_object prints it: name on schema.table")  # fmt: skip
    for legacy in policy.legacy:
        if (legacy["kind"], legacy["identity"]) not in keys:
            raise PolicyError(f"policy: legacy: {legacy['kind']} {legacy['identity']} is not in the estate",
                              hint="write it as 'qt001-cp inventory' prints it")  # fmt: skip


def _followers(manifest: ObjectManifest) -> None:
    """A sequence that a column owns goes where its table goes."""
    place = {o.ref.identity: o.disposition for o in manifest.objects if o.ref.kind in kinds.RELATIONS}
    for o in manifest.objects:
        if o.follows is not None and place.get(o.follows, o.disposition) != o.disposition:
            raise ManifestError(
                f"{o.ref} belongs to a column of {o.follows}, but one is transferred and the other retained",
                hint="classify both alike: PostgreSQL moves such a sequence with its table",
            )
