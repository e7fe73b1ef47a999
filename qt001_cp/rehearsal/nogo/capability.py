"""Fake capability evidence. Tried after FIX7c; each case ends in what the capability gate itself says."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from qt001_cp.emit.quoting import literal
from qt001_cp.model.canonical import Json, canonical_bytes, digest
from qt001_cp.model.manifest import ObjectManifest
from qt001_cp.rehearsal.nogo.case import Case, Step

FAMILY = "fake_capability"


def evidence(manifest: ObjectManifest, wanted: str, producer: str, **changes: Any) -> bytes:
    """Capability evidence as canonical bytes; ``changes`` replace fields, None takes one away."""
    document: Json = {
        "schema": "qt001.evidence.capability/1",
        "class": "real",
        "capability": wanted,
        "environment": "production",
        "producer": {"name": producer, "version": "2.54"},
        "subject": manifest.digest(),
        "produced_at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "raw": "restore drill: 1 database restored, all checksums equal",
        **changes,
    }
    return canonical_bytes({k: v for k, v in document.items() if v is not None})


def cases(manifest: ObjectManifest, capability: str, producer: str) -> list[Case]:
    gate = Step(
        "superuser",
        "SELECT qt001_cp.raise_first('capability gate', (SELECT jsonb_agg(to_jsonb(f))"
        f" FROM qt001_cp.capability_findings('{manifest.digest()}') f WHERE f.object = 'capability ' || %s))",
        [capability],
    )

    def offered(name: str, contains: str, *, by: str = producer, **changes: Any) -> Case:
        body = evidence(manifest, capability, by, **changes)
        steps = (
            Step("author", "SELECT qt001_cp.import_evidence(%s)", [body]),
            Step("author", "SELECT qt001_cp.bind_evidence(%s, %s)", [digest(body), capability]),
            gate,
        )
        return Case(FAMILY, name, steps, ("QT301",), contains)

    real = evidence(manifest, capability, producer)
    return [
        Case(FAMILY, "no evidence at all", (gate,), ("QT301",), "bound to it, found"),
        offered("simulated evidence", "is simulated", **{"class": "simulated"}),
        offered("about another subject", "another subject", subject="0" * 64),
        offered("about another capability", "another capability", capability="something_else"),
        offered("by an unknown tool", "unknown producer", by="home-made"),
        offered("from a rehearsal, called real", "from a rehearsal", environment="rehearsal"),
        offered("too old", "produced at", produced_at="2001-01-01T00:00:00Z"),
        offered("from the future", "produced at", produced_at="2999-01-01T00:00:00Z"),
        offered("the test authority, called real", "called real", by="qt001-test-authority"),
        offered("of class test by another producer", "of class test", **{"class": "test"}),
        Case(FAMILY, "without raw output",
             (Step("author", "SELECT qt001_cp.import_evidence(%s)", [evidence(manifest, capability, producer, raw=None)]),),
             ("QT302",), "raw"),
        Case(FAMILY, "real, imported but bound to nothing",
             (Step("author", "SELECT qt001_cp.import_evidence(%s)", [real]), gate), ("QT301",), "bound to it, found"),
        Case(FAMILY, "edited after import",
             (Step("author", "SELECT qt001_cp.import_evidence(%s)", [real]),
              Step("superuser", "SET LOCAL ROLE qt001_cp_ledger; UPDATE qt001_cp.document SET body = body"
                   f" WHERE digest = '{digest(real)}'")), ("QT201",)),
        Case(FAMILY, "inserted around the function",
             (Step("author", "INSERT INTO qt001_cp.document (digest, body) VALUES (%s, %s)", [digest(real), real]),), ("42501",)),
        Case(FAMILY, "inserted around the function, as the ledger role",
             (Step("superuser", "SELECT qt001_cp.record_document(%s)", [real]),
              Step("superuser", "SET LOCAL ROLE qt001_cp_ledger; INSERT INTO qt001_cp.event (verb, subject, detail)"
                   f" VALUES ('bound', '{digest(real)}', jsonb_build_object('requirement', {literal(capability)}))"),
              gate), ("QT301",), "is bound by"),
        Case(FAMILY, "of a time that never grows old",
             (Step("author", "SELECT qt001_cp.import_evidence(%s)", [evidence(manifest, capability, producer, produced_at="now")]),),
             ("QT302",), "produced_at"),
        Case(FAMILY, "imported by the application role",
             (Step("application", "SELECT qt001_cp.import_evidence(%s)", [real]),), ("42501",)),
        Case(FAMILY, "bound by the auditor",
             (Step("auditor", "SELECT qt001_cp.bind_evidence(%s, %s)", [digest(real), capability]),), ("42501",)),
    ]  # fmt: skip  # one move a line
