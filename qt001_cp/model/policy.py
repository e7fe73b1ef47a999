"""The policy: which role loses what, and why. Written by the author as TOML, validated against policy.schema.json."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from qt001_cp.errors import ManifestError, PolicyError
from qt001_cp.model import kinds, roles
from qt001_cp.model.canonical import Json, canonical_bytes, digest, holds_nul
from qt001_cp.model.growth import Growth
from qt001_cp.model.names import Disposition, ObjectRef, Role, glob
from qt001_cp.model.schemas import problem

UNDECIDED: Final = "undecided"
"""What ``policy init`` writes where only a person can know; nothing is generated from it."""
OF_APPLY_PATH: Final = ("apply_path", "repoint", "legacy", "blocked", "capability")
"""The keys of the policy that are one optional part: the apply path and what hangs on it."""
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
    lend: tuple[str, ...] = ()
    """What the owner of a ``lend`` object grants the new owner, in the order of kinds.BITS."""
    lend_columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Column → what its table's owner grants the new owner on it alone."""
    keep_columns: frozenset[tuple[str, str]] = frozenset()
    """(column, privilege): what the application role keeps of columns alone."""
    back_to: Role | None = None
    """Who gets what a change brings under this rule, where FIX7b goes back; None: it stays with the control plane's owner."""

    @property
    def unbound(self) -> bool:
        """Retains whatever appears, in whatever schema: after the cutover it would decide for what nobody has thought of."""
        return (
            self.disposition == "retain"
            and self.identity is None
            and not (self.schema or "").strip("*?")
            and not (self.name or "").strip("*?")
            and (self.kinds is None or not self.kinds <= kinds.OUTSIDE)
        )

    def matches(self, ref: ObjectRef) -> bool:
        if self.kinds is not None and ref.kind not in self.kinds:
            return False
        if self.identity is not None:
            return ref.identity == self.identity
        if self.schema is not None and (ref.schema is None or not glob(self.schema).fullmatch(ref.schema)):
            return False
        return self.name is None or glob(self.name).fullmatch(ref.name) is not None


@dataclass(frozen=True)
class Policy:
    """A valid policy. ``apply_path`` None: it has none, and then no ``repoint``, ``legacy``, ``blocked`` and ``capabilities``."""

    name: str
    application: Role
    rules: tuple[Rule, ...]
    curated: Mapping[str, str]
    apply_path: Json | None
    repoint: Mapping[str, str]
    legacy: tuple[Json, ...]
    blocked: tuple[Json, ...]
    capabilities: tuple[Json, ...]
    verifier: Json
    sign_off: Json
    raw: Json
    intended: tuple[Json, ...] = ()
    growth: tuple[Growth, ...] = ()
    pair: roles.Pair = roles.DEFAULT

    def parts(self) -> dict[str, str]:
        """Identity → its part in the apply path, for every repointed routine; ``other`` for those beside it."""
        named = {self.apply_path[part]: part for part in PARTS} if self.apply_path else {}
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
        nul = holds_nul(policy.body())
    except ManifestError as exc:
        raise PolicyError(f"{source}: {exc.message}", hint="see docs/policy.md for every key") from exc
    if nul:
        raise PolicyError(
            f"{source}: expected text that PostgreSQL can store, found a NUL character (\\u0000)",
            hint="take it out of the name or the pattern that holds it",
        )
    _require_sound(policy, source)
    return policy


def _policy(data: Json, source: str) -> Policy:
    return Policy(
        data["name"],
        Role(data["roles"]["application"]),
        tuple(_rule(n, r, source) for n, r in enumerate(data["rule"], 1)),
        {c["identity"]: c["reason"] for c in data.get("curated_view", [])},
        data.get("apply_path"),
        {r["identity"]: r["source"] for r in data.get("repoint", [])},
        tuple(data.get("legacy", [])),
        tuple(data.get("blocked", [])),
        tuple(data.get("capability", [])),
        data["verifier"],
        data["sign_off"],
        data,
        tuple(data.get("intended", ())),
        tuple(sorted(Growth(g["table"], g["schema"], g["name"]) for g in data.get("growth", ()))),
        _pair(data["roles"], source),
    )


def _pair(data: Json, source: str) -> roles.Pair:
    """Owner and ledger role: both are named, or neither."""
    named = [key for key in ("owner", "ledger") if key in data]
    if len(named) == 1:
        raise PolicyError(
            f"{source}: roles: expected owner and ledger, or neither, found {named[0]} alone",
            hint="they are one pair a database: name both, or none for qt001_cp_owner and qt001_cp_ledger",
        )
    try:
        return roles.Pair.from_json(data if named else None)
    except ManifestError as exc:
        raise PolicyError(f"{source}: roles.{exc.message}", hint=exc.hint) from exc


def _require_sound(policy: Policy, source: str) -> None:
    if policy.application in (roles.OWNER, roles.LEDGER, policy.pair.owner, policy.pair.ledger, *roles.DUTIES):
        raise PolicyError(
            f"{source}: roles.application: {policy.application.name} is a role of the control plane itself",
            hint="name the login of the application",
        )
    _require_whole_path(policy, source)
    if policy.apply_path is None:
        return
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


