"""The ways of the manifest, followed step by step, and the restore script that is registered for it.

Source: PostgreSQL documentation, GRANT and REVOKE (a privilege is its grantor's; REVOKE on a table takes the same privilege on
its columns), ALTER … OWNER (the new owner takes the old one's place as grantor and as grantee).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from qt001_cp.audit import rendering
from qt001_cp.audit.check import Check
from qt001_cp.audit.live import Entry, entries, words

Acl = dict[str | None, set[Entry]]
_JOURNEYS = (
    ("forward", "before", "after"),
    ("restore", "after", "before"),
    ("retire", "after", "retired"),
    ("revive", "retired", "after"),
)


def ways(manifest: Mapping[str, Any]) -> Check:
    """Each way of each object leads from the state where it begins to the state that it is for."""
    check = Check("the statements lead there and back")
    for o in manifest["objects"]:
        for way, start, end in _JOURNEYS:
            if o["disposition"] == "retain" or o[start] is None or o[end] is None:
                continue
            # A successor is never cut over: where a change has made another ACL, it has no way there.
            if way == "forward" and way not in o["ways"] and "succession" in manifest:
                continue
            check.looked_at += 1
            # The sequence of a column has no statement of its own: ALTER TABLE … OWNER takes it along.
            along = o[end]["owner"] if o["follows"] is not None else None
            owner, acl = _follow(o["ways"].get(way), o[start]["owner"], _acl(o[start]), along)
            name, wanted = f"{o['kind']} {o['identity']}, {way}", _acl(o[end])
            if owner != o[end]["owner"]:
                check.faults.append(f"{name}: it ends with owner {owner}, expected {o[end]['owner']}")
            for column in sorted(acl.keys() | wanted.keys(), key=lambda c: c or ""):
                made, asked = acl.get(column, set()), wanted.get(column, set())
                where = "" if column is None else f"column {column}: "
                check.faults += [f"{name}: {where}{words(e)} is missing" for e in sorted(asked - made, key=repr)]
                check.faults += [f"{name}: {where}{words(e)} is left" for e in sorted(made - asked, key=repr)]
    return check


def restore_script(manifest: Mapping[str, Any], digest: str, events: Iterable[Mapping[str, Any]]) -> Check:
    """What was registered is the sha256 of the statements that the manifest asks for."""
    check = Check("the registered restore script")
    wanted = rendering.sha256(rendering.statements(manifest, "restore"))
    for e in events:
        if e["verb"] == "restore_registered" and e["subject"] == digest:
            check.looked_at += 1
            if e["detail"].get("sha256") != wanted:
                check.faults.append(
                    f"event {e['seq']} registers {e['detail'].get('sha256')}, the statements of"
                    f" manifest {digest} have the sha256 {wanted}"
                )
    if not check.looked_at:
        check.faults.append(f"none is registered for manifest {digest}")
    return check


def _acl(state: Mapping[str, Any]) -> Acl:
    found: Acl = {c["column"]: entries(c["acl"]) for c in state["columns"] if c["acl"]}
    return {**found, None: entries(state["acl"])}


def _follow(way: Mapping[str, Any] | None, owner: str, start: Acl, along: str | None) -> tuple[str, Acl]:
    acl = {column: set(found) for column, found in start.items()}
    pre, change, post = (way["pre"], way["owner"], way["post"]) if way is not None else ([], None, [])
    if change is None and along is not None:
        change = {"do": "owner", "to": along}
    for step in [*pre, *([change] if change else []), *post]:
        if step["do"] == "owner":
            acl = {c: _handed(found, owner, step["to"]) for c, found in acl.items()}
            owner = step["to"]
        elif step["do"] == "grant":
            _grant(acl.setdefault(step["column"], set()), step)
        else:
            for column in acl if step["column"] is None else (step["column"],):
                acl[column] = {e for e in acl.get(column, set()) if not _meant(e, step)}
    return owner, acl


def _handed(found: set[Entry], old: str, new: str) -> set[Entry]:
    """Entries that become one keep the grant option of either."""
    moved = {(new if a == old else a, new if b == old else b, p, g) for a, b, p, g in found}
    return {e for e in moved if e[3] or (*e[:3], True) not in moved}


def _grant(found: set[Entry], step: Mapping[str, Any]) -> None:
    for privilege in step["privileges"]:
        key = (step["grantor"], step["grantee"], privilege)
        option = step["grantable"] or (*key, True) in found
        found -= {(*key, True), (*key, False)}
        found.add((*key, option))


def _meant(e: Entry, step: Mapping[str, Any]) -> bool:
    return e[0] == step["grantor"] and e[1] == step["grantee"] and e[2] in step["privileges"]
