"""The live estate against the after-state of the manifest, derived here from the document alone.

Contract: owner and the set of (grantor, grantee, privilege, grantable), columns included; the application role owns
nothing that the manifest does not leave to it, and can do to a transferred relation no more than the after-state says.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import psycopg

from qt001_cp.audit import privileges
from qt001_cp.audit.check import Check
from qt001_cp.audit.live import Entry, Live, entries, words

Objects = Mapping[tuple[str, str], Live]
Manifest = Mapping[str, Any]


def stage_of(events: Iterable[Mapping[str, Any]]) -> str:
    """By the events alone: a downgrade takes the events of its stage with it."""
    verbs = {e["verb"] for e in events}
    return "fix7c" if "deployed" in verbs else "fix7b" if "cutover" in verbs else "fix7a"


def expected(o: Mapping[str, Any], stage: str) -> Mapping[str, Any]:
    """The state that the manifest asks for at a stage."""
    if stage == "fix7a" or o["disposition"] != "transfer":
        state: Mapping[str, Any] = o["before"]
    else:
        state = o["retired"] if stage == "fix7c" and o["retired"] else o["after"]
    return state


def of_the_system(o: Mapping[str, Any]) -> bool:
    """What the server came with keeps its owner."""
    schema = o.get("schema") or ""
    return schema.startswith("pg_") or schema == "information_schema"


def owners_and_acls(manifest: Manifest, live: Objects, stage: str) -> Check:
    """Every object of the manifest, transferred or not."""
    check = Check("owners and ACLs against the manifest")
    for o in manifest["objects"]:
        check.looked_at += 1
        name, state = f"{o['kind']} {o['identity']}", expected(o, stage)
        found = live.get((o["kind"], o["identity"]))
        if found is None:
            gone = o["kind"] == "default acl" and o["disposition"] == "transfer" and stage != "fix7a"
            if not gone and o["kind"] != "user mapping":
                check.faults.append(f"{name}: it is not in this database")
            continue
        if found.owner != state["owner"]:
            check.faults.append(f"{name}: expected owner {state['owner']}, found {found.owner}")
        check.faults += _acl(name, entries(state["acl"]), found.acl)
        columns = {c["column"]: entries(c["acl"]) for c in state["columns"] if c["acl"]}
        for column in sorted(columns.keys() | found.columns.keys()):
            check.faults += _acl(
                f"{name}, column {column}", columns.get(column, set()), found.columns.get(column, set())
            )
    return check


def denominator(manifest: Manifest, live: Objects) -> Check:
    """Nothing that the application role owns is unknown to the manifest."""
    check, application = Check("what the application role owns"), manifest["application"]
    known = {(o["kind"], o["identity"]) for o in manifest["objects"]}
    for key, found in sorted(live.items()):
        if found.owner == application and not found.part and not found.identity.startswith("pg_toast"):
            check.looked_at += 1
            if key not in known and not _in_temp(found.identity):
                check.faults.append(f"{key[0]} {key[1]}: {application} owns it, and the manifest does not know it")
    return check


def effective_privileges(connection: psycopg.Connection, manifest: Manifest, live: Objects, stage: str) -> Check:
    """What the server lets the application role do to each transferred relation: what its after-state gives to that role or to
    PUBLIC, by whatever route, and no more."""
    check, application = Check("what the application role may do to transferred relations"), manifest["application"]
    wanted = _wanted(manifest, live, stage, {application, None})
    check.looked_at = len(wanted)
    for r in privileges.effective(connection, application, wanted):
        name, allowed = wanted[r["oid"]]
        if (r["on_table"] or r["on_column"]) and r["privilege"] not in allowed:
            check.faults.append(f"{name}: {application} may {r['privilege']}")
    return check


def _wanted(manifest: Manifest, live: Objects, stage: str, groups: set[str | None]) -> dict[int, tuple[str, set[str]]]:
    """By number: the name of each transferred relation, and the privileges that one of ``groups`` has in its state."""
    wanted: dict[int, tuple[str, set[str]]] = {}
    for o in manifest["objects"]:
        found = live.get((o["kind"], o["identity"]))
        if o["disposition"] == "transfer" and found is not None and found.catalog == "pg_class":
            state = expected(o, stage)
            every = [a for acl in (state["acl"], *(c["acl"] for c in state["columns"])) for a in acl]
            wanted[found.oid] = (f"{o['kind']} {o['identity']}", {a[2] for a in every if a[1] in groups})
    return wanted


def _acl(name: str, wanted: set[Entry], found: set[Entry]) -> list[str]:
    lines = [f"{name}: expected {words(e)}, not found" for e in sorted(wanted - found, key=repr)]
    return lines + [f"{name}: found {words(e)}, not expected" for e in sorted(found - wanted, key=repr)]


def _in_temp(identity: str) -> bool:
    return identity.startswith("pg_temp")