def _require_whole_path(policy: Policy, source: str) -> None:
    """The apply path and what hangs on it are one optional part: all of it, or nothing."""
    there = [part for part in OF_APPLY_PATH if part in policy.raw]
    lacking = [part for part in OF_APPLY_PATH if part not in policy.raw]
    if there and lacking:
        raise PolicyError(
            f"{source}: {lacking[0]}: is missing, and {there[0]} is there: they are one part",
            hint="write all of " + ", ".join(OF_APPLY_PATH) + ", or, without an apply path, none of them",
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
    keep = _keep(data.get("keep", []), f"{source}: rule {number}", keys)
    return Rule(
        number,
        keys,
        data.get("schema"),
        data.get("name"),
        data.get("identity"),
        data["disposition"],
        data["reason"],
        frozenset(p for grantee, p, column in keep if grantee == "application" and column is None),
        frozenset(p for grantee, p, _ in keep if grantee == "public"),
        *_lent(number, data, source),
        frozenset((column, p) for _, p, column in keep if column is not None),
        _back_to(number, data, source),
    )


def _back_to(number: int, data: Json, source: str) -> Role | None:
    """Raises :class:`PolicyError` where nothing that the rule covers could come to be a change's."""
    if (said := data.get("back_to")) is None:
        return None
    if data["disposition"] != "transfer":
        raise PolicyError(
            f"{source}: rule {number}: back_to: expected disposition 'transfer', found {data['disposition']!r}",
            hint="it says who gets what a change makes and this rule protects, once FIX7b is taken back",
        )
    try:
        return Role(said)
    except ManifestError as exc:
        raise PolicyError(
            f"{source}: rule {number}: back_to: {exc.message}", hint="name a role as PostgreSQL has it"
        ) from exc


def _lent(number: int, data: Json, source: str) -> tuple[tuple[str, ...], dict[str, tuple[str, ...]]]:
    """The privileges of a rule that lends, on the whole object and by column; none of another rule."""
    lent, lends = data.get("lend", []), data["disposition"] == "lend"
    if lends != bool(lent) or (lends and data.get("keep")):
        raise PolicyError(
            f"{source}: rule {number}: disposition {data['disposition']!r}: expected lend = [privileges] where it is 'lend',"
            f" and nowhere else, without keep; found {'keep' if lends and lent else 'lend' if lent else 'no lend'}",
            hint='write disposition = "lend" and lend = ["SELECT"], see docs/policy.md',
        )
    whole = {item for item in lent if isinstance(item, str)}
    columns: dict[str, set[str]] = {}
    for item in lent:
        for column in () if isinstance(item, str) else item["columns"]:
            columns.setdefault(column, set()).update(item["privileges"])
    _require_lendable(whole, kinds.BITS, f"{source}: rule {number}: lend", "a privilege")
    _require_lendable(
        {p for privileges in columns.values() for p in privileges},
        kinds.COLUMN_PRIVILEGES,
        f"{source}: rule {number}: lend",
        "a privilege of a column",
    )
    return _in_order(whole), {column: _in_order(columns[column]) for column in sorted(columns)}


def _require_lendable(given: set[str], known: Iterable[str], where: str, what: str) -> None:
    known = list(known)
    if unknown := sorted(given - set(known)):
        raise PolicyError(f"{where}: {unknown[0]!r} is not {what}", hint="privileges: " + ", ".join(known))


def _in_order(privileges: set[str]) -> tuple[str, ...]:
    return tuple(p for p in kinds.BITS if p in privileges)


def _keep(items: Iterable[Any], where: str, keys: Iterable[str] | None) -> list[tuple[str, str, str | None]]:
    """(grantee, privilege, column or None) of every entry; a bare word is a privilege of the application role."""
    kept: list[tuple[str, str, str | None]] = []
    for item in items:
        entry: Json = {"grantee": "application", "privileges": [item]} if isinstance(item, str) else item
        columns = entry.get("columns")
        for privilege in entry["privileges"]:
            _require_keepable(privilege, where, keys, entry["grantee"] if columns else None)
            kept += [(entry["grantee"], privilege, column) for column in columns or (None,)]
    return kept


def _require_keepable(privilege: str, where: str, keys: Iterable[str] | None, of_columns: str | None) -> None:
    """Raises :class:`PolicyError`. ``of_columns``: whose, where the entry speaks of columns."""
    if privilege not in kinds.BITS or privilege in kinds.NEVER_KEPT:
        why = "can never be kept" if privilege in (*kinds.NEVER_KEPT, "ALL") else "is not a privilege"
        raise PolicyError(
            f"{where}: keep: {privilege!r} {why}",
            hint="privileges: " + ", ".join(p for p in kinds.BITS if p not in kinds.NEVER_KEPT),
        )
    held = {p for key in keys or kinds.BY_KEY for p in kinds.BY_KEY[key].privileges}
    if privilege not in held:
        raise PolicyError(
            f"{where}: keep: no object of kind {', '.join(sorted(keys or ()))} has the privilege {privilege}",
            hint="write the privileges of that kind, or a rule of its own for each kind",
        )
    if of_columns is not None and (privilege not in kinds.COLUMN_PRIVILEGES or of_columns != "application"):
        raise PolicyError(
            f"{where}: keep: {privilege} of {of_columns} cannot be kept on columns alone",
            hint="columns goes with grantee = 'application' and SELECT, INSERT or UPDATE",
        )
