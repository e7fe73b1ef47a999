"""Gates recompute the chain from the verifier's last checkpoint: what a schedule writes for years costs them nothing."""

from __future__ import annotations

import json

import pytest

from qt001_cp.rehearsal.scene import AUDITOR, OPERATOR, SCANNER, VERIFIER
from tests.acceptance.attempt import Attempt

pytestmark = pytest.mark.slow

YEARS = 20_000
"""Events of a schedule, written as the server would have."""
_SCHEDULE = """
DO $years$
DECLARE
    head qt001_cp.event := (SELECT event FROM qt001_cp.event ORDER BY seq DESC LIMIT 1);
    runs qt001_cp.event[] := ARRAY(
        SELECT event FROM qt001_cp.event WHERE verb IN ('verified', 'scanned') ORDER BY seq DESC LIMIT 2);
BEGIN
    FOR number IN 1 .. {years} LOOP
        INSERT INTO qt001_cp.event (seq, epoch, at, actor, verb, subject, detail, prev, digest)
        SELECT next.*, qt001_cp.event_digest(seq, epoch, at, actor, verb, subject, detail, prev)
        FROM (SELECT head.seq + 1 AS seq, head.epoch, clock_timestamp() - interval '2 hours' AS at, run.actor, run.verb, run.subject, run.detail, head.digest AS prev
              FROM (SELECT (runs[1 + number % 2]).*) run) next
        RETURNING event.* INTO head;
    END LOOP;
END
$years$
"""
_READ = """
SELECT sum(pg_stat_get_xact_tuples_returned(oid) + pg_stat_get_xact_tuples_fetched(oid))::bigint
FROM (SELECT 'qt001_cp.event'::regclass::oid AS oid
      UNION ALL SELECT indexrelid FROM pg_index WHERE indrelid = 'qt001_cp.event'::regclass) part
"""
"""Rows of the ledger and entries of its indexes that this transaction has read. Source: PostgreSQL documentation, 28.2.27."""


def _rows_read(attempt: Attempt) -> int:
    before = int(attempt.run(_READ))
    assert attempt.verdict().accepted
    assert attempt.run("SELECT qt001_cp.valid_until(clock_timestamp()) IS NOT NULL")
    return int(attempt.run(_READ)) - before


def _edit(attempt: Attempt, change: str, where: str) -> None:
    attempt.run("ALTER TABLE qt001_cp.event DISABLE TRIGGER append_only")
    attempt.run(f"UPDATE qt001_cp.event SET {change} WHERE {where}")
    attempt.run("ALTER TABLE qt001_cp.event ENABLE ALWAYS TRIGGER append_only")


def _verify(attempt: Attempt) -> list[dict[str, str]]:
    found: list[dict[str, str]] = attempt.run("SELECT qt001_cp.verify()", user=VERIFIER)
    return found


def _intact(attempt: Attempt) -> tuple[bool, str | None]:
    row = attempt.connection.execute(
        "SELECT open, reason FROM qt001_cp.v_fix7_gate WHERE gate = 'ledger_intact'"
    ).fetchone()
    assert row is not None
    return row[0], row[1]


def test_years_of_a_schedule_cost_the_gates_nothing(attempt: Attempt) -> None:
    """Counted in rows that are read, not in time: no more behind 20,000 events than behind a few dozen."""
    attempt.run("ANALYZE qt001_cp.event")
    few, before = int(attempt.run("SELECT count(*) FROM qt001_cp.event")), _rows_read(attempt)
    attempt.run("ALTER TABLE qt001_cp.event DISABLE TRIGGER stamp")
    attempt.run(_SCHEDULE.format(years=YEARS))
    attempt.run("ALTER TABLE qt001_cp.event ENABLE ALWAYS TRIGGER stamp")
    attempt.run("ANALYZE qt001_cp.event")
    # All of it, and a checkpoint; that the scanner ran hours ago is told.
    assert [finding["object"] for finding in _verify(attempt)] == ["scheduled scanner"]
    attempt.run("SELECT qt001_cp.scan()", user=SCANNER)
    after = _rows_read(attempt)
    assert int(attempt.run("SELECT count(*) FROM qt001_cp.event")) == few + YEARS + 2
    assert after <= before, f"{before} rows read behind {few} events, {after} behind {YEARS}"


