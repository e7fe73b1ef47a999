"""The estate as read from the catalogs at one moment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from qt001_cp.model.acl import AclItem, ColumnAcl, acl_from_json, acl_to_json
from qt001_cp.model.canonical import canonical_pieces, digest
from qt001_cp.model.names import ObjectRef, Role, TypeName


@dataclass(frozen=True, slots=True)
class State:
    """What the cutover changes: the owner, the ACL, the ACLs of columns."""

    owner: Role
    acl: tuple[AclItem, ...]
    columns: tuple[ColumnAcl, ...] = ()

    def as_owned_by(self, owner: Role) -> State:
        """The same rights in the hand of another owner, as ALTER … OWNER maps them."""

        def mapped(acl: tuple[AclItem, ...]) -> tuple[AclItem, ...]:
            return tuple(
                AclItem(
                    owner if i.grantor == self.owner else i.grantor,
                    owner if i.grantee == self.owner else i.grantee,
                    i.privilege,
                    i.grantable,
                )
                for i in acl
            )

        return State(owner, mapped(self.acl), tuple(ColumnAcl(c.column, mapped(c.acl)) for c in self.columns))

    def to_json(self) -> dict[str, Any]:
        return {
            "owner": self.owner.name,
            "acl": acl_to_json(self.acl),
            "columns": [{"column": c.column, "acl": acl_to_json(c.acl)} for c in self.columns],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> State:
        return cls(
            Role(data["owner"]),
            acl_from_json(data["acl"]),
            tuple(ColumnAcl(c["column"], acl_from_json(c["acl"])) for c in data["columns"]),
        )


@dataclass(frozen=True, slots=True)
class InventoryObject:
    """One object of the estate.

    ``definition``: what it means; ``storage``: how it is kept, None for nothing that is not usual.
    ``acl_default``: its ACL is NULL or equals the default of its kind, so the order of entries carries nothing.
    ``follows``: the table whose column owns this sequence. ``detail``: what only its kind has (routines: definer,
    language, search_path). ``why``: what makes it a part of the estate.
    """

    ref: ObjectRef
    state: State
    acl_default: bool
    definition: str
    storage: str | None
    follows: str | None
    detail: Mapping[str, Any] | None
    why: tuple[str, ...]

    @property
    def definition_digest(self) -> str:
        return digest(self.definition.encode())

    @property
    def storage_digest(self) -> str | None:
        return None if self.storage is None else digest(self.storage.encode())

    def to_json(self) -> dict[str, Any]:
        return {
            **ref_to_json(self.ref),
            "state": self.state.to_json(),
            "definition": self.definition_digest,
            "storage": self.storage_digest,
            "follows": self.follows,
            "detail": dict(self.detail) if self.detail is not None else None,
            "why": list(self.why),
        }


@dataclass(frozen=True, slots=True)
class Inventory:
    """All objects of the estate, ordered by kind and identity (code points), and where they were read."""

    database: str
    server_version: int
    application: Role
    objects: tuple[InventoryObject, ...]

    def by_key(self) -> dict[tuple[str, str], InventoryObject]:
        return {o.ref.key: o for o in self.objects}

    def to_json(self) -> dict[str, Any]:
        return {**self.head(), "objects": [o.to_json() for o in self.objects]}

    def pieces(self) -> Iterator[bytes]:
        """The canonical bytes, an object at a time."""
        return canonical_pieces(self.head(), "objects", (o.to_json() for o in self.objects))

    def head(self) -> dict[str, Any]:
        """All but the objects."""
        return {
            "schema": "qt001.inventory/1",
            "database": self.database,
            "server_version": self.server_version,
            "application": self.application.name,
        }


def ref_to_json(ref: ObjectRef) -> dict[str, Any]:
    args = None if ref.args is None else [_type_to_json(a) for a in ref.args]
    return {
        "kind": ref.kind,
        "identity": ref.identity,
        "schema": ref.schema,
        "name": ref.name,
        "args": args,
        "method": ref.method,
    }


def _type_to_json(name: TypeName | None) -> dict[str, Any] | None:
    return None if name is None else {"schema": name.schema, "name": name.name, "array": name.array}


def types_from_json(data: Sequence[Mapping[str, Any] | None] | None) -> tuple[TypeName | None, ...] | None:
    """Argument or operand types; None stands for a missing operand."""
    if data is None:
        return None
    return tuple(None if a is None else TypeName(a["schema"], a["name"], a["array"]) for a in data)


def ref_from_json(data: Mapping[str, Any]) -> ObjectRef:
    return ObjectRef(
        data["kind"],
        data["identity"],
        data["schema"],
        data["name"],
        types_from_json(data["args"]),
        data["method"],
    )
