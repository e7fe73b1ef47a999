"""Stage, manifests, drift, and after FIX7c the gates: what ``qt001-cp status`` shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import psycopg

from qt001_cp.workflow.rows import dict_rows

_STAGE = "SELECT qt001_cp.stage() AS stage, qt001_cp.is_rehearsal() AS rehearsal, qt001_cp.build() AS build"
_MANIFESTS = """
SELECT kind, digest, state, proposed_by, sealed_by, sealed_at FROM qt001_cp.v_manifest ORDER BY sealed_at
"""
_HEAD = "SELECT seq, digest, actor, verb, at FROM qt001_cp.v_event ORDER BY seq DESC LIMIT 1"
_BEYOND = """
SELECT finding.* FROM (
    SELECT event.subject FROM qt001_cp.v_event event WHERE event.verb = 'cutover' ORDER BY event.seq DESC LIMIT 1) cutover
CROSS JOIN LATERAL qt001_cp.containment_findings(cutover.subject) finding
"""
"""What the application role can do after the cutover that its manifest does not leave it."""
Row = dict[str, Any]


@dataclass(frozen=True)
class Status:
    """What the database answered. ``gates``, ``acceptance`` and ``guard``: after FIX7c only; ``beyond``: at FIX7b, since FIX7c
    gates ask.
    """

    stage: Row
    manifests: list[Row]
    drift: list[Row]
    beyond: list[Row]
    head: Row | None
    gates: list[Row]
    acceptance: Row | None
    guard: Row | None

    @property
    def accepted(self) -> bool:
        return self.acceptance is not None and bool(self.acceptance["accepted"])

    def document(self) -> Row:
        """For programs."""
        return {
            **self.stage,
            "accepted": self.accepted,
            "subject": self.acceptance["subject_digest"] if self.acceptance else None,
            "manifests": self.manifests,
            "gates": self.gates,
            "drift": self.drift,
            "beyond_manifest": self.beyond,
            "ledger_head": self.head,
            "guard": self.guard,
        }


def read_status(opened: psycopg.Connection) -> Status:
    """Ask a database that has FIX7a."""
    stage = dict_rows(opened, _STAGE)[0]
    with_gates = stage["stage"] == "fix7c"
    return Status(
        stage,
        dict_rows(opened, _MANIFESTS),
        dict_rows(opened, "SELECT * FROM qt001_cp.drift()"),
        dict_rows(opened, _BEYOND) if stage["stage"] == "fix7b" else [],
        _first(dict_rows(opened, _HEAD)),
        dict_rows(opened, "SELECT * FROM qt001_cp.v_fix7_gate ORDER BY ordinal") if with_gates else [],
        _first(dict_rows(opened, "SELECT * FROM qt001_cp.v_fix7_acceptance")) if with_gates else None,
        _first(dict_rows(opened, "SELECT mode, reason FROM qt001_cp.guard_mode()")) if with_gates else None,
    )


def _first(rows: list[Row]) -> Row | None:
    return rows[0] if rows else None
