"""From the estate and the policy to the candidate object manifest."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final, NamedTuple

from qt001_cp.analyse.result import Edge
from qt001_cp.errors import Findings, ManifestError, NotRestorable, PolicyError
from qt001_cp.model import kinds
from qt001_cp.model.inventory import Inventory, InventoryObject
from qt001_cp.model.manifest import ManifestObject, ObjectManifest, Repoint
from qt001_cp.model.names import PUBLIC
from qt001_cp.model.policy import PARTS, Policy, Rule
from qt001_cp.plan.analysis import Analyses
from qt001_cp.plan.behaviour import loses
from qt001_cp.plan.keep import READERS, Need, closed, following, left, require_columns
from qt001_cp.plan.step_plans import Wish, plan_loan, plan_retirement, plan_steps


def generate(
    inventory: Inventory,
    policy: Policy,
    new_sources: Mapping[str, str],
    analyses: Analyses,
    needs: Iterable[Need] = (),
    kept: Iterable[InventoryObject] = (),
) -> ObjectManifest:
    """Classify every object and plan every transferred one.

    ``new_sources``: identity → text of the new source, for each routine that the policy repoints.
    ``analyses``: what each routine reaches; it goes into the manifest, bound to the digest of the definition.
    ``needs``: what inserting into a table needs beside it; where the policy keeps INSERT, that is kept too.
    ``kept``: what the control plane's owner has from changes that were kept when FIX7 went back: it goes on having it, without a step.
    Raises :class:`Findings` naming each unclassified object, :class:`NotRestorable` naming each object that could
    not be put back exactly, :class:`PolicyError` where the policy names what the estate does not have, or leaves a value undecided.
    """
    owned = {o.ref.key: o for o in kept}
    ruled = _ruled(inventory, policy, owned)
    if left := policy.undecided():
        raise PolicyError(
            f"the policy is still undecided: {', '.join(left)}", hint="write what they are: docs/policy.md"
        )
    if unbound := [str(rule.number) for rule in policy.rules if rule.unbound]:
        raise PolicyError(
            f"policy: rule {', '.join(unbound)} retains whatever appears, in whatever schema",
            hint="write schema = … into it: the rules go on deciding after the cutover",
        )
    _known([*inventory.objects, *owned.values()], policy)
    estate = _Estate(inventory, policy, analyses, following(ruled, needs), closed(inventory.objects, policy, analyses))
    stays = [owned_object(o, policy, analyses, "kept from a change") for o in owned.values()]
    objects = tuple(sorted(_touching([*_objects(ruled, estate), *stays], analyses), key=lambda o: o.ref.key))
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
        growth=policy.growth,
        pair=policy.pair,
    )
    _followers(manifest)
    require_growth(manifest)
    return manifest


def drafted(
    inventory: Inventory, policy: Policy, analyses: Analyses
) -> tuple[list[ManifestObject], list[NotRestorable | PolicyError]]:
    """The objects of a policy that need not be whole, for those who ask early: what no rule names is left out, and what cannot be
    planned is taken for retained. With it what could not be planned."""
    shut = closed(inventory.objects, policy, analyses)
    estate, objects, refused = _Estate(inventory, policy, analyses, {}, shut), [], []
    for o in inventory.objects:
        rule = policy.rule_for(o.ref)
        if rule is None:
            continue
        try:
            objects.append(_PLANS[rule.disposition](o, rule, estate))
        except (NotRestorable, PolicyError) as exc:
            refused.append(exc)
    return list(_touching(objects, analyses)), refused


def transfers(
    inventory: Inventory, policy: Policy, analyses: Analyses, needs: Iterable[Need], wanted: Collection[tuple[str, str]]
) -> tuple[ManifestObject, ...]:
    """The objects ``wanted``, by kind and identity, as a cutover would plan them; raises as :func:`generate`."""
    ruled = [(o, rule) for o in inventory.objects if (rule := policy.rule_for(o.ref)) is not None]
    shut = closed(inventory.objects, policy, analyses)
    estate = _Estate(inventory, policy, analyses, following(ruled, needs), shut)
    return _objects(((o, rule) for o, rule in ruled if o.ref.key in wanted), estate)


class _Estate(NamedTuple):
    """What one object is judged with."""

    inventory: Inventory
    policy: Policy
    analyses: Analyses
    following: Mapping[tuple[str, str], frozenset[str]]
    closed: Mapping[tuple[str, str], str]


def owned_object(o: InventoryObject, policy: Policy, analyses: Analyses, since: str) -> ManifestObject:
    """What the control plane's owner has without a cutover: the same before and after, and no steps. ``since``: why, where no rule says it."""
    rule = policy.rule_for(o.ref)
    return ManifestObject(
        o.ref,
        "transfer",
        rule.reason if rule is not None and rule.disposition == "transfer" else since,
        is_curated(o, policy),
        o.definition_digest,
        o.definition,
        o.storage_digest,
        o.storage,
        o.follows,
        detail_of(o, analyses),
        o.state,
        o.state,
        None,
        {},
    )


