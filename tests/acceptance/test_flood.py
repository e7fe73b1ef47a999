"""Whoever fills the ledger in a loop stops at a limit, which is told; gates and writer go on."""

from __future__ import annotations

import json
from collections.abc import Callable

import psycopg
import pytest

from qt001_cp.model.canonical import canonical_bytes
from qt001_cp.rehearsal.nogo.capability import evidence
from qt001_cp.rehearsal.scene import AUDITOR, AUTHOR
from tests.acceptance.attempt import SERVICE
from tests.acceptance.support import CALL
from tests.conftest import Stage

LIMIT = 1000
FULL = f"expected at most {LIMIT} events of a login in an hour"


def refused(connection: psycopg.Connection, statement: str, *params: object) -> psycopg.Error:
    with pytest.raises(psycopg.Error) as caught:
        connection.execute(statement.encode(), params)
    return caught.value


def test_a_loop_of_refusals_ends_at_the_limit(opened: Stage) -> None:
    """They close, as one does, and the gates go on answering; another login's act goes through all the same."""
    loop = "SELECT qt001_cp.refuse_sign_off('another subject', 'no') FROM generate_series(1, %s)"
    with opened.connect(AUDITOR) as auditor, opened.connect(SERVICE) as service:
        service.execute(CALL)
        row = auditor.execute("SELECT count(*) FROM qt001_cp.v_event WHERE actor = 'qt001_auditor'").fetchone()
        assert row is not None
        before = int(row[0])
        auditor.execute(loop, [LIMIT - before])
        full = refused(auditor, "SELECT qt001_cp.refuse_sign_off('another subject', 'no')")
        assert full.sqlstate == "QT208"
        assert FULL in str(full)
        assert auditor.execute("SELECT count(*) FROM qt001_cp.v_event WHERE actor = 'qt001_auditor'").fetchone() == (
            LIMIT,
        )
        assert refused(service, CALL).sqlstate == "QT301"
        closed = auditor.execute("SELECT gate FROM qt001_cp.v_fix7_gate WHERE NOT open").fetchall()
        assert closed == [("sign_off_present",)]
    with opened.connect(AUTHOR) as author:
        body = canonical_bytes({"schema": "qt001.evidence.capability/1"})
        assert refused(author, "SELECT qt001_cp.import_evidence(%s)", body).sqlstate == "QT302"


@pytest.mark.parametrize(
    "grow",
    [
        lambda document: {**document, "raw": "x" * (17 << 20)},
        lambda document: {**document, "raw": "x", "more": [[]] * (6 << 20)},
    ],
    ids=["one long text", "very many parts"],
)
def test_evidence_has_a_size(opened: Stage, grow: Callable[[dict[str, object]], object]) -> None:
    assert opened.bundle is not None
    small = json.loads(evidence(opened.bundle.manifest, "restore_drill", "qt001-test-authority"))
    large = json.dumps(grow(small), separators=(",", ":"), sort_keys=True).encode()
    with opened.connect(AUTHOR) as author:
        error = refused(author, "SELECT qt001_cp.import_evidence(%s)", large)
        assert error.sqlstate == "QT208"
        assert "expected at most 16 MB" in str(error)
        assert author.execute("SELECT count(*) FROM qt001_cp.document WHERE length(body) > 16777216").fetchone() == (0,)


def test_a_reason_has_a_size(opened: Stage) -> None:
    with opened.connect(AUDITOR) as auditor:
        error = refused(auditor, "SELECT qt001_cp.refuse_sign_off('another subject', repeat('x', 2000000))")
    assert error.sqlstate == "QT208"
    assert "expected at most 1024 kB" in str(error)
