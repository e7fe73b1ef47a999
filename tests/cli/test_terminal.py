"""The terminal, the pipe, the locale and the Ctrl-C of a person; the connection that does not come about."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from qt001_cp import estate
from qt001_cp.cli import inspecting, main
from qt001_cp.project import project_folder
from qt001_cp.rehearsal.scene import OPERATOR
from tests.conftest import Stage
from tests.model.small_estate import manifest

UNREACHABLE = {
    "Corner Shop": "postgresql://user@host:5432/database",
    "postgresql://reader@127.0.0.1/Corner Shop": "%20",
    "mysql://reader@127.0.0.1/shop": "postgresql://user@host:5432/database",
    "service=there_is_none": "PGSERVICEFILE",
    "postgresql://nobody@127.0.0.1:1/none": "pg_isready",
}


def program(*arguments: object, stdout: int = subprocess.PIPE, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "qt001_cp", *map(str, arguments)],
        stdout=stdout,
        stderr=subprocess.PIPE,
        cwd=project_folder(),
        env={**os.environ, **env},
        encoding="utf-8",
        check=False,
    )


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "object.json"
    path.write_bytes(manifest().body())
    return path


@pytest.mark.parametrize(
    "call",
    [
        ["inventory", "--database"],
        ["policy", "init", "--database"],
        ["review", "object.json", "--out", "pack", "--database"],
        ["audit", "--database"],
        ["rehearse", "--source"],
    ],
    ids=" ".join,
)
def test_an_empty_variable_is_never_the_reference_estate(call: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*call, ""]) == 2
    assert "is the shell variable set" in capsys.readouterr().err


@pytest.mark.parametrize("dsn", UNREACHABLE)
def test_what_mends_the_connection(dsn: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inventory", "--database", dsn]) == 1
    said = capsys.readouterr().err
    assert UNREACHABLE[dsn] in said.split("hint:")[1]


@pytest.mark.parametrize(
    "dsn", ["mysql://reader:open%20sesame@127.0.0.1/shop", "postgresql://reader:open%20sesame@127.0.0.1:port/shop"]
)
def test_a_password_is_not_repeated(dsn: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inventory", "--database", dsn]) == 1
    said = capsys.readouterr().err
    assert "could not be reached" in said
    assert "sesame" not in said


def test_what_is_missing_is_typed_with_paths_that_exist(
    at_base: Stage, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    generate = ["manifest", "generate", "--policy", str(estate.policy_path()), "--out", "bundle"]
    for verb in (["status"], ["audit"], generate):
        assert main([*verb, "--database", at_base.scene.dsn(OPERATOR)]) == 1
        words = capsys.readouterr().err.split()
        assert [Path(words[words.index(option) + 1]).is_file() for option in ("-f", "-c")] == [True, True]


def test_the_reader_of_a_pipe_may_go(file: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    done = program("manifest", "show", file, "--format", "json", stdout=write)
    os.close(write)
    assert (done.returncode, done.stderr) == (1, "")


@pytest.mark.parametrize("shape", ["text", "json"])
def test_a_full_disk(file: Path, shape: str) -> None:
    with Path("/dev/full").open("wb") as full:
        done = program("manifest", "show", file, "--format", shape, stdout=full.fileno())
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "No space left" in done.stderr
    assert "make room" in done.stderr


def test_a_draft_is_written_whole_or_not(at_base: Stage, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "repoint").touch()  # a file where the folder of the new sources has to be
    out = tmp_path / "policy.toml"
    assert main(["policy", "init", "--database", at_base.scene.dsn(OPERATOR), "--out", str(out)]) == 1
    assert not out.exists()
    assert "hint" in capsys.readouterr().err


def test_a_terminal_without_utf8(file: Path) -> None:
    done = program("manifest", "show", file, PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (0, "")


def test_the_locale_c(file: Path, tmp_path: Path) -> None:
    plain, c = tmp_path / "plain", tmp_path / "c"
    assert program("review", file, "--out", plain).returncode == 0
    done = program("review", file, "--out", c, LC_ALL="C", TZ="Asia/Tokyo")
    assert done.returncode == 0, done.stderr
    assert [(p.name, p.read_bytes()) for p in sorted(c.iterdir()) if p.is_file()] == [
        (p.name, p.read_bytes()) for p in sorted(plain.iterdir()) if p.is_file()
    ]


def test_an_interrupted_query_is_an_interruption(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(_: object) -> int:
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt:
            raise psycopg.OperationalError("the connection is closed")  # noqa: B904 - psycopg raises it so

    monkeypatch.setattr(inspecting, "run_status", run)
    assert main(["status", "--database", "x"]) == 1
    assert capsys.readouterr().err == "qt001-cp: interrupted; nothing was left running\n"


def test_where_the_project_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--project"]) == 0
    assert (Path(capsys.readouterr().out.strip()) / "alembic.ini").is_file()
