"""A gate that can never open proves nothing: with real evidence and an independent sign-off the writer writes."""

from __future__ import annotations

import json

import psycopg
import pytest

from qt001_cp.model.canonical import digest
from qt001_cp.rehearsal.nogo.capability import evidence
from qt001_cp.rehearsal.scene import AUDITOR, AUTHOR, VERIFIER
from tests.conftest import Stage

CALL = """SELECT public.qt001_gateway('{"code": "QT001-0001", "title": "Water level", "reason": "test"}'::jsonb)"""


def open_all(stage: Stage, *, test_authority: bool = True) -> str:
    """Supply what is missing after FIX7c; returns the subject digest that was signed."""
    assert stage.bundle is not None
    capabilities = json.loads(stage.bundle.files["capability.json"])["capabilities"]
    with stage.connect(AUTHOR) as author:
        for capability in capabilities:
            producer = "qt001-test-authority" if test_authority else capability["producers"][0]
            kind = {"class": "test", "environment": "rehearsal"} if test_authority else {}
            body = evidence(stage.bundle.manifest, capability["name"], producer, **kind)
            author.execute("SELECT qt001_cp.import_evidence(%s)", [body])
            author.execute("SELECT qt001_cp.bind_evidence(%s, %s)", [digest(body), capability["name"]])
    with stage.connect(VERIFIER) as verifier:
        assert verifier.execute("SELECT qt001_cp.verify()").fetchone() == ([],)
    with stage.connect(AUDITOR) as auditor:
        row = auditor.execute("SELECT qt001_cp.subject_digest()").fetchone()
        assert row is not None
        auditor.execute("SELECT qt001_cp.sign_off(%s, 'test', 600)", [row[0]])
    return str(row[0])


def test_writer_is_blocked_and_opens_with_real_evidence(at_fix7c_done: Stage) -> None:
    with at_fix7c_done.connect("qt001_service") as service:
        with pytest.raises(psycopg.Error) as refused:
            service.execute(CALL)
        assert refused.value.sqlstate == "QT301"
        open_all(at_fix7c_done)
        with at_fix7c_done.connect() as admin:
            assert admin.execute("SELECT accepted, open_gates FROM qt001_cp.v_fix7_acceptance").fetchone() == (True, 17)
        service.execute(CALL)
