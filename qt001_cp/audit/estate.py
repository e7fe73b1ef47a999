"""The live estate against the after-state of the manifest, derived here from the document alone.

Contract: owner and the set of (grantor, grantee, privilege, grantable), columns included; the application role owns
nothing that the manifest does not leave to it, and can do to a transferred relation no more than the after-state says.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import psycopg

from qt001_cp.audit import growth, privileges
from qt001_cp.audit.chain import STEPS
from qt001_cp.audit.check import Check
from qt001_cp.audit.control import pair_of
from qt001_cp.audit.live import Entry, Live, entries, words

MAINTAIN_SINCE: Final = 17
_BEFORE_MAINTAIN: Final = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER")
"""All that there was to grant on a table: a dump of that says GRANT ALL."""
Objects = Mapping[tuple[str, str], Live]
Manifest = Mapping[str, Any]


def stage_of(events: Iterable[Mapping[str, Any]]) -> str:
    """By the events alone: where the last of those that change the stage leads to."""
    return ([STEPS[e["verb"]][1] for e in events if e["verb"] in STEPS] or ["fix7a"])[-1]


def expected(o: Mapping[str, Any], stage: str) -> Mapping[str, Any]:
    """The state that the manifest asks for at a stage."""
    if stage == "fix7a" or o["disposition"] == "retain":
        state: Mapping[str, Any] = o["before"]
    else:
        state = o["retired"] if stage == "fix7c" and o["retired"] else o["after"]
    return state


def of_the_system(o: Mapping[str, Any]) -> bool:
    """What the server came with keeps its owner."""
    schema = o.get("schema") or ""
    return schema.startswith("pg_") or schema == "information_schema"


def owners_and_acls(manifest: Manifest, live: Objects, stage: str, first_major: int) -> Check:
    """Every object of the manifest, transferred or not; after the cutover another owner or ACL of a retained one is told.
    ``first_major``: of the server that owners and ACLs are worded by."""
    check, application = Check("owners and ACLs against the manifest"), manifest["application"]
    owner = pair_of(manifest).owner
    older = first_major < MAINTAIN_SINCE
    for o in manifest["objects"]:
        check.looked_at += 1
        found_in = check.told if stage != "fix7a" and o["disposition"] != "transfer" else check.faults
        name, state = f"{o['kind']} {o['identity']}", expected(o, stage)
        found = live.get((o["kind"], o["identity"]))
        if found is None:
            gone = o["kind"] == "default acl" and o["disposition"] == "transfer" and stage != "fix7a"
            if stage != "fix7a" and growth.may_go(manifest, o["kind"], o["identity"]):
                check.told.append(f"{name}: a partition that is gone")
            elif not gone and o["kind"] != "user mapping":
                found_in.append(f"{name}: it is not in this database")
            continue
        if found.owner != state["owner"]:
            found_in.append(f"{name}: expected owner {state['owner']}, found {found.owner}")
        wanted, there = entries(state["acl"]), found.acl
        if older:
            there = without_maintain(there)
        if stage != "fix7a":
            wanted, there = (growth.weighed(o["kind"], acl, application) for acl in (wanted, there))
        found_in += _acl(name, wanted, there)
        if o["disposition"] == "lend" and stage != "fix7a":
            check.faults += _acl(name, _of_owner(wanted, owner), _of_owner(there, owner))
        columns = {c["column"]: entries(c["acl"]) for c in state["columns"] if c["acl"]}
        for column in sorted(columns.keys() | found.columns.keys()):
            wanted, there = columns.get(column, set()), found.columns.get(column, set())
            found_in += _acl(f"{name}, column {column}", wanted, there)
            if o["disposition"] == "lend" and stage != "fix7a":
                check.faults += _acl(f"{name}, column {column}", _of_owner(wanted, owner), _of_owner(there, owner))
    return check


def without_maintain(acl: set[Entry]) -> set[Entry]:
    """As it was before PostgreSQL 17: MAINTAIN of the owner, and of whoever has all else from the same hand, came with the server."""

    def came(entry: Entry) -> bool:
        grantor, grantee, privilege, grantable = entry
        rest = {(grantor, grantee, p, grantable) for p in _BEFORE_MAINTAIN}
        return privilege == "MAINTAIN" and (grantor == grantee or rest <= acl)

    return {entry for entry in acl if not came(entry)}


def _of_owner(acl: set[Entry], owner: str) -> set[Entry]:
    """What the control plane's owner holds by name: of another role's object, the loan."""
    return {e for e in acl if e[1] == owner}


def denominator(manifest: Manifest, live: Objects, stage: str, policy: Manifest | None) -> Check:
    """Nothing that the application role owns is unknown to the manifest. After the cutover the rules of the policy go on deciding,
    and what none of them retains is told."""
    check, application = Check("what the application role owns"), manifest["application"]
    known = {(o["kind"], o["identity"]) for o in manifest["objects"]}
    for key, found in sorted(live.items()):
        if found.owner == application and not found.part and not found.identity.startswith("pg_toast"):
            check.looked_at += 1
            if key in known or _in_temp(found.identity):
                continue
            if stage == "fix7a":
                check.faults.append(f"{key[0]} {key[1]}: {application} owns it, and the manifest does not know it")
            elif not growth.retained(policy, *key):
                check.told.append(f"{key[0]} {key[1]}: {application} owns it, and no rule of the policy retains it")
    return check


def reach(manifest: Manifest, live: Objects, noted: Iterable[Mapping[str, Any]], policy: Manifest | None) -> Check:
    """After the cutover: nothing of the application's touches what was transferred, or can be taken for it."""
    check = Check("what the application role's objects touch")
    check.looked_at = len(live)
    check.faults += sorted(
        {*growth.touching(manifest, live, noted, policy), *growth.taken_for(manifest, live, pair_of(manifest).owner)}
    )
    return check