def _ruled(
    inventory: Inventory, policy: Policy, owned: Collection[tuple[str, str]] = ()
) -> list[tuple[InventoryObject, Rule]]:
    ruled = [(o, policy.rule_for(o.ref)) for o in inventory.objects if o.ref.key not in owned]
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
            objects.append(_PLANS[rule.disposition](o, rule, estate))
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
    if is_curated(o, estate.policy):
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
        o.definition,
        o.storage_digest,
        o.storage,
        o.follows,
        detail_of(o, estate.analyses) if foreign else o.detail,
        o.state,
        None,
        None,
        {},
    )


def _transferred(o: InventoryObject, rule: Rule, estate: _Estate) -> ManifestObject:
    if why := _cannot_move(o, estate.inventory.server_version):
        raise NotRestorable(f"{o.ref}: {why}", hint=f"let rule {rule.number} not match it, or retain it")
    require_columns(o, {column for column, _ in rule.keep_columns}, f"rule {rule.number}: keep")
    after, forward, restore = plan_steps(str(o.ref), o.state, _wish(o, rule, estate))
    kept = left(after, estate.inventory.application) if not (o.detail or {}).get("system") else {}
    if o.ref.key in estate.closed and kept and not is_curated(o, estate.policy):
        raise PolicyError(
            f"rule {rule.number}: keep: {o.ref} {estate.closed[o.ref.key]}: nothing of it can be kept",
            hint="take keep out of its rule, or write a rule of its own for it above",
        )
    plans = {"forward": forward, "restore": restore}
    retired = None
    if _is_legacy(o, estate.policy):
        retired, plans["retire"], plans["revive"] = plan_retirement(str(o.ref), after)
    return ManifestObject(
        o.ref,
        "transfer",
        rule.reason,
        o.ref.kind == "view" and any("SELECT" in privileges for privileges in kept.values()),
        o.definition_digest,
        o.definition,
        o.storage_digest,
        o.storage,
        o.follows,
        detail_of(o, estate.analyses),
        o.state,
        after,
        retired,
        plans,
    )


def _lent(o: InventoryObject, rule: Rule, estate: _Estate) -> ManifestObject:
    retained = _retained(o, rule, estate)
    if o.state.owner == estate.inventory.application:
        raise NotRestorable(
            f"{o.ref}: {o.state.owner.name} itself would lend it, and could take it back at any time",
            hint="transfer it, or let nothing that is transferred need it",
        )
    _require_lendable(o, rule)
    owner = estate.policy.pair.owner
    after, forward, restore = plan_loan(str(o.ref), o.state, owner, rule.lend, rule.lend_columns)
    return replace(retained, disposition="lend", after=after, plans={"forward": forward, "restore": restore})


def _require_lendable(o: InventoryObject, rule: Rule) -> None:
    """Raises :class:`NotRestorable` where its kind has no such privilege, or it has no such column."""
    kind = kinds.BY_KEY[o.ref.kind]
    foreign = [p for p in rule.lend if p not in kind.privileges or kind.grant is None]
    if rule.lend_columns and o.ref.kind not in READERS:
        foreign = [*foreign, f"of a column ({', '.join(rule.lend_columns)})"]
    if foreign:
        raise NotRestorable(
            f"{o.ref}: there is no privilege {', '.join(foreign)} on a {o.ref.kind}",
            hint=f"correct lend of rule {rule.number}, or retain it",
        )
    require_columns(o, rule.lend_columns, f"rule {rule.number}: lend")


_PLANS: Final = {"retain": _retained, "transfer": _transferred, "lend": _lent}


