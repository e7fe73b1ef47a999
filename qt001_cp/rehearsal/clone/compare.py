"""Whether the clone is the estate of the original, object by object: what a no-go record stands or falls with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from qt001_cp.model.acl import AclItem
from qt001_cp.model.inventory import Inventory, State
from qt001_cp.model.manifest import ObjectManifest
from qt001_cp.plan.difference import changed_lines, state_lines
from qt001_cp.rehearsal.clone.report import CloneReport

_LINES = 8
"""Of the lines in which two definitions differ, so many are printed."""
_ANOTHER = "the manifest of the original has another digest than the clone's, so the record is not about it"


@dataclass(frozen=True)
class Facts:
    """What a manifest says of one object before the cutover."""

    definition: str
    text: str
    state: State


Estate = Mapping[tuple[str, str], Facts]


def estate_of(inventory: Inventory) -> Estate:
    return {o.ref.key: Facts(o.definition_digest, o.definition, o.state) for o in inventory.objects}


def estate_of_manifest(manifest: ObjectManifest) -> Estate:
    return {o.ref.key: Facts(o.definition, o.source or "", o.before) for o in manifest.objects}


def compare(wanted: Estate, clone: Estate, report: CloneReport) -> int:
    """Put every difference into ``report``; returns how many there are."""
    differing = 0
    for key in sorted(wanted.keys() | clone.keys()):
        why = _difference(wanted.get(key), clone.get(key))
        if why:
            differing += 1
            report.lack(f"{key[0]} {key[1]}", why, _ANOTHER)
    return differing


def _difference(one: Facts | None, other: Facts | None) -> str:
    if one is None:
        return "it is in the clone, and not in the original's estate"
    if other is None:
        return "it is in the original's estate, and not in the clone"
    found = []
    if one.definition != other.definition:
        found.append("another definition: " + "; ".join(changed_lines(one.text, other.text)[:_LINES]))
    if one.state.owner != other.state.owner:
        found.append(f"owner {one.state.owner.name}, in the clone {other.state.owner.name}")
    if _acl(one.state) != _acl(other.state):
        found.append("another ACL: " + "; ".join(state_lines(one.state, other.state)))
    elif one.state != other.state and one.state.owner == other.state.owner:
        found.append("the ACL in another order")
    return ", ".join(found)


def same_acl(one: State, other: State) -> bool:
    """The same owner and the same entries, in whatever order."""
    return one.owner == other.owner and _acl(one) == _acl(other)


def _acl(state: State) -> tuple[frozenset[AclItem], frozenset[tuple[str, frozenset[AclItem]]]]:
    return frozenset(state.acl), frozenset((c.column, frozenset(c.acl)) for c in state.columns)
