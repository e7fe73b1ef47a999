"""Each gate is necessary: with all others open, closing just this one closes acceptance and blocks the writer."""

from __future__ import annotations

import pytest

from tests.acceptance.attempt import Attempt
from tests.acceptance.closers import CLOSERS, GATES, Closer


def test_every_gate_has_a_way_to_close_it(attempt: Attempt) -> None:
    rows = attempt.connection.execute("SELECT ordinal, gate FROM qt001_cp.gate()").fetchall()
    assert rows == list(enumerate(GATES, 1))


def test_all_gates_are_open_before(attempt: Attempt) -> None:
    assert attempt.verdict() == (True, "", "")


@pytest.mark.parametrize("closer", CLOSERS, ids=str)
def test_gate_is_necessary(attempt: Attempt, closer: Closer) -> None:
    closer.close(attempt)
    if closer.resign:
        attempt.sign()
    verdict = attempt.verdict()
    assert not verdict.accepted
    assert verdict.closed == closer.gate, verdict.reasons
    assert closer.named in verdict.reasons
    refusal = attempt.gateway()
    assert refusal.sqlstate == "QT301"
    assert refusal.diag.message_primary == (
        f"gateway is blocked: {len(GATES) - 1} of {len(GATES)} gates are open; closed: {closer.gate}"
    )


def test_a_source_table_whose_rows_nobody_can_count_is_named(attempt: Attempt) -> None:
    attempt.run("ALTER TABLE public.qt001_source ENABLE ROW LEVEL SECURITY")
    attempt.run("ALTER TABLE public.qt001_source FORCE ROW LEVEL SECURITY")
    refusal = attempt.gateway()
    assert refusal.sqlstate == "QT301"
    assert "table public.qt001_source: expected rows that its owner can count" in (refusal.diag.message_primary or "")
    assert "NO FORCE ROW LEVEL SECURITY" in (refusal.diag.message_hint or "")


@pytest.mark.parametrize("done", ["OWNER TO directus", "RENAME TO gone", "SET SCHEMA qt001_data"])
def test_a_source_table_that_was_taken_is_named(attempt: Attempt, done: str) -> None:
    """Whoever looks at the gates then sees which, and not an error about a privilege of qt001_cp_owner."""
    attempt.run(f"ALTER TABLE public.qt001_source {done}")
    verdict = attempt.verdict()
    assert not verdict.accepted
    assert "protected_state_no_worse" in verdict.closed
    assert "table public.qt001_source: expected at least" in verdict.reasons


def test_what_mends_is_of_the_finding_that_is_named(attempt: Attempt) -> None:
    attempt.run("ALTER TABLE public.qt001_source OWNER TO directus")
    attempt.run("GRANT SELECT ON public.qt001_note TO directus")
    findings = attempt.connection.execute(
        "SELECT gate, object || ': expected ' || expected || ', found ' || found, mend FROM qt001_cp.gate_findings()"
    ).fetchall()
    shown = attempt.connection.execute("SELECT gate, reason, mend FROM qt001_cp.v_fix7_gate WHERE NOT open").fetchall()
    assert len(shown) > 2
    assert set(shown) <= set(findings)
    mend = {gate: mend for gate, _, mend in shown}["sign_off_present"]
    assert "--scope '…' --valid SECONDS" in mend  # sign without them is a wrong call
