"""A database with FIX7c in force on another major version stays protected: a change that only follows the server."""

from __future__ import annotations

import json
import shlex
import shutil
from collections.abc import Callable
from contextlib import ExitStack, chdir
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, LiteralString

import psycopg
import pytest

from qt001_cp.audit.run import Outside, audit
from qt001_cp.cli import main
from qt001_cp.errors import Refused
from qt001_cp.model.canonical import canonical_bytes
from qt001_cp.model.manifest import ObjectManifest
from qt001_cp.rehearsal.change import Where
from qt001_cp.rehearsal.scene import AUTHOR, OPERATOR, SCANNER, VERIFIER, Scene, new_scene
from qt001_cp.servers import Server, ServerError, open_server
from qt001_cp.servers.pinned import MAJORS
from qt001_cp.workflow import revisions
from qt001_cp.workflow.prepare import propose_change
from qt001_cp.workflow.seal import propose
from tests.guides.guide import blocks
from tests.versions.moves import DATABASE, NEW, OLD, Home, _not_back, _open, by_dump, by_upgrade, home, old_home

NAME = "server_18"


@dataclass(frozen=True)
class Moved:
    """A database at FIX7c, where it has moved, and what was prepared before."""

    home: Home
    scene: Scene
    where: Where

    @property
    def path(self) -> Path:
        return self.where.out / "object.json"


def _prepared(made: Home, folder: Path, major: int = NEW) -> Where:
    """What is made before the server moves, by the lines of docs/versions.md, for ``major``."""
    lines = [
        line for line in blocks("versions")["Following the server"][0].splitlines() if line.startswith("qt001-cp ")
    ]
    assert len(lines) == 2
    source = made.scene.server.conninfo(made.scene.database)
    with chdir(folder):
        for line in lines:
            words = line.replace(str(NEW), str(major)).replace("$ADMIN", source)
            assert main(shlex.split(words, comments=True)[1:]) == 0
    name = NAME.replace(str(NEW), str(major))
    return Where(folder / "changes" / "alembic.ini", name, folder / "changes" / name)


def _adopted(scene: Scene) -> Scene:
    with scene.connect(OPERATOR) as operator:
        if operator.execute("SELECT 1 FROM qt001_cp.instance_findings()").fetchone():
            operator.execute("SELECT qt001_cp.adopt_ledger('moved to another server')")
    return scene


@pytest.fixture(scope="module")
def moved(servers: tuple[Server, Server], tmp_path_factory: pytest.TempPathFactory) -> Moved:
    folder = tmp_path_factory.mktemp("moved")
    made = home(new_scene(servers[0], DATABASE), folder)
    where = _prepared(made, folder)
    return Moved(made, _adopted(by_dump(made, servers[1])), where)


def _seal(scene: Scene, where: Where) -> None:
    dsn = scene.dsn(OPERATOR)
    assert main(["change", "propose", str(where.out), "--database", scene.dsn(AUTHOR)]) == 0
    assert main(["manifest", "seal", str(where.out / "object.json"), "--database", dsn]) == 0
    assert main(["evidence", "import", str(where.out / "nogo.json"), "--rehearsal", "--database", dsn]) == 0


def _forward(scene: Scene, where: Where) -> None:
    revisions.change(where.ini, "upgrade", scene.dsn(OPERATOR), where.name, manifest=str(where.out / "object.json"))


