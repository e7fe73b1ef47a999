"""From one major version to another by a dump, and everything back there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from qt001_cp.rehearsal.scene import OPERATOR, Scene
from qt001_cp.servers import Server, open_server
from qt001_cp.workflow import revisions
from tests.conftest import Library
from tests.versions.test_way_back import owners


@pytest.fixture(scope="module")
def old() -> Iterator[Server]:
    with open_server(major=15) as server:
        yield server


@pytest.mark.slow
def test_from_15_to_18_by_a_dump_and_back(old: Server) -> None:
    """FIX7c is in force on 15, a third role holds ALL; the dump is restored on 18, and there everything is put back."""
    stage = Library(old).copy("fix7c")
    with stage.connect() as connection:
        before = {
            (o["kind"], o["identity"]): o["before"]["owner"]
            for o in stage.manifest.to_json()["objects"]
            if o["disposition"] == "transfer"
        }
        globals_ = old.dump_roles()
        text = old.dump(stage.scene.database, "--create")
    with open_server(major=18) as new:
        new.psql(globals_.replace(f"CREATE ROLE {old.superuser};", ""), dbname="postgres")
        new.psql(text, dbname="postgres")
        scene = Scene(new, stage.scene.database)
        with scene.connect() as connection:
            closed = connection.execute(
                "SELECT gate, object FROM qt001_cp.gate_findings() WHERE gate IN"
                " ('owners_and_acls_exact', 'inventory_exact', 'definitions_exact', 'application_role_contained', 'legacy_authority_removed')"
            ).fetchall()
        assert closed == [("definitions_exact", "definitions")]
        for revision in ("fix7b", "fix7a"):
            revisions.downgrade(scene.dsn(OPERATOR), revision, manifest=stage.manifest_path)
        found = owners(scene)
        assert {key: found[key].owner.name for key in before if key in found} == {
            key: owner for key, owner in before.items() if key in found
        }
        assert {key for key in before if key not in found} <= {k for k in before if k[0] == "default acl"}
