"""Every precondition of FIX7b or of its way back, asked of PostgreSQL. Nothing is changed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import psycopg

from qt001_cp.model.manifest import ObjectManifest
from qt001_cp.model.preconditions import FORWARD, GOES_ON, LOCKS, POWER, RESTORE, Precondition
from qt001_cp.workflow.jobs import notes_of_jobs
from qt001_cp.workflow.rows import dict_rows
from qt001_cp.workflow.status import read_server

_HOLDERS = Path(__file__).with_name("lock_holders.sql")
_FINDINGS = "SELECT * FROM qt001_cp.fix7b_findings(%s)"
_RESTORE_FINDINGS = "SELECT * FROM qt001_cp.fix7b_restore_findings(%s)"
_EVIDENCE = Path(__file__).with_name("preflight_evidence.sql")

Status = Literal["pass", "fail", "warning", "not asked"]


@dataclass(frozen=True)
class Answer:
    """One precondition: what it was asked of, what does not hold, what somebody should know."""

    precondition: Precondition
    evidence: str | None
    findings: list[dict[str, Any]]
    warnings: list[str]

    @property
    def status(self) -> Status:
        """``not asked``: an earlier one said no, or the policy has nothing to ask about."""
        if self.findings:
            return "fail"
        if self.evidence is None or self.evidence.startswith("not asked"):
            return "not asked"
        return "warning" if self.warnings else "pass"

    @property
    def mark(self) -> str:
        """The status as one sign."""
        return {"pass": "✓", "fail": "✗", "warning": "!", "not asked": "·"}[self.status]

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "number": self.precondition.number,
            "title": self.precondition.title,
            "status": self.status,
            "evidence": self.evidence,
            "warnings": self.warnings,
            "findings": self.findings,
        }


@dataclass(frozen=True)
class Preflight:
    """What PostgreSQL answered. ``evidence``: by number of precondition. ``locks``: lock slots (needed, capacity, free).

    ``holders``: sessions that hold a lock on a transferred relation at this moment, the oldest transaction first:
    the cutover would wait for them, ``seconds`` says since when they are open. ``changes``: what will answer otherwise, or not at all.
    ``server``: after the cutover, what a move to another major version asks for.
    """

    restore: bool
    findings: list[dict[str, Any]]
    notes: list[str]
    locks: dict[str, int]
    holders: list[dict[str, Any]]
    evidence: dict[int, str]
    changes: list[str]
    server: dict[str, Any] | None

    @property
    def preconditions(self) -> list[Answer]:
        """Each precondition with its answer, in the order of the contract."""
        waits = [
            f"session {h['pid']} of {h['login']} holds locks on {h['relations']} of these relations, its transaction"
            f" is open for {h['seconds']} s: the script would wait for it"
            for h in self.holders
        ]
        warnings = {POWER: self.notes, GOES_ON: self.changes, LOCKS: waits}
        return [
            Answer(
                p,
                self.evidence.get(p.number),
                [f for f in self.findings if f["precondition"] == p.number],
                warnings.get(p, []),
            )
            for p in (RESTORE if self.restore else FORWARD)
        ]

    def document(self, digest: str) -> dict[str, Any]:
        """For programs, without its schema. ``digest``: of the object manifest that was asked about."""
        return {
            "manifest": digest,
            "go": not self.findings,
            "preconditions": [a.to_json() for a in self.preconditions],
            "findings": self.findings,
            "notes": self.notes,
            "changes": self.changes,
            "lock_slots": self.locks,
            "lock_holders": self.holders,
            "server": self.server,
        }


def read_preflight(opened: psycopg.Connection, manifest: ObjectManifest, *, restore: bool = False) -> Preflight:
    """Ask a database that has FIX7a about an object manifest."""
    digest = manifest.digest()
    holders = dict_rows(opened, _HOLDERS.read_text(), digest)
    return Preflight(
        restore,
        dict_rows(opened, _RESTORE_FINDINGS if restore else _FINDINGS, digest),
        [r["note"] for r in dict_rows(opened, "SELECT note FROM qt001_cp.operator_notes(%s)", digest)],
        dict_rows(opened, "SELECT * FROM qt001_cp.lock_estimate(%s)", digest)[0],
        holders,
        {
            r["number"]: r["evidence"]
            for r in dict_rows(opened, _EVIDENCE.read_text("utf-8"), digest=digest, restore=restore)
        },
        []
        if restore
        else [
            *(r["note"] for r in dict_rows(opened, "SELECT note FROM qt001_cp.new_owner_notes(%s)", digest)),
            *notes_of_jobs(opened, manifest.objects, manifest.application),
        ],
        read_server(opened),
    )
