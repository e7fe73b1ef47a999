"""The scripts that the README and CI name: there, executable, sound in a plain sh, from any working directory."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "scripts"
COMMANDS = ("scripts/test", "scripts/rehearse")
PREPARED = (ROOT / ".venv" / "qt001-installed").exists()

pytestmark = pytest.mark.slow


def _shell(*words: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        words, capture_output=True, text=True, check=False, cwd="/", env={**os.environ, **env}, timeout=120
    )


@pytest.mark.parametrize("name", [*COMMANDS, "scripts/lint", ".ci/run"])
def test_is_executable_with_an_interpreter(name: str) -> None:
    file = ROOT / name
    assert os.access(file, os.X_OK)
    assert re.match(r"#!(/bin/sh|/usr/bin/env bash)\n", file.read_text("utf-8"))


@pytest.mark.parametrize("name", sorted(p.name for p in SCRIPTS.iterdir() if p.suffix == ""))
def test_reads_as_plain_sh(name: str) -> None:
    done = _shell("sh", "-n", str(SCRIPTS / name))
    assert (done.returncode, done.stderr) == (0, "")


def test_ci_runs_what_the_readme_says() -> None:
    readme, ci = (ROOT / "README.md").read_text("utf-8"), (ROOT / ".ci" / "run").read_text("utf-8")
    for command in COMMANDS:
        assert re.search(rf"^(step )?{command}\b", ci, re.MULTILINE), f".ci/run does not call {command}"
        assert re.search(rf"^\s*(\$ )?{command}\b", readme, re.MULTILINE), f"README does not show {command}"


@pytest.fixture
def bare(tmp_path: Path) -> str:
    """A PATH without any Python."""
    for tool in ("sh", "dirname", "readlink"):
        found = shutil.which(tool)
        assert found is not None
        (tmp_path / tool).symlink_to(found)
    return str(tmp_path)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_machine_without_python_is_told_so(command: str, bare: str) -> None:
    done = _shell(str(ROOT / command), PATH=bare, PYTHON="")
    assert done.returncode == 2
    assert done.stderr.startswith("Python 3.11 or newer is needed")


def test_a_link_to_the_script_works_too(bare: str) -> None:
    link = Path(bare, "a link")
    link.symlink_to(SCRIPTS / "rehearse")
    assert _shell(str(link), PATH=bare, PYTHON="").stderr.startswith("Python 3.11 or newer is needed")


def test_a_wrong_python_is_told_so(bare: str) -> None:
    done = _shell(str(SCRIPTS / "test"), PATH=bare, PYTHON="/bin/false")
    assert done.returncode == 2
    assert done.stderr == "PYTHON=/bin/false is not a Python 3.11 or newer\n"


@pytest.mark.skipif(not PREPARED, reason="scripts/test has not made .venv here")
def test_the_test_command_works_from_elsewhere() -> None:
    done = _shell(str(SCRIPTS / "test"), "--collect-only", "-q", "tests/scripts", QT001_TEST_WORKERS="0")
    assert done.returncode == 0, done.stderr
    assert "tests/scripts/test_scripts.py" in done.stdout


@pytest.mark.skipif(not PREPARED, reason="scripts/test has not made .venv here")
def test_the_rehearsal_command_works_from_elsewhere() -> None:
    done = _shell(str(SCRIPTS / "rehearse"), "--help")
    assert done.returncode == 0, done.stderr
    assert "--out" in done.stdout


@pytest.mark.parametrize("name", ["bootstrap.sql", "teardown.sql"])
def test_the_operator_s_files_stop_at_the_first_error(name: str) -> None:
    text = (SCRIPTS / name).read_text("utf-8")
    assert "\\set ON_ERROR_STOP on" in text
    assert text.count("\nBEGIN;\n") == text.count("\nCOMMIT;\n") == 1
