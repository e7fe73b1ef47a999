"""The commands of docs/cluster.md as they are written: a second database in the cluster of a first, with a pair of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from qt001_cp import estate
from qt001_cp.rehearsal.scene import Scene, build_template, new_scene
from qt001_cp.servers import open_server
from qt001_cp.workflow.revisions import project_folder
from tests.cluster.place import pair, policy_of
from tests.guides.guide import blocks, checkout, fenced, run

pytestmark = pytest.mark.slow

_HEAD = """
export PATH="$PWD/.venv/bin:$PATH"
HOST=db.example:5432
OFF="-c event_triggers=off"
POLICY={policy}
psql -X -q -v ON_ERROR_STOP=1 -d "postgresql://postgres@$HOST/shop" -c "CREATE ROLE dora LOGIN SUPERUSER"
"""
_DUTY = 'psql -X -q -v ON_ERROR_STOP=1 -d "postgresql://postgres@$HOST/shop" -c "GRANT qt001_cp_operator TO dora"'


@pytest.fixture
def first() -> Iterator[Scene]:
    """A server of its own, with a database that has the default pair, and the application's second one."""
    with open_server() as own:
        if not own.trusts or own.version < 170000:
            pytest.skip(
                "the page switches event triggers off, its logins have no password: a server of our own is needed"
            )
        scene = new_scene(own, "directus_rehearsal")
        template = build_template(own, estate.LOG)
        with own.connect("postgres") as admin:
            admin.execute(f"CREATE DATABASE shop OWNER shop TEMPLATE {template}".encode())
        yield scene


def test_the_page_runs_as_written(first: Scene, tmp_path: Path) -> None:
    page = blocks("cluster")
    (bootstrap, fix7a), (away,) = page["A second database"], page["Taking one away"]
    roles, before = first.server.dump_roles(), first.dump("--create")
    policy = policy_of(estate.LOG, pair("shop"))
    (shown,) = [b.body for b in fenced(project_folder() / "docs" / "cluster.md") if b.language == "toml"]
    assert shown in policy.read_text("utf-8")
    script = [_HEAD.format(policy=policy), bootstrap, _DUTY, fix7a, "echo '@@ away'", away]
    said, failed = run(script, first.server, checkout(tmp_path))
    assert failed == [], said
    there, _, gone = said.partition("@@ away")
    assert "owner role shop_cp_owner, ledger role shop_cp_ledger" in there
    assert "also of database" not in there
    assert "shop_cp_" not in "".join(re.findall("NOTICE.*", gone))
    for duty in ("author", "operator", "verifier", "auditor"):
        assert f"role qt001_cp_{duty} stays: directus_rehearsal needs it" in gone
    without_dora = [line for line in first.server.dump_roles().splitlines() if "dora" not in line]
    assert without_dora == roles.splitlines()
    assert first.dump("--create") == before
