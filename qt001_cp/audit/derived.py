"""The after-state of the manifest against the contract: derived here from the before-state, entry by entry.

``ALTER … OWNER`` replaces the old owner by the new one as grantor and as grantee (PostgreSQL documentation, ALTER TABLE;
``aclnewowner`` in its source). What the application role and PUBLIC hold goes; a curated view is what it may read; what
other roles hold stays as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from qt001_cp.audit.check import Check
from qt001_cp.audit.estate import of_the_system
from qt001_cp.audit.live import Entry, entries, words

OWNER: Final = "qt001_cp_owner"
_KEPT: Final = {
    "schema": {"USAGE"},
    "database": {"CONNECT", "TEMPORARY"},
    "type": {"USAGE"},
    "language": {"USAGE"},
    "function": {"EXECUTE"},
    "procedure": {"EXECUTE"},
    "aggregate": {"EXECUTE"},
}
"""What a policy may keep for the application role or PUBLIC. It never keeps a privilege on data, CREATE, or a grant option."""


def after_states(manifest: Mapping[str, Any]) -> Check:
    """Every transferred object: its new owner, and an ACL without a privilege too many or too few."""
    check, application = Check("the manifest's after-state against the contract"), manifest["application"]
    for o in manifest["objects"]:
        if o["disposition"] != "transfer":
            continue
        check.looked_at += 1
        name = f"{o['kind']} {o['identity']}"
        if o["kind"] == "default acl":
            # What a role makes itself it may start with whatever it likes.
            others = (None,) if o["after"]["owner"] == application else (None, application)
            check.faults += [f"{name}: {words(e)} stays" for e in entries(o["after"]["acl"]) if e[1] in others]
            continue
        if of_the_system(o):
            check.faults += _kept_by_the_system(name, o, application)
            continue
        if o["after"]["owner"] != OWNER:
            check.faults.append(f"{name}: its owner afterwards is {o['after']['owner']}, expected {OWNER}")
        check.faults += _differences(name, o, application, o["before"]["acl"], o["after"]["acl"])
        before, after = _columns(o["before"]), _columns(o["after"])
        for column in sorted(before.keys() | after.keys()):
            check.faults += _differences(
                f"{name}, column {column}", o, application, before.get(column, []), after.get(column, []), column=True
            )
        for e in entries(o["retired"]["acl"]) if o["retired"] else ():
            if e[1] in (None, application):
                check.faults.append(f"{name}: retired, and {words(e)} stays")
    return check


def _kept_by_the_system(name: str, o: Mapping[str, Any], application: str) -> list[str]:
    """It keeps its owner, and loses what names the application role; what PUBLIC and others hold stays."""
    before, after = o["before"], o["after"]
    faults = []
    if after["owner"] != before["owner"]:
        faults.append(f"{name}: its owner afterwards is {after['owner']}, expected {before['owner']}")
    old, new = {"": before["acl"], **_columns(before)}, {"": after["acl"], **_columns(after)}
    for column in sorted(old.keys() | new.keys()):
        wanted = {e for e in entries(old.get(column, [])) if e[1] != application}
        found, where = entries(new.get(column, [])), f"{name}, column {column}" if column else name
        faults += [f"{where}: {words(e)} is lost" for e in sorted(wanted - found, key=repr)]
        faults += [f"{where}: {words(e)} is too many" for e in sorted(found - wanted, key=repr)]
    return faults


def _differences(
    name: str, o: Mapping[str, Any], application: str, before: list[Any], after: list[Any], *, column: bool = False
) -> list[str]:
    old, found = o["before"]["owner"], entries(after)
    moved = {(_moved(a, old) or "", _moved(b, old), c, d) for a, b, c, d in entries(before)}
    gone = {e for e in moved if e[1] in (None, application)}
    # What the application role held as the owner may be kept too: the new owner grants it.
    holding = {(b, c) for _, b, c, _ in entries(before) if b in (None, application)}
    kept = {
        e
        for e in found
        if (e in gone or e[0] == OWNER) and e[1:3] in holding and e[2] in _KEPT.get(o["kind"], ()) and not e[3]
    }
    wanted = _standing(moved - gone, entries(o["after"]["acl"])) | kept
    if o["curated"] and not column:
        wanted |= {(OWNER, application, "SELECT", False)}
    return [f"{name}: {words(e)} is lost" for e in sorted(wanted - found, key=repr)] + [
        f"{name}: {words(e)} is too many" for e in sorted(found - wanted, key=repr)
    ]


def _standing(left: set[Entry], table: set[Entry]) -> set[Entry]:
    """Without what was passed on by a role that no longer may: REVOKE … CASCADE takes that too."""
    while True:
        givers = {(e[1], e[2]) for e in left | table if e[3]}
        orphans = {e for e in left if e[0] != OWNER and (e[0], e[2]) not in givers}
        if not orphans:
            return left
        left = left - orphans


def _moved(role: str | None, old: str) -> str | None:
    return OWNER if role == old else role


def _columns(state: Mapping[str, Any]) -> dict[str, list[Any]]:
    return {c["column"]: c["acl"] for c in state["columns"]}
