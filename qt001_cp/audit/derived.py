"""The after-state of the manifest against the contract: derived here from the before-state, entry by entry.

``ALTER … OWNER`` replaces the old owner by the new one as grantor and as grantee (PostgreSQL documentation, ALTER TABLE;
``aclnewowner`` in its source). What the application role and PUBLIC hold goes; a curated view is what it may read; what
other roles hold stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
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
        check.faults += [f"{o['kind']} {o['identity']}{fault}" for fault in _object(o, application)]
    return check


def _object(o: Mapping[str, Any], application: str) -> Iterator[str]:
    after = o["after"]
    if o["kind"] == "default acl":
        # What a role makes itself it may start with whatever it likes.
        others = (None,) if after["owner"] == application else (None, application)
        yield from (f": {words(e)} stays" for e in entries(after["acl"]) if e[1] in others)
        return
    if of_the_system(o):
        yield from _kept_by_the_system(o, application)
        return
    if after["owner"] != OWNER:
        yield f": its owner afterwards is {after['owner']}, expected {OWNER}"
    yield from _each_acl(o, lambda old, new, column: _wanted(o, application, old, new, column=column))
    for e in entries(o["retired"]["acl"]) if o["retired"] else ():
        if e[1] in (None, application):
            yield f": retired, and {words(e)} stays"


def _each_acl(o: Mapping[str, Any], wanted: Callable[[set[Entry], set[Entry], bool], set[Entry]]) -> Iterator[str]:
    """The ACLs of the object and of its columns against what ``wanted`` makes of old and new."""
    old, new = {"": o["before"]["acl"], **_columns(o["before"])}, {"": o["after"]["acl"], **_columns(o["after"])}
    for column in sorted(old.keys() | new.keys()):
        before, found = entries(old.get(column, [])), entries(new.get(column, []))
        asked, where = wanted(before, found, column != ""), f", column {column}" if column else ""
        yield from (f"{where}: {words(e)} is lost" for e in sorted(asked - found, key=repr))
        yield from (f"{where}: {words(e)} is too many" for e in sorted(found - asked, key=repr))


def _kept_by_the_system(o: Mapping[str, Any], application: str) -> Iterator[str]:
    """It keeps its owner, and loses what names the application role; what PUBLIC and others hold stays."""
    before, after = o["before"]["owner"], o["after"]["owner"]
    if after != before:
        yield f": its owner afterwards is {after}, expected {before}"
    yield from _each_acl(o, lambda old, _new, _column: {e for e in old if e[1] != application})


def _wanted(
    o: Mapping[str, Any], application: str, before: set[Entry], found: set[Entry], *, column: bool
) -> set[Entry]:
    """What an ACL becomes: handed to the new owner, without the application role and PUBLIC, but for what may be kept."""
    old = o["before"]["owner"]
    moved = {(_moved(a, old) or "", _moved(b, old), c, d) for a, b, c, d in before}
    gone = {e for e in moved if e[1] in (None, application)}
    wanted = _standing(moved - gone, entries(o["after"]["acl"])) | _kept(o["kind"], application, before, found, gone)
    return wanted | {(OWNER, application, "SELECT", False)} if o["curated"] and not column else wanted


def _kept(kind: str, application: str, before: set[Entry], found: set[Entry], gone: set[Entry]) -> set[Entry]:
    """What the application role held as the owner may be kept too: the new owner grants it."""
    holding = {(who, privilege) for _, who, privilege, _ in before if who in (None, application)}
    keepable = {e for e in found if e[1:3] in holding and e[2] in _KEPT.get(kind, ()) and not e[3]}
    return {e for e in keepable if e in gone or e[0] == OWNER}


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
