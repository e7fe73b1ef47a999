"""What the policy keeps for the application role: what may be kept at all, what follows it, and what it is not enough for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from qt001_cp.analyse.template import quote_ident
from qt001_cp.errors import Findings, PolicyError
from qt001_cp.model.inventory import InventoryObject, State
from qt001_cp.model.manifest import ManifestObject, ObjectManifest
from qt001_cp.model.names import PUBLIC, Role
from qt001_cp.model.policy import Policy, Rule
from qt001_cp.plan.analysis import Analyses

Ruled = Iterable[tuple[InventoryObject, Rule]]
Key = tuple[str, str]
READERS: Final = ("table", "view", "materialized view", "foreign table")


class Need(NamedTuple):
    """What inserting a row into ``relation`` needs of another object. ``definer``: that function runs with its owner's rights."""

    relation: str
    key: Key
    privilege: str
    definer: bool


def following(ruled: Ruled, needs: Iterable[Need]) -> Mapping[Key, frozenset[str]]:
    """What the application keeps beside the tables that it goes on inserting into, by object.

    Raises :class:`Findings` where a default calls a SECURITY DEFINER function: its rights are its owner's, so the policy says so.
    """
    rules = {o.ref.key: rule for o, rule in ruled if rule.disposition == "transfer"}
    inserting = {key[1] for key, rule in rules.items() if key[0] in READERS and "INSERT" in _verbs(rule)}
    found: dict[Key, frozenset[str]] = {}
    refused = []
    for need in needs:
        rule = rules.get(need.key)
        if need.relation not in inserting or rule is None:
            continue
        if not need.definer:
            found[need.key] = found.get(need.key, frozenset()) | {need.privilege}
        elif need.privilege not in rule.keep_application | rule.keep_public:
            refused.append(
                f"  {need.relation}: whoever inserts runs {need.key[0]} {need.key[1]}, which is SECURITY DEFINER"
            )
    if refused:
        raise Findings(
            f"{len(refused)} default(s) of tables with a kept INSERT need more than follows by itself:\n"
            + "\n".join(refused),
            hint="keep EXECUTE in the rule of that function, make it SECURITY INVOKER, or do not keep INSERT",
        )
    return found


def _verbs(rule: Rule) -> frozenset[str]:
    return rule.keep_application | {privilege for _, privilege in rule.keep_columns}


def require_columns(o: InventoryObject, columns: Iterable[str], where: str) -> None:
    """Raises :class:`PolicyError` where ``where``, a part of a rule, names a column that the object does not have."""
    for column in sorted(set(columns)):
        lines = (f"\ncolumn {column} ", f"\ncolumn {quote_ident(column)} ")
        if o.ref.kind in READERS and not any(line in o.definition for line in lines):
            raise PolicyError(
                f"{where}: {o.ref} has no column {column}",
                hint="write the name as the catalog has it, without quotes",
            )


def closed(objects: Iterable[InventoryObject], policy: Policy, analyses: Analyses) -> Mapping[Key, str]:
    """Of what nothing is kept, and why: the apply path, its sources and its evidence. The server decides the same by itself."""
    if policy.apply_path is None:
        return {}
    repointed = set(policy.repoint)
    named = dict.fromkeys(repointed, "is on the apply path")
    named[policy.apply_path["readiness"]] = "is the readiness"
    named |= dict.fromkeys(policy.apply_path["source_tables"], "is a source table of the apply path")
    named |= {item["identity"]: "is legacy authority" for item in policy.legacy}
    named |= {item["table"]: "says what is blocked" for item in policy.blocked}
    written = {
        edge.identity
        for (_, identity), analysis in analyses.items()
        if identity in repointed
        for edge in analysis.edges
        if edge.verb == "writes"
    }
    named |= dict.fromkeys(written - named.keys(), "is written by the apply path")
    return {o.ref.key: named[o.ref.identity] for o in objects if o.ref.identity in named}


def left(state: State, application: Role) -> dict[str | None, set[str]]:
    """What a state leaves to the application role or PUBLIC: by column, None for the whole object."""
    every = [(None, state.acl), *((c.column, c.acl) for c in state.columns)]
    found = {
        column: {i.privilege for i in acl if i.grantee == PUBLIC or i.grantee == application} for column, acl in every
    }
    return {column: privileges for column, privileges in found.items() if privileges}


def told(manifest: ObjectManifest) -> Iterator[str]:
    """What the application can no longer do with what it keeps, a sentence each."""
    for o in manifest.transferred:
        if o.after is not None and o.ref.kind in READERS and not (o.detail or {}).get("system"):
            yield from (f"{o.ref}: {sentence}" for sentence in _not_enough(o, manifest.application))


def _not_enough(o: ManifestObject, application: Role) -> Iterator[str]:
    assert o.after is not None
    kept = {privilege for privileges in left(o.after, application).values() for privilege in privileges}
    if "INSERT" in kept and "SELECT" not in kept:
        yield "INSERT … RETURNING, ON CONFLICT with a target, and COPY … TO need SELECT, which is not kept"
    if "INSERT" in kept and "UPDATE" not in kept:
        yield "INSERT … ON CONFLICT DO UPDATE, and MERGE with an update, need UPDATE, which is not kept"
    if kept & {"UPDATE", "DELETE"} and "SELECT" not in kept:
        yield "UPDATE and DELETE with a condition need SELECT, which is not kept"
    if kept and o.ref.kind == "table":
        if "SELECT" in kept and not kept & {"UPDATE", "DELETE"}:
            yield "SELECT … FOR UPDATE and FOR SHARE need UPDATE, which is not kept"
        yield "a new foreign key of the application to it needs REFERENCES, which can never be kept"
