"""Every kind of object: listed, transferred, revoked, restored, verified."""

from __future__ import annotations

import pytest

from qt001_cp.model import kinds
from qt001_cp.rehearsal.scene import AUTHOR, OPERATOR
from qt001_cp.workflow import revisions
from qt001_cp.workflow.bundle import make_bundle
from qt001_cp.workflow.seal import propose, seal
from tests.conftest import Stage

pytestmark = pytest.mark.matrix


def seal_every_kind(stage: Stage) -> None:
    path = stage.folder / "policy.toml"
    revisions.upgrade(stage.scene.dsn(OPERATOR), "fix7a", policy=str(path))
    with stage.connect(AUTHOR) as author, stage.connect(OPERATOR) as operator:
        stage.bundle = make_bundle(author, path)
        stage.bundle.write(stage.folder)
        propose(author, stage.bundle.manifest)
        seal(operator, stage.bundle.manifest)


def test_every_kind_goes_and_comes_back_exactly(with_every_kind: Stage) -> None:
    stage = with_every_kind
    seal_every_kind(stage)
    assert stage.bundle is not None
    transferred = {o.ref.kind for o in stage.bundle.manifest.transferred}
    major = stage.scene.server.version // 10000
    shared = {"tablespace", "subscription"}
    assert transferred >= {k.key for k in kinds.KINDS if not k.refusal(major)} - shared
    before, roles = stage.scene.dump("--create"), stage.scene.server.dump_roles()
    stage.upgrade("fix7b", rehearsal="first")
    after = stage.scene.dump("--create", "--schema-only")
    assert after != before
    stage.downgrade("fix7a")
    assert stage.scene.dump("--create") == before
    assert stage.scene.server.dump_roles() == roles
