"""The auditor's answers: a refusal closes, a newer sign-off of the same subject opens again."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from qt001_cp.model.canonical import canonical_bytes
from qt001_cp.rehearsal.scene import AUDITOR, AUTHOR, OPERATOR, PERSONS
from tests.acceptance.attempt import Attempt

_SIGN = "SELECT qt001_cp.sign_off(qt001_cp.subject_digest(), 'own work', 600)"
_CALLED = "UPDATE qt001_cp.person SET person = %s WHERE login = %s"


def test_refusal_stands_until_the_auditor_signs_again(attempt: Attempt) -> None:
    subject = attempt.run("SELECT qt001_cp.subject_digest()")
    attempt.run("SELECT qt001_cp.refuse_sign_off(%s, 'a permit without its sheet')", [subject], user=AUDITOR)
    refusal = attempt.gateway()
    assert refusal.sqlstate == "QT301"
    assert "a permit without its sheet" in (refusal.diag.message_detail or "")
    attempt.run("SELECT qt001_cp.sign_off(%s, 'the sheet was found', 600)", [subject], user=AUDITOR)
    assert attempt.verdict() == (True, "", "")


def test_refusal_of_another_subject_does_not_close(attempt: Attempt) -> None:
    attempt.run("SELECT qt001_cp.refuse_sign_off(%s, 'an old one')", ["0" * 64], user=AUDITOR)
    assert attempt.verdict().accepted


def test_refusal_needs_its_reason(attempt: Attempt) -> None:
    refusal = attempt.refused("SELECT qt001_cp.refuse_sign_off(qt001_cp.subject_digest(), ' ')", user=AUDITOR)
    assert refusal.sqlstate == "QT302"


def test_sign_off_expires(attempt: Attempt) -> None:
    attempt.run("SELECT qt001_cp.sign_off(qt001_cp.subject_digest(), 'short', 1)", user=AUDITOR)
    attempt.run("SELECT pg_sleep(2.1)")
    verdict = attempt.verdict()
    assert verdict.closed == "sign_off_present"
    assert "expired at" in verdict.reasons


@pytest.mark.parametrize("maker", [AUTHOR, OPERATOR])
@pytest.mark.parametrize("spelled", [str, str.upper, "  {} ".format])
def test_nobody_signs_own_work_by_another_login(attempt: Attempt, maker: str, spelled: Callable[[str], str]) -> None:
    """By person, not by login, however the name is written: author and signer, and executor and signer."""
    attempt.run(_CALLED, [spelled(PERSONS[maker]), AUDITOR])
    refusal = attempt.refused(_SIGN, user=AUDITOR)
    assert refusal.sqlstate == "QT304"
    assert f"found {maker} (" in (refusal.diag.message_primary or "")
    assert attempt.verdict().closed == "roles_apart, sign_off_present"


def test_nobody_seals_own_work_by_another_login(attempt: Attempt) -> None:
    """Author and executor are kept apart by person too."""
    readiness = attempt.document("readiness.json")
    readiness["verifier"]["max_age_seconds"] += 1
    digest = attempt.run("SELECT qt001_cp.propose_manifest(%s)", [canonical_bytes(readiness)], user=AUTHOR)
    attempt.run(_CALLED, [PERSONS[AUTHOR].upper(), OPERATOR])
    refusal = attempt.refused("SELECT qt001_cp.seal_manifest(%s)", [digest], user=OPERATOR)
    assert refusal.sqlstate == "QT107"
    assert f"found the person behind {AUTHOR} and {OPERATOR}" in str(refusal)
    assert "roles_apart" in attempt.verdict().closed


def test_evidence_says_at_which_moment_it_was_made(attempt: Attempt) -> None:
    """'now' would never grow old; a time without a zone is another one in every session."""
    analysis = attempt.document("static-analysis.json")
    for said in (
        "now",
        "today",
        "2026-01-31 12:00:00",
        "2026-01-31T12:00:00",
        "2026-01-31T12:00:00+02",
        "2026-02-30T12:00:00Z",
        "soon",
    ):
        body = canonical_bytes({**analysis, "produced_at": said})
        refusal = attempt.refused("SELECT qt001_cp.import_evidence(%s)", [body], user=AUTHOR)
        assert refusal.sqlstate == "QT302"
        assert f"found '{said}'" in (refusal.diag.message_primary or "")
