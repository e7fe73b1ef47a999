"""Each cutover, deployment and way back opens an epoch; what was signed, verified, scanned or bound counts in its own."""

from __future__ import annotations

import pytest

from qt001_cp.cli import main
from qt001_cp.rehearsal.scene import AUDITOR, AUTHOR, SCANNER, VERIFIER
from tests.acceptance.attempt import Attempt
from tests.acceptance.support import closed, open_all, sign
from tests.conftest import Stage

_OLD = {"scheduled_verifier_recent", "sign_off_present", "capability_evidence_real"}
_BINDS = "SELECT mend FROM qt001_cp.gate_findings() WHERE gate = 'capability_evidence_real' ORDER BY mend"


def _there_and_back(attempt: Attempt) -> None:
    """FIX7c is taken back and deployed again: its two events, as its scripts write them."""
    detail = attempt.run("SELECT detail::text FROM qt001_cp.event WHERE verb = 'deployed' ORDER BY seq DESC LIMIT 1")
    attempt.write_event("undeployed", attempt.stage.digest)
    attempt.write_event("deployed", attempt.stage.digest, detail)


def _bound_again(attempt: Attempt) -> None:
    rows = attempt.connection.execute(
        "SELECT DISTINCT subject, detail ->> 'requirement' FROM qt001_cp.event WHERE verb = 'bound'"
    )
    for digest, capability in rows.fetchall():
        attempt.run("SELECT qt001_cp.bind_evidence(%s, %s)", [digest, capability], user=AUTHOR)


def test_nothing_of_an_earlier_epoch_counts(attempt: Attempt) -> None:
    assert attempt.verdict().accepted
    epoch = attempt.run("SELECT qt001_cp.epoch()")
    subject = attempt.run("SELECT qt001_cp.subject_digest()")
    _there_and_back(attempt)
    assert attempt.run("SELECT qt001_cp.epoch()") == epoch + 2
    verdict = attempt.verdict()
    assert set(verdict.closed.split(", ")) == _OLD
    for words in ("was bound in", "signed in"):
        assert (
            f"{words} epoch {epoch}; this is epoch {epoch + 2}, since the last cutover, deployment or way back"
            in verdict.reasons
        )
    assert f"in epoch {epoch}; this is epoch {epoch + 2}" in verdict.reasons.splitlines()[0]
    assert attempt.gateway().sqlstate == "QT301"
    old = attempt.refused("SELECT qt001_cp.sign_off(%s, 'replayed', 600)", [subject], user=AUDITOR)
    assert old.sqlstate == "QT303"
    _bound_again(attempt)
    assert attempt.run("SELECT qt001_cp.verify()", user=VERIFIER) == []
    attempt.run("SELECT qt001_cp.scan()", user=SCANNER)
    assert attempt.verdict().closed == "sign_off_present"
    attempt.sign()
    assert attempt.verdict() == (True, "", "")
    assert attempt.run("SELECT qt001_cp.subject_digest()") != subject


@pytest.mark.parametrize(("again", "gate"), [("verify", "scheduled_verifier_recent"), ("scan", "scheduled_verifier_recent"),
                                             ("bind", "capability_evidence_real"), ("sign", "sign_off_present")])  # fmt: skip
def test_each_of_them_has_to_come_again(attempt: Attempt, again: str, gate: str) -> None:
    """All the others have: this one closes its gate alone."""
    _there_and_back(attempt)
    if again != "bind":
        _bound_again(attempt)
    if again != "verify":
        attempt.run("SELECT qt001_cp.verify()", user=VERIFIER)
    if again != "scan":
        attempt.run("SELECT qt001_cp.scan()", user=SCANNER)
    if again != "sign":
        attempt.sign()
    assert attempt.verdict().closed == gate


def test_a_refusal_closes_in_every_epoch(attempt: Attempt) -> None:
    attempt.run("SELECT qt001_cp.refuse_sign_off(qt001_cp.subject_digest(), 'a sheet is missing')", user=AUDITOR)
    _there_and_back(attempt)
    _bound_again(attempt)
    attempt.run("SELECT qt001_cp.verify()", user=VERIFIER)
    attempt.run("SELECT qt001_cp.scan()", user=SCANNER)
    verdict = attempt.verdict()
    assert verdict.closed == "sign_off_present"
    assert f"refused by {AUDITOR}: a sheet is missing" in verdict.reasons
    attempt.sign()
    assert attempt.verdict().accepted


def test_an_event_of_a_stage_that_is_not_there(attempt: Attempt) -> None:
    """A second deployment would forget which rows the first one had counted."""
    for verb in ("deployed", "cutover", "restored"):
        insert = f"INSERT INTO qt001_cp.event (verb, subject, detail) VALUES ('{verb}', '', '{{}}')"
        assert attempt.refused(f"DO $$ BEGIN SET LOCAL ROLE qt001_cp_ledger; {insert}; END $$").sqlstate == "QT204"
    attempt.run("ALTER TABLE qt001_cp.event DISABLE TRIGGER stamp")
    attempt.run(
        "INSERT INTO qt001_cp.event SELECT next.*, qt001_cp.event_digest(seq, epoch, at, actor, verb, subject, detail, prev) FROM ("
        "SELECT head.seq + 1 AS seq, head.epoch + 1 AS epoch, head.at, done.actor, done.verb, done.subject, done.detail, head.digest AS prev"
        " FROM (SELECT * FROM qt001_cp.event ORDER BY event.seq DESC LIMIT 1) head"
        " JOIN qt001_cp.event done ON done.verb = 'deployed') next"
    )
    attempt.run("ALTER TABLE qt001_cp.event ENABLE ALWAYS TRIGGER stamp")
    reason = attempt.run("SELECT reason FROM qt001_cp.v_fix7_gate WHERE gate = 'ledger_intact'")
    assert "expected deployed at stage fix7b, found deployed at stage fix7c" in reason


@pytest.mark.slow
def test_cut_over_again(at_fix7c_done: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    """The whole way back and forth by the scripts. Then evidence is bound by the command that the closed gate names."""
    stage = at_fix7c_done
    open_all(stage)
    assert closed(stage) == {}
    stage.downgrade("fix7b")
    stage.downgrade("fix7a")
    stage.upgrade("fix7b")
    stage.upgrade("fix7c")
    assert set(closed(stage)) == _OLD
    with stage.connect() as connection:
        mends = [mend for (mend,) in connection.execute(_BINDS.encode()).fetchall()]
    assert mends
    for mend in mends:
        command = mend.partition(" (as the author")[0].split()
        assert command[:2] == ["qt001-cp", "bind"]
        assert main([*command[1:], "--database", stage.scene.dsn(AUTHOR)]) == 0
    assert "bound " in capsys.readouterr().out
    for login, run in ((VERIFIER, "verify"), (SCANNER, "scan")):
        with stage.connect(login) as connection:
            assert connection.execute(f"SELECT qt001_cp.{run}()".encode()).fetchone() == ([],)
    sign(stage)
    assert closed(stage) == {}
