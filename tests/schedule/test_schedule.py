"""The schedules in scripts/ are what their programs take, and pg_cron really runs the scanner."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from qt001_cp.cli.main import _parser
from qt001_cp.rehearsal.scene import SCANNER, VERIFIER
from qt001_cp.servers import Server
from qt001_cp.workflow.revisions import project_folder
from tests.conftest import DATABASE, Library, Stage
from tests.faults.cluster import cluster

SCRIPTS = project_folder() / "scripts"
UNITS = sorted(SCRIPTS.glob("qt001-*.service")) + sorted(SCRIPTS.glob("qt001-*.timer"))
# pg_cron belongs to the distribution's server; the newest that has it.
CRON = max(Path("/usr/lib/postgresql").glob("*/lib/pg_cron.so"), default=None, key=lambda p: int(p.parts[4]))


def _commands() -> Iterator[str]:
    for unit in SCRIPTS.glob("qt001-*.service"):
        yield from re.findall(r"^ExecStart=/opt/qt001/bin/qt001-cp (.*)$", unit.read_text(), re.MULTILINE)
    yield from re.findall(r"^[-*/\d,]+ +\* .*? qt001-cp (.*)$", (SCRIPTS / "qt001.cron").read_text(), re.MULTILINE)


def test_each_command_is_one_of_ours() -> None:
    verbs = [_parser().parse_args(shlex.split(command)).verb for command in _commands()]
    assert sorted(verbs) == ["scan", "scan", "verify", "verify"]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze on this machine")
def test_systemd_takes_the_units(tmp_path: Path) -> None:
    for unit in UNITS:
        (tmp_path / unit.name).write_text(unit.read_text().replace("/opt/qt001/bin/qt001-cp", "/bin/true"))
    named = [str(tmp_path / u.name) for u in UNITS if "@" not in u.name]
    done = subprocess.run(["systemd-analyze", "verify", *named], capture_output=True, text=True, check=False)
    ours = [line for line in done.stderr.splitlines() if "qt001" in line]
    assert done.returncode == 0, done.stderr
    assert ours == [], done.stderr


@pytest.fixture(scope="module")
def with_cron() -> Iterator[Server]:
    if CRON is None:
        pytest.skip("no PostgreSQL with pg_cron on this machine")
    with cluster(
        CRON.parents[1] / "bin",
        **{
            "shared_preload_libraries": "pg_cron",
            "cron.database_name": "postgres",
            "cron.use_background_workers": "on",
        },
    ) as own:
        yield own.server()


@pytest.mark.slow
def test_pg_cron_runs_the_scanner(with_cron: Server) -> None:
    stage = Library(with_cron).copy("fix7c")
    script = SCRIPTS / "schedule-scanner.sql"

    def schedule(login: str, database: str = DATABASE) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(with_cron.bin / "psql"), "-X", "-v", "ON_ERROR_STOP=1", "-v", f"login={login}", "-v", f"database={database}",
             "-v", "schedule=* * * * *", "-h", with_cron.host, "-U", "postgres", "-d", "postgres", "-f", str(script)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip  # an option beside its value

    assert 'login "nobody": expected a login of the scanner' in schedule("nobody").stderr
    assert "GRANT qt001_cp_verifier TO public_only;" in schedule("public_only").stderr
    assert "-v database=NAME" in schedule(SCANNER, "nowhere").stderr
    assert _events(stage) == []
    done = schedule(SCANNER)
    assert done.returncode == 0, done.stderr
    deadline = time.monotonic() + 90
    while not _events(stage) and time.monotonic() < deadline:
        time.sleep(0.5)
    with with_cron.connect("postgres") as connection:
        connection.execute("SELECT cron.unschedule(jobid) FROM cron.job WHERE jobname = 'qt001_cp.scan'")
        said = connection.execute("SELECT status, return_message FROM cron.job_run_details").fetchall()
    assert _events(stage)[:1] == [(SCANNER, "0")], said
    assert (schedule(SCANNER).returncode, schedule(VERIFIER).returncode) == (0, 0)  # the second replaces the first
    with with_cron.connect("postgres") as connection:
        assert connection.execute("SELECT count(*) FROM cron.job").fetchone() == (1,)


def _events(stage: Stage) -> list[tuple[str, str]]:
    with stage.connect() as connection:
        return connection.execute(
            "SELECT actor::text, detail ->> 'findings' FROM qt001_cp.event WHERE verb = 'scanned' ORDER BY seq"
        ).fetchall()
