"""Heads of the chain of events, kept outside the database: what shows that somebody rewrote it."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import psycopg

from qt001_cp.errors import FileProblem
from qt001_cp.workflow.ledger import chain, head

_LINE = re.compile(r"(\S+)\|([0-9]{1,18})\|([0-9a-f]{64})")


def check_heads(opened: psycopg.Connection, path: Path, *, must_exist: bool) -> list[dict[str, Any]]:
    """A finding for each kept head that is not in the chain any more, the earliest first.

    Lines are ``time|number|digest``. Raises :class:`FileProblem` for a file that is not of such lines.
    """
    try:
        lines = path.read_text("utf-8").splitlines()
    except FileNotFoundError:
        if must_exist:
            raise FileProblem(f"{path}: no such file", hint="qt001-cp verify --keep-head FILE makes it") from None
        return []
    except (OSError, UnicodeDecodeError) as exc:
        raise FileProblem(f"{path}: cannot be read: {exc}", hint="name the file that --keep-head wrote") from exc
    kept: list[tuple[str, int, str]] = []
    for number, line in enumerate(lines, 1):
        found = _LINE.fullmatch(line.strip())
        if found is None:
            raise FileProblem(
                f"{path}: line {number}: expected time|number|digest, found {line[:60]!r}",
                hint="name the file that --keep-head wrote",
            )
        kept.append((found[1], int(found[2]), found[3]))
    there = chain(opened)
    return [
        {
            "gate": "ledger_intact",
            "sqlstate": "QT301",
            "object": f"event {seq} of the chain",
            "expected": f"digest {digest}, kept at {at}",
            "found": f"digest {there[seq]}" if seq in there else "no such event",
            "mend": "The chain was rewritten, or FIX7a was taken back and made again (then somebody has an export). Find out which.",
        }
        for at, seq, digest in kept
        if there.get(seq) != digest
    ]


def keep_head(opened: psycopg.Connection, path: Path) -> None:
    """Append today's head, in one write that reaches the disk. Raises :class:`FileProblem`."""
    last = head(opened)
    if last is None:
        return
    line = f"{last.at}|{last.seq}|{last.digest}\n".encode()
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)
        try:
            os.write(descriptor, line)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as exc:
        raise FileProblem(
            f"{path}: cannot be written: {exc.strerror}", hint="name a file in a folder of your own"
        ) from exc
