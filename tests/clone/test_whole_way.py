"""Another estate than the reference one: rehearsed on a clone by a reader, recorded and cut over at the original."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from qt001_cp.cli import main
from qt001_cp.rehearsal.scene import OPERATOR
from qt001_cp.workflow import revisions
from tests.clone.conftest import APPLICATION, POLICY, Shop

_WRITTEN = """
SELECT sum(n_tup_ins + n_tup_upd + n_tup_del), (SELECT sum(s.tup_inserted + s.tup_updated + s.tup_deleted) FROM pg_stat_database s)
FROM pg_stat_all_tables
"""


def _photograph(shop: Shop) -> tuple[object, ...]:
    server = shop.scene.server
    with shop.scene.connect() as connection:
        written = connection.execute(_WRITTEN).fetchone()
    return shop.scene.dump("--create"), server.dump_roles(), written


def test_a_reader_rehearses_and_the_operator_cuts_over_the_original(
    shop: Shop, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = _photograph(shop)
    out = tmp_path / "rehearsal"
    code = main(["rehearse", "--source", shop.dsn("reader"), "--policy", str(POLICY), "--manifest", str(shop.manifest),
                 "--out", str(out)])  # fmt: skip
    assert code == 0, capsys.readouterr()
    assert _photograph(shop) == before
    transcript = json.loads((out / "transcript.json").read_text())
    assert transcript["origin"]["not_cloned"] == []
    assert "never cloned" not in "".join(p.read_text("utf-8") for p in out.iterdir())
    record = json.loads((out / "nogo.json").read_bytes())
    assert record["manifest"] == transcript["manifest"]
    assert {c["login"] for c in record["cases"] if c["role"] == "application"} == {APPLICATION}
    assert not [c for c in record["cases"] if "directus" in str(c) or "qt001_source" in str(c)]

    operator = shop.dsn(OPERATOR)
    forward = revisions.upgrade_sql("fix7a", "fix7b", manifest=str(shop.manifest))
    assert main(["manifest", "seal", str(shop.manifest), "--database", operator]) == 0
    refused = shop.scene.server.psql(forward, dbname=shop.scene.database, user=OPERATOR, check=False)
    assert "expected recorded in this database, found no record" in refused.stderr
    assert main(["evidence", "import", str(out / "nogo.json"), "--rehearsal", "--database", operator]) == 0
    shop.scene.psql(forward)
    with shop.scene.connect() as connection:
        owner = connection.execute("SELECT tableowner FROM pg_tables WHERE tablename = 'Receipt'").fetchone()
        assert owner == ("qt001_cp_owner",)
    shop.scene.psql(revisions.downgrade_sql("fix7b", "fix7a", manifest=str(shop.manifest)))
