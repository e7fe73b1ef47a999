"""The transcript of a rehearsal: JSON for programs (and for the ledger), Markdown for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from qt001_cp.model.canonical import Json, canonical_bytes
from qt001_cp.model.nogo import FAMILIES, families_of
from qt001_cp.model.shown import markdown, markdown_code
from qt001_cp.plan.losses import Loss, unmeant
from qt001_cp.rehearsal.behaviour.exercise import Difference
from qt001_cp.rehearsal.nogo.case import Outcome
from qt001_cp.sql.build import version

_EXAMPLES = 6


@dataclass
class Check:
    """One thing that had to be so, and whether it was."""

    what: str
    passed: bool
    found: str = ""


@dataclass
class Transcript:
    """All that one rehearsal did and saw."""

    manifest: str = ""
    server: str = ""
    checks: list[Check] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    gates: list[tuple[str, bool, str]] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    origin: Json | None = None
    apply_path: bool = True
    exercised: int = 0
    not_exercised: list[tuple[str, str]] = field(default_factory=list)
    differences: list[tuple[str, Difference]] = field(default_factory=list)
    losses: Sequence[Loss] = ()
    reaching_in: Sequence[str] = ()

    def check(self, what: str, passed: bool, found: str = "") -> None:
        self.checks.append(Check(what, passed, found))

    @property
    def passed(self) -> bool:
        covered = {o.case.family for o in self.outcomes}
        return (
            all(c.passed for c in self.checks)
            and all(o.passed for o in self.outcomes)
            and covered == set(self.titles())
        )

    def titles(self) -> dict[str, str]:
        """The families that are asked for: key → title."""
        return families_of(True if self.apply_path else None)

    def record(self) -> bytes:
        """The no-go record as canonical bytes: what :sql:`qt001_cp.record_rehearsal` takes."""
        document: Json = {
            "schema": "qt001.rehearsal/1",
            "manifest": self.manifest,
            "server": self.server,
            "producer": {"name": "qt001-cp rehearse", "version": version()},
            "produced_at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "cases": [o.to_json() for o in self.outcomes],
        }
        return canonical_bytes(document)

    def to_json(self) -> Json:
        return {
            "schema": "qt001.transcript/1",
            "manifest": self.manifest,
            "server": self.server,
            "passed": self.passed,
            "checks": [{"what": c.what, "passed": c.passed, "found": c.found} for c in self.checks],
            "gates": [{"gate": g, "open": o, "reason": r} for g, o, r in self.gates],
            "families": {f: {"cases": n, "passed": p} for f, (n, p) in self.families().items()},
            "behaviour": {
                "tried": self.exercised,
                "not_exercised": [{"what": what, "why": why} for what, why in self.not_exercised],
                "differences": [
                    {
                        "state": state,
                        "who": d.who,
                        "verb": d.verb,
                        "object": d.object,
                        "before": d.before,
                        "after": d.after,
                        "intended": d.intended,
                    }
                    for state, d in self.differences
                ],
            },
            "losses": [
                {
                    "role": loss.role,
                    "object": loss.object,
                    "verbs": list(loss.verbs),
                    "intended": loss.intended,
                    "note": loss.note,
                }
                for loss in self.losses
            ],
            "still_changed_by_the_application": list(self.reaching_in),
            **({"origin": self.origin} if self.origin else {}),
            "milliseconds": {step: round(value * 1000) for step, value in self.seconds.items()},
        }

    def families(self) -> dict[str, tuple[int, int]]:
        """Family → (cases, cases refused for their reason with the state unchanged)."""
        tried, passed = (
            Counter(o.case.family for o in self.outcomes),
            Counter(o.case.family for o in self.outcomes if o.passed),
        )
        return {family: (tried[family], passed[family]) for family in self.titles()}

    def to_markdown(self) -> str:
        lines = [
            "# Rehearsal transcript",
            "",
            f"- Verdict: **{'passed' if self.passed else 'FAILED'}**",
            f"- Object manifest: `{self.manifest}`",
            f"- Server: {_cell(self.server)}",
            f"- Made by qt001-cp {version()}",
            "",
            *_origin(self.origin),
            "## What had to be so",
            "",
            "| | check | found |",
            "| --- | --- | --- |",
            *(f"| {'✓' if c.passed else '✗'} | {_cell(c.what)} | {_cell(c.found)} |" for c in self.checks),
            "",
            "## Gates after FIX7c",
            "",
            "| gate | open | reason |",
            "| --- | --- | --- |",
            *(f"| {g} | {'yes' if is_open else 'no'} | {_cell(reason)} |" for g, is_open, reason in self.gates),
            "",
            *self._losses(),
            *self._behaviour(),
            "## What PostgreSQL answered",
            "",
            "| family | cases | refused as they had to be |",
            "| --- | ---: | ---: |",
            *(f"| {FAMILIES[f]} | {n} | {p} |" for f, (n, p) in self.families().items()),
        ]
        for family, title in self.titles().items():
            lines += ["", f"### {title}", "", *self._family(family)]
        return "\n".join(lines) + "\n"

    def _losses(self) -> list[str]:
        """Role, object, verb: one by one where the policy does not mean it, else counted; the JSON has each."""
        others = unmeant(self.losses)
        meant = Counter((x.role, x.kind, ", ".join(x.verbs), x.note) for x in self.losses if x.intended)
        return [
            "## Who loses what by FIX7b",
            "",
            f"{len(self.losses)} losses; {len(others)} of roles that the policy does not speak of (losses.md has a page).",
            "",
            "| intended | role | object | loses | what goes with it |",
            "| --- | --- | --- | --- | --- |",
            *(f"| ✗ | {_cell(x.role)} | {_cell(x.object)} | {', '.join(x.verbs)} | {_cell(x.note)} |" for x in others),
            *(
                f"| ✓ | {_cell(role)} | {kind}: {count} | {verbs} | {_cell(note)} |"
                for (role, kind, verbs, note), count in meant.items()
            ),
            "",
            *(f"- The application still changes what is protected: {_cell(each)}" for each in self.reaching_in),
            *([""] if self.reaching_in else []),
        ]

    def _behaviour(self) -> list[str]:
        """Who loses what, and what could not be tried: the JSON has all of it."""
        lines = [
            "## What everybody could do before, and can do after",
            "",
            f"{self.exercised} attempts by real logins at each stage; {len(self.not_exercised)} of them, or beside them, exercised nothing"
            " (transcript.json lists each). Routines are executed by `--smoke` alone.",
            "",
            "| | state | who | verb | object | before | after |",
            "| --- | --- | --- | --- | --- | --- | --- |",
        ]
        shown = [(s, d) for s, d in self.differences if not d.intended or s == "after FIX7b"]
        lines += [
            f"| {_cell(d.why) if d.intended else '✗'} | {s} | {_cell(d.who)} | {d.verb} | {_cell(d.object)} | {_cell(d.before)} |"
            f" {_cell(d.after)} |"
            for s, d in shown
        ]
        return [*lines, ""]

    def _family(self, family: str) -> list[str]:
        outcomes = [o for o in self.outcomes if o.case.family == family]
        shown: Sequence[Outcome] = outcomes
        lines = []
        if family == "acl_denials":
            shown = _examples(outcomes)
            lines = [f"{len(outcomes)} statements, every one in nogo.json; {len(shown)} of them:", ""]
        lines += ["| | case | role | statement | SQLSTATE | message |", "| --- | --- | --- | --- | --- | --- |"]
        for o in shown:
            role, statement = o.case.attack.role, markdown_code(_short(o.case.attack.statement))
            lines.append(
                f"| {'✓' if o.passed else '✗'} | {_cell(o.case.name)} | {role} | `{statement}` | {o.sqlstate} | {_cell(o.message)} |"
            )
        return lines


def _origin(origin: Json | None) -> list[str]:
    """What was cloned, and what was not."""
    if origin is None:
        return []
    lines = [
        "## The clone",
        "",
        f"- From: {_cell(origin['from'])}",
        f"- Data: {'cloned' if origin['data'] else 'not cloned'}",
    ]
    lines += [f"- {_cell(note)}" for note in origin["notes"]]
    if origin["not_cloned"]:
        lines += ["", "| not cloned | why | what that means |", "| --- | --- | --- |"]
        lines += [f"| {_cell(n['object'])} | {_cell(n['why'])} | {_cell(n['meaning'])} |" for n in origin["not_cloned"]]
    return [*lines, ""]


def _examples(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """All that failed, and a few of each role spread over the kinds of object."""
    chosen = [o for o in outcomes if not o.passed]
    for role in dict.fromkeys(o.case.attack.role for o in outcomes):
        of_role = [o for o in outcomes if o.case.attack.role == role and o.passed]
        chosen += of_role[:: max(1, len(of_role) // _EXAMPLES)][:_EXAMPLES]
    return chosen


def _cell(text: str) -> str:
    return markdown(_short(text))


def _short(text: str) -> str:
    short = text if len(text) <= 240 else text[:239] + "…"
    return short.replace("\n", " ")
