"""docs/releases.md as it is written: a release is made, brought to a database in use, and taken back."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from qt001_cp.rehearsal.scene import SCANNER, VERIFIER
from tests.conftest import Stage
from tests.guides.guide import fenced
from tests.guides.guide import pages as all_pages
from tests.release.product import RELEASE, copied, mended, written_by_hand
from tests.succession.support import PLAIN, gates

pytestmark = pytest.mark.slow


def _bash(script: list[str], folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(folder), **more}
    environment["PATH"] = f"{Path(sys.executable).parent}:{more.get('BIN', '')}:{os.environ['PATH']}"
    text = "\n".join(f"set -x\n{block}" for block in script)
    return subprocess.run(
        ["bash", "-eu", "-c", text], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def test_the_page_runs_as_it_is_written(at_fix7c_done: Stage, operator: str, tmp_path: Path) -> None:
    (page,) = [p for p in all_pages() if p.stem == "releases"]
    made, *rest = [b.body for b in fenced(page) if b.language == "sh"]
    product = copied(tmp_path)
    mended(product)
    written_by_hand(product)
    # The script is this program in an environment of its own, which a new version would make anew.
    assert (tmp_path / "scripts" / "release").read_text("utf-8").endswith('exec python scripts/release.py "$@"\n')
    done = _bash([made.replace("scripts/release ", "python scripts/release.py ")], tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "no release is changed" in done.stdout
    assert not (tmp_path / "qt001_cp" / "sql" / "by_hand" / "forward.sql").exists()

    product.cli("change", "new", "add_unit", "--folder", str(tmp_path / "changes"))  # for its alembic.ini
    scene = at_fix7c_done.scene
    done = _bash(
        rest,
        tmp_path,
        BIN=str(scene.server.bin),
        ADMIN=scene.dsn("postgres"),
        OPERATOR=operator,
        LOGIN=PLAIN,
        OPTIONS="WITH INHERIT TRUE, SET TRUE" if scene.server.version >= 160000 else "",
        OFF="",
        VERIFIER=scene.dsn(VERIFIER),
        SCANNER=scene.dsn(SCANNER),
    )
    logs = "".join(f"{log.name}: {log.read_text('utf-8')[-2000:]}" for log in tmp_path.glob("*.log"))
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-5000:] + logs
    assert f"of release {RELEASE}" in done.stdout
    assert "verifier, scanner and auditor act again" in (tmp_path / "release-back.log").read_text("utf-8")
    assert "roles_apart" not in gates(at_fix7c_done)
