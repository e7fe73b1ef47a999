"""A database that lives on after the cutover: what was taken is shown, what is new is named, and the way back stays open."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from qt001_cp import estate
from qt001_cp.cli import main
from qt001_cp.rehearsal.scene import AUTHOR, OPERATOR
from tests.conftest import Stage

_GONE = ("default acl",)
"""Default privileges that give nothing to anybody have no row any more."""
ADDED = {
    "a column": "ALTER TABLE public.qt001_setting ADD COLUMN unit text DEFAULT 'm'",
    "a column with a sequence": "ALTER TABLE public.qt001_setting ADD COLUMN number serial",
    "an identity column": "ALTER TABLE public.qt001_setting ADD COLUMN place bigint GENERATED ALWAYS AS IDENTITY",
    "an index": "CREATE INDEX qt001_setting_value ON public.qt001_setting (value)",
    "a constraint": "ALTER TABLE public.qt001_setting ADD CONSTRAINT qt001_said CHECK (key <> 'never')",
    "a table": "CREATE TABLE public.qt001_late (id int PRIMARY KEY, note text)",
    "a view": "CREATE VIEW public.qt001_late_view AS SELECT key FROM public.qt001_setting",
    "statistics": "CREATE STATISTICS public.qt001_late_statistics ON key, value FROM public.qt001_setting",
}
"""What a change of the owner's adds to something protected, or beside it."""


def _inventory(stage: Stage, capsys: pytest.CaptureFixture[str], code: int) -> dict[str, Any]:
    policy = ["--policy", str(estate.policy_path()), "--database", stage.scene.dsn(AUTHOR)]
    assert main(["inventory", *policy, "--format", "json"]) == code
    answer: dict[str, Any] = json.loads(capsys.readouterr().out)
    return answer


def _as_owner(stage: Stage, *statements: str) -> None:
    with stage.connect() as admin, admin.transaction():
        admin.execute("SET LOCAL ROLE qt001_cp_owner")
        for statement in statements:
            admin.execute(statement.encode())


def _reasons(stage: Stage) -> str:
    with stage.connect() as admin:
        rows = admin.execute("SELECT gate, object, mend FROM qt001_cp.gate_findings() ORDER BY 1, 2").fetchall()
    return "\n".join(map(str, rows))


def test_the_inventory_shows_what_was_transferred(at_fix7c_done: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    """Every object of the manifest is there, and classified as it was; then an owner's table that no manifest names."""
    stage = at_fix7c_done
    answer = _inventory(stage, capsys, 0)
    there = {(o["kind"], o["identity"]): o["why"] for o in answer["objects"]}
    assert len(there) == len(answer["objects"])
    moved = {o.ref.key for o in stage.manifest.transferred if o.ref.kind not in _GONE}
    assert not moved - there.keys()
    assert all("protected" in there[key] for key in moved)
    assert answer["unclassified"] == []
    view = ("view", "public.qt001_status")
    assert there[view] == ["protected", "granted"]
    database = ["--database", stage.scene.dsn(AUTHOR)]
    assert main(["inventory", *database]) == 0
    said = capsys.readouterr().out
    assert "of directus; no policy" in said
    assert (
        f"{sum('protected' in why for why in there.values())} of them protected: the owner role of the control plane owns them"
        in said
    )

    assert "public.stray" not in _reasons(stage)
    _as_owner(stage, "CREATE TABLE public.stray (id int)")
    assert "('inventory_exact', 'table public.stray', 'Find out who made it as its owner; drop it" in _reasons(stage)
    assert _inventory(stage, capsys, 3)["unclassified"] == ["table public.stray"]
    _as_owner(stage, "DROP TABLE public.stray")
    assert "public.stray" not in _reasons(stage)


def test_no_manifest_is_generated_of_what_is_cut_over(
    at_fix7b_done: Stage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It said that routines of the apply path are not in the estate, and that the policy is wrong. The policy is right."""
    generate = ["manifest", "generate", "--out", str(tmp_path / "bundle")]
    assert main([*generate, "--database", at_fix7b_done.scene.dsn(AUTHOR)]) == 1
    said = capsys.readouterr().err
    assert "expected no cutover in force, found one" in said
    assert "policy:" not in said
    assert not (tmp_path / "bundle").exists()


def test_preflight_of_the_way_back_knows_fix7c(at_fix7c_done: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    """What FIX7c has changed is no drift; that it comes first on the way back is the one finding. Drift is told all the same."""
    stage = at_fix7c_done
    arguments = ["preflight", stage.manifest_path, "--restore", "--database", stage.scene.dsn(OPERATOR)]
    assert main([*arguments, "--format", "json"]) == 3
    findings = json.loads(capsys.readouterr().out)["findings"]
    assert [(f["sqlstate"], f["expected"], f["found"]) for f in findings] == [("QT122", "fix7b", "fix7c")]
    _as_owner(stage, "GRANT SELECT ON public.qt001_setting TO public_only")
    assert main([*arguments, "--format", "json"]) == 3
    findings = json.loads(capsys.readouterr().out)["findings"]
    assert [f["sqlstate"] for f in findings] == ["QT122", "QT113"]


def test_what_was_added_never_bars_the_way_back(at_fix7c_done: Stage) -> None:
    """All at once, from FIX7c to FIX7a: what was added stays, and belongs to whom its table does, or to the control plane."""
    stage = at_fix7c_done
    _as_owner(stage, *ADDED.values())
    stage.downgrade("fix7b")
    stage.downgrade("fix7a")
    with stage.connect() as admin:
        owners: dict[str, str] = dict(
            admin.execute(
                "SELECT relname, pg_get_userbyid(relowner) FROM pg_class WHERE relname ~ '^qt001_(late|setting)' ORDER BY 1"
            ).fetchall()
        )
        statistics = admin.execute("SELECT pg_get_userbyid(stxowner) FROM pg_statistic_ext").fetchall()
    assert {name: owners[name] for name in ("qt001_late", "qt001_late_view")} == {
        "qt001_late": "qt001_cp_owner",
        "qt001_late_view": "qt001_cp_owner",
    }
    assert {owners[name] for name in owners if name.startswith("qt001_setting")} == {"directus"}
    assert ("qt001_cp_owner",) in statistics
