"""The object manifest: the inventory with a disposition, a before- and an after-state for each object.

It is all that the cutover and its reversal need; both are generated from it without a database.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from qt001_cp.errors import ManifestError
from qt001_cp.model.canonical import Json, canonical_pieces, digest, digest_of, parse_pieces
from qt001_cp.model.growth import Growth
from qt001_cp.model.inventory import State, ref_from_json, ref_to_json
from qt001_cp.model.names import Disposition, ObjectRef, Role
from qt001_cp.model.roles import DEFAULT, Pair
from qt001_cp.model.schemas import problem
from qt001_cp.model.steps import StepPlan

OBJECT_SCHEMA: Final = "qt001.manifest.object/1"


@dataclass(frozen=True, slots=True)
class ManifestObject:
    """One object with its disposition.

    ``definition`` and ``storage`` are digests of ``source`` and ``storage_source``: what it means, and how it is kept.
    ``after`` and ``plans`` (in the document ``ways``) only where it is transferred or lends: 'forward' and 'restore' for FIX7b, and
    for the legacy authority 'retire' and 'revive' for FIX7c, which ends in ``retired``. Of a successor, 'move' and 'unmove' where its
    change takes the object from the application, or gives it back (then it is retained).
    """

    ref: ObjectRef
    disposition: Disposition
    reason: str
    curated: bool
    definition: str
    source: str | None
    storage: str | None
    storage_source: str | None
    follows: str | None
    detail: Mapping[str, Any] | None
    before: State
    after: State | None
    retired: State | None
    plans: Mapping[str, StepPlan]

    def to_json(self) -> Json:
        return {
            **ref_to_json(self.ref),
            "disposition": self.disposition,
            "reason": self.reason,
            "curated": self.curated,
            "definition": self.definition,
            "source": self.source,
            "storage": self.storage,
            "storage_source": self.storage_source,
            "follows": self.follows,
            "detail": dict(self.detail) if self.detail is not None else None,
            "before": self.before.to_json(),
            "after": self.after.to_json() if self.after else None,
            "retired": self.retired.to_json() if self.retired else None,
            "ways": {name: plan.to_json() for name, plan in self.plans.items()},
        }

    @classmethod
    def from_json(cls, data: Json) -> ManifestObject:
        return cls(
            ref_from_json(data),
            data["disposition"],
            data["reason"],
            data["curated"],
            data["definition"],
            data["source"],
            data["storage"],
            data["storage_source"],
            data["follows"],
            data["detail"],
            State.from_json(data["before"]),
            State.from_json(data["after"]) if data["after"] else None,
            State.from_json(data["retired"]) if data["retired"] else None,
            {name: StepPlan.from_json(plan) for name, plan in data["ways"].items()},
        )


@dataclass(frozen=True, slots=True)
class Repoint:
    """A routine of the apply path: its source before FIX7c and the one that FIX7c puts in its place."""

    identity: str
    part: str
    before: str
    after: str

    def to_json(self) -> Json:
        return {"identity": self.identity, "part": self.part, "before": self.before, "after": self.after}


@dataclass(frozen=True)
class ObjectManifest:
    """The object manifest, and the parts of the policy that the SQL stages need.

    ``apply_path``, ``blocked``, ``legacy``, ``policy``: plain JSON, as the policy gives them; ``apply_path`` None: it has none.
    """

    database: str
    server_major: int
    application: Role
    policy: Json
    apply_path: Json | None
    blocked: tuple[Json, ...]
    legacy: tuple[Json, ...]
    repoint: tuple[Repoint, ...]
    objects: tuple[ManifestObject, ...]
    succession: Json | None = None
    """Of a successor: the digests of its ``predecessor`` and of the document of the ``change`` that brings it."""
    growth: tuple[Growth, ...] = ()
    """The tables that may grow, as the policy says: their partitions come and go."""
    pair: Pair = DEFAULT
    """Owner and ledger role of the database; in the document only where the policy names them."""

    @property
    def path(self) -> Json:
        """The apply path, for who has asked that there is one."""
        assert self.apply_path is not None
        return self.apply_path

    @property
    def lent(self) -> tuple[ManifestObject, ...]:
        """What stays with its owner, who grants the new owner what what is transferred needs."""
        return tuple(o for o in self.objects if o.disposition == "lend")

    @property
    def moved(self) -> tuple[ManifestObject, ...]:
        """What the change of this successor takes, or gives back."""
        return tuple(o for o in self.objects if "move" in o.plans)

    def may_go(self, ref: ObjectRef) -> bool:
        """Whether it is a partition of a table that grows: by the time of the way back it may be gone."""
        return any(g.covers(ref) for g in self.growth)

    @property
    def transferred(self) -> tuple[ManifestObject, ...]:
        return tuple(o for o in self.objects if o.disposition == "transfer")

    def to_json(self) -> Json:
        return {**self.head(), "objects": [o.to_json() for o in self.objects]}

    def head(self) -> Json:
        """All but the objects."""
        return {
            "schema": OBJECT_SCHEMA,
            "database": self.database,
            "server_major": self.server_major,
            "application": self.application.name,
            "policy": self.policy,
            "apply_path": self.apply_path,
            "blocked": list(self.blocked),
            "legacy": list(self.legacy),
            "repoint": [r.to_json() for r in self.repoint],
            **({} if self.succession is None else {"succession": self.succession}),
            **({"growth": [g.to_json() for g in self.growth]} if self.growth else {}),
            **({} if self.pair.is_default else {"pair": self.pair.to_json()}),
        }

    def body(self) -> bytes:
        """The canonical bytes; ``sha256sum`` of the file that holds them prints :meth:`digest`."""
        return b"".join(self.pieces())

    def pieces(self) -> Iterator[bytes]:
        """The canonical bytes, an object at a time."""
        return canonical_pieces(self.head(), "objects", (o.to_json() for o in self.objects))

    def digest(self) -> str:
        return self._digest

    @cached_property
    def _digest(self) -> str:
        return digest_of(self.pieces())

    @classmethod
    def from_bytes(cls, body: bytes, source: str) -> ObjectManifest:
        """Parse canonical bytes. Raises :class:`ManifestError` naming ``source``."""
        data, items = parse_pieces(body, "objects", "policy", source)
        if data.get("schema") != OBJECT_SCHEMA:
            raise ManifestError(
                f"{source} is a {data.get('schema')!r}, expected {OBJECT_SCHEMA!r}",
                hint="pass the object manifest that 'qt001-cp manifest generate' wrote",
            )
        wrong = problem("manifest", data)
        if wrong is not None:
            raise ManifestError(f"{source}: {wrong}")
        try:
            made = cls(
                data["database"],
                data["server_major"],
                Role(data["application"]),
                data["policy"],
                data["apply_path"],
                tuple(data["blocked"]),
                tuple(data["legacy"]),
                tuple(Repoint(r["identity"], r["part"], r["before"], r["after"]) for r in data["repoint"]),
                tuple(_parsed(number, item, source) for number, item in enumerate(items)),
                data.get("succession"),
                tuple(Growth(g["table"], g["schema"], g["name"]) for g in data.get("growth", ())),
                Pair.from_json(data.get("pair")),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as exc:
            raise ManifestError(f"{source} lacks or misuses a field: {exc}") from exc
        made.__dict__["_digest"] = digest(body)
        return made


def _parsed(number: int, item: Json, source: str) -> ManifestObject:
    wrong = problem("manifest", item, "object")
    if wrong is not None:
        raise ManifestError(f"{source}: objects.{number}.{wrong}")
    return ManifestObject.from_json(item)
