"""What has to hold next: the gates after FIX7c, before it the preconditions of the next stage."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from qt001_cp.model.preconditions import BLOCKED, FORWARD
from qt001_cp.report.facts import Check, Finding

Ask = Callable[[str], list[dict[str, Any]]]
_UNKNOWN: Final = "the database does not hold this manifest: propose and seal it first"
_UNREAD: Final = "this login may not read the tables that say so; ask as the operator: qt001-cp preflight"
_NOT_ASKED: Final = "speaks of the session that runs the stage; ask as the operator: qt001-cp preflight"
_OF_FIX7C: Final = (
    (1, "the manifest is sealed, neither withdrawn nor superseded", "SELECT * FROM qt001_cp.seal_findings(%s)"),
    (
        2,
        "the live estate is exactly the manifest's after-state",
        "SELECT * FROM qt001_cp.coverage_findings(%s, 'after')",
    ),
    (
        5,
        "the no-go rehearsal of this manifest is recorded and complete",
        "SELECT * FROM qt001_cp.rehearsal_findings(%s)",
    ),
    (
        7,
        "the session is the operator's and may run every statement, the roles are kept apart",
        "SELECT f.* FROM (SELECT %s::text) m(digest), LATERAL (SELECT * FROM qt001_cp.operator_findings()"
        " UNION SELECT * FROM qt001_cp.application_member_findings(false)"
        " UNION SELECT * FROM qt001_cp.operator_power_findings(m.digest, 'retire')) f",
    ),
    (9, "the locks fit", "SELECT * FROM qt001_cp.lock_findings(%s, false)"),
)
"""The questions of ``qt001_cp.deploy_begin`` and, of what it refuses afterwards, the rehearsal; numbered as FIX7b's."""


def gates(rows: Iterable[Mapping[str, Any]]) -> tuple[Check, ...]:
    """One row a gate and finding; a gate without findings has one row, of NULLs."""
    made: dict[str, Check] = {}
    for r in rows:
        gate = made.get(r["gate"], Check(r["ordinal"], r["gate"], r["meaning"], "holds", waits_for=r["waits_for"]))
        if r["object"] is not None:
            gate = replace(gate, state="fails", findings=(*gate.findings, _finding(r)))
        made[r["gate"]] = gate
    return tuple(made.values())


def before_fix7b(
    ask: Ask, *, operator: bool, known: bool, unread: Sequence[str], apply_path: bool = True
) -> tuple[Check, ...]:
    """The preconditions, without the one that speaks of an apply path where there is none, as ``qt001_cp.fix7b_findings`` answers for this session.

    ``known``: whether the database holds the manifest; of another one it only asks for the place and the seal.
    ``unread``: tables of the policy's switches that this login may not read: what it finds there says nothing.
    """
    found = ask("SELECT * FROM qt001_cp.fix7b_findings(%s)")
    hidden = [f for f in found if f["precondition"] == 6 and in_table(f["object"], unread)]
    found = [f for f in found if f not in hidden]
    return tuple(
        _line(p.number, p.title, [f for f in found if f["precondition"] == p.number], operator, bool(hidden))
        if known or p.number < 2
        else Check(p.number, f"precondition {p.number}", p.title, "not asked", (), _UNKNOWN)
        for p in FORWARD
        if apply_path or p.number != BLOCKED.number
    )


def before_fix7c(ask: Ask, *, operator: bool) -> tuple[Check, ...]:
    """What FIX7c's script asks first."""
    return tuple(_line(number, title, ask(query), operator) for number, title, query in _OF_FIX7C)


def in_table(switch: str, tables: Sequence[str]) -> bool:
    """Whether a switch, as ``qt001_cp.blocked_findings`` names it (what: table key), stands in one of the tables."""
    return any(f": {table} " in switch for table in tables)


def _line(number: int, title: str, found: list[dict[str, Any]], operator: bool, hidden: bool = False) -> Check:
    if number == 6 and hidden and not found:
        return Check(number, f"precondition {number}", title, "not asked", (), _UNREAD)
    if number == 7 and found and not operator:
        return Check(number, f"precondition {number}", title, "not asked", (), _NOT_ASKED)
    return Check(number, f"precondition {number}", title, "fails" if found else "holds", tuple(map(_finding, found)))


def _finding(row: Mapping[str, Any]) -> Finding:
    return Finding(*(str(row[k]) for k in ("sqlstate", "object", "expected", "found", "mend")))
