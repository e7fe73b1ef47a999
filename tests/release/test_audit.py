"""The audit follows the builds by itself, and reads the control plane's routines against the scripts that have made them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from qt001_cp import estate
from qt001_cp.audit.own_code import routines_of
from qt001_cp.audit.releases import builds
from qt001_cp.cli import main
from qt001_cp.project import project_folder
from qt001_cp.rehearsal.scene import OPERATOR
from qt001_cp.workflow import revisions
from tests.conftest import Stage
from tests.release.product import RELEASE, Product
from tests.release.test_release import BACK, FORWARD, printed

pytestmark = pytest.mark.slow


@pytest.fixture
def scripts(at_fix7c_done: Stage, product: Product, tmp_path: Path) -> dict[str, Path]:
    """As they were printed and run, by name."""
    texts = {
        "fix7a": revisions.upgrade_sql("base", "fix7a", policy=str(estate.policy_path())),
        "fix7c": revisions.upgrade_sql("fix7b", "fix7c", manifest=at_fix7c_done.manifest_path),
        "forward": printed(product, FORWARD),
        "back": printed(product, BACK),
    }
    for name, text in texts.items():
        (tmp_path / f"{name}.sql").write_text(text, "utf-8")
    return {"bootstrap": project_folder() / "scripts" / "bootstrap.sql"} | {
        name: tmp_path / f"{name}.sql" for name in texts
    }


def faults(stage: Stage, capsys: pytest.CaptureFixture[str], check: str, *code: Path) -> list[str]:
    given = [word for path in code for word in ("--code", str(path))]
    capsys.readouterr()
    main(["audit", "--database", stage.scene.dsn("postgres"), "--format", "json", *given])
    document = json.loads(capsys.readouterr().out)
    return [f for c in document["checks"] if c["name"] == check for f in c["faults"]]


def test_the_routines_are_those_of_the_scripts(
    at_fix7c_done: Stage, product: Product, scripts: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """Which build's SQL to expect: before a release, after it, and behind its way back."""
    stage, own = at_fix7c_done, "the control plane's own routines"
    made = [scripts[name] for name in ("bootstrap", "fix7a", "fix7c")]
    assert faults(stage, capsys, own, *made) == []
    product.alembic("upgrade", RELEASE, url=stage.scene.dsn(OPERATOR))
    old = faults(stage, capsys, own, *made)
    assert [f.partition(":")[0] for f in old] == [
        "routine qt001_cp.lingering_findings",
        "routine qt001_cp.role_findings",
    ]
    assert faults(stage, capsys, own, *made, scripts["forward"]) == []
    assert faults(stage, capsys, "the builds of the product") == []
    product.alembic("downgrade", "fix7c", url=stage.scene.dsn(OPERATOR))
    assert faults(stage, capsys, own, *made, scripts["forward"], scripts["back"]) == []
    with stage.connect() as admin:
        admin.execute("ALTER FUNCTION qt001_cp.role_findings() SECURITY DEFINER")
        admin.execute("ALTER FUNCTION qt001_cp.build() RESET search_path")
        admin.execute("CREATE FUNCTION qt001_cp.build(text) RETURNS int LANGUAGE sql AS 'SELECT 1'")
    found = faults(stage, capsys, own, *made)
    assert [f.partition(":")[0] for f in found] == ["routine qt001_cp.build", "routine qt001_cp.role_findings"]
    assert "SECURITY DEFINER" in found[1]


def test_what_a_script_makes_and_drops() -> None:
    text = (
        "CREATE FUNCTION qt001_cp.a(x int DEFAULT 1) RETURNS int\nLANGUAGE sql STABLE SECURITY DEFINER\nSET jit = off\n"
        "AS $a$ SELECT 1 $a$;\nDROP FUNCTION qt001_cp.b;\n"
    )
    (name, made), (gone, nothing) = routines_of(text)
    assert (name, gone, nothing) == ("a", "b", None)
    assert made is not None
    assert (made.definer, made.volatility, made.settings) == (True, "s", frozenset({"jit=off"}))


def events(*changes: dict[str, Any]) -> list[dict[str, Any]]:
    """A ledger with a release that came and went, and what a change makes another."""
    told: list[dict[str, Any]] = [
        {"verb": "configured", "subject": "p", "detail": {"build": "A"}},
        {"verb": "deployed", "subject": "m", "detail": {}},
        {"verb": "released", "subject": "m", "detail": {
            "direction": "forward", "from": "fix7c", "to": RELEASE, "was": "A", "build": "B"}},
        {"verb": "released", "subject": "m", "detail": {
            "direction": "back", "from": RELEASE, "to": "fix7c", "was": "B", "build": "A"}},
        {"verb": "undeployed", "subject": "m", "detail": {}},
    ]  # fmt: skip
    for change in changes:
        at = change.pop("at")
        if change.pop("gone", False):
            del told[at]
        else:
            told[at] = {**told[at], **{k: v for k, v in change.items() if k == "subject"},
                        "detail": told[at]["detail"] | {k: v for k, v in change.items() if k != "subject"}}  # fmt: skip
    return [{"seq": n, **e} for n, e in enumerate(told, 1)]


def test_a_release_there_and_back_has_no_fault() -> None:
    check = builds(events())
    assert (check.faults, check.looked_at) == ([], 3)
    assert check.notes == ["this database is at build A of fix7c: compare it with the release that you reviewed"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"at": 2, "was": "X"}, "event 3 leaves build X of fix7c, and build A of fix7c was in force"),
        ({"at": 2, "from": "fix7c_1_0_1"}, "event 3 leaves build A of fix7c_1_0_1"),
        ({"at": 3, "build": "C"}, "event 4 leads back to build C of fix7c, which is not what was there before"),
        ({"at": 3, "gone": True}, f"event 4 takes FIX7c back, and release {RELEASE} stands behind it"),
        ({"at": 2, "subject": "other"}, "event 3 names manifest other, and m was deployed"),
        ({"at": 2, "gone": True}, f"event 3 leaves build B of {RELEASE}, and build A of fix7c was in force"),
    ],
)
def test_a_forged_release_is_a_fault(change: dict[str, Any], words: str) -> None:
    assert any(words in fault for fault in builds(events(change)).faults)
