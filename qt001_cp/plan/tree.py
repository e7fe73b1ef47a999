"""What a role really owns and reaches, as a tree with counts: owned or reached → schema → kind → object."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from qt001_cp.model.inventory import Inventory, InventoryObject
from qt001_cp.model.manifest import ManifestObject, ObjectManifest
from qt001_cp.model.policy import Policy

T = TypeVar("T", InventoryObject, ManifestObject)
_WAYS = {
    "protected": "no longer owns: they are the control plane's",
    "owned": "owns",
    "granted": "is granted, by name or through a role that it is a member of",
    "column": "is granted on columns",
    "public": "reaches as everybody does, through PUBLIC",
    "fires": "runs with another's rights, and nobody is asked: by a write, an aggregate, a type",
    "follows": "has nothing on, and it changes its owner with what the application reaches",
    "database": "is connected to",
    "dependency": "is named by, in a catalog that has no kind of ours",
}


@dataclass(slots=True)
class Node:
    """``count``: objects at or below it. ``marks``: short words about one object; ``note``: a sentence."""

    label: str
    marks: tuple[str, ...] = ()
    note: str = ""
    children: list[Node] = field(default_factory=list)
    leaf: bool = False

    @property
    def count(self) -> int:
        return 1 if self.leaf else sum(c.count for c in self.children)

    def to_json(self) -> dict[str, object]:
        """Its children as they are: each says itself when its turn comes."""
        return {
            "label": self.label,
            "count": self.count,
            "marks": list(self.marks),
            "note": self.note,
            "children": self.children,
        }


def inventory_tree(inventory: Inventory, policy: Policy | None) -> Node:
    """What the role owns, and each way in which it reaches what it does not own. An object stands in one place only."""

    def leaf(o: InventoryObject) -> Node:
        rule = policy.rule_for(o.ref) if policy else None
        marks = (rule.disposition if rule else "unclassified",) if policy else ()
        held = sorted(
            {i.privilege for i in o.state.acl if getattr(i.grantee, "name", None) == inventory.application.name}
        )
        owner = "" if o.state.owner == inventory.application else f"owner {o.state.owner.name}"
        # Who owns an object holds privileges on it in any case; that everybody reaches it too is worth a word.
        others = ", ".join(_WAYS[w] for w in o.why[1:] if w == "public" or o.why[0] != "owned")
        note = "; ".join(t for t in (owner, f"holds {', '.join(held)}" if held and owner else "", others) if t)
        return Node(o.ref.identity, marks, note, leaf=True)

    root = Node(f"{inventory.application.name} in {inventory.database}")
    for why, words in _WAYS.items():
        chosen = [o for o in inventory.objects if o.why and o.why[0] == why]
        if chosen:
            root.children.append(_by_place(words, chosen, leaf))
    return root


def manifest_tree(manifest: ObjectManifest) -> Node:
    """What becomes of each object: transferred, and what of that stays readable; retained."""

    def leaf(o: ManifestObject) -> Node:
        owner = o.before.owner.name if o.after is None else f"{o.before.owner.name} → {o.after.owner.name}"
        plan = o.plans.get("forward")
        steps = len(plan.pre) + len(plan.post) + (plan.owner is not None) if plan else 0
        marks = ("curated",) if o.curated else ()
        return Node(o.ref.identity, marks, f"{owner}; {steps} statement(s); {o.reason}", leaf=True)

    root = Node(f"{manifest.application.name} in {manifest.database}")
    for disposition, words in (("transfer", "loses"), ("retain", "keeps"), ("lend", "lent by its owner")):
        chosen = [o for o in manifest.objects if o.disposition == disposition]
        if chosen:
            root.children.append(_by_place(words, chosen, leaf))
    return root


def counts(objects: Iterable[InventoryObject | ManifestObject]) -> Mapping[str, int]:
    """Kind → how many."""
    made: dict[str, int] = {}
    for o in objects:
        made[o.ref.kind] = made.get(o.ref.kind, 0) + 1
    return dict(sorted(made.items()))


def _by_place(words: str, chosen: list[T], leaf: Callable[[T], Node]) -> Node:
    top = Node(words)
    for schema in sorted({o.ref.schema or "" for o in chosen}):
        here = [o for o in chosen if (o.ref.schema or "") == schema]
        place = Node(f"schema {schema}" if schema else "in no schema")
        for kind in sorted({o.ref.kind for o in here}):
            place.children.append(Node(kind, children=[leaf(o) for o in here if o.ref.kind == kind]))
        top.children.append(place)
    return top
