"""The facts as one HTML file: no script, no other file, the same bytes for the same facts."""

from __future__ import annotations

from typing import Final

from qt001_cp.report.blocked import THROUGH_PATH
from qt001_cp.report.estate import kinds_of
from qt001_cp.report.facts import Report
from qt001_cp.report.labels import short
from qt001_cp.report.layout import draw
from qt001_cp.report.words import NEXT, WAYS, named
from qt001_cp.review.pages import page

MOST_OBJECTS: Final = 40
MOST_GROUPS: Final = 25
MOST_FINDINGS: Final = 20
MOST_EVENTS: Final = 60
"""How many rows a part of the page shows before it says how many more there are. The JSON document holds all."""


def html(report: Report) -> bytes:
    """The page as UTF-8."""
    return page(
        "report.html.j2",
        {
            "r": report,
            "head": report.head,
            "verdict": verdict(report),
            "kinds": kinds_of(report.changes),
            "totals": _totals(report),
            "drawing": draw(report.graph) if report.graph is not None else None,
            "names": {n.key: n for n in report.graph.nodes} if report.graph is not None else {},
            "short": short,
            "named": named,
            "ways": WAYS,
            "most_objects": MOST_OBJECTS,
            "most_groups": MOST_GROUPS,
            "most_findings": MOST_FINDINGS,
            "most_events": MOST_EVENTS,
            "next_title": named(NEXT.get(report.head.stage, "")),
        },
        "qt001_cp.report",
    )


def verdict(report: Report) -> tuple[str, str]:
    """(style, sentence): what a person who reads one line only has to know."""
    failing = report.failing
    if report.head.chain_findings:
        return "bad", "The ledger was edited. Nothing else on this page can be relied on."
    if report.line.findings:
        return (
            "bad",
            "The line of deployed manifests does not fit together. Do not rely on what is said of what is deployed.",
        )
    if report.head.stage == "fix7c":
        path = any(b.what == THROUGH_PATH for b in report.blocked)
        if report.accepted and path:
            return "warn", "Every gate is open: the guard lets the apply path write."
        if report.accepted:
            return "good", "Every gate is open."
        count = f"{len(report.checks) - len(failing)} of {len(report.checks)} gates are open"
        opened = f"Writes are blocked. {count}" if path else count
        if all(c.waits_for for c in failing):
            return "good", f"{opened}; the others wait for people and the scheduled verifier."
        return "bad", f"{opened}; the state of the database closes others."
    if report.drift:
        number = "one difference" if len(report.drift) == 1 else f"{len(report.drift)} differences"
        return "bad", f"The database has drifted from the manifest: {number}."
    if report.head.manifest is None:
        return "warn", "No object manifest is sealed. Nothing of the estate has been changed."
    begun = "Owners and privileges are as they were." if report.head.stage == "fix7a" else "The cutover is done."
    goal = named(NEXT[report.head.stage])
    asked = len(report.checks) - sum(c.state == "not asked" for c in report.checks)
    if failing:
        return "warn", f"{begun} {goal} would be refused: {len(failing)} of {asked} preconditions fail."
    if asked < len(report.checks):
        return "warn", f"{begun} {asked} of {len(report.checks)} preconditions of {goal} were asked, and hold."
    return "good", f"{begun} {goal} may run: all {asked} preconditions hold."


def _totals(report: Report) -> dict[str, int]:
    fields = (
        "total",
        "transferred",
        "retained",
        "application_before",
        "application_after",
        "application_now",
        "control_now",
        "missing",
    )
    return {name: sum(getattr(k, name) for k in report.estate) for name in fields}
