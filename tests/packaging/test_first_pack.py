"""With nothing but an installed wheel and a login that may read, docs/first-pack.md leads to a reviewed pack."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from qt001_cp.rehearsal.scene import Scene
from qt001_cp.servers import open_server
from tests.clone.conftest import HERE, load_shop
from tests.guides.guide import blocks
from tests.packaging.conftest import run

pytestmark = pytest.mark.slow
DECIDED = "2. Decide"


@pytest.fixture
def shop() -> Iterator[Scene]:
    with open_server("embedded") as server:
        yield load_shop(server)


def test_a_new_user_gets_a_pack_and_the_source_is_not_touched(installed: Path, shop: Scene, tmp_path: Path) -> None:
    before = (shop.dump("--create"), shop.server.dump_roles())
    guide = blocks("first-pack")
    assert (
        guide[""][0].splitlines()[0].endswith("pip install ./qt001_cp-0.1.0-py3-none-any.whl")
    )  # which `installed` did
    dsn = f"postgresql://reader@/Corner%20Shop?host={quote(shop.server.host, safe='')}&port={shop.server.port}"
    said: dict[str, str] = {}
    for heading, commands in guide.items():
        if heading == DECIDED:  # what a person does here: the policy and the new sources of this estate
            shutil.copytree(HERE / "shop", tmp_path, dirs_exist_ok=True)
        for line in "".join(commands).splitlines()[0 if heading else 2 :]:
            done = run("bash", "-c", line, cwd=tmp_path, DSN=dsn, PATH=f"{installed}:/usr/bin:/bin")
            said[line] = done.stdout + done.stderr
            assert "Traceback" not in said[line]
            # The bookkeeper could give on what he reads: the draft says so, and the person trusts him.
            assert done.returncode == (3 if "policy init" in line else 0), said[line]
    assert "rehearsal PASSED" in "".join(said.values())
    page = (tmp_path / "pack" / "index.html").read_text("utf-8")
    manifest = (tmp_path / "pack" / "manifests" / "object.json").read_bytes()
    assert json.loads(manifest)["application"] == "Shop App"
    assert "till.ring_up(numeric)" in page
    assert (shop.dump("--create"), shop.server.dump_roles()) == before
