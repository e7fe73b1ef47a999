"""A copy that 'change prepare' makes itself: of the deployed database, or of its dump; and what is no copy of anything deployed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from qt001_cp.cli import changing, main
from qt001_cp.model.manifest import ObjectManifest
from qt001_cp.rehearsal.made_copy import make_copy, of_dump
from qt001_cp.rehearsal.scene import OPERATOR
from qt001_cp.servers import Server, open_server
from qt001_cp.workflow.prepare import read_deployed
from tests.conftest import Stage
from tests.succession.support import COLUMN, deployed, prepared, write

pytestmark = pytest.mark.slow
_STATE = "SELECT qt001_cp.sha256_hex(qt001_cp.state_document()), (SELECT max(seq) FROM qt001_cp.event), qt001_cp.is_rehearsal()"


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No server that the command has started is left: an embedded one has a folder for as long as it runs."""
    monkeypatch.delenv("QT001_DATABASE_URL", raising=False)
    started: list[Path] = []

    @contextmanager
    def watched(kind: str | None = None, **options: Any) -> Iterator[Server]:
        with open_server(kind, **options) as server:
            started.append(Path(server.host))
            assert started[-1].exists()
            yield server

    monkeypatch.setattr(changing, "open_server", watched)
    yield
    assert started
    assert not [folder for folder in started if folder.exists()]


def _roles(stage: Stage, folder: Path) -> Path:
    path = folder / "roles.sql"
    path.write_text(
        stage.scene.server.run("pg_dumpall", "--roles-only", "--no-role-passwords", dbname="postgres").stdout, "utf-8"
    )
    return path


def _dumped(stage: Stage, path: Path, *options: str) -> Path:
    stage.scene.server.run("pg_dump", *options, "-f", str(path), dbname=stage.scene.database)
    return path


