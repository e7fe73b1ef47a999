"""The policy: which role loses what, and why. Written by the author as TOML, validated against policy.schema.json."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

from qt001_cp.errors import ManifestError, PolicyError
from qt001_cp.model import kinds, roles
from qt001_cp.model.canonical import Json, canonical_bytes, digest
from qt001_cp.model.names import Disposition, ObjectRef, Role
from qt001_cp.model.schemas import problem

UNDECIDED: Final = "undecided"
"""What ``policy init`` writes where only a person can know; nothing is generated from it."""
PARTS: Final = ("gateway", "permit", "apply", "writer")
"""The routines of the apply path, each replaced by FIX7c with a version that asks for acceptance first."""


@dataclass(frozen=True)
class Rule:
    """A rule: what it matches, and what becomes of it. The first rule that matches an object decides."""

    number: int
    kinds: frozenset[str] | None
    schema: str | None
    name: str | None
    identity: str | None
    disposition: Disposition
    reason: str
    keep_application: frozenset[str]
    keep_public: frozenset[str]

    def matches(self, ref: ObjectRef) -> bool:
        if self.kinds is not None and ref.kind not in self.kinds:
            return False
        if self.identity is not None:
            return ref.identity == self.identity
        if self.schema is not None and (ref.schema is None or not _glob(self.schema).fullmatch(ref.schema)):
            return False
        return self.name is None or _glob(self.name).fullmatch(ref.name) is not None


@dataclass(frozen=True)
class Policy:
    """A valid policy. ``sources`` maps the identity of each repointed routine to the text of its new source."""

    name: str
    application: Role
    rules: tuple[Rule, ...]
    curated: Mapping[str, str]
    apply_path: Json
    repoint: Mapping[str, str]
    legacy: tuple[Json, ...]
    blocked: tuple[Json, ...]
    capabilities: tuple[Json, ...]
    verifier: Json
    sign_off: Json
    raw: Json

    def parts(self) -> dict[str, str]:
        """Identity → its part in the apply path, for every repointed routine; ``other`` for those beside it."""
        named = {self.apply_path[part]: part for part in PARTS}
        return {identity: named.get(identity, "other") for identity in self.repoint}

    def rule_for(self, ref: ObjectRef) -> Rule | None:
        return next((r for r in self.rules if r.matches(ref)), None)

    def body(self) -> bytes:
        """The policy as a canonical document: what FIX7a records."""
        return canonical_bytes({**self.raw, "schema": "qt001.policy/1"})

    def digest(self) -> str:
        return digest(self.body())

    def undecided(self) -> list[str]:
        """The keys whose value still begins with :data:`UNDECIDED`."""
        return _undecided(self.raw, "")


def _undecided(value: object, where: str) -> list[str]:
    if isinstance(value, str):
        return [where] if value.startswith(UNDECIDED) else []
    if isinstance(value, dict):
        return [found for key, v in value.items() for found in _undecided(v, f"{where}.{key}".lstrip("."))]
    if isinstance(value, list):
        plain = all(isinstance(v, str) for v in value)
        return [found for n, v in enumerate(value, 1) for found in _undecided(v, where if plain else f"{where} {n}")]
    return []


def policy_from_data(data: Json, source: str) -> Policy:
    """Validate ``data`` (parsed TOML). Raises :class:`PolicyError` naming ``source`` and the key."""
    wrong = problem("policy", data)
    if wrong is not None:
        raise PolicyError(f"{source}: {wrong}", hint="see docs/policy.md for every key")
    try:
        Role(data["roles"]["application"])
    except ManifestError as exc:
        raise PolicyError(
            f"{source}: roles.application: {exc.message}", hint="name the login as PostgreSQL has it"
        ) from exc
    try:
        policy = _policy(data, source)
        policy.body()
    except ManifestError as exc:
        raise PolicyError(f"{source}: {exc.message}", hint="see docs/policy.md for every key") from exc
    _require_sound(policy, source)
    return policy


def _policy(data: Json, source: str) -> Policy:
    return Policy(
        data["name"],
        Role(data["roles"]["application"]),
        tuple(_rule(n, r, source) for n, r in enumerate(data["rule"], 1)),
        {c["identity"]: c["reason"] for c in data.get("curated_view", [])},
        data["apply_path"],
        {r["identity"]: r["source"] for r in data["repoint"]},
        tuple(data["legacy"]),
        tuple(data["blocked"]),
        tuple(data["capability"]),
        data["verifier"],
        data["sign_off"],
        data,
    )


def _require_sound(policy: Policy, source: str) -> None:
    if policy.application in (roles.OWNER, *roles.DUTIES):
        raise PolicyError(
            f"{source}: roles.application: {policy.application.name} is a role of the control plane itself",
            hint="name the login of the application",
        )
    for what in ("apply", "readiness"):
        if not any(b["what"] == what for b in policy.blocked):
            raise PolicyError(
                f"{source}: blocked: nothing says how to see that {what} is blocked",
                hint=f"add a [[blocked]] table with what = '{what}'",
            )
    parts = {policy.apply_path[p] for p in PARTS}
    missing = sorted(parts - set(policy.repoint))
    if missing:
        raise PolicyError(
            f"{source}: repoint: {missing[0]} is on the apply path and has no new source",
            hint="add a [[repoint]] table for it",
        )


def _rule(number: int, data: Json, source: str) -> Rule:
    kind = data.get("kind")
    keys = frozenset([kind] if isinstance(kind, str) else kind) if kind is not None else None
    for key in keys or ():
        if key not in kinds.BY_KEY:
            raise PolicyError(
                f"{source}: rule {number}: {key!r} is not a kind of object",
                hint="kinds: " + ", ".join(sorted(kinds.BY_KEY)),
            )
    keep: dict[str, frozenset[str]] = {"application": frozenset(), "public": frozenset()}
    for item in data.get("keep", []):
        unknown = sorted(set(item["privileges"]) - set(kinds.BITS))
        if unknown:
            raise PolicyError(
                f"{source}: rule {number}: keep: {unknown[0]!r} is not a privilege",
                hint="privileges: " + ", ".join(kinds.BITS),
            )
        keep[item["grantee"]] |= frozenset(item["privileges"])
    return Rule(
        number,
        keys,
        data.get("schema"),
        data.get("name"),
        data.get("identity"),
        data["disposition"],
        data["reason"],
        keep["application"],
        keep["public"],
    )


@cache
def _glob(pattern: str) -> re.Pattern[str]:
    """Only ``*`` and ``?`` are special: brackets are part of names."""
    return re.compile("".join({"*": ".*", "?": "."}.get(c, re.escape(c)) for c in pattern), re.DOTALL)
