"""The after-state of the manifest against the contract: derived here from the before-state, entry by entry.

``ALTER … OWNER`` replaces the old owner by the new one as grantor and as grantee (PostgreSQL documentation, ALTER TABLE;
``aclnewowner`` in its source). What the application role and PUBLIC hold goes; a curated view is what it may read; what
other roles hold stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, Final, NamedTuple

from qt001_cp.audit.check import Check
from qt001_cp.audit.control import pair_of
from qt001_cp.audit.estate import of_the_system
from qt001_cp.audit.live import Entry, entries, words

_ROWS: Final = {"SELECT", "INSERT", "UPDATE", "DELETE"}
_KEPT: Final = {
    "table": _ROWS,
    "view": _ROWS,
    "materialized view": _ROWS,
    "foreign table": _ROWS,
    "sequence": {"USAGE", "SELECT", "UPDATE"},
    "schema": {"USAGE", "CREATE"},
    "database": {"CONNECT", "TEMPORARY"},
    "type": {"USAGE"},
    "language": {"USAGE"},
    "server": {"USAGE"},
    "large object": {"SELECT", "UPDATE"},
    "function": {"EXECUTE"},
    "procedure": {"EXECUTE"},
    "aggregate": {"EXECUTE"},
}
"""What a policy may keep for the application role or PUBLIC. Never TRUNCATE, TRIGGER, REFERENCES, MAINTAIN, or a grant option."""
_ON_COLUMNS: Final = {"SELECT", "INSERT", "UPDATE"}
_LOOKED_UP: Final = ("function", "procedure", "aggregate", "type", "operator", "view")
"""What a name in a schema could be taken for: where one was transferred, CREATE goes."""


class Who(NamedTuple):
    """Who loses, and who owns afterwards."""

    application: str
    owner: str


def after_states(manifest: Mapping[str, Any], changed: Collection[tuple[str, str]] = ()) -> Check:
    """Every transferred object: its new owner, and an ACL without a privilege too many or too few. ``changed``: those that a change has
    made another: what it grants to others stands in its text, to the application role and PUBLIC it may grant no more than the rest.
    """
    check = Check("the manifest's after-state against the contract")
    who = Who(manifest["application"], pair_of(manifest).owner)
    closed = _closed(manifest)
    named = {o.get("schema") for o in manifest["objects"] if o["disposition"] == "transfer" and o["kind"] in _LOOKED_UP}
    for o in manifest["objects"]:
        if o["disposition"] == "retain":
            continue
        check.looked_at += 1
        if o["disposition"] == "lend":
            check.faults += [f"{o['kind']} {o['identity']}{fault}" for fault in _loan(o, who)]
            continue
        by_change = (o["kind"], o["identity"]) in changed
        faults = [*_object(o, who, by_change=by_change), *_too_near(o, who, closed, named)]
        check.faults += [f"{o['kind']} {o['identity']}{fault}" for fault in faults]
    return check


def _loan(o: Mapping[str, Any], who: Who) -> Iterator[str]:
    """Its owner, who is not the application role, gives the new owner something, without grant option; nothing else changes."""
    owner = o["before"]["owner"]
    if owner == who.application or o["after"]["owner"] != owner:
        yield f": {owner} lends it and {o['after']['owner']} owns it afterwards, expected an owner who is not {who.application}, and stays"
    levels = [("", o["before"]["acl"], o["after"]["acl"])]
    before, after = _columns(o["before"]), _columns(o["after"])
    levels += [(f", column {c}", before.get(c, []), after.get(c, [])) for c in sorted(before.keys() | after.keys())]
    for where, had, has in levels:
        old, new = entries(had), entries(has)
        yield from (f"{where}: {words(e)} is lost" for e in sorted(old - new, key=repr))
        yield from (
            f"{where}: {words(e)} is no loan"
            for e in sorted(new - old, key=repr)
            if e[:2] != (owner, who.owner) or e[3]
        )


def _closed(manifest: Mapping[str, Any]) -> set[str]:
    """The apply path, its sources and its evidence, as the manifest names them: nothing of them is left."""
    path = manifest.get("apply_path") or {}
    found = {path["readiness"], *path["source_tables"]} if path else set()
    found |= {part["identity"] for part in manifest.get("repoint", ())}
    found |= {item["identity"] for item in manifest.get("legacy", ())}
    return found | {item["table"] for item in manifest.get("blocked", ())}


def _too_near(o: Mapping[str, Any], who: Who, closed: set[str], named: set[str | None]) -> Iterator[str]:
    """What may be left of that kind of object, and not of this one."""
    if of_the_system(o) or o["kind"] == "default acl":
        return
    states = [o["after"]["acl"], *_columns(o["after"]).values()]
    remaining = sorted({e for acl in states for e in entries(acl) if e[1] in (None, who.application)}, key=repr)
    for e in remaining:
        if o["identity"] in closed and not (o["curated"] and e[2] == "SELECT" and e[1] == who.application):
            yield f": {words(e)} stays, and it belongs to the apply path"
        if o["kind"] == "schema" and e[2] == "CREATE" and o["identity"].strip('"') in named:
            yield f": {words(e)} stays, and something that is looked up by name was transferred there"
        if o["kind"] == "view" and e[2] == "SELECT" and not o["curated"]:
            yield f": {words(e)} stays, and it is no curated view"


def _object(o: Mapping[str, Any], who: Who, *, by_change: bool) -> Iterator[str]:
    after = o["after"]
    if o["kind"] == "default acl":
        # What a role makes itself it may start with whatever it likes.
        others = (None,) if after["owner"] == who.application else (None, who.application)
        yield from (f": {words(e)} stays" for e in entries(after["acl"]) if e[1] in others)
        return
    if of_the_system(o):
        yield from _kept_by_the_system(o, who)
        return
    if after["owner"] != who.owner:
        yield f": its owner afterwards is {after['owner']}, expected {who.owner}"
    yield from _each_acl(o, lambda old, new, column: _granted(o, who, old, new, by_change, column=column))
    for e in entries(o["retired"]["acl"]) if o["retired"] else ():
        if e[1] in (None, who.application):
            yield f": retired, and {words(e)} stays"


def _granted(
    o: Mapping[str, Any], who: Who, old: set[Entry], new: set[Entry], by_change: bool, *, column: bool
) -> set[Entry]:
    """What an ACL has to be; after a change, with what the new owner grants to others, and without what it has taken from them."""
    wanted = _wanted(o, who, old, new, column=column)
    if not by_change:
        return wanted
    others = {e for e in new if e[0] == who.owner and e[1] not in (None, who.application)}
    return others | {e for e in wanted if e in new or e[1] in (None, who.application)}


def _each_acl(o: Mapping[str, Any], wanted: Callable[[set[Entry], set[Entry], bool], set[Entry]]) -> Iterator[str]:
    """The ACLs of the object and of its columns against what ``wanted`` makes of old and new."""
    old, new = {"": o["before"]["acl"], **_columns(o["before"])}, {"": o["after"]["acl"], **_columns(o["after"])}
    for column in sorted(old.keys() | new.keys()):
        before, found = entries(old.get(column, [])), entries(new.get(column, []))
        asked, where = wanted(before, found, column != ""), f", column {column}" if column else ""
        yield from (f"{where}: {words(e)} is lost" for e in sorted(asked - found, key=repr))
        yield from (f"{where}: {words(e)} is too many" for e in sorted(found - asked, key=repr))


def _kept_by_the_system(o: Mapping[str, Any], who: Who) -> Iterator[str]:
    """It keeps its owner, and loses what names the application role; what PUBLIC and others hold stays."""
    before, after = o["before"]["owner"], o["after"]["owner"]
    if after != before:
        yield f": its owner afterwards is {after}, expected {before}"
    yield from _each_acl(o, lambda old, _new, _column: {e for e in old if e[1] != who.application})


def _wanted(o: Mapping[str, Any], who: Who, before: set[Entry], found: set[Entry], *, column: bool) -> set[Entry]:
    """What an ACL becomes: handed to the new owner, without the application role and PUBLIC, but for what may be kept."""
    old = o["before"]["owner"]
    moved = {(_moved(a, old, who.owner) or "", _moved(b, old, who.owner), c, d) for a, b, c, d in before}
    gone = {e for e in moved if e[1] in (None, who.application)}
    wanted = _standing(moved - gone, entries(o["after"]["acl"]), who.owner) | _kept(o, who, found, gone, column=column)
    listed = o["curated"] and not column and not _reads(o, who)
    return wanted | ({(who.owner, who.application, "SELECT", False)} if listed else set()) | _curated(o, who, found)


def _reads(o: Mapping[str, Any], who: Who) -> bool:
    """Whether somebody's SELECT is left to the application role, on the whole or on a column."""
    acls = [o["after"]["acl"], *_columns(o["after"]).values()]
    return any(e[1] in (None, who.application) and e[2] == "SELECT" for acl in acls for e in entries(acl))


