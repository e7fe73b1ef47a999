"""What remains blocked, why, and the command that comes next. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from qt001_cp.model.canonical import Json
from qt001_cp.model.manifest import ObjectManifest
from qt001_cp.report.facts import Blocked, BlockState, Check, Finding
from qt001_cp.report.words import COMMAND, NEXT, SEAL, named

THROUGH_PATH: Final = "writes through the apply path"


def what_is_blocked(
    manifest: ObjectManifest | None,
    stage: str,
    checks: Sequence[Check],
    still_held: Sequence[Finding],
    switches: Sequence[Finding] | None,
    unread: Sequence[str],
) -> tuple[Blocked, ...]:
    """The application role, then the next stage or the writes of the apply path, then the switches of the policy.

    ``still_held``: what ``qt001_cp.excess_privilege_findings`` answered.
    ``switches``: what ``qt001_cp.blocked_findings`` answered; None where it could not be asked. ``unread``: tables of
    switches that the login may not read.
    """
    if manifest is None:
        return (Blocked("FIX7b", (), "blocked", "no object manifest is sealed in this database", SEAL),)
    return (
        _application(manifest, stage, still_held),
        *_next(manifest, stage, checks),
        *(_switch(b, switches, unread) for b in manifest.blocked),
    )


def _application(manifest: ObjectManifest, stage: str, still_held: Sequence[Finding]) -> Blocked:
    app, moved = manifest.application.name, manifest.transferred
    what = f"{app} on what is to be protected"
    if stage == "fix7a":
        owned = sum(o.before.owner == manifest.application for o in moved)
        return Blocked(what, (), "not blocked", f"it owned {owned} of {len(moved)} objects when they were sealed", ())
    if still_held:
        found = "; ".join(f"{f.object}: {f.found}" for f in still_held[:5])
        rest = f"; and {len(still_held) - 5} more" if len(still_held) > 5 else ""
        return Blocked(what, (), "not blocked", found + rest, tuple(dict.fromkeys(f.mend for f in still_held[:5])))
    views = sum(o.curated for o in moved)
    kept = sum(any(i.grantee == manifest.application for i in o.after.acl) for o in moved if o.after and not o.curated)
    left = f"{views} curated views" + (f", and something of {kept} other objects" if kept else "")
    why = f"PostgreSQL gives it nothing on {len(moved)} transferred objects beyond what the manifest leaves: {left}"
    return Blocked(what, (), "blocked", why, ())


def _next(manifest: ObjectManifest, stage: str, checks: Sequence[Check]) -> list[Blocked]:
    failing = [c for c in checks if c.state == "fails"]
    mends = tuple(dict.fromkeys(f.mend for c in failing for f in c.findings[:1]))
    state: BlockState = "blocked" if failing else "not blocked"
    if stage in NEXT:
        goal = NEXT[stage]
        why = _list("precondition", failing) or "every precondition that was asked holds; it waits for its operator"
        return [Blocked(named(goal), (), state, why, mends or (COMMAND[goal],))]
    why = _list("gate", failing) or "every gate is open: the guard lets it pass"
    if manifest.apply_path is None:
        return [Blocked("acceptance", (), state, why, mends)]
    routines = tuple(f"{r.part}: {r.identity}" for r in manifest.repoint)
    return [Blocked(THROUGH_PATH, routines, state, why, mends)]


def _list(what: str, failing: Sequence[Check]) -> str:
    names = [c.name if what == "gate" else f"{c.number} ({c.meaning})" for c in failing]
    return f"{len(names)} {what}{'s' if len(names) != 1 else ''} closed: {', '.join(names)}" if names else ""


def _switch(probe: Json, switches: Sequence[Finding] | None, unread: Sequence[str]) -> Blocked:
    what = f"{probe['what']}: {probe['table']} {probe['key']}"
    finding = next((f for f in switches or () if f.object == what), None)
    if switches is None:
        return Blocked(what, (), "not known", "the database does not hold this manifest", SEAL)
    if finding is None:
        why = f"{probe['state_column']} is {probe['blocked']}, as the policy wants it until there is real evidence"
        return Blocked(what, (), "blocked", why, ())
    if probe["table"] in unread:
        return Blocked(what, (), "not known", finding.found, (finding.mend,))
    return Blocked(what, (), "not blocked", f"expected {finding.expected}, found {finding.found}", (finding.mend,))