def effective_privileges(connection: psycopg.Connection, manifest: Manifest, live: Objects, stage: str) -> Check:
    """What the server lets the application role do to each transferred relation: what its sealed state gives to that role or to
    PUBLIC, on the whole or on a column, by whatever route, and no more."""
    check, application = Check("what the application role may do to transferred relations"), manifest["application"]
    wanted = _wanted(manifest, live, stage, {application, None})
    check.looked_at = len(wanted)
    for r in privileges.effective(connection, application, wanted):
        name, allowed = wanted[r["oid"]]
        what = (r["privilege"], r["column"])
        if what not in allowed and (r["privilege"], None) not in allowed:
            check.faults.append(f"{name}: {application} may {r['privilege']}" + (f" ({what[1]})" if what[1] else ""))
    return check


def _wanted(
    manifest: Manifest, live: Objects, stage: str, groups: set[str | None]
) -> dict[int, tuple[str, set[tuple[str, str | None]]]]:
    """By number: the name of each transferred relation, and (privilege, column or None) that one of ``groups`` has in its state."""
    wanted: dict[int, tuple[str, set[tuple[str, str | None]]]] = {}
    for o in manifest["objects"]:
        found = live.get((o["kind"], o["identity"]))
        if o["disposition"] == "transfer" and found is not None and found.catalog == "pg_class":
            state = expected(o, stage)
            every = [(None, state["acl"]), *((c["column"], c["acl"]) for c in state["columns"])]
            left = {(a[2], column) for column, acl in every for a in acl if a[1] in groups}
            wanted[found.oid] = (f"{o['kind']} {o['identity']}", left)
    return wanted


def _acl(name: str, wanted: set[Entry], found: set[Entry]) -> list[str]:
    lines = [f"{name}: expected {words(e)}, not found" for e in sorted(wanted - found, key=repr)]
    return lines + [f"{name}: found {words(e)}, not expected" for e in sorted(found - wanted, key=repr)]


def _in_temp(identity: str) -> bool:
    return identity.startswith("pg_temp")
