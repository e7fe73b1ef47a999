"""The ledger as a file: a line that says whose it is, then a line an event, each canonical (RFC 8785).

    {"database": …, "events": 42, "exported_at": …, "head": DIGEST, "instance": {…}, "schema": "qt001.ledger/1"}
    {"digest": DIGEST, "event": {"actor": …, "at": …, "detail": {…}, "epoch": 0, "prev": DIGEST, "seq": 1, "subject": …, "verb": …}}

The digest of an event is the sha256 of its canonical bytes, and the next one names it as ``prev``: whoever has the last
digest can tell whether a single byte before it was changed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from qt001_cp.errors import ManifestError
from qt001_cp.model.canonical import Json, canonical_bytes, digest, parse_canonical
from qt001_cp.model.roles import DEFAULT, Pair

SCHEMA: Final = "qt001.ledger/1"
NONE: Final = "0" * 64
"""What the first event names as the one before it."""
_HINT: Final = "take the file as 'qt001-cp ledger export' wrote it"
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Exported:
    """What a ledger's file says of itself, verified. ``head``: the digest of its last event, number ``events``; ``pair``: the roles
    for which FIX7a was configured."""

    database: str
    instance: Json
    events: int
    head: str
    pair: Pair = DEFAULT


class _Chain:
    """Events that come one after the other."""

    def __init__(self, source: str) -> None:
        self.source, self.number, self.head = source, 0, NONE

    def add(self, event: Json, said: object) -> None:
        """Raises :class:`ManifestError` for an event that does not follow the last one, or is not what its digest says."""
        self.number += 1
        found = (event.get("seq"), event.get("prev"))
        if found != (self.number, self.head):
            raise self._broken(f"number {self.number} after {self.head}", f"number {found[0]} after {found[1]}")
        made = digest(canonical_bytes(event))
        if said != made:
            raise self._broken(f"digest {made}", f"digest {said}")
        self.head = made

    def _broken(self, expected: str, found: str) -> ManifestError:
        return ManifestError(f"{self.source}: event {self.number}: expected {expected}, found {found}: the chain is broken",
                             hint="somebody edited it: qt001-cp audit, and docs/auditor.md, step 5")  # fmt: skip


def ledger_lines(about: Json, events: Iterable[tuple[Json, str]], source: str) -> Iterator[bytes]:
    """The lines of the file. ``about``: database, exported_at, instance, events, head; ``events``: each with its stored digest.

    Raises :class:`ManifestError`, naming ``source``, for a chain that is broken, or is not the one that ``about`` says.
    """
    chain = _Chain(source)
    yield canonical_bytes({"schema": SCHEMA, **about}) + b"\n"
    for event, said in events:
        chain.add(event, said)
        yield canonical_bytes({"digest": said, "event": event}) + b"\n"
    _whole(about, chain)


def read_ledger(lines: Iterable[bytes], source: str) -> Exported:
    """Verify a ledger's file, line by line, with its whole chain.

    Raises :class:`ManifestError` naming ``source`` for what is no such file, was edited, or is not all of one.
    """
    numbered = enumerate(lines, 1)
    _, first = next(numbered, (1, b""))
    about = _parsed(first, f"{source}: line 1")
    if about.get("schema") != SCHEMA:
        raise ManifestError(f"{source}: line 1: expected {SCHEMA}, found {about.get('schema')}", hint=_HINT)
    kinds: dict[str, type] = {"database": str, "instance": dict, "events": int, "head": str}
    for key, kind in kinds.items():
        if not isinstance(about.get(key), kind) or (key == "head" and not _DIGEST.fullmatch(about["head"])):
            raise ManifestError(f"{source}: line 1: expected {key}, found {about.get(key)!r}", hint=_HINT)
    chain, pair = _Chain(source), DEFAULT
    for number, line in numbered:
        row = _parsed(line, f"{source}: line {number}")
        event = row.get("event")
        if not isinstance(event, dict):
            raise ManifestError(f"{source}: line {number}: expected an event, found none", hint=_HINT)
        chain.add(event, row.get("digest"))
        if event.get("verb") == "configured":
            pair = _pair(event, f"{source}: line {number}")
    _whole(about, chain)
    return Exported(about["database"], about["instance"], chain.number, chain.head, pair)


def _pair(event: Json, source: str) -> Pair:
    """Raises :class:`ManifestError` for what cannot be one."""
    try:
        return Pair.from_json(event["detail"].get("roles"))
    except (KeyError, TypeError, AttributeError, ManifestError) as exc:
        raise ManifestError(
            f"{source}: expected the roles for which FIX7a was configured, found {exc}", hint=_HINT
        ) from exc


def _parsed(line: bytes, source: str) -> dict[str, Any]:
    try:
        return parse_canonical(line, source)
    except ManifestError as exc:
        raise ManifestError(exc.message, hint=_HINT) from exc


def _whole(about: Json, chain: _Chain) -> None:
    said, found = (about["events"], about["head"]), (chain.number, chain.head)
    if said != found or not chain.number:
        raise ManifestError(
            f"{chain.source}: expected {said[0]} event(s) up to digest {said[1]}, as its first line says, found {found[0]} up to"
            f" {found[1]}: it is not all of it",
            hint=_HINT,
        )
