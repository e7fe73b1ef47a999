"""``qt001-cp drift`` answers at each stage, finds what changed, and writes nothing."""

from __future__ import annotations

import json

import pytest

from qt001_cp.cli import main
from qt001_cp.rehearsal.scene import AUDITOR, OPERATOR
from tests.conftest import Stage


def _events(stage: Stage) -> object:
    with stage.connect() as admin:
        return admin.execute("SELECT count(*) FROM qt001_cp.event").fetchone()


def test_it_finds_what_changed_and_no_more(at_fix7c_done: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    call = ["drift", "--database", at_fix7c_done.scene.dsn(AUDITOR)]
    before = _events(at_fix7c_done)
    assert main(call) == 0
    assert f"0 difference(s) from object manifest {at_fix7c_done.digest} at fix7c" in capsys.readouterr().out
    with at_fix7c_done.connect() as admin:
        admin.execute("GRANT UPDATE ON public.qt001_source TO directus")
    assert main([*call, "--format", "json"]) == 3
    said = json.loads(capsys.readouterr().out)
    assert (said["schema"], said["stage"], said["manifest"]) == ("qt001.drift/1", "fix7c", at_fix7c_done.digest)
    assert [(d["aspect"], d["object"]) for d in said["drift"]] == [("acl", "table public.qt001_source")]
    assert _events(at_fix7c_done) == before


def test_before_the_cutover_it_compares_with_what_was_sealed(
    at_fix7a_sealed: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    call = ["drift", "--database", at_fix7a_sealed.scene.dsn(OPERATOR)]
    assert main(call) == 0
    with at_fix7a_sealed.connect() as admin:
        admin.execute("ALTER TABLE public.qt001_source ADD COLUMN late int")
    capsys.readouterr()
    assert main(call) == 3
    assert "table public.qt001_source" in capsys.readouterr().out


def test_without_a_sealed_manifest_or_a_database_it_says_so(
    at_base: Stage, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("QT001_DATABASE_URL", raising=False)
    assert main(["drift"]) == 2
    assert "has to be named" in capsys.readouterr().err
    at_base.upgrade("fix7a", policy="qt001_cp/estate/policy.toml", manifest="")
    assert main(["drift", "--database", at_base.scene.dsn(OPERATOR)]) == 1
    assert "expected a sealed object manifest" in capsys.readouterr().err
