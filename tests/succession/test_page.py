"""docs/changes.md as it is written: with a real copy on a second server, and the change in a database that is in use."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from qt001_cp import estate
from qt001_cp.project import project_folder
from qt001_cp.rehearsal.scene import AUTHOR, OPERATOR, SCANNER, VERIFIER
from qt001_cp.servers import open_server
from tests.conftest import Stage
from tests.guides.guide import fenced
from tests.guides.guide import pages as all_pages
from tests.succession.support import deployed, gates


@pytest.mark.slow
def test_the_page_runs_as_it_is_written(at_fix7c_done: Stage, tmp_path: Path) -> None:
    stage = at_fix7c_done
    (page,) = [p for p in all_pages() if p.stem == "changes"]
    script = "\n".join(f"set -x\n{b.body}" for b in fenced(page) if b.language == "sh")
    with stage.connect() as admin:
        admin.execute("UPDATE qt001_cp.bootstrap SET rehearsal = false")
    (tmp_path / "scripts").symlink_to(project_folder() / "scripts")
    (tmp_path / "bundle").symlink_to(stage.folder)
    (tmp_path / "policy.toml").symlink_to(estate.policy_path())
    server, name = stage.scene.server, stage.scene.database
    with open_server(major=server.version // 10000) as other:
        environment = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}:{server.bin}:{os.environ['PATH']}",
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "ADMIN": stage.scene.dsn("postgres"),
            "OPERATOR": stage.scene.dsn(OPERATOR),
            "AUTHOR": stage.scene.dsn(AUTHOR),
            "VERIFIER": stage.scene.dsn(VERIFIER),
            "SCANNER": stage.scene.dsn(SCANNER),
            "COPY_SERVER": other.conninfo("postgres"),
            "COPY": other.conninfo(name),
            "NAME": name,
            "OFF": "-c event_triggers=off" if server.version >= 170000 else "",
        }
        done = subprocess.run(
            ["bash", "-eu", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
    logs = "".join(f"{log.name}: {log.read_text('utf-8')[-2000:]}" for log in tmp_path.glob("*.log"))
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-6000:] + logs
    assert done.stdout.count("PASSED") == 5
    assert {"taken from the application: table public.redirects", "given back: table public.qt001_import_batch"} <= set(
        done.stdout.splitlines()
    )
    assert "add_unit (head)" in done.stdout
    assert deployed(stage) != stage.digest
    assert gates(stage) <= {"scheduled_verifier_recent", "sign_off_present", "capability_evidence_real"}
    assert "qt001_cp.undeploy_begin" in (tmp_path / "fix7c-back.sql").read_text("utf-8")