@pytest.mark.usefixtures("alone")
def test_the_documents_are_made_on_a_copy_of_what_is_deployed(
    at_fix7c_done: Stage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same successor as on a copy that somebody made by hand; where it is deployed nothing has moved; and it can be sealed there."""
    stage = at_fix7c_done
    by_hand = prepared(stage, tmp_path / "one", "add_unit", *COLUMN)
    with stage.connect() as admin:
        before = admin.execute(_STATE).fetchone()
    ini = write(tmp_path / "two", "add_unit", *COLUMN)
    source = [
        "change",
        "prepare",
        "add_unit",
        "--folder",
        str(ini.parent),
        "--source",
        stage.scene.dsn("postgres"),
        "--format",
        "json",
    ]
    capsys.readouterr()
    assert main(source) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["manifest"] == by_hand.digest
    assert said["rehearsal"]["passed"]
    made = tmp_path / "two" / "add_unit" / "object.json"
    assert ObjectManifest.from_bytes(made.read_bytes(), str(made)).body() == by_hand.manifest.body()
    with stage.connect() as admin:
        assert admin.execute(_STATE).fetchone() == before
    by_hand.sealed(stage.scene.dsn(OPERATOR))
    by_hand.forward(stage.scene.dsn(OPERATOR))
    assert deployed(stage) == by_hand.digest


@pytest.mark.parametrize("options", [("-Fc",), ("-Fp",)], ids=["custom", "plain"])
def test_a_dump_is_restored_as_it_was(at_fix7c_done: Stage, tmp_path: Path, options: tuple[str, ...]) -> None:
    """pg_dump of the copy is that of the original, rows too; what is deployed is, exactly; and it is marked, which the original is not."""
    stage = at_fix7c_done
    with stage.connect() as admin:
        admin.execute("UPDATE qt001_cp.bootstrap SET rehearsal = false")
        admin.execute(
            "INSERT INTO public.qt001_setting (key, value) VALUES (E'two\\nlines; \\\\.\\n\\\\! and \\t', '{}')"
        )
    said: list[str] = []
    original = of_dump(_dumped(stage, tmp_path / "dump", "--create", *options), _roles(stage, tmp_path))
    assert original.major == stage.scene.server.version // 10000
    with open_server(major=original.major, confined=True) as server:
        scene = make_copy(original, server, said.append)
        assert [line for line in said if line.startswith("not made")] == []
        # The mark, and that a superuser has made it.
        but = ("--exclude-table-data=qt001_cp.bootstrap", "--exclude-table-data=qt001_cp_watch.change")
        assert scene.dump("--create", *but) == stage.scene.dump("--create", *but)
        with scene.connect() as admin, stage.connect() as source:
            assert admin.execute("SELECT qt001_cp.is_rehearsal()").fetchone() == (True,)
            assert source.execute("SELECT qt001_cp.is_rehearsal()").fetchone() == (False,)
            assert (
                admin.execute("SELECT * FROM qt001_cp.estate_findings(qt001_cp.deployed_manifest())").fetchall() == []
            )
            assert read_deployed(admin).manifest.digest() == stage.digest
        assert scene.server.dump_roles() == stage.scene.server.dump_roles()


def _cut_off(stage: Stage, folder: Path) -> list[str]:
    path = _dumped(stage, folder / "dump", "--create", "-Fc")
    path.write_bytes(path.read_bytes()[:-3000])
    return ["--dump", str(path), "--roles", str(_roles(stage, folder))]


def _cut_short(stage: Stage, folder: Path) -> list[str]:
    path = _dumped(stage, folder / "dump", "--create", "-Fc")
    path.write_bytes(path.read_bytes()[:5000])
    return ["--dump", str(path), "--roles", str(_roles(stage, folder))]


def _plain(change: Callable[[str], str]) -> Callable[[Stage, Path], list[str]]:
    def made(stage: Stage, folder: Path) -> list[str]:
        path = _dumped(stage, folder / "dump", "--create", "-Fp")
        path.write_text(change(path.read_text("utf-8")), "utf-8")
        return ["--dump", str(path), "--roles", str(_roles(stage, folder))]

    return made


def _with(*options: str) -> Callable[[Stage, Path], list[str]]:
    return lambda stage, folder: [
        "--dump",
        str(_dumped(stage, folder / "dump", *options)),
        "--roles",
        str(_roles(stage, folder)),
    ]


def _poor(stage: Stage, _: Path) -> list[str]:
    return ["--source", stage.scene.dsn("intern")]


def _no_roles(stage: Stage, folder: Path) -> list[str]:
    (folder / "empty.sql").write_text("-- nothing\n", "utf-8")
    return ["--dump", str(_dumped(stage, folder / "dump", "--create", "-Fc")), "--roles", str(folder / "empty.sql")]


def _another_database(stage: Stage, _: Path) -> list[str]:
    return ["--source", stage.scene.server.conninfo("postgres")]


_WRONG: dict[str, tuple[Callable[[Stage, Path], list[str]], int, str]] = {
    "cut off": (_cut_off, 2, "pg_restore cannot read it"),
    "cut off in what it lists": (_cut_short, 2, "pg_restore cannot read it"),
    "a plain one that is cut off": (_plain(lambda text: text[: len(text) // 3]), 1, "does not restore"),
    "a command for psql": (_plain(lambda text: text.replace("CREATE SCHEMA", "\\! touch qt001-touched\nCREATE SCHEMA", 1)), 2, "found a command for psql: \\! touch"),
    "without --create": (_with("-Fp"), 2, "expected a dump that says which database it is of"),
    "without rows": (_with("--create", "-Fc", "--schema-only"), 1, "expected FIX7c to be deployed there, with its ledger"),
    "no file": (lambda stage, folder: ["--dump", str(folder / "none"), "--roles", str(_roles(stage, folder))], 2, "cannot be read"),
    "an empty file": (_plain(lambda _: ""), 2, "the file is empty"),
    "a folder that is no dump": (lambda stage, folder: ["--dump", str(folder), "--roles", str(_roles(stage, folder))], 2, "pg_restore cannot read it"),
    "roles that are none": (_no_roles, 2, "expected roles, found no CREATE ROLE"),
    "roles left out": (lambda stage, folder: ["--dump", str(folder / "dump")], 2, "--dump and --roles belong together"),
    "roles beside a source": (lambda stage, folder: ["--source", "dbname=x", "--roles", str(folder)], 2, "--dump and --roles belong together"),
    "a source and a dump": (lambda stage, folder: ["--source", "dbname=x", "--dump", str(folder)], 2, "not allowed with argument"),
    "a source and a copy": (lambda stage, folder: ["--source", "dbname=x", "--database", "dbname=x"], 2, "not allowed with argument"),
    "a source that is not there": (lambda stage, folder: ["--source", "host=/nowhere"], 1, "the source could not be reached"),
    "a source without FIX7c": (_another_database, 1, "expected FIX7c to be deployed there"),
    "a login that may not read it": (_poor, 1, "permission denied"),
    "nothing at all": (lambda stage, folder: [], 2, "--source DSN or --dump FILE"),
}  # fmt: skip  # one case a line


@pytest.mark.usefixtures("alone")
def test_what_is_no_copy_of_what_is_deployed(
    at_fix7c_done: Stage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each in words, with its exit code; no server and no bundle is left, and nothing of a dump has run outside its server."""
    ini = write(tmp_path / "changes", "add_unit", *COLUMN)
    for number, (case, (arguments, code, words)) in enumerate(_WRONG.items()):
        folder = tmp_path / str(number)
        folder.mkdir()
        given = arguments(at_fix7c_done, folder)
        capsys.readouterr()
        assert main(["change", "prepare", "add_unit", "--folder", str(ini.parent), *given]) == code, case
        said = capsys.readouterr().err
        assert words in said, (case, said)
        assert "Traceback" not in said
        assert "hint:" in said or "usage:" in said, (case, said)
    assert not (tmp_path / "changes" / "add_unit").exists()
    assert not Path("qt001-touched").exists()
