"""Opening all gates, and the documents that tests change."""

from __future__ import annotations

import json
from collections.abc import Callable

from qt001_cp.model.canonical import Json, canonical_bytes, digest
from qt001_cp.rehearsal.nogo.capability import evidence
from qt001_cp.rehearsal.scene import AUDITOR, AUTHOR, OPERATOR, SCANNER, VERIFIER
from tests.conftest import Stage

CALL = """SELECT public.qt001_gateway('{"code": "QT001-0001", "title": "Water level", "reason": "test"}'::jsonb)"""


def open_all(stage: Stage, *, test_authority: bool = True) -> None:
    """Supply what is missing after FIX7c: capability evidence, a clean verification, a sign-off."""
    assert stage.bundle is not None
    with stage.connect(AUTHOR) as author:
        for capability in json.loads(stage.bundle.files["capability.json"])["capabilities"]:
            producer = "qt001-test-authority" if test_authority else capability["producers"][0]
            changes = {"class": "test", "environment": "rehearsal"} if test_authority else {}
            body = evidence(stage.bundle.manifest, capability["name"], producer, **changes)
            author.execute("SELECT qt001_cp.import_evidence(%s)", [body])
            author.execute("SELECT qt001_cp.bind_evidence(%s, %s)", [digest(body), capability["name"]])
    with stage.connect(VERIFIER) as verifier:
        assert verifier.execute("SELECT qt001_cp.verify()").fetchone() == ([],)
    with stage.connect(SCANNER) as scanner:
        assert scanner.execute("SELECT qt001_cp.scan()").fetchone() == ([],)
    sign(stage)


def sign(stage: Stage) -> None:
    """The auditor signs today's subject."""
    with stage.connect(AUDITOR) as auditor:
        auditor.execute("SELECT qt001_cp.sign_off(qt001_cp.subject_digest(), 'test', 600)")


def superuser(stage: Stage, *statements: str) -> None:
    with stage.connect() as admin:
        for statement in statements:
            admin.execute(statement)


def reseal(stage: Stage, name: str, change: Callable[[Json], object]) -> None:
    """Change one of the sealed documents and have author and operator seal the result."""
    assert stage.bundle is not None
    document = json.loads(stage.bundle.files[name])
    change(document)
    body = canonical_bytes(document)
    with stage.connect(AUTHOR) as author, stage.connect(OPERATOR) as operator:
        author.execute("SELECT qt001_cp.propose_manifest(%s)", [body])
        operator.execute("SELECT qt001_cp.seal_manifest(%s)", [digest(body)])


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
