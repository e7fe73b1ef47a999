"""A database whose policy names a pair of its own is rehearsed on a clone as any other, and the clone's record is its own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from qt001_cp import estate
from qt001_cp.cli import main
from qt001_cp.rehearsal.scene import OPERATOR
from qt001_cp.servers import open_server
from tests.cluster.place import STEPS, Place, gone, made, pair

pytestmark = pytest.mark.slow


@pytest.fixture
def sealed() -> Iterator[Place]:
    """On a server of its own, where no role has the default names."""
    with open_server() as own:
        place = made(own, "shop_place", estate.LOG, pair("shop"))
        for step in ("bootstrap", "FIX7a", "seal"):
            STEPS[step](place)
        yield place
        gone(place)


def test_the_clone_has_the_pair_and_its_record_is_taken(sealed: Place, tmp_path: Path) -> None:
    source, operator = (sealed.scene.dsn(login) for login in (sealed.scene.server.superuser, OPERATOR))
    out = tmp_path / "rehearsal"
    asked = ["--policy", str(sealed.policy), "--manifest", sealed.stage.manifest_path, "--out", str(out)]
    assert main(["rehearse", "--source", source, *asked]) == 0
    record = json.loads((out / "nogo.json").read_bytes())
    assert record["manifest"] == sealed.stage.digest
    said = "".join(p.read_text("utf-8") for p in out.rglob("*") if p.is_file())
    assert "shop_cp_owner" in said
    assert "qt001_cp_owner" not in said
    assert main(["evidence", "import", str(out / "nogo.json"), "--rehearsal", "--database", operator]) == 0
