"""Before and after a server moves to another major version: what status, preflight and report say, and that it can be typed."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, chdir
from pathlib import Path
from typing import Any, Final

import pytest

from qt001_cp.cli import main
from qt001_cp.errors import Refused
from qt001_cp.model.versions import SUPPORTED
from qt001_cp.project import project_folder
from qt001_cp.rehearsal.scene import AUTHOR, OPERATOR, Scene, new_scene
from qt001_cp.servers import Server, ServerError, open_server
from qt001_cp.workflow import revisions
from tests.conftest import Stage
from tests.versions.moves import DATABASE, NEW, OLD, Home, _not_back, _open, by_dump, home
from tests.versions.test_server_move import NAME, _adopted, _prepared

MAJORS: Final = tuple(SUPPORTED)


def _said(scene: Scene, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """What ``status`` says, for programs and for people."""
    capsys.readouterr()
    main(["status", "--format", "json", "--database", scene.dsn(OPERATOR)])
    server: dict[str, Any] = json.loads(capsys.readouterr().out)["server"]
    main(["status", "--database", scene.dsn(OPERATOR)])
    text = capsys.readouterr().out
    assert f"server {server['found']}\n  {server['mend']}\n" in text
    return server


def test_status_preflight_and_report_say_it_where_it_is_in_force(
    at_fix7c_done: Stage, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    stage = at_fix7c_done
    here = stage.scene.server.version // 10000
    server = _said(stage.scene, capsys)
    assert (server["server"], server["deployed"], server["prepared"], server["state"]) == (here, here, None, "stays")
    assert server["found"] == f"PostgreSQL {here}, as what is deployed: nothing has to be done while it stays"
    if here == MAJORS[-1]:
        assert "a release of qt001-cp that knows it" in server["mend"]
    else:
        newest = MAJORS[-1]
        assert f"qt001-cp change new server_{newest} --server" in server["mend"]
        assert f"qt001-cp change prepare server_{newest} --source DSN --postgres {newest}" in server["mend"]
    asked = ["preflight", stage.manifest_path, "--restore", "--database", stage.scene.dsn(OPERATOR)]
    main([*asked, "--format", "json"])
    assert json.loads(capsys.readouterr().out)["server"] == server
    main(asked)
    assert f"server {server['found']}\n  {server['mend']}\n" in capsys.readouterr().out
    page = tmp_path / "report.html"
    main(["report", "--database", stage.scene.dsn(OPERATOR), "--out", str(page)])
    assert server["found"] in page.read_text("utf-8")


def test_with_fix7b_alone_it_says_that_no_change_follows(
    at_fix7b_done: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    server = _said(at_fix7b_done.scene, capsys)
    assert server["state"] == "stays"
    assert "go on to FIX7c, where a change follows the server, or go back to FIX7a" in server["mend"]


def test_before_a_cutover_there_is_nothing_to_say(at_fix7a_sealed: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    main(["status", "--format", "json", "--database", at_fix7a_sealed.scene.dsn(OPERATOR)])
    assert json.loads(capsys.readouterr().out)["server"] is None


@pytest.fixture(scope="module")
def old() -> Iterator[Server]:
    with ExitStack() as stack:
        try:
            yield stack.enter_context(open_server("embedded", major=OLD))
        except ServerError as exc:
            pytest.skip(exc.message)


@pytest.fixture(scope="module")
def made(old: Server, tmp_path_factory: pytest.TempPathFactory) -> Home:
    return home(new_scene(old, DATABASE), tmp_path_factory.mktemp("home"))


def _typed(mend: str, folder: Path, dsn: str, monkeypatch: pytest.MonkeyPatch, **names: str) -> None:
    """Every command of a hint, in ``folder``, with the login in QT001_DATABASE_URL. ``names``: what stands for words of it."""
    monkeypatch.setenv("QT001_DATABASE_URL", dsn)
    commands = [
        part[part.index(word) :].partition(" -- ")[0].partition(". ")[0]
        for part in mend.split(" && ")
        for word in [next(w for w in ("qt001-cp ", "alembic ") if w in part)]
    ]
    for command in commands:
        words = [names.get(word, word) for word in shlex.split(command)]
        with chdir(folder):
            if words[0] == "qt001-cp":
                assert main(words[1:]) == 0, command
                continue
            printed = subprocess.run(
                [sys.executable, "-m", "alembic.config", *words[1 : words.index(">")]],
                capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": str(project_folder())},
            )  # fmt: skip
            Path(words[-1]).write_text(printed.stdout, "utf-8")
    monkeypatch.delenv("QT001_DATABASE_URL")


def _gone_on(made: Home, scene: Scene, folder: Path, script: Path) -> None:
    """The script that was printed runs on the moved server, the gates are as before, and the way back is open."""
    scene.psql(script.read_text("utf-8"), user=OPERATOR)
    assert "definitions_exact" in _open(scene)
    manifest = str(folder / "changes" / NAME / "object.json")
    ini = folder / "changes" / "alembic.ini"
    revisions.change(ini, "downgrade", scene.dsn(OPERATOR), f"{NAME}@-1", changes="keep")
    for revision in ("fix7b", "fix7a"):
        revisions.downgrade(scene.dsn(OPERATOR), revision, manifest=manifest)
    assert list(_not_back(scene, made.bundle.manifest)) == []


@pytest.mark.slow
def test_what_was_sealed_before_is_made_after(
    made: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prepared, proposed, sealed and recorded on the old server, by what status says each time; made on the new one."""
    scene, operator = made.scene, made.scene.dsn(OPERATOR)
    assert _said(scene, capsys)["state"] == "stays"
    where = _prepared(made, tmp_path)
    assert main(["change", "propose", str(where.out), "--database", scene.dsn(AUTHOR)]) == 0
    said = _said(scene, capsys)
    assert (said["state"], said["prepared"]) == ("prepared", None)
    assert f"change {NAME} for PostgreSQL {NEW} is proposed, not sealed" in said["found"]
    with monkeypatch.context() as typing:
        _typed(said["mend"].partition(" && ")[0], tmp_path, operator, typing)
        said = _said(scene, capsys)
        assert said["state"] == "prepared"
        assert "is sealed, without its no-go record" in said["found"]
        _typed(said["mend"], tmp_path, operator, typing)
    said = _said(scene, capsys)
    assert (said["state"], said["prepared"]) == ("ready", NEW)
    assert said["found"].endswith(f"; change {NAME} is ready for PostgreSQL {NEW}")
    before, gates = scene.dump("--schema-only"), _open(scene)
    with pytest.raises(Refused, match=rf"QT310.*server.*PostgreSQL {NEW}.*PostgreSQL {OLD}") as refused:
        revisions.change(where.ini, "upgrade", operator, NAME, manifest=str(where.out / "object.json"))
    assert "move it first" in str(refused.value)
    assert (scene.dump("--schema-only"), _open(scene)) == (before, gates)
    with open_server("embedded", major=NEW) as there:
        moved = _adopted(by_dump(made, there))
        said = _said(moved, capsys)
        assert (said["server"], said["deployed"], said["state"], said["prepared"]) == (NEW, OLD, "moved", NEW)
        with monkeypatch.context() as typing:
            _typed(said["mend"], tmp_path, moved.dsn(OPERATOR), typing)
        _gone_on(made, moved, tmp_path, tmp_path / f"{NAME}.sql")
    with scene.connect(OPERATOR) as connection:
        connection.execute("SELECT qt001_cp.withdraw_manifest(qt001_cp.sealed('qt001.manifest.object/1'), 'tried')")


