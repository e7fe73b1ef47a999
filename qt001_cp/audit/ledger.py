"""Documents and the chain of events, recomputed here. The canonical form is that of another project (rfc8785).

Source: RFC 8785; FIPS 180-4 (SHA-256).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import UTC
from typing import Any

import psycopg
import rfc8785

from qt001_cp.audit.check import Check
from qt001_cp.audit.queries import rows

_NAMING = ("configured", "captured", "proposed", "sealed", "cutover", "deployed", "evidence_imported", "bound")
_DIGEST = re.compile(r"[0-9a-f]{64}")


def documents(connection: psycopg.Connection) -> tuple[Check, dict[str, dict[str, Any]]]:
    """Every document: its digest, its canonical form, its kind, and the rows that were unpacked from it."""
    check, found = Check("documents"), {}
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
        except (ValueError, rfc8785.CanonicalizationError) as exc:
            check.faults.append(f"{name}: it has no canonical form: {exc}")
            continue
        if canonical != body:
            check.faults.append(f"{name}: its bytes are not the canonical ones (RFC 8785)")
        if document.get("schema") != r["kind"]:
            check.faults.append(f"{name}: it is called {r['kind']}, and says {document.get('schema')}")
        if r["kind"].startswith("qt001.manifest.object/") and document["objects"] != unpacked.get(r["digest"], []):
            check.faults.append(f"{name}: the rows of its objects are not the document's")
        found[r["digest"]] = document
    return check, found


def chain(connection: psycopg.Connection, heads: list[str]) -> tuple[Check, list[dict[str, Any]]]:
    """Every event: number, predecessor, digest. ``heads``: digests kept elsewhere that have to be in the chain."""
    check, events = Check("chain of events"), rows(connection, "events.sql")
    before = "0" * 64
    for number, e in enumerate(events, 1):
        check.looked_at += 1
        stamped = {
            "seq": e["seq"],
            "stage": e["stage"],
            "at": e["at"].astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "actor": e["actor"],
            "verb": e["verb"],
            "subject": e["subject"],
            "detail": e["detail"],
            "prev": e["prev"],
        }
        made = hashlib.sha256(rfc8785.dumps(stamped)).hexdigest()
        if e["seq"] != number or e["prev"] != before or e["digest"] != made:
            check.faults.append(
                f"event {e['seq']} ({e['verb']} by {e['actor']}): expected number {number} after {before},"
                f" digest {made}, found number {e['seq']} after {e['prev']}, digest {e['digest']}"
            )
        before = e["digest"]
    known = {e["digest"] for e in events}
    check.faults += [f"the head {h}, kept elsewhere, is not in the chain" for h in heads if h not in known]
    return check, events


def missing(events: list[dict[str, Any]], found: Mapping[str, object]) -> list[str]:
    """Documents that an event names and nobody keeps."""
    named = {e["subject"]: e for e in reversed(events) if e["verb"] in _NAMING}
    named |= {str(e["detail"]["document"]): e for e in reversed(events) if "document" in e["detail"]}
    return [
        f"document {name}: event {e['seq']} ({e['verb']} by {e['actor']}) names it, and it is not there"
        for name, e in named.items()
        if name not in found
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
