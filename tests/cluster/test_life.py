"""A database with a pair of its own lives as any other: its pack, its audit, its report, a change there and back, a copy."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from qt001_cp import estate
from qt001_cp.cli import main
from qt001_cp.errors import ManifestError
from qt001_cp.rehearsal.change import ChangeRehearsal, Where
from qt001_cp.rehearsal.made_copy import make_copy, of_source
from qt001_cp.rehearsal.scene import AUDITOR, OPERATOR
from qt001_cp.servers import open_server
from tests.acceptance.support import open_all
from tests.cluster.place import STEPS, Place, gone, made, pair, verdict
from tests.succession.support import accepted, answer, marked, prepared, write
from tests.succession.test_changes import TABLE

pytestmark = pytest.mark.slow
SHOP = pair("shop")
_DEFAULT = re.compile(r"qt001_cp_(owner|ledger)\b")
_OWNER = "SELECT relowner::regrole::text FROM pg_class WHERE oid = to_regclass(%s)"


@pytest.fixture
def place() -> Iterator[Place]:
    """Cut over, every gate open; on a server of its own, where no role has the default names."""
    with open_server() as own:
        made_ = made(own, "shop_place", estate.QT001, SHOP)
        for step in ("bootstrap", "FIX7a", "seal", "FIX7b", "FIX7c", "sign"):
            STEPS[step](made_)
        yield made_
        gone(made_)


def _named_by_default(folder: Path) -> list[str]:
    return [str(p) for p in sorted(folder.rglob("*")) if p.is_file() and _DEFAULT.search(p.read_text("utf-8"))]


def test_the_pair_goes_with_everything(place: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stage, operator = place.stage, place.scene.dsn(OPERATOR)
    superuser = place.scene.dsn(place.scene.server.superuser)
    with stage.connect() as admin:
        assert admin.execute("SELECT 1 FROM pg_roles WHERE rolname ~ '^qt001_cp_(owner|ledger)$'").fetchall() == []
    # The pack is printed without a database; the audit reads it beside the live one.
    assert main(["review", stage.manifest_path, "--out", str(tmp_path / "pack")]) == 0
    assert _named_by_default(tmp_path / "pack") == []
    assert _named_by_default(stage.folder) == []
    audited = ["audit", "--database", superuser, "--manifest", stage.manifest_path, "--format", "json"]
    capsys.readouterr()
    code = main([*audited, "--pack", str(tmp_path / "pack")])
    checks = json.loads(capsys.readouterr().out)["checks"]
    assert [(c["name"], c["faults"]) for c in checks if c["faults"]] == []
    assert code == 0
    assert main(["report", "--database", superuser, "--format", "json"]) == 0
    assert not _DEFAULT.search(capsys.readouterr().out)
    # A change, rehearsed in this database, made and taken back.
    added = prepared(stage, tmp_path, "unit_added", *TABLE)
    assert added.manifest.pair == SHOP
    assert main(["review", str(added.where.out), "--out", str(tmp_path / "change-pack")]) == 0
    assert _named_by_default(tmp_path / "change-pack") == []
    # It is no rehearsal any more: evidence of a test's authority counts for nothing.
    open_all(stage, test_authority=False)
    before = verdict(place.scene)
    assert before["accepted"]
    added.sealed(operator)
    added.forward(operator)
    with stage.connect() as admin:
        assert admin.execute(_OWNER, ["public.qt001_unit"]).fetchone() == ("shop_cp_owner",)
    answer(stage)
    assert accepted(stage)
    assert main([*audited[:3], "--manifest", str(added.where.out / "object.json")]) == 0
    added.back(operator)
    answer(stage)
    assert accepted(stage)
    now = verdict(place.scene)
    assert [now[part] for part in ("gates", "drift", "told")] == [before[part] for part in ("gates", "drift", "told")]


def test_no_change_moves_the_pair(place: Place, tmp_path: Path) -> None:
    ini = write(tmp_path, "moved", *TABLE)
    with marked(place.stage), pytest.raises(ManifestError) as caught:
        ChangeRehearsal(place.scene, Where(ini, "moved", tmp_path / "out", estate.policy_path()), lambda _: None).run()
    assert "expected owner shop_cp_owner and ledger role shop_cp_ledger" in caught.value.message
    assert "found qt001_cp_owner and qt001_cp_ledger" in caught.value.message
    assert caught.value.hint


def test_a_copy_has_the_pair_of_its_original(place: Place) -> None:
    source = place.scene.dsn(place.scene.server.superuser)
    with of_source(source, lambda _: None) as original, open_server(confined=True) as other:
        copy = make_copy(original, other, lambda _: None)
        assert copy.pair == SHOP
        with copy.connect(AUDITOR) as auditor:
            row = auditor.execute("SELECT qt001_cp.configured_pair()").fetchone()
        assert row == (SHOP.to_json(),)