@pytest.mark.slow
@pytest.mark.parametrize("dumped", [True, False], ids=["from a dump", "from itself"])
def test_one_that_has_moved_unprepared_goes_on_too(
    made: Home, dumped: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """From a dump that was made before, or from the moved server, as status says there."""
    old = made.scene.server
    (tmp_path / "roles.sql").write_text(old.dump_roles(), "utf-8")
    (tmp_path / "dump.sql").write_text(old.dump(made.scene.database, "--create"), "utf-8")
    with open_server("embedded", major=NEW) as there:
        moved = _adopted(by_dump(made, there))
        said = _said(moved, capsys)
        assert (said["state"], said["prepared"]) == ("moved", None)
        mend, names = str(said["mend"]), {"DUMP": str(tmp_path / "dump.sql"), "ROLES": str(tmp_path / "roles.sql")}
        if not dumped:
            assert "--source DSN of this server instead" in mend
            mend = mend.replace(f"--dump DUMP --roles ROLES --postgres {NEW}", "--source DSN")
            names = {"DSN": there.conninfo(moved.database)}
        with monkeypatch.context() as typing:
            _typed(mend, tmp_path, moved.dsn(OPERATOR), typing, **names)
        out = tmp_path / "changes" / NAME
        assert main(["change", "propose", str(out), "--database", moved.dsn(AUTHOR)]) == 0
        for _ in range(2):  # sealed and recorded, then printed
            with monkeypatch.context() as typing:
                _typed(_said(moved, capsys)["mend"], tmp_path, moved.dsn(OPERATOR), typing)
        _gone_on(made, moved, tmp_path, tmp_path / f"{NAME}.sql")
