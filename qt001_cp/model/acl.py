"""ACLs as PostgreSQL keeps them: an ordered list of entries, and what GRANT, REVOKE and ALTER OWNER do to it.

The order of the entries is part of the state (pg_dump prints in it). The rules mirrored here:

- ``aclupdate``: a grant extends the entry of the same (grantee, grantor) in place, or appends one; an entry that
  becomes empty disappears and the rest keep their order;
- ``aclnewowner``: ALTER OWNER replaces the old owner by the new one as grantor and grantee, in place; where that
  makes two entries one, information is lost, and :func:`change_owner` refuses;
- a grant lives only as long as its grantor may give it.

Source: PostgreSQL documentation, "Privileges" (5.8), GRANT, REVOKE.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from qt001_cp.errors import ManifestError, NotRestorable
from qt001_cp.model.kinds import BITS
from qt001_cp.model.names import Grantee, Role, grantee_from_json, grantee_to_json


@dataclass(frozen=True, slots=True)
class AclItem:
    """One privilege of one grantee from one grantor, as ``aclexplode`` gives it."""

    grantor: Role
    grantee: Grantee
    privilege: str
    grantable: bool


@dataclass(frozen=True, slots=True)
class ColumnAcl:
    """The ACL of one column."""

    column: str
    acl: tuple[AclItem, ...]


def acl_from_json(rows: Sequence[Sequence[Any]]) -> tuple[AclItem, ...]:
    """The ACL; equal rows give the same one, for an estate has few different ACLs."""
    try:
        return _acl(tuple(map(tuple, rows)))
    except (IndexError, TypeError) as exc:
        raise ManifestError(f"not an ACL: {rows!r}") from exc


@lru_cache(maxsize=4096)
def _acl(rows: tuple[tuple[Any, ...], ...]) -> tuple[AclItem, ...]:
    return tuple(AclItem(Role(r[0]), grantee_from_json(r[1]), str(r[2]), bool(r[3])) for r in rows)


def acl_to_json(acl: Iterable[AclItem]) -> list[list[Any]]:
    return [[i.grantor.name, grantee_to_json(i.grantee), i.privilege, i.grantable] for i in acl]


@dataclass(slots=True)
class Entry:
    """All privileges of one grantee from one grantor: one element of the ACL array."""

    grantor: Role
    grantee: Grantee
    privileges: dict[str, bool] = field(default_factory=dict)

    @property
    def key(self) -> tuple[Role, Grantee]:
        return (self.grantor, self.grantee)


@dataclass(slots=True)
class AclState:
    """A mutable ACL for simulation: the entries in array order."""

    entries: list[Entry]

    @classmethod
    def of(cls, acl: Iterable[AclItem]) -> AclState:
        state = cls([])
        for item in acl:
            entry = state.entry(item.grantor, item.grantee)
            if entry is None:
                entry = Entry(item.grantor, item.grantee)
                state.entries.append(entry)
            entry.privileges[item.privilege] = item.grantable
        return state

    def items(self) -> tuple[AclItem, ...]:
        return tuple(
            AclItem(e.grantor, e.grantee, privilege, e.privileges[privilege])
            for e in self.entries
            for privilege in sorted(e.privileges, key=BITS.index)
        )

    def entry(self, grantor: Role, grantee: Grantee) -> Entry | None:
        return next((e for e in self.entries if e.key == (grantor, grantee)), None)

    def revoke(self, grantor: Role, grantee: Grantee, privileges: Iterable[str]) -> None:
        entry = self.entry(grantor, grantee)
        if entry is None:
            return
        for privilege in privileges:
            entry.privileges.pop(privilege, None)
        if not entry.privileges:
            self.entries.remove(entry)

    def grant(self, grantor: Role, grantee: Grantee, privileges: Iterable[str], grantable: bool) -> None:
        entry = self.entry(grantor, grantee)
        if entry is None:
            entry = Entry(grantor, grantee)
            self.entries.append(entry)
        for privilege in privileges:
            entry.privileges[privilege] = entry.privileges.get(privilege, False) or grantable

    def mentions(self, role: Role) -> bool:
        return any(role in (e.grantor, e.grantee) for e in self.entries)

    def change_owner(self, old: Role, new: Role, what: str) -> None:
        """ALTER OWNER. Raises :class:`NotRestorable` where PostgreSQL would merge entries."""
        if old == new:
            return
        if self.mentions(new):
            raise NotRestorable(
                f"{what}: role {new.name} already stands in its ACL, ALTER OWNER from {old.name} would merge entries",
                hint=f"revoke what {new.name} holds on {what} (or granted on it) before a manifest is generated",
            )
        for entry in self.entries:
            entry.grantor = new if entry.grantor == old else entry.grantor
            entry.grantee = new if entry.grantee == old else entry.grantee

    def may_grant(self, grantor: Role, owner: Role, privilege: str) -> bool:
        if grantor == owner:
            return True
        return any(e.grantee == grantor and e.privileges.get(privilege, False) for e in self.entries)
