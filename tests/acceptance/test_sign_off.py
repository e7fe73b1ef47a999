"""The auditor's answers: a refusal closes, a newer sign-off of the same subject opens again."""

from __future__ import annotations

import pytest

from qt001_cp.model.canonical import canonical_bytes
from qt001_cp.rehearsal.scene import AUDITOR, AUTHOR, OPERATOR, PERSONS
from tests.acceptance.attempt import Attempt

SPELLINGS = ("tom  author", "tom\tauthor", "tom\u00a0author", "tom\u200b.author", "t\u043em.author", "to\u0301m", "\u00c9VA", "Tom.author",
             "tom.author\n", " tom.author", "tom.author ", "", ".tom", "-tom", "tom/author", "t\u00f6m")  # fmt: skip
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


def test_refusal_closes_whatever_its_subject(attempt: Attempt) -> None:
    """GRANT, the auditor refuses, REVOKE: the subject is as it was when it was signed, and it stays closed."""
    signed = attempt.run("SELECT qt001_cp.subject_digest()")
    attempt.run("GRANT SELECT ON public.qt001_note TO reporting")
    refused = attempt.run("SELECT qt001_cp.subject_digest()")
    assert refused != signed
    attempt.run("SELECT qt001_cp.refuse_sign_off(%s, 'who is reporting?')", [refused], user=AUDITOR)
    attempt.run("REVOKE SELECT ON public.qt001_note FROM reporting")
    assert attempt.run("SELECT qt001_cp.subject_digest()") == signed
    verdict = attempt.verdict()
    assert verdict.closed == "sign_off_present"
    assert f"refused by {AUDITOR}: who is reporting?" in verdict.reasons
    assert attempt.gateway().sqlstate == "QT301"
    attempt.sign()
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
def test_nobody_signs_own_work_by_another_login(attempt: Attempt, maker: str) -> None:
    """By person, not by login: author and signer, and executor and signer."""
    attempt.run(_CALLED, [PERSONS[maker], AUDITOR])
    refusal = attempt.refused(_SIGN, user=AUDITOR)
    assert refusal.sqlstate == "QT304"
    assert f"found {maker} (" in (refusal.diag.message_primary or "")
    assert attempt.verdict().closed == "roles_apart, sign_off_present"


@pytest.mark.parametrize("spelled", SPELLINGS)
def test_a_person_is_an_identifier(attempt: Attempt, spelled: str) -> None:
    """What looks like the author's name, and is another text, cannot be written, whatever the locale."""
    refusal = attempt.refused(_CALLED, [spelled, AUDITOR])
    assert (refusal.sqlstate, refusal.diag.constraint_name) == ("23514", "person_is_an_identifier")


def test_who_acted_is_who_he_was_then(attempt: Attempt) -> None:
    """The author leaves, and his login is dropped: what he did stays an author's; he cannot come back as an auditor."""
    attempt.run(f"DROP ROLE {AUTHOR}")
    assert attempt.verdict().accepted
    attempt.run(f"CREATE ROLE {AUTHOR}_2 LOGIN")
    attempt.run(f"GRANT qt001_cp_auditor TO {AUTHOR}_2")
    attempt.run("DELETE FROM qt001_cp.person WHERE login = %s", [AUTHOR])
    assert attempt.verdict().closed == "sign_off_present"
    attempt.sign()
    assert attempt.verdict().accepted
    row = "INSERT INTO qt001_cp.person (login, person, duty) VALUES (%s, %s, 'auditor')"
    attempt.run(row, [f"{AUTHOR}_2", PERSONS[AUTHOR]])
    refusal = attempt.refused(_SIGN, user=f"{AUTHOR}_2")
    assert refusal.sqlstate == "QT304"
    assert f"found {AUTHOR} ({PERSONS[AUTHOR]}), who has" in (refusal.diag.message_primary or "")


def test_nobody_seals_own_work_by_another_login(attempt: Attempt) -> None:
    """Author and executor are kept apart by person too."""
    readiness = attempt.document("readiness.json")
    readiness["verifier"]["max_age_seconds"] += 1
    digest = attempt.run("SELECT qt001_cp.propose_manifest(%s)", [canonical_bytes(readiness)], user=AUTHOR)
    attempt.run(_CALLED, [PERSONS[AUTHOR], OPERATOR])
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
