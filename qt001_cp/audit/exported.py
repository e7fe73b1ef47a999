"""A ledger that 'qt001-cp ledger export' wrote, read and recomputed here; and against the chain of a database."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from qt001_cp.audit.chain import Chain
from qt001_cp.audit.check import Check
from qt001_cp.errors import FileProblem

_SCHEMA: Final = "qt001.ledger/1"
_SHOWN: Final = 10


def alone(path: Path) -> Check:
    """The file by itself: every event follows the one before it, and is what its digest says. Raises :class:`FileProblem`."""
    return _read(path)[0]


def against(path: Path, events: Sequence[Mapping[str, Any]], database: str) -> Check:
    """The same, and the chain of a database begins with all of its events. Raises :class:`FileProblem`."""
    check, digests, said = _read(path)
    live = [e["digest"] for e in events]
    if digests[:1] != live[:1]:
        check.faults.append(f"it is the ledger of database {said}, and not the one that database {database} has now:"
                            " another first event")  # fmt: skip
        return check
    for number, digest in enumerate(digests, 1):
        found = live[number - 1] if number <= len(live) else "no such event"
        if digest != found:
            check.faults.append(f"event {number}: the file has digest {digest}, the database {found}")
    del check.faults[_SHOWN:]
    return check


def _read(path: Path) -> tuple[Check, list[str], Any]:
    """What was seen of the file, the digests of its events, and the database that it names."""
    check, chain = Check(f"exported ledger {path.name}"), Chain()
    digests: list[str] = []
    lines = _lines(path)
    head = _parsed(next(lines, b""))
    if head.get("schema") != _SCHEMA:
        check.faults.append(f"line 1: expected a ledger ({_SCHEMA}), found {head.get('schema')}")
        return check, digests, None
    for number, line in enumerate(lines, 1):
        check.looked_at += 1
        row = _parsed(line)
        event = row.get("event")
        fault = chain.fault(event, row.get("digest")) if isinstance(event, dict) else "expected an event, found none"
        if fault is not None:
            check.faults.append(f"event {number}, line {number + 1}: {fault}")
            return check, digests, head.get("database")
        digests.append(chain.head)
    if (head.get("events"), head.get("head")) != (chain.number, chain.head):
        check.faults.append(
            f"expected {head.get('events')} events up to {head.get('head')}, as its first line says, found {chain.number}"
            f" up to {chain.head}"
        )
    return check, digests, head.get("database")


def _lines(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            yield from file
    except (OSError, ValueError) as exc:  # ValueError: a NUL in the path
        why = getattr(exc, "strerror", exc)
        raise FileProblem(
            f"{path}: cannot be read: {why}", hint="name the file that 'qt001-cp ledger export' wrote"
        ) from exc


def _parsed(line: bytes) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
