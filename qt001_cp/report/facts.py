"""The facts of a report: frozen, without a database, and all that the page and the JSON document say."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final, Literal

from qt001_cp.report.estate import ChangeGroup, KindCount
from qt001_cp.report.graph import Graph

SCHEMA: Final = "qt001.report/1"
CheckState = Literal["holds", "fails", "not asked"]
BlockState = Literal["blocked", "not blocked", "not known"]


@dataclass(frozen=True)
class Finding:
    """One row of a check in the database; no row means: in order."""

    sqlstate: str
    object: str
    expected: str
    found: str
    mend: str


@dataclass(frozen=True)
class Check:
    """A gate, or a precondition of the next stage. ``note`` says why it was not asked, ``waits_for`` who has to act before it
    opens (``qt001_cp.gate``); None where the state of the database decides."""

    number: int
    name: str
    meaning: str
    state: CheckState
    findings: tuple[Finding, ...] = ()
    note: str = ""
    waits_for: str | None = None


@dataclass(frozen=True)
class Event:
    """An entry of the ledger's chain. ``what`` is in words."""

    seq: int
    epoch: int
    at: datetime
    actor: str
    verb: str
    what: str
    subject: str


@dataclass(frozen=True)
class Stage:
    """One of the three stages; ``done`` is the event that its upgrade wrote, None where it is not deployed."""

    name: str
    title: str
    done: Event | None


@dataclass(frozen=True)
class Deployment:
    """An event that put an object manifest in force, left it there, or took it back. ``way``: cutover, deployed, forward, back, kept,
    undeployed or restored. ``change``: by its name, where one was made, taken back or kept."""

    event: Event
    way: str
    manifest: str | None
    change: str | None


@dataclass(frozen=True)
class Link:
    """A manifest of the line. ``change``: the one that brings it; None: it was made for a cutover, or the ledger lacks the change.
    ``since``: the event that put it in force last."""

    manifest: str
    predecessor: str | None
    change: str | None
    state: str
    since: Event | None


@dataclass(frozen=True)
class Line:
    """``links``: from the manifest of the cutover to the one in force; none before a cutover. ``deployments``: all events, those
    that were taken back too. ``findings``: where it does not fit together; the audit looks at more."""

    links: tuple[Link, ...]
    deployments: tuple[Deployment, ...]
    findings: tuple[Finding, ...]

    @property
    def now(self) -> Link | None:
        """What is deployed now."""
        return self.links[-1] if self.links else None


@dataclass(frozen=True)
class Head:
    """What the report is of. ``manifest_state``: candidate, sealed, deployed, superseded, withdrawn, or not in this database.
    ``moving``: from the cutover on, what a move of the server to another major version asks for, and ``moving_mend`` what to type."""

    database: str
    server: str
    application: str
    login: str
    stage: str
    rehearsal: bool
    at: datetime
    manifest: str | None
    manifest_state: str | None
    chain: Event | None
    chain_digest: str | None
    chain_findings: tuple[Finding, ...]
    moving: str | None = None
    moving_mend: str | None = None


@dataclass(frozen=True)
class Family:
    """A no-go family of the recorded rehearsal. ``refused``: for the right reason, with the state unchanged."""

    name: str
    title: str
    cases: int
    refused: int


@dataclass(frozen=True)
class Rehearsal:
    """The last recorded no-go rehearsal of the manifest."""

    document: str
    server: str
    recorded: Event
    families: tuple[Family, ...]


@dataclass(frozen=True)
class Drift:
    """One difference between the live database and the manifest, in the state that the stage calls for."""

    aspect: str
    object: str
    expected: str
    found: str
    mend: str


@dataclass(frozen=True)
class Blocked:
    """Something that must not happen yet, whether it is blocked now, why, and the commands that come next."""

    what: str
    objects: tuple[str, ...]
    state: BlockState
    why: str
    commands: tuple[str, ...]


@dataclass(frozen=True)
class Report:
    """``drift`` is None where no manifest is sealed. ``next_stage`` names what ``checks`` are preconditions of, else gates."""

    head: Head
    stages: tuple[Stage, ...]
    line: Line
    events: tuple[Event, ...]
    next_stage: str | None
    accepted: bool | None
    subject: str | None
    checks: tuple[Check, ...]
    estate: tuple[KindCount, ...]
    changes: tuple[ChangeGroup, ...]
    graph: Graph | None
    paths: tuple[Finding, ...]
    rehearsal: Rehearsal | None
    drift: tuple[Drift, ...] | None
    blocked: tuple[Blocked, ...]

    @property
    def failing(self) -> tuple[Check, ...]:
        return tuple(c for c in self.checks if c.state == "fails")

    @property
    def in_order(self) -> bool:
        """Nothing fails, nothing drifted, the chain and the line of manifests are whole, every no-go case was refused."""
        refused = self.rehearsal is None or all(f.cases and f.refused == f.cases for f in self.rehearsal.families)
        broken = self.head.chain_findings or self.line.findings
        return not (self.failing or self.drift or broken or self.paths) and refused

    def to_json(self) -> dict[str, Any]:
        """The same facts for programs, without the name of the schema."""
        made: dict[str, Any] = _plain(asdict(self))
        return {**made, "in_order": self.in_order}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    return value.strftime("%Y-%m-%dT%H:%M:%SZ") if isinstance(value, datetime) else value
