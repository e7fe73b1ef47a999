"""The runner of the no-go cases can fail: only a refusal for the right reason that moves nothing passes."""

from __future__ import annotations

from qt001_cp.rehearsal.nogo.case import Case, Outcome, Step
from qt001_cp.rehearsal.nogo.runner import run_batch, run_cases
from tests.conftest import Stage

FORBIDDEN = Step("public_only", "DELETE FROM public.qt001_source")


def _case(*steps: Step, contains: str = "") -> Case:
    return Case("acl_denials", "a case", steps, ("42501",), contains)


def _one(stage: Stage, case: Case) -> Outcome:
    (outcome,) = run_cases(stage.scene, [case], "directus")
    return outcome


def test_refusal_for_the_right_reason_passes(at_fix7a_sealed: Stage) -> None:
    outcome = _one(at_fix7a_sealed, _case(FORBIDDEN, contains="qt001_source"))
    assert outcome.passed
    assert outcome.to_json()["sqlstate"] == "42501"


def test_allowed_statement_does_not_pass(at_fix7a_sealed: Stage) -> None:
    outcome = _one(at_fix7a_sealed, _case(Step("application", "DELETE FROM public.qt001_note")))
    assert (outcome.sqlstate, outcome.passed) == ("00000", False)


def test_another_sqlstate_does_not_pass(at_fix7a_sealed: Stage) -> None:
    outcome = _one(at_fix7a_sealed, _case(Step("application", "SELECT 1 / 0")))
    assert (outcome.sqlstate, outcome.passed) == ("22012", False)


def test_another_message_does_not_pass(at_fix7a_sealed: Stage) -> None:
    outcome = _one(at_fix7a_sealed, _case(FORBIDDEN, contains="qt001_ledger"))
    assert not outcome.passed
    assert outcome.to_json()["sqlstate"] == "42501 (another reason)"


def test_refused_preparation_does_not_pass(at_fix7a_sealed: Stage) -> None:
    outcome = _one(at_fix7a_sealed, _case(FORBIDDEN, Step("application", "SELECT 1")))
    assert (outcome.prepared, outcome.passed) == (False, False)
    assert outcome.to_json()["sqlstate"] == "42501 (another reason)"


def test_case_that_moves_state_does_not_pass(at_fix7a_sealed: Stage) -> None:
    """A sequence is not rolled back: the attack is refused, and yet something is no longer what it was."""
    spend = Step("application", "SELECT nextval('public.qt001_permit_number')")
    outcome = _one(at_fix7a_sealed, _case(spend, FORBIDDEN))
    assert outcome.sqlstate == "42501"
    assert outcome.prepared
    assert not outcome.passed


def test_batch_that_moves_state_fails_as_a_whole(at_fix7a_sealed: Stage) -> None:
    """Statements of a batch are committed: what was not refused shows in the state of all of them."""
    refused = _case(Step("application", "DELETE FROM public.reporting_targets"))
    allowed = _case(Step("application", "INSERT INTO public.newsletter (email) VALUES ('nogo@example.org')"))
    outcomes = run_batch(at_fix7a_sealed.scene, [refused, allowed], "directus")
    assert [o.sqlstate for o in outcomes] == ["42501", "00000"]
    assert [o.passed for o in outcomes] == [False, False]


def test_every_role_is_really_that_login(at_fix7a_sealed: Stage) -> None:
    who = "DO $nogo$ BEGIN RAISE EXCEPTION USING ERRCODE = '42501', MESSAGE = format('%s/%s', session_user, current_user); END $nogo$"
    for role, login in (("application", "directus"), ("author", "qt001_author"), ("auditor", "qt001_auditor")):
        assert _one(at_fix7a_sealed, _case(Step(role, who), contains=f"{login}/{login}")).passed
        (batch,) = run_batch(at_fix7a_sealed.scene, [_case(Step(role, who), contains=f"{login}/{login}")], "directus")
        assert batch.passed