def _there_and_all_the_way_back(made: Home, scene: Scene, where: Where) -> None:
    before = scene.dump("--schema-only", "--create")
    assert "definitions_exact" not in _open(scene)
    _seal(scene, where)
    _forward(scene, where)
    assert scene.dump("--schema-only", "--create") == before
    for login, call in ((VERIFIER, "verify"), (SCANNER, "scan")):
        with scene.connect(login) as watcher:
            assert watcher.execute(f"SELECT qt001_cp.{call}()".encode()).fetchone() == ([],)
    assert _open(scene) == made.open, "what was open before the server moved"
    report = audit(
        scene.server.conninfo(scene.database),
        Outside(manifest=(where.out / "object.json").read_bytes()),
        scene.server.bin / "pg_dump",
        scene.server.env(scene.database),
    )
    assert [f for check in report.checks for f in check.faults] == []
    versions = (s.server.version // 10000 for s in (made.scene, scene))
    with pytest.raises(Refused, match="QT310.*PostgreSQL {}.*PostgreSQL {}".format(*versions)):
        revisions.change(where.ini, "downgrade", scene.dsn(OPERATOR), f"{where.name}@-1")
    revisions.change(where.ini, "downgrade", scene.dsn(OPERATOR), f"{where.name}@-1", changes="keep")
    for revision in ("fix7b", "fix7a"):
        revisions.downgrade(scene.dsn(OPERATOR), revision, manifest=str(where.out / "object.json"))
    assert list(_not_back(scene, made.bundle.manifest)) == []


def _kept(entry: dict[str, Any]) -> None:
    entry["before"] = {**entry["before"], "owner": "qt001_cp_owner"}


def _granted(entry: dict[str, Any]) -> None:
    entry["after"]["acl"].append(["qt001_cp_owner", "directus", "EXECUTE", False])


def _forgotten(entry: dict[str, Any]) -> None:
    entry["ways"] = {}


def _unanalysed(entry: dict[str, Any]) -> None:
    entry["detail"] = {**entry["detail"], "reaches": []}


def _renamed(entry: dict[str, Any]) -> None:
    entry["reason"] = "another"


FORGED = (_kept, _granted, _forgotten, _unanalysed, _renamed)


@pytest.mark.slow
@pytest.mark.parametrize("forge", FORGED)
def test_a_move_says_nothing_else(moved: Moved, forge: Callable[[dict[str, Any]], None]) -> None:
    """A successor that uses the move to say something else is not sealed."""
    document = json.loads(moved.path.read_bytes())
    forge(next(o for o in document["objects"] if o["kind"] == "function" and o["detail"].get("reaches")))
    with moved.scene.connect(AUTHOR) as author, moved.scene.connect(OPERATOR) as operator:
        propose_change(author, moved.where.out)
        forged = ObjectManifest.from_bytes(canonical_bytes(document), "forged")
        digest = propose(author, forged)
        with pytest.raises(psycopg.Error) as refused:
            operator.execute("SELECT qt001_cp.seal_manifest(%s)", [digest])
    assert refused.value.sqlstate == "QT103"
    assert "but for its definition" in str(refused.value)


@pytest.mark.slow
def test_definitions_have_to_be_those_of_the_copy(moved: Moved) -> None:
    """Something was changed while the server moved: the change is refused, and names it."""
    scene = moved.scene
    with scene.connect() as admin:
        admin.execute("ALTER TABLE public.qt001_setting ADD COLUMN crept text")
    _seal(scene, moved.where)
    with pytest.raises(Refused) as refused:
        _forward(scene, moved.where)
    assert "table public.qt001_setting" in str(refused.value)
    with scene.connect() as admin:
        admin.execute("ALTER TABLE public.qt001_setting DROP COLUMN crept")
        source = _text(admin, "SELECT pg_get_functiondef('public.qt001_write(jsonb)'::regprocedure)")
        admin.execute(
            source.replace("PERFORM qt001_cp.require_acceptance", "PERFORM 1; PERFORM qt001_cp.require_acceptance", 1)
        )
    with pytest.raises(Refused) as refused:
        _forward(scene, moved.where)
    assert "public.qt001_write(pg_catalog.jsonb)" in str(refused.value), "the apply path too"
    with scene.connect() as admin:
        admin.execute(source)
        admin.execute("GRANT SELECT ON public.qt001_setting TO directus")
    with pytest.raises(Refused, match="QT310"):
        _forward(scene, moved.where)
    with scene.connect() as admin, scene.connect(OPERATOR) as operator:
        admin.execute("REVOKE SELECT ON public.qt001_setting FROM directus")
        operator.execute("SELECT qt001_cp.withdraw_manifest(%s, 'tried')", [_digest(moved.path)])


def _text(connection: psycopg.Connection, query: LiteralString) -> str:
    row = connection.execute(query).fetchone()
    assert row is not None
    return str(row[0])


def _digest(path: Path) -> str:
    return ObjectManifest.from_bytes(path.read_bytes(), str(path)).digest()


@pytest.mark.slow
def test_a_text_of_its_own_is_another_change(moved: Moved, tmp_path: Path) -> None:
    changes = shutil.copytree(moved.where.ini.parent, tmp_path / "changes")
    (changes / f"{NAME}.forward.sql").write_text("SELECT 1;\n", "utf-8")
    copy = Scene(moved.scene.server, moved.scene.database)
    code = main(["change", "prepare", NAME, "--folder", str(changes), "--database", copy.dsn(OPERATOR)])
    assert code != 0


@pytest.mark.slow
def test_by_a_dump(moved: Moved) -> None:
    _there_and_all_the_way_back(moved.home, moved.scene, moved.where)


@pytest.mark.slow
@pytest.mark.parametrize(("old", "new"), [pair for pair in pairwise(MAJORS) if pair != (OLD, NEW)])
def test_from_each_major_to_the_next(old: int, new: int, tmp_path: Path) -> None:
    with ExitStack() as stack:
        try:
            here, there = (stack.enter_context(open_server("embedded", major=m)) for m in (old, new))
        except ServerError as exc:
            pytest.skip(exc.message)
        made = home(new_scene(here, DATABASE), tmp_path)
        where = _prepared(made, tmp_path, new)
        _there_and_all_the_way_back(made, _adopted(by_dump(made, there)), where)


@pytest.mark.slow
def test_by_pg_upgrade(tmp_path: Path) -> None:
    with ExitStack() as stack:
        try:
            made, there = stack.enter_context(old_home(OLD, tmp_path))
        except ServerError as exc:
            pytest.skip(exc.message)
        where = _prepared(made, tmp_path)
        scene = stack.enter_context(by_upgrade(made, there, NEW))
        _there_and_all_the_way_back(made, scene, where)
