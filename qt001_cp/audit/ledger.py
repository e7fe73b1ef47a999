"""Documents and the chain of events, recomputed here. The canonical form is that of another project (rfc8785).

Source: RFC 8785; FIPS 180-4 (SHA-256).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection
from datetime import UTC, timedelta
from typing import Any

import psycopg
import rfc8785

from qt001_cp.audit import shape
from qt001_cp.audit.chain import Chain
from qt001_cp.audit.check import Check
from qt001_cp.audit.control import Pair
from qt001_cp.audit.place import Place, same_timeline
from qt001_cp.audit.queries import rows

_NAMING = ("configured", "captured", "proposed", "sealed", "withdrawn", "cutover", "restored", "deployed",
           "undeployed", "evidence_imported", "bound", "changing", "changed", "succeeded", "released", "kept")  # fmt: skip
_SLEWED = timedelta(seconds=1)
"""A clock that is held in step never goes back by more."""
_DIGEST = re.compile(r"[0-9a-f]{64}")


def documents(connection: psycopg.Connection) -> tuple[Check, dict[str, dict[str, Any]], set[str]]:
    """Every document: its digest, its canonical form, its kind, its form, and the rows that were unpacked from it. The documents
    that may be walked, by digest, and the digests of all."""
    check, found, kept = Check("documents"), {}, set()
    unpacked: dict[str, list[Any]] = {}
    for r in rows(connection, "manifest_rows.sql"):
        unpacked.setdefault(r["manifest"], []).append(r["object"])
    for r in rows(connection, "documents.sql"):
        check.looked_at += 1
        body, name = bytes(r["body"]), f"document {r['digest']}"
        if hashlib.sha256(body).hexdigest() != r["digest"]:
            check.faults.append(f"{name}: its sha256 is {hashlib.sha256(body).hexdigest()}")
        try:
            document = json.loads(body)
            canonical = rfc8785.dumps(document)
        except (ValueError, RecursionError, rfc8785.CanonicalizationError) as exc:
            kept.add(r["digest"])
            check.faults.append(f"{name}: it has no canonical form: {exc}")
            continue
        kept.add(r["digest"])
        wrong = shape.problem(document)
        if wrong is not None:
            check.faults.append(f"{name}: it cannot be read as {r['kind']}: {wrong}")
            continue
        if canonical != body:
            check.faults.append(f"{name}: its bytes are not the canonical ones (RFC 8785)")
        if document.get("schema") != r["kind"]:
            check.faults.append(f"{name}: it is called {r['kind']}, and says {document.get('schema')}")
        if r["kind"].startswith("qt001.manifest.object/") and document["objects"] != unpacked.get(r["digest"], []):
            check.faults.append(f"{name}: the rows of its objects are not the document's")
        found[r["digest"]] = document
    return check, found, kept


def chain(connection: psycopg.Connection, heads: list[str]) -> tuple[Check, list[dict[str, Any]]]:
    """Every event: number, epoch, predecessor, digest. ``heads``: digests kept elsewhere that have to be in the chain."""
    check, events = Check("chain of events"), rows(connection, "events.sql")
    recomputed, at = Chain(), None
    for e in events:
        check.looked_at += 1
        stamped = {
            "seq": e["seq"],
            "epoch": e["epoch"],
            "at": e["at"].astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "actor": e["actor"],
            "verb": e["verb"],
            "subject": e["subject"],
            "detail": e["detail"],
            "prev": e["prev"],
        }
        fault = recomputed.fault(stamped, e["digest"])
        if fault is not None:
            check.faults.append(f"event {e['seq']} ({e['verb']} by {e['actor']}): {fault}")
        if at is not None and e["at"] < at - _SLEWED:
            check.notes.append(
                f"time runs back: event {e['seq']} ({e['verb']} by {e['actor']}) is dated {e['at']}, after {at}"
            )
        at = e["at"]
    known = {e["digest"] for e in events}
    check.faults += [f"the head {h}, kept elsewhere, is not in the chain" for h in heads if h not in known]
    return check, events


def missing(events: list[dict[str, Any]], kept: Collection[str]) -> list[str]:
    """Documents that an event names and nobody keeps."""
    named = {e["subject"]: e for e in reversed(events) if e["verb"] in _NAMING}
    named |= {str(e["detail"]["document"]): e for e in reversed(events) if "document" in e["detail"]}
    return [
        f"document {name}: event {e['seq']} ({e['verb']} by {e['actor']}) names it, and it is not there"
        for name, e in named.items()
        if name not in kept
    ]


def digest_of(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def heads_of(text: str) -> list[str]:
    """The digests in a file of chain heads, whatever stands beside them."""
    return _DIGEST.findall(text)


def triggers(connection: psycopg.Connection) -> Check:
    """Each table of the ledger refuses UPDATE, DELETE and TRUNCATE, in a replica session too."""
    check = Check("triggers of the ledger")
    for r in rows(connection, "ledger_triggers.sql"):
        check.looked_at += 1
        if r["missing"]:
            check.faults.append(f"table {r['identity']}: nothing that is enabled always refuses {r['missing']}")
    return check


def owner(connection: psycopg.Connection, pair: Pair) -> Check:
    """Nobody who is no superuser can write what decides: it belongs to the ledger role, which nobody is a member of."""
    check = Check("who can write the ledger", looked_at=1)
    check.faults += [
        f"{r['object']}: expected nothing but the ledger role's own, which nobody is a member of, found {r['found']}"
        for r in rows(connection, "ledger_owner.sql", pair.owner, pair.ledger)
    ]
    return check


def instance(connection: psycopg.Connection, events: list[dict[str, Any]], place: Place) -> Check:
    """The ledger is the one that this database was given, not one that was restored or copied and forgets what came after."""
    check = Check("the instance of the ledger", looked_at=1)
    known = [e for e in events if e["verb"] in ("configured", "adopted")]
    noted = known[-1]["detail"].get("instance") if known else None
    (live,) = rows(connection, "instance.sql")
    if not isinstance(noted, dict) or any(noted.get(k) != live[k] for k in ("database", "ledger")):
        check.faults.append(f"it was recorded for {noted}, and is in {live}: restored from a dump, or copied")
    same_timeline(check, events, place)
    return check


def duties(connection: psycopg.Connection, events: list[dict[str, Any]]) -> Check:
    """Who has a duty is who the events say: from those whom FIX7a found, each that was given and revoked since."""
    check, said = Check("duties"), {}
    for e in events:
        detail = e["detail"]
        if e["verb"] == "configured":
            said = {login: (who["duty"], who["person"]) for login, who in detail.get("duties", {}).items()}
        elif e["verb"] == "duty_given":
            said[e["subject"]] = (detail.get("duty"), detail.get("person"))
        elif e["verb"] == "duty_revoked":
            said.pop(e["subject"], None)
    found = {r["login"]: (r["duty"], r["person"]) for r in rows(connection, "duties.sql")}
    check.looked_at = len(found)
    check.faults += [
        f"login {login}: expected {_duty(said.get(login))} by the events, found {_duty(found.get(login))}"
        for login in sorted(said.keys() | found.keys())
        if said.get(login) != found.get(login)
    ]
    return check


def _duty(known: tuple[Any, Any] | None) -> str:
    return "no duty" if known is None else f"duty {known[0]} of {known[1]}"
