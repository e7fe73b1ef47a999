"""Groups of the estate: by schema, and in schema public by the prefix of the name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from qt001_cp.model.inventory import Inventory, InventoryObject

_SHARED = "public"


@dataclass(frozen=True, order=True)
class Group:
    """``prefix`` is empty for a whole schema; it ends in an underscore where several objects share it."""

    schema: str
    prefix: str

    def __str__(self) -> str:
        if not self.prefix:
            return f"schema {self.schema}"
        return f"{self.schema}.{self.prefix}{'*' if self.prefix.endswith('_') else ''}"


def groups_of(inventory: Inventory, *, whole_schemas: bool = False) -> Mapping[tuple[str, str], Group]:
    """Key → group, for everything that lies in a schema. What a column owns is where its table is.

    ``whole_schemas``: no prefix says anything; what was named is no group.
    """
    by_identity = {o.ref.identity: o for o in inventory.objects}
    prefixes = Counter(_prefix(o.ref.name) for o in inventory.objects if o.ref.schema == _SHARED)
    return {
        o.ref.key: Group(o.ref.schema, "") if whole_schemas else _group(by_identity.get(o.follows or "", o), prefixes)
        for o in inventory.objects
        if o.ref.schema is not None and o.ref.kind not in ("schema", "default acl")
    }


def _group(o: InventoryObject, prefixes: Counter[str]) -> Group:
    schema = o.ref.schema or ""
    if schema != _SHARED:
        return Group(schema, "")
    prefix = _prefix(o.ref.name)
    return Group(schema, prefix if prefix and prefixes[prefix] > 1 else o.ref.name)


def _prefix(name: str) -> str:
    """``qt001_`` of ``qt001_source`` and of ``qt001 Ledger``; empty without one."""
    for place, letter in enumerate(name):
        if letter in "_ " and place > 1:
            return name[:place] + "_"
    return ""
