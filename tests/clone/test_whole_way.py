"""Another estate than the reference one: rehearsed on a clone by a reader, recorded and cut over at the original."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from qt001_cp.rehearsal.scene import AUTHOR, OPERATOR
from qt001_cp.workflow import revisions
from tests.clone.conftest import APPLICATION, POLICY, Shop
from tests.guides.guide import blocks

_WRITTEN = """
SELECT sum(n_tup_ins + n_tup_upd + n_tup_del), (SELECT sum(s.tup_inserted + s.tup_updated + s.tup_deleted) FROM pg_stat_database s)
FROM pg_stat_all_tables
"""


def _photograph(shop: Shop) -> tuple[object, ...]:
    server = shop.scene.server
    with shop.scene.connect() as connection:
        written = connection.execute(_WRITTEN).fetchone()
    return shop.scene.dump("--create"), server.dump_roles(), written


@pytest.mark.slow
def test_a_reader_rehearses_and_the_operator_cuts_over_the_original(shop: Shop, tmp_path: Path) -> None:
    """By the commands of docs/clone.md, as they are written."""
    lines = "".join(blocks("clone")[""]).splitlines()
    people = {"READER": shop.dsn("reader"), "AUTHOR": shop.dsn(AUTHOR), "OPERATOR": shop.dsn(OPERATOR)}

    def run(line: str, code: int = 0, folder: Path = tmp_path) -> None:
        environment = {**os.environ, **people, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
        done = subprocess.run(
            ["bash", "-c", line], cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == code, f"{line}: {done.stdout}{done.stderr}"

    draft, generate, rehearse, seal, record = lines
    (tmp_path / "draft").mkdir()
    run(draft, 3, tmp_path / "draft")  # the bookkeeper could give on what he reads: the person trusts him
    shutil.copytree(POLICY.parent, tmp_path, dirs_exist_ok=True)  # what the draft leaves to a person, decided
    run(generate)
    before = _photograph(shop)
    run(rehearse)
    assert _photograph(shop) == before
    out = tmp_path / "rehearsal"
    transcript = json.loads((out / "transcript.json").read_text())
    assert transcript["origin"]["not_cloned"] == []
    assert "never cloned" not in "".join(p.read_text("utf-8") for p in out.iterdir())
    nogo = json.loads((out / "nogo.json").read_bytes())
    assert nogo["manifest"] == transcript["manifest"]
    assert {c["login"] for c in nogo["cases"] if c["role"] == "application"} == {APPLICATION}
    assert not [c for c in nogo["cases"] if "directus" in str(c) or "qt001_source" in str(c)]

    forward = revisions.upgrade_sql("fix7a", "fix7b", manifest=str(tmp_path / "bundle" / "object.json"))
    run(seal)
    refused = shop.scene.server.psql(forward, dbname=shop.scene.database, user=OPERATOR, check=False)
    assert "expected recorded in this database, found no record" in refused.stderr
    run(record)
    shop.scene.psql(forward)
    with shop.scene.connect() as connection:
        owner = connection.execute("SELECT tableowner FROM pg_tables WHERE tablename = 'Receipt'").fetchone()
        assert owner == ("qt001_cp_owner",)
    shop.scene.psql(revisions.downgrade_sql("fix7b", "fix7a", manifest=str(shop.manifest)))
