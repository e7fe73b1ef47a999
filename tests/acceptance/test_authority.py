"""Evidence of the test authority counts only where the bootstrap said so; real evidence counts everywhere."""

from __future__ import annotations

from tests.acceptance.attempt import SERVICE
from tests.acceptance.test_sufficiency import CALL, open_all
from tests.conftest import Stage


def _closed(stage: Stage) -> str | None:
    with stage.connect() as admin:
        row = admin.execute("SELECT closed FROM qt001_cp.v_fix7_acceptance").fetchone()
    assert row is not None
    closed: str | None = row[0]
    return closed


def test_real_evidence_opens_where_the_test_authority_does_not(at_fix7c_done: Stage) -> None:
    with at_fix7c_done.connect() as admin:
        admin.execute("UPDATE qt001_cp.bootstrap SET rehearsal = false, test_authority = false")
    open_all(at_fix7c_done)
    assert _closed(at_fix7c_done) == "capability_evidence_real"
    open_all(at_fix7c_done, test_authority=False)
    assert _closed(at_fix7c_done) is None
    with at_fix7c_done.connect(SERVICE) as service:
        service.execute(CALL)