def _wish(o: InventoryObject, rule: Rule, estate: _Estate) -> Wish:
    kind, system = kinds.BY_KEY[o.ref.kind], bool((o.detail or {}).get("system"))
    # What PUBLIC holds on the system's own objects every client needs; more than the server came with is refused (precondition 8).
    everybody = frozenset(i.privilege for i in o.state.acl if system and i.grantee == PUBLIC)
    return Wish(
        estate.inventory.application,
        estate.policy.pair.owner,
        own_statement=o.follows is None,
        owner_moves=kind.alter is not None and not system,
        keep_application=rule.keep_application | estate.following.get(o.ref.key, frozenset()),
        keep_public=rule.keep_public | everybody,
        curated=is_curated(o, estate.policy),
        default_order=o.acl_default,
        keep_columns=rule.keep_columns,
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


def is_curated(o: InventoryObject, policy: Policy) -> bool:
    """Whether the policy names this view as one that the application role goes on reading."""
    return o.ref.kind == "view" and o.ref.identity in policy.curated


def detail_of(o: InventoryObject, analyses: Analyses) -> Mapping[str, Any] | None:
    """What only this kind has; for a routine also what the analysis says that its body reaches."""
    analysis = analyses.get(o.ref.key) if o.ref.kind in ("function", "procedure") else None
    if analysis is None:
        return o.detail
    return {
        **(o.detail or {}),
        "reaches": [{"verb": e.verb, "kind": e.kind, "identity": e.identity} for e in _distinct(analysis.edges)],
        "unknown": [{"rule": u.rule, "detail": u.detail} for u in analysis.unknown],
    }


def _touching(objects: Iterable[ManifestObject], analyses: Analyses) -> Iterator[ManifestObject]:
    """With what each routine or view that stays reads or writes of what goes: ``touches`` in its detail."""
    made = list(objects)
    moved = {o.ref.key: o for o in made if o.disposition == "transfer"}
    for o in made:
        analysis = analyses.get(o.ref.key) if o.disposition != "transfer" else None
        touched = [
            e
            for e in (_distinct(analysis.edges) if analysis else [])
            if (goes := moved.get((e.kind, e.identity))) is not None and loses(o.before.owner, goes)
        ]
        told = [{"verb": e.verb, "kind": e.kind, "identity": e.identity} for e in touched]
        yield replace(o, detail={**(o.detail or {}), "touches": told}) if told else o


def _distinct(edges: tuple[Edge, ...]) -> list[Edge]:
    return list({(e.verb, e.kind, e.identity): e for e in edges}.values())


def _known(objects: Collection[InventoryObject], policy: Policy) -> None:
    """Everything that the policy names is in the estate."""
    present = {o.ref.identity for o in objects}
    keys = {o.ref.key for o in objects}
    for where, identity in _named(policy):
        if identity not in present:
            raise PolicyError(
                f"policy: {where}: {identity} is not in the estate",
                hint="write it as 'qt001-cp inventory' prints it, types qualified",
            )
    definitions = {o.ref.identity: o.definition for o in objects if o.ref.kind in kinds.RELATIONS}
    for trigger in policy.apply_path["triggers"] if policy.apply_path else ():
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
    path = policy.apply_path or {}
    yield from ((f"apply_path.{part}", path[part]) for part in (*PARTS, "readiness") if part in path)
    yield from (("apply_path.source_tables", table) for table in path.get("source_tables", ()))
    yield from (("blocked", blocked["table"]) for blocked in policy.blocked)
    yield from (("frozen", frozen["identity"]) for frozen in policy.raw.get("frozen", ()))


def require_growth(manifest: ObjectManifest) -> None:
    """What the policy lets grow is a transferred table, and every table under a name of it one of its partitions: the same that
    PostgreSQL asks when it seals (``qt001_cp.growth_findings``), said where the policy is written. Raises :class:`PolicyError`."""
    moved = {o.ref.identity: o for o in manifest.transferred if o.ref.kind == "table"}
    for grown in manifest.growth:
        if grown.table not in moved:
            raise PolicyError(
                f"policy: growth: expected a table that a rule transfers, found {grown.table}",
                hint="write it as 'qt001-cp inventory' prints it",
            )
        for o in manifest.objects:
            if grown.covers(o.ref) and f"parent {grown.table}" not in (o.source or "").splitlines():
                raise PolicyError(
                    f"policy: growth of {grown.table}: name {grown.name!r}: expected partitions of it alone, found {o.ref}",
                    hint="write a narrower pattern: what it covers comes and goes without a change",
                )


def _followers(manifest: ObjectManifest) -> None:
    """A sequence that a column owns goes where its table goes."""
    place = {o.ref.identity: o.disposition for o in manifest.objects if o.ref.kind in kinds.RELATIONS}
    for o in manifest.objects:
        if o.follows is not None and place.get(o.follows, o.disposition) != o.disposition:
            raise ManifestError(
                f"{o.ref} belongs to a column of {o.follows}, but one is transferred and the other retained",
                hint="classify both alike: PostgreSQL moves such a sequence with its table",
            )