def _curated(o: Mapping[str, Any], who: Who, found: set[Entry]) -> set[Entry]:
    """The SELECT on a curated view: whether it was held before makes no difference."""
    return {e for e in found if o["curated"] and e == (who.owner, who.application, "SELECT", False)}


def _kept(o: Mapping[str, Any], who: Who, found: set[Entry], gone: set[Entry], *, column: bool) -> set[Entry]:
    """What the application role held as the owner may be kept too: the new owner grants it, on columns alone as well."""
    kind, before = o["kind"], {e for acl in (o["before"]["acl"], *_columns(o["before"]).values()) for e in entries(acl)}
    holding = {(role, privilege) for _, role, privilege, _ in before if role in (None, who.application)}
    allowed = _KEPT.get(kind, set()) & _ON_COLUMNS if column else _KEPT.get(kind, set())
    keepable = {e for e in found if e[1:3] in holding and e[2] in allowed and not e[3]}
    return {e for e in keepable if e in gone or e[0] == who.owner}


def _standing(left: set[Entry], table: set[Entry], owner: str) -> set[Entry]:
    """Without what was passed on by a role that no longer may: REVOKE … CASCADE takes that too."""
    while True:
        givers = {(e[1], e[2]) for e in left | table if e[3]}
        orphans = {e for e in left if e[0] != owner and (e[0], e[2]) not in givers}
        if not orphans:
            return left
        left = left - orphans


def _moved(role: str | None, old: str, owner: str) -> str | None:
    return owner if role == old else role


def _columns(state: Mapping[str, Any]) -> dict[str, list[Any]]:
    return {c["column"]: c["acl"] for c in state["columns"]}
