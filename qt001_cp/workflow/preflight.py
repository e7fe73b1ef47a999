"""Every precondition of FIX7b or of its way back, asked of PostgreSQL. Nothing is changed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row

from qt001_cp.model.preconditions import FORWARD, RESTORE, Precondition

_HOLDERS = Path(__file__).with_name("lock_holders.sql")


@dataclass(frozen=True)
class Preflight:
    """What PostgreSQL answered. ``locks``: lock slots (needed, capacity, free).

    ``holders``: sessions that hold a lock on a transferred relation at this moment, the oldest transaction first:
    the cutover would wait for them, ``seconds`` says since when they are open.
    """

    restore: bool
    findings: list[dict[str, Any]]
    notes: list[str]
    locks: dict[str, int]
    holders: list[dict[str, Any]]

    @property
    def preconditions(self) -> list[tuple[Precondition, list[dict[str, Any]]]]:
        """Each precondition with its findings; none: it holds."""
        listed = RESTORE if self.restore else FORWARD
        return [(p, [f for f in self.findings if f["precondition"] == p.number]) for p in listed]


def read_preflight(opened: psycopg.Connection, digest: str, *, restore: bool = False) -> Preflight:
    """Ask a database that has FIX7a about the object manifest of ``digest``."""
    function = "fix7b_restore_findings" if restore else "fix7b_findings"
    holders = _rows(opened, _HOLDERS.read_text(), digest)
    return Preflight(
        restore,
        _rows(opened, f"SELECT * FROM qt001_cp.{function}(%s)", digest),
        [r["note"] for r in _rows(opened, "SELECT note FROM qt001_cp.operator_notes(%s)", digest)],
        _rows(opened, "SELECT * FROM qt001_cp.lock_estimate(%s)", digest)[0],
        holders,
    )


def _rows(opened: psycopg.Connection, query: str, *args: object) -> list[dict[str, Any]]:
    with opened.cursor(row_factory=dict_row) as cursor:
        return list(cursor.execute(query.encode(), args or None).fetchall())
