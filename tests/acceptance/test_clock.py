"""A step back of time in the chain is told by status, verify and audit, and closes nothing."""

from __future__ import annotations

import json

import pytest

from qt001_cp.cli import main
from qt001_cp.rehearsal.scene import AUDITOR, OPERATOR, VERIFIER
from tests.conftest import Stage

BACK = (
    "INSERT INTO qt001_cp.event (epoch, seq, at, actor, verb, subject, detail, prev, digest)"
    " SELECT back.*, qt001_cp.event_digest(seq, epoch, at, actor, verb, subject, detail, prev) FROM ("
    "SELECT epoch, seq + 1 AS seq, at - %s::interval AS at, actor, 'scanned' AS verb, '' AS subject, '{}'::jsonb AS detail, digest AS prev"
    " FROM qt001_cp.event ORDER BY event.seq DESC LIMIT 1) back"
)


def _set_back(stage: Stage, step: str) -> int:
    """The next event of the chain, as it would be with the clock set back; its number."""
    with stage.connect() as connection:
        connection.execute("ALTER TABLE qt001_cp.event DISABLE TRIGGER stamp")
        connection.execute(BACK, [step])
        connection.execute("ALTER TABLE qt001_cp.event ENABLE ALWAYS TRIGGER stamp")
        row = connection.execute("SELECT max(seq) FROM qt001_cp.event").fetchone()
    assert row is not None
    return int(row[0])


def _said(verb: str, stage: Stage, user: str, capsys: pytest.CaptureFixture[str]) -> str:
    main([verb, "--database", stage.scene.dsn(user)])
    return capsys.readouterr().out


def _closed(stage: Stage) -> list[tuple[str]]:
    query = "SELECT DISTINCT gate FROM qt001_cp.gate_findings() ORDER BY gate"
    with stage.connect() as connection:
        return connection.execute(query).fetchall()


def test_a_step_back_is_told(at_fix7c_done: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    before = _closed(at_fix7c_done)
    number = _set_back(at_fix7c_done, "30 days")
    assert _closed(at_fix7c_done) == before
    words = f"time runs back in the ledger: event {number} is dated"
    assert words in _said("status", at_fix7c_done, OPERATOR, capsys)
    assert words in _said("verify", at_fix7c_done, VERIFIER, capsys)
    assert f"note: time runs back: event {number} " in _said("audit", at_fix7c_done, AUDITOR, capsys)
    with at_fix7c_done.connect() as connection:
        row = connection.execute(
            "SELECT detail ->> 'clock_steps' FROM qt001_cp.event WHERE verb = 'verified' ORDER BY seq DESC LIMIT 1"
        ).fetchone()
    assert row == ("1",)


def test_a_clock_that_is_held_in_step_is_no_matter(at_fix7c_done: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    _set_back(at_fix7c_done, "900 milliseconds")
    main(["status", "--format", "json", "--database", at_fix7c_done.scene.dsn(OPERATOR)])
    assert json.loads(capsys.readouterr().out)["clock_steps"] == []
    assert "time runs back" not in _said("audit", at_fix7c_done, AUDITOR, capsys)
