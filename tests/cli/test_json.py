"""Whoever reads our JSON finds a schema in it, in every verb that prints it, whatever the exit code."""

from __future__ import annotations

import json
from typing import Any

import pytest

from qt001_cp.cli import main
from qt001_cp.rehearsal.scene import AUTHOR, OPERATOR, VERIFIER
from tests.conftest import Stage


def _said(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(capsys.readouterr().out)
    return said


def test_every_reading_verb_names_its_schema(at_fix7a_sealed: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    stage = at_fix7a_sealed
    file, database = stage.manifest_path, ["--database", stage.scene.dsn(AUTHOR)]
    calls = {
        "qt001.inventory/1": (["inventory", *database], 0),
        "qt001.preflight/1": (["preflight", file, "--database", stage.scene.dsn(OPERATOR)], 3),
        "qt001.status/1": (["status", *database], 0),
        "qt001.verification/1": (["manifest", "verify", file, *database], 0),
        "qt001.manifest.object/1": (["manifest", "show", file], 0),
        "qt001.difference/1": (["manifest", "diff", file, file], 0),
        "qt001.analysis/1": (["analyse", "--only", "public.qt001_write(pg_catalog.jsonb)", *database], 0),
        "qt001.report/1": (["report", *database], 3),
        "qt001.evidence-list/1": (["evidence", "list", *database], 0),
    }
    for schema, (words, code) in calls.items():
        assert main([*words, "--format", "json"]) == code, words
        assert _said(capsys)["schema"] == schema


def test_findings_have_all_their_fields(at_fix7a_sealed: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    words = [
        "preflight",
        at_fix7a_sealed.manifest_path,
        "--format",
        "json",
        "--database",
        at_fix7a_sealed.scene.dsn(OPERATOR),
    ]
    assert main(words) == 3
    (finding,) = _said(capsys)["findings"]
    assert finding["sqlstate"] == "QT105"
    assert finding["precondition"] == 5
    assert all(finding[field] for field in ("object", "expected", "found", "mend"))


def test_an_error_is_json_too(at_base: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "--format", "json", "--database", at_base.scene.dsn(AUTHOR)]) == 1
    said = _said(capsys)
    assert said["schema"] == "qt001.error/1"
    assert said["exit_code"] == 1
    assert "FIX7a is not deployed" in said["message"]


def test_the_verifier_s_run_is_json(at_fix7c_done: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["verify", "--format", "json", "--database", at_fix7c_done.scene.dsn(VERIFIER)]
    assert main(words) == 0
    said = _said(capsys)
    assert said == {
        "schema": "qt001.verification-run/1",
        "findings": [],
        "recorded": True,
        "clock_steps": [],
        "told": [],
    }
    with at_fix7c_done.connect() as admin:
        admin.execute("GRANT SELECT ON public.qt001_source TO intern WITH GRANT OPTION")
    assert main(words) == 3
    assert "public.qt001_source" in json.dumps(_said(capsys)["findings"])
