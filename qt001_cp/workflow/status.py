"""Stage, manifests, drift, and after FIX7c the gates: what ``qt001-cp status`` shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import psycopg

from qt001_cp.workflow.rows import dict_rows

_STANDBY = """
SELECT pg_catalog.pg_last_xact_replay_timestamp() AS replayed_at WHERE pg_catalog.pg_is_in_recovery()
"""
_STAGE = """
SELECT qt001_cp.stage() AS stage, qt001_cp.epoch() AS epoch, qt001_cp.is_rehearsal() AS rehearsal, qt001_cp.build() AS build,
       qt001_cp.revision() AS revision,
       qt001_cp.administrator()::text AS administrator,
       qt001_cp.configured_pair() AS pair, ARRAY(SELECT beside::text FROM qt001_cp.pair_beside() beside) AS pair_beside,
       ARRAY(SELECT may.login::text FROM qt001_cp.may_become((qt001_cp.configured_pair() ->> 'ledger')::name) may
             WHERE may.adopts ORDER BY 1) AS lent_to
"""
_MANIFESTS = """
SELECT kind, digest, state, proposed_by, sealed_by, sealed_at FROM qt001_cp.v_manifest ORDER BY sealed_at
"""
_HEAD = "SELECT seq, digest, actor, verb, at FROM qt001_cp.v_event ORDER BY seq DESC LIMIT 1"
_DRIFT = "SELECT object, expected, found, aspect FROM qt001_cp.drift() WHERE aspect <> 'reach'"
"""What something reaches is in ``beyond`` at FIX7b, and closes a gate after FIX7c."""
CLOCK = "SELECT seq, at, before FROM qt001_cp.clock_step() ORDER BY seq"
"""Where time ran back in the chain."""
SERVER = "SELECT server, deployed, prepared, state, found, mend FROM qt001_cp.server_notes()"
"""The major version of the server beside that of what is deployed, and what to do before it becomes another. No row: nothing is."""
_BEYOND = """
SELECT finding.* FROM qt001_cp.in_force('qt001.manifest.object/1') force(digest)
CROSS JOIN LATERAL qt001_cp.beyond_findings(force.digest) finding
"""
"""What the application role can do after the cutover that its manifest does not leave it."""
Row = dict[str, Any]


def clock_words(step: Row) -> str:
    """A step back of time, for people."""
    return (
        f"time runs back in the ledger: event {step['seq']} is dated {step['at']}, the one before it {step['before']}"
    )


@dataclass(frozen=True)
class Status:
    """What the database answered. ``told``: changes for which no gate closes, and no exit code. ``gates``, ``acceptance`` and
    ``guard``: after FIX7c only; ``beyond``: at FIX7b, since FIX7c gates ask. ``standby``: on a hot standby only, up to when it has
    replayed what its primary did. ``server``: from FIX7b on, as :data:`SERVER` has it.
    """

    stage: Row
    manifests: list[Row]
    drift: list[Row]
    told: list[Row]
    beyond: list[Row]
    head: Row | None
    gates: list[Row]
    acceptance: Row | None
    guard: Row | None
    standby: Row | None
    clock_steps: list[Row]
    server: Row | None

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
            "told": self.told,
            "beyond_manifest": self.beyond,
            "ledger_head": self.head,
            "guard": self.guard,
            "standby": self.standby,
            "clock_steps": self.clock_steps,
            "server": self.server,
        }


def read_status(opened: psycopg.Connection) -> Status:
    """Ask a database that has FIX7a."""
    stage = dict_rows(opened, _STAGE)[0]
    with_gates = stage["stage"] == "fix7c"
    return Status(
        stage,
        dict_rows(opened, _MANIFESTS),
        dict_rows(opened, _DRIFT),
        read_told(opened),
        dict_rows(opened, _BEYOND) if stage["stage"] == "fix7b" else [],
        _first(dict_rows(opened, _HEAD)),
        dict_rows(opened, "SELECT * FROM qt001_cp.v_fix7_gate ORDER BY ordinal") if with_gates else [],
        _first(dict_rows(opened, "SELECT * FROM qt001_cp.v_fix7_acceptance")) if with_gates else None,
        _first(dict_rows(opened, "SELECT mode, reason FROM qt001_cp.guard_mode()")) if with_gates else None,
        standby(opened),
        dict_rows(opened, CLOCK),
        read_server(opened),
    )


def standby(opened: psycopg.Connection) -> Row | None:
    """``replayed_at`` of a hot standby, which is null before the first commit that it replays; None on a primary."""
    return _first(dict_rows(opened, _STANDBY))


def read_server(opened: psycopg.Connection) -> Row | None:
    """What a move of the server to another major version asks for; None before the cutover."""
    return _first(dict_rows(opened, SERVER))


def server_words(server: Row) -> str:
    """The same, for people."""
    return f"server {server['found']}\n  {server['mend']}"


def read_told(opened: psycopg.Connection) -> list[Row]:
    """What has changed since the cutover without a gate that closes for it."""
    return dict_rows(opened, "SELECT object, expected, found, mend FROM qt001_cp.told() ORDER BY object, expected")


def _first(rows: list[Row]) -> Row | None:
    return rows[0] if rows else None
