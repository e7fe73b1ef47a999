"""The auditor's answers: a refusal closes, a newer sign-off of the same subject opens again."""

from __future__ import annotations

from qt001_cp.rehearsal.scene import AUDITOR
from tests.acceptance.attempt import Attempt


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