def test_an_old_event_is_the_verifier_s_to_find(attempt: Attempt) -> None:
    """Behind the checkpoint gates do not look. The next verification does, is no checkpoint, and closes two gates."""
    _edit(attempt, "detail = detail || '{\"x\": 1}'", "seq = 2")
    assert attempt.verdict().accepted
    (finding,) = [f for f in _verify(attempt) if f["object"].startswith("event ")]
    assert (finding["gate"], finding["sqlstate"], finding["object"]) == ("ledger_intact", "QT205", "event 2")
    detail = attempt.run("SELECT detail FROM qt001_cp.event WHERE verb = 'verified' ORDER BY seq DESC LIMIT 1")
    assert "checkpoint" not in detail
    closed = attempt.verdict()
    assert {"ledger_intact", "scheduled_verifier_recent"} <= set(closed.closed.split(", "))
    assert _intact(attempt)[0] is False
    _edit(attempt, "detail = detail - 'x'", "seq = 2")
    assert _verify(attempt) == []
    attempt.run("SELECT qt001_cp.scan()", user=SCANNER)
    assert attempt.verdict().accepted


def test_a_checkpoint_that_is_edited(attempt: Attempt) -> None:
    """It is an event like another: what comes behind it has its digest, and it is recomputed by whoever rests on it."""
    where = "seq = (SELECT max(seq) FROM qt001_cp.event WHERE verb = 'verified')"
    more = "jsonb_set(detail, '{checkpoint,digest}', to_jsonb(digest))"
    _edit(attempt, f"detail = {more}", where)
    assert "with digest" in str(_intact(attempt)[1])
    digest = f"qt001_cp.event_digest(seq, epoch, at, actor, verb, subject, {more}, prev)"
    _edit(attempt, f"detail = {more}, digest = {digest}", where)
    assert _intact(attempt)[0] is False  # the scan behind it names the digest that it had
    _edit(attempt, "detail = jsonb_set(detail, '{checkpoint,seq}', '1000000')", where)
    assert attempt.run("SELECT count(*) FROM qt001_cp.checkpoint()") == 0
    assert _intact(attempt)[0] is False


def test_nobody_else_writes_a_checkpoint(attempt: Attempt) -> None:
    """Written around verify() by whoever was lent the ledger role it is none: the whole chain is recomputed, and the edit seen."""
    last = attempt.run("SELECT max(seq) FROM qt001_cp.event")
    detail = attempt.run("SELECT detail FROM qt001_cp.event WHERE verb = 'verified' ORDER BY seq DESC LIMIT 1")
    detail["checkpoint"] = {
        "seq": last,
        "digest": attempt.run("SELECT digest FROM qt001_cp.event ORDER BY seq DESC LIMIT 1"),
    }
    _edit(attempt, "detail = detail || '{\"x\": 1}'", "seq = 2")
    for user in (OPERATOR, AUDITOR):
        with attempt.connection.transaction(force_rollback=True):
            attempt.write_event("verified", "", json.dumps(detail), user=user)
            assert attempt.run("SELECT count(*) FROM qt001_cp.checkpoint()") == 0
            assert _intact(attempt)[0] is False


def test_without_a_verification_all_is_recomputed(attempt: Attempt) -> None:
    """In another instance of the ledger the checkpoint of the first one does not count."""
    _edit(attempt, "detail = detail || '{\"x\": 1}'", "seq = 2")
    assert _intact(attempt)[0] is True
    moved = "jsonb_set(detail, '{instance,nonce}', '\"another\"')"
    with attempt.connection.transaction(force_rollback=True):
        attempt.write_event("adopted", "", json.dumps({"instance": attempt.run(f"SELECT ({moved}) -> 'instance' FROM qt001_cp.event"
                                                       " WHERE verb = 'verified' ORDER BY seq DESC LIMIT 1")}))  # fmt: skip
        assert "event 2" in str(_intact(attempt)[1])
