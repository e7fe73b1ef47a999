"""A change where the policy has no apply path: the append-only log of an application, which goes on writing it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from qt001_cp import estate
from qt001_cp.rehearsal.scene import OPERATOR, drop_scene, new_scene
from qt001_cp.servers import Server
from qt001_cp.workflow import revisions
from tests.conftest import Stage
from tests.cutover.support import reseal
from tests.succession.support import deployed, gates, marked, prepared

SHOP = "shop"
COLUMN = (
    "ALTER TABLE audit.log ADD COLUMN origin inet;\nCREATE INDEX log_origin ON audit.log (origin);\n",
    "ALTER TABLE audit.log DROP COLUMN origin;\n",
)


@pytest.fixture
def at_fix7c(server: Server) -> Iterator[Stage]:
    scene = new_scene(server, "shop_case", reference=estate.LOG)
    stage = Stage(scene, Path(tempfile.mkdtemp(prefix="qt001-log-")))
    revisions.upgrade(scene.dsn(OPERATOR), "fix7a", policy=str(estate.LOG.policy_path))
    reseal(stage, stage.folder, policy=estate.LOG.policy_path)
    stage.upgrade("fix7b", rehearsal="first")
    stage.upgrade("fix7c")
    yield stage
    drop_scene(scene)


@pytest.mark.slow
def test_a_column_of_an_append_only_log(at_fix7c: Stage, tmp_path: Path) -> None:
    """The application is connected, and writes before the change, after it, and after its way back; it changes nothing of the log."""
    stage, operator = at_fix7c, at_fix7c.scene.dsn(OPERATOR)
    change = prepared(stage, tmp_path, "log_origin", *COLUMN)
    change.sealed(operator)
    with marked(stage), stage.connect(SHOP) as application:  # the manifest of this cutover has no record
        write = "INSERT INTO audit.log (actor, action) VALUES ('ann', 'login')"
        application.execute(write)
        change.forward(operator)
        application.execute(write)
        assert deployed(stage) == change.digest
        assert gates(stage) - {"object_manifest_sealed"} == {"scheduled_verifier_recent", "sign_off_present"}
        change.back(operator)
        application.execute(write)
    assert deployed(stage) == stage.digest
