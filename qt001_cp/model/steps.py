"""The steps that move one object between its before- and its after-state. They stand in the manifest.

PostgreSQL renders them to statements by itself (``qt001_cp.implied_statement``) and compares; see emit.statements.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias

import orjson

from qt001_cp.errors import ManifestError
from qt001_cp.model.names import Grantee, Role, grantee_from_json, grantee_to_json


@dataclass(frozen=True, slots=True)
class ChangeOwner:
    """ALTER … OWNER TO ``new``."""

    old: Role
    new: Role

    def to_json(self) -> dict[str, Any]:
        return {"do": "owner", "from": self.old.name, "to": self.new.name}


@dataclass(frozen=True, slots=True)
class Revoke:
    """REVOKE by ``grantor``; ``set_role`` when the grantor is not the owner of that moment, or not clearly."""

    grantor: Role
    grantee: Grantee
    privileges: tuple[str, ...]
    column: str | None
    set_role: bool

    def to_json(self) -> dict[str, Any]:
        return {"do": "revoke", **_acl_json(self)}


@dataclass(frozen=True, slots=True)
class Grant:
    """GRANT by ``grantor``, the exact inverse of a :class:`Revoke`."""

    grantor: Role
    grantee: Grantee
    privileges: tuple[str, ...]
    column: str | None
    set_role: bool
    grantable: bool = False

    def to_json(self) -> dict[str, Any]:
        return {"do": "grant", "grantable": self.grantable, **_acl_json(self)}


AclStep: TypeAlias = Revoke | Grant
Step: TypeAlias = ChangeOwner | Revoke | Grant


@dataclass(frozen=True, slots=True)
class StepPlan:
    """One direction for one object: ACL statements, the change of owner, ACL statements under the new owner."""

    pre: tuple[AclStep, ...] = ()
    owner: ChangeOwner | None = None
    post: tuple[AclStep, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {
            "pre": [s.to_json() for s in self.pre],
            "owner": self.owner.to_json() if self.owner else None,
            "post": [s.to_json() for s in self.post],
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> StepPlan:
        """The plan; equal data give the same one, for an estate has few different plans."""
        return _step_plan(orjson.dumps(data))


@lru_cache(maxsize=4096)
def _step_plan(body: bytes) -> StepPlan:
    data = orjson.loads(body)
    owner = data["owner"]
    return StepPlan(
        tuple(_acl_step(s) for s in data["pre"]),
        ChangeOwner(Role(owner["from"]), Role(owner["to"])) if owner else None,
        tuple(_acl_step(s) for s in data["post"]),
    )


def _acl_json(step: AclStep) -> dict[str, Any]:
    return {
        "grantor": step.grantor.name,
        "grantee": grantee_to_json(step.grantee),
        "privileges": list(step.privileges),
        "column": step.column,
        "set_role": step.set_role,
    }


def _acl_step(data: dict[str, Any]) -> AclStep:
    common = {
        "grantor": Role(data["grantor"]),
        "grantee": grantee_from_json(data["grantee"]),
        "privileges": tuple(data["privileges"]),
        "column": data["column"],
        "set_role": data["set_role"],
    }
    if data["do"] == "revoke":
        return Revoke(**common)
    if data["do"] == "grant":
        return Grant(**common, grantable=data["grantable"])
    raise ManifestError(f"unknown step {data['do']!r} in the manifest")
