"""What each statement of a change locks, as the rehearsal on the copy has read it from ``pg_locks``, and whom that holds up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from qt001_cp.errors import FileProblem
from qt001_cp.model.change import EFFECTS, EFFECTS_SCHEMA, LOCK_MODES, WAYS
from qt001_cp.model.documents import parse_document
from qt001_cp.policy_file import read_file

_STOPS_READERS: Final = frozenset({"AccessExclusiveLock"})
_STOPS_WRITERS: Final = frozenset({"ShareLock", "ShareRowExclusiveLock", "ExclusiveLock", "AccessExclusiveLock"})
"""PostgreSQL documentation, "Explicit Locking", table 13.2: SELECT takes ACCESS SHARE, INSERT, UPDATE and DELETE take ROW EXCLUSIVE."""


def holds_up(mode: str) -> str:
    """Who waits for a transaction that holds this lock on a relation."""
    if mode in _STOPS_READERS:
        return "readers and writers wait"
    return "writers wait, readers do not" if mode in _STOPS_WRITERS else "readers and writers go on"


@dataclass(frozen=True)
class Lock:
    kind: str
    identity: str
    mode: str

    @property
    def waits(self) -> str:
        return holds_up(self.mode)


@dataclass(frozen=True)
class Statement:
    """``line``: in its text, its last. ``locks``: those that it takes and that no statement before it has taken already."""

    line: int
    text: str
    milliseconds: int
    locks: tuple[Lock, ...]
    rewritten: tuple[str, ...]


@dataclass(frozen=True)
class Effects:
    """``forward``, ``back``: by statement. ``takes``: whether the application has to be out of its transactions. ``sources``: the
    routines of the apply path before the change, as PostgreSQL prints them."""

    server: str
    takes: bool
    forward: tuple[Statement, ...]
    back: tuple[Statement, ...]
    sources: Mapping[str, str]


def held(statements: Sequence[Statement]) -> tuple[Lock, ...]:
    """The strongest lock on each relation at the end of the text, which is held until the transaction ends; the strongest first."""
    strongest: dict[tuple[str, str], str] = {}
    for lock in (lock for statement in statements for lock in statement.locks):
        key = (lock.kind, lock.identity)
        strongest[key] = max(strongest.get(key, lock.mode), lock.mode, key=LOCK_MODES.index)
    locks = (Lock(kind, identity, mode) for (kind, identity), mode in strongest.items())
    return tuple(sorted(locks, key=lambda lock: (-LOCK_MODES.index(lock.mode), lock.identity)))


def read_effects(folder: Path, digest: str) -> tuple[Effects, bytes]:
    """The document beside a successor, and its bytes. Raises :class:`FileProblem` where it is missing or about another manifest,
    :class:`ManifestError` where it is broken."""
    path = folder / EFFECTS
    body = read_file(path)
    data = parse_document(body, EFFECTS_SCHEMA, str(path))
    if data["manifest"] != digest:
        raise FileProblem(f"{path}: expected what was read of manifest {digest}, found what was read of {data['manifest']}",
                          hint="prepare the change again: qt001-cp change prepare NAME --database …")  # fmt: skip
    ways = {way: tuple(_statement(s) for s in data[way]) for way in WAYS}
    return Effects(data["server"], data["takes_from_application"], ways["forward"], ways["back"], data["sources"]), body


def _statement(data: Any) -> Statement:
    locks = tuple(Lock(each["kind"], each["identity"], each["mode"]) for each in data["locks"])
    return Statement(data["line"], data["statement"], data["milliseconds"], locks, tuple(data["rewritten"]))
