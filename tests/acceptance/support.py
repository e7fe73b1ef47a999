"""Opening all gates, and the documents that tests change."""

from __future__ import annotations

import json
from collections.abc import Callable

import psycopg

from qt001_cp.model.canonical import Json, canonical_bytes, digest
from qt001_cp.model.manifest import ObjectManifest
from qt001_cp.rehearsal.nogo.capability import evidence
from qt001_cp.rehearsal.scene import AUDITOR, AUTHOR, OPERATOR, SCANNER, VERIFIER
from tests.conftest import Stage

CALL = """SELECT public.qt001_gateway('{"code": "QT001-0001", "title": "Water level", "reason": "test"}'::jsonb)"""


def open_all(stage: Stage, *, test_authority: bool = True) -> None:
    """Supply what is missing after FIX7c: capability evidence, a clean verification, a sign-off."""
    assert stage.bundle is not None
    attest(stage, stage.bundle.manifest, stage.bundle.files["capability.json"], test_authority=test_authority)
    with stage.connect(VERIFIER) as verifier:
        found = verifier.execute("SELECT qt001_cp.verify()").fetchone()
        assert found == ([],), found
    with stage.connect(SCANNER) as scanner:
        found = scanner.execute("SELECT qt001_cp.scan()").fetchone()
        assert found == ([],), found
    sign(stage)


def attest(stage: Stage, manifest: ObjectManifest, capabilities: bytes, *, test_authority: bool = False) -> None:
    """Evidence about this manifest of each capability that the document demands."""
    with stage.connect(AUTHOR) as author:
        for capability in json.loads(capabilities)["capabilities"]:
            producer = "qt001-test-authority" if test_authority else capability["producers"][0]
            changes = {"class": "test", "environment": "rehearsal"} if test_authority else {}
            body = evidence(manifest, capability["name"], producer, **changes)
            author.execute("SELECT qt001_cp.import_evidence(%s)", [body])
            author.execute("SELECT qt001_cp.bind_evidence(%s, %s)", [digest(body), capability["name"]])


def sign(stage: Stage) -> None:
    """The auditor signs today's subject."""
    with stage.connect(AUDITOR) as auditor:
        auditor.execute("SELECT qt001_cp.sign_off(qt001_cp.subject_digest(), 'test', 600)")


def superuser(stage: Stage, *statements: str) -> None:
    with stage.connect() as admin:
        for statement in statements:
            admin.execute(statement)


def redeploy(stage: Stage, name: str, change: Callable[[Json], object]) -> bytes:
    """Change one of the deployed documents, and leave the database as a deployment with it would have. Returns its bytes."""
    assert stage.bundle is not None
    document = json.loads(stage.bundle.files[name])
    change(document)
    body = canonical_bytes(document)
    with stage.connect(AUTHOR) as author, stage.connect(OPERATOR) as operator, stage.connect() as admin:
        author.execute("SELECT qt001_cp.propose_manifest(%s)", [body])
        operator.execute("SELECT qt001_cp.seal_manifest(%s)", [digest(body)])
        with admin.transaction():
            put_in_force(admin, document["schema"], digest(body))
    return body


_ALWAYS = """
SELECT tgrelid::regclass::text, quote_ident(tgname) FROM pg_trigger
WHERE tgenabled = 'A' AND tgrelid = 'qt001_cp.event'::regclass
"""
_NAMED = """
UPDATE qt001_cp.event SET detail = jsonb_set(detail, ARRAY['documents', %s], to_jsonb(%s::text)) WHERE verb = 'deployed'
"""
_CHAINED = """
DO $chain$
DECLARE
    number bigint;
    before text := repeat('0', 64);
BEGIN
    FOR number IN SELECT seq FROM qt001_cp.event ORDER BY seq LOOP
        UPDATE qt001_cp.event SET detail = jsonb_set(detail, '{checkpoint,digest}', (
            SELECT to_jsonb(digest) FROM qt001_cp.event known WHERE known.seq = (event.detail #>> '{checkpoint,seq}')::bigint))
        WHERE seq = number AND detail ? 'checkpoint';
        UPDATE qt001_cp.event SET prev = before, digest = qt001_cp.event_digest(
            seq, epoch, at, actor, verb, subject, detail, before)
        WHERE seq = number RETURNING digest INTO before;
    END LOOP;
END $chain$
"""


def put_in_force(admin: psycopg.Connection, schema: str, digest: str) -> None:
    """The event of the deployment names this document, and the chain is whole: as if FIX7c had been run with it."""
    kept = [f"ALTER TABLE {table} {{}} TRIGGER {trigger}" for table, trigger in admin.execute(_ALWAYS).fetchall()]
    for trigger in kept:
        admin.execute(trigger.format("DISABLE").encode())
    admin.execute(_NAMED, [schema, digest])
    admin.execute(_CHAINED)
    for trigger in kept:
        admin.execute(trigger.format("ENABLE ALWAYS").encode())


def reimport(stage: Stage, change: Callable[[Json], object]) -> None:
    """Import a changed static analysis."""
    assert stage.bundle is not None
    document = json.loads(stage.bundle.files["static-analysis.json"])
    change(document)
    with stage.connect(AUTHOR) as author:
        author.execute("SELECT qt001_cp.import_evidence(%s)", [canonical_bytes(document)])


def closed(stage: Stage) -> dict[str, str]:
    """Closed gates and their reasons."""
    with stage.connect() as admin:
        rows = admin.execute("SELECT gate, reason FROM qt001_cp.v_fix7_gate WHERE NOT open").fetchall()
    return {str(gate): str(reason) for gate, reason in rows}
