"""Before the server moves: the whole way on a clone on the later major version, and the manifest that will be right there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from qt001_cp import estate
from qt001_cp.cli import main
from qt001_cp.model.manifest import ObjectManifest
from qt001_cp.rehearsal.scene import AUTHOR, OPERATOR, Scene, new_scene
from qt001_cp.servers import Server
from qt001_cp.workflow import revisions
from qt001_cp.workflow.bundle import make_bundle
from qt001_cp.workflow.seal import propose, record_rehearsal, seal
from tests.versions.moves import NEW, OLD

pytestmark = pytest.mark.slow
DATABASE = "directus_moves"


@pytest.fixture(scope="module")
def original(servers: tuple[Server, Server]) -> Scene:
    return new_scene(servers[0], DATABASE)


def _rehearse(original: Scene, out: Path, *more: str) -> int:
    source = original.dsn(original.server.superuser)
    return main(
        ["rehearse", "--source", source, "--policy", str(estate.policy_path()), "--out", str(out), "--data", *more]
    )


def test_the_manifest_of_the_clone_is_that_of_the_moved_database(
    servers: tuple[Server, Server], original: Scene, tmp_path: Path
) -> None:
    """The record too: it is taken there, and the cutover goes through without another rehearsal."""
    old, new = servers
    assert _rehearse(original, tmp_path / "there", "--postgres", str(NEW)) == 0
    body = (tmp_path / "there" / "object.json").read_bytes()
    assert ObjectManifest.from_bytes(body, "object.json").server_major == NEW
    notes = json.loads((tmp_path / "there" / "transcript.json").read_text("utf-8"))["origin"]["notes"]
    assert any(f"on PostgreSQL {NEW}, and the original is on {OLD}" in note for note in notes)
    new.psql(old.dump_roles().replace(f"CREATE ROLE {old.superuser};", ""), dbname="postgres")
    new.psql(old.dump(DATABASE, "--create"), dbname="postgres")
    moved = Scene(new, DATABASE)
    revisions.upgrade(moved.dsn(OPERATOR), "fix7a", policy=str(estate.policy_path()))
    with moved.connect(AUTHOR) as author, moved.connect(OPERATOR) as operator:
        made = make_bundle(author, estate.policy_path())
        assert made.manifest.body() == body
        made.write(tmp_path / "moved")
        propose(author, made.manifest)
        seal(operator, made.manifest)
        record_rehearsal(operator, (tmp_path / "there" / "nogo.json").read_bytes())
    for revision in ("fix7b", "fix7c"):
        revisions.upgrade(moved.dsn(OPERATOR), revision, manifest=str(tmp_path / "moved" / "object.json"))


def test_what_no_clone_can_be_made_on(original: Scene, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _rehearse(original, tmp_path / "earlier", "--postgres", str(OLD - 1)) == 2
    assert f"--postgres {OLD - 1}: expected PostgreSQL {OLD} or later" in capsys.readouterr().err
    assert main(["rehearse", "--postgres", str(NEW)]) == 2
    assert "--postgres speaks of a database of your own" in capsys.readouterr().err
    revisions.upgrade(original.dsn(OPERATOR), "fix7a", policy=str(estate.policy_path()))
    with original.connect(AUTHOR) as author:
        make_bundle(author, estate.policy_path()).write(tmp_path / "bundle")
    given = ["--manifest", str(tmp_path / "bundle" / "object.json"), "--postgres", str(NEW)]
    assert _rehearse(original, tmp_path / "given", *given) == 2
    said = capsys.readouterr().err
    assert f"--postgres {NEW}: expected no manifest, found one for PostgreSQL {OLD}" in said
    assert "leave --manifest out" in said
    assert [p.name for p in tmp_path.iterdir()] == ["bundle"]
