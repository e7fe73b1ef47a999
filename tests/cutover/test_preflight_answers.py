"""Preflight says of each precondition what it was asked of; what was not asked does not pass."""

from __future__ import annotations

import json
from typing import Any

import pytest

from qt001_cp.cli import main
from qt001_cp.rehearsal.scene import OPERATOR
from tests.conftest import Stage


def _preflight(stage: Stage, capsys: pytest.CaptureFixture[str], code: int, *more: str) -> dict[int, dict[str, Any]]:
    arguments = ["preflight", stage.manifest_path, "--database", stage.scene.dsn(OPERATOR), *more]
    assert main([*arguments, "--format", "json"]) == code
    answers = json.loads(capsys.readouterr().out)["preconditions"]
    assert main(arguments) == code
    text = capsys.readouterr().out
    for a in answers:
        assert f"{a['number']} {a['title']}" in text
        assert a["evidence"] is None or a["evidence"] in text
    return {a["number"]: a for a in answers}


def test_all_pass_with_what_they_were_asked_of(at_recorded: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    answers = _preflight(at_recorded, capsys, 0)
    status = {number: a["status"] for number, a in answers.items()}
    assert (len(status), status.pop(9)) == (11, "warning")
    assert set(status.values()) == {"pass"}
    # The reference estate asks who runs it in its trail of who wrote what.
    assert all("asks who runs it" in w for w in answers[9]["warnings"]), answers[9]["warnings"]
    assert f"by {OPERATOR} at" in answers[1]["evidence"]
    assert answers[2]["evidence"].startswith("190 objects:")
    assert "115 are to be transferred" in answers[2]["evidence"]
    assert "cases, imported by" in answers[5]["evidence"]
    assert answers[6]["evidence"] == "apply: public.qt001_switch apply; readiness: public.qt001_switch readiness"


def test_one_fails_and_one_warns(at_recorded: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    with at_recorded.connect() as other:
        other.execute("UPDATE public.qt001_switch SET state = 'open' WHERE name = 'apply'")
        with other.transaction():
            other.execute("LOCK TABLE public.qt001_source IN SHARE MODE")
            answers = _preflight(at_recorded, capsys, 3)
    status = {number: a["status"] for number, a in answers.items()}
    assert (status.pop(6), status.pop(9), status.pop(10)) == ("fail", "warning", "warning")
    assert set(status.values()) == {"pass"}
    assert "holds locks on 1 of these relations" in answers[10]["warnings"][0]
    assert answers[6]["findings"][0]["mend"].startswith("UPDATE public.qt001_switch")


def test_what_was_not_asked_does_not_pass(at_recorded: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    with at_recorded.connect() as superuser:  # as if this manifest had never come here
        superuser.execute(
            "SET session_replication_role = replica; ALTER TABLE qt001_cp.document DISABLE TRIGGER USER;"
            " ALTER TABLE qt001_cp.manifest_row DISABLE TRIGGER USER; DELETE FROM qt001_cp.manifest_row;"
            " DELETE FROM qt001_cp.document WHERE kind LIKE 'qt001.manifest.object/%'"
        )
    answers = _preflight(at_recorded, capsys, 3)
    assert answers[0]["status"] == "pass"
    assert {a["status"] for number, a in answers.items() if number > 1} == {"not asked"}


def test_the_way_back(at_fix7b_done: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    answers = _preflight(at_fix7b_done, capsys, 0, "--restore")
    assert {a["status"] for a in answers.values()} == {"pass"}
    assert answers[1]["evidence"].startswith(f"cut over by {OPERATOR} at")
