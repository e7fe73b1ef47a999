"""Alembic as a user runs it: the program, in a process of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from qt001_cp.rehearsal.scene import OPERATOR
from qt001_cp.workflow.revisions import project_folder
from tests.conftest import Stage


def copy_project(folder: Path) -> Path:
    """A copy of the history, to be changed; returns ``folder``."""
    shutil.copy(project_folder() / "alembic.ini", folder)
    shutil.copytree(project_folder() / "alembic", folder / "alembic", ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def alembic(
    stage: Stage | None, *args: str, folder: Path | None = None, url: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run it on the stage's database as the operator, or on ``url``. Alembic prints its errors to stdout.

    Whatever happens, nobody sees a traceback.
    """
    env = {k: v for k, v in os.environ.items() if not k.startswith("PG") and k != "QT001_DATABASE_URL"}
    database = url or (stage.scene.dsn(OPERATOR) if stage is not None else "")
    if database:
        env["QT001_DATABASE_URL"] = database
    env["PYTHONPATH"] = os.pathsep.join(p for p in (str(project_folder()), env.get("PYTHONPATH")) if p)
    ini = str((folder or project_folder()) / "alembic.ini")
    done = subprocess.run(
        [sys.executable, "-m", "alembic", "-c", ini, *args], env=env, capture_output=True, text=True, check=False
    )
    assert "Traceback" not in done.stdout + done.stderr, done.stdout + done.stderr
    return done
