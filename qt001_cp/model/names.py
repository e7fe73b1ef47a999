"""Names as types: a role is not a string, and PUBLIC is not a role.

Source: PostgreSQL documentation, "Identifiers and Key Words" (4.1.1) and GRANT (``role_specification``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Final, Literal, TypeAlias

from qt001_cp.errors import ManifestError

_MAX_BYTES = 63
_PATH_PART: Final = re.compile(r'"((?:[^"]|"")*)"|([^",\s]+)')


def _checked(name: str, what: str) -> str:
    if not name:
        raise ManifestError(f"an empty {what} name is not an identifier")
    if "\0" in name:
        raise ManifestError(f"{what} name {name!r} holds a NUL character, which PostgreSQL cannot store")
    if len(name.encode()) > _MAX_BYTES:
        raise ManifestError(f"{what} name {name!r} is longer than {_MAX_BYTES} bytes, PostgreSQL would cut it")
    return name


@dataclass(frozen=True, order=True, slots=True)
class Role:
    """A role by its raw, unquoted name."""

    name: str

    def __post_init__(self) -> None:
        _checked(self.name, "role")


@dataclass(frozen=True, slots=True)
class Public:
    """The pseudo-role PUBLIC. A role that happens to be called "PUBLIC" is a :class:`Role`."""


PUBLIC: Final = Public()
Grantee: TypeAlias = Role | Public


def grantee_from_json(value: str | None) -> Grantee:
    """``null`` is PUBLIC, a string is a role."""
    return PUBLIC if value is None else Role(value)


def grantee_to_json(value: Grantee) -> str | None:
    return value.name if isinstance(value, Role) else None


def grantee_name(value: Grantee) -> str:
    """For a sentence; a statement needs the quoted one."""
    return value.name if isinstance(value, Role) else "PUBLIC"


@dataclass(frozen=True, order=True, slots=True)
class QualifiedName:
    """A schema and a name, both raw and unquoted."""

    schema: str
    name: str

    def __post_init__(self) -> None:
        _checked(self.schema, "schema")
        _checked(self.name, "object")


@dataclass(frozen=True, order=True, slots=True)
class TypeName:
    """An argument type: a qualified type, or the true array of one."""

    schema: str
    name: str
    array: bool = False


@dataclass(frozen=True, order=True, slots=True)
class ObjectRef:
    """An object of the estate: its kind and identity as ``pg_identify_object`` gives them, and the raw parts.

    ``args``: argument types of a routine; of an operator its two operands, None where there is none.
    ``method``: the access method of an operator class or family.
    """

    kind: str
    identity: str
    schema: str | None
    name: str
    args: tuple[TypeName | None, ...] | None = None
    method: str | None = None

    @property
    def key(self) -> tuple[str, str]:
        return (self.kind, self.identity)

    @property
    def qualified(self) -> QualifiedName:
        if self.schema is None:
            raise ManifestError(f"{self.kind} {self.identity} has no schema")
        return QualifiedName(self.schema, self.name)

    def __str__(self) -> str:
        return f"{self.kind} {self.identity}"


Disposition: TypeAlias = Literal["transfer", "retain", "lend"]
"""``lend``: it stays with its owner, who grants the control plane's owner what is written there."""


def path_schemas(path: str) -> tuple[str, ...]:
    """The schemas that a value of search_path names: a quoted name may hold commas and blanks. Twin of qt001_cp.path_schemas()."""
    return tuple(m[2].lower() if m[1] is None else m[1].replace('""', '"') for m in _PATH_PART.finditer(path))


@cache
def glob(pattern: str) -> re.Pattern[str]:
    """A pattern of the policy. Only ``*`` and ``?`` are special: brackets are part of names."""
    return re.compile("".join({"*": ".*", "?": "."}.get(c, re.escape(c)) for c in pattern), re.DOTALL)
