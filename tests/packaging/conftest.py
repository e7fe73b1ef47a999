"""An environment with the wheel, and what pip brings with it, and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from qt001_cp.workflow.revisions import project_folder


def run(*command: object, cwd: str | Path = "/", **env: str) -> subprocess.CompletedProcess[str]:
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "VIRTUAL_ENV", "QT001", "PG"))}
    return subprocess.run(
        [str(c) for c in command], env={**clean, **env}, cwd=cwd, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with its programs."""
    folder = tmp_path_factory.mktemp("wheel")
    built = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=project_folder(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stdout + built.stderr
    (wheel,) = folder.glob("*.whl")
    base = getattr(sys, "_base_executable", sys.executable)
    assert run(base, "-m", "venv", folder / "venv").returncode == 0
    pip = run(folder / "venv/bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", wheel)
    if pip.returncode != 0 and "Could not find a version" in pip.stderr:
        pytest.skip(f"no package index in reach: {pip.stderr.strip().splitlines()[-1]}")
    assert pip.returncode == 0, pip.stderr
    return folder / "venv/bin"
