"""The application behind PgBouncer, the real one: FIX7b names the pooler's server sessions, and docs/pooler.md works as written."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from qt001_cp.rehearsal.scene import OPERATOR
from qt001_cp.servers.cluster import die_with_us, identity
from qt001_cp.servers.folders import bases, run_folder
from qt001_cp.servers.installation import server_user
from tests.conftest import Stage
from tests.cutover.support import APPLICATION, printed, refused
from tests.guides.guide import blocks

BOUNCER = shutil.which("pgbouncer") or next(iter(Path("/usr/sbin").glob("pgbouncer")), None)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(BOUNCER is None, reason="no PgBouncer here (Debian: pgbouncer)"),
]
PORT = 6432
BOSS = "pooler_admin"
SERVED = "SELECT pid FROM pg_stat_activity WHERE usename = 'directus' AND backend_type = 'client backend'"
HELD = "DECLARE held CURSOR WITH HOLD FOR SELECT title FROM public.qt001_source"


@dataclass
class Pooler:
    """One PgBouncer in front of one database."""

    folder: Path
    stage: Stage

    def connect(self) -> psycopg.Connection:
        """As the application, through the pool."""
        return psycopg.connect(
            host=str(self.folder),
            port=PORT,
            user=APPLICATION,
            dbname=self.stage.scene.database,
            autocommit=True,
            prepare_threshold=None,
        )

    def served(self) -> list[int]:
        """The server sessions of the application, which are the pooler's."""
        with self.stage.connect() as admin:
            return [pid for (pid,) in admin.execute(SERVED)]

    def follow(self, section: str, **programs: str) -> subprocess.Popen[str]:
        """The commands of that section of docs/pooler.md, as they are written; ``programs``: files beside them."""
        for name, text in programs.items():
            (self.stage.folder / f"{name}.sql").write_text(text, "utf-8")
        keep = {k: v for k, v in os.environ.items() if not k.startswith(("PG", "QT001"))}
        names = {
            "POOLER": f"host={self.folder} port={PORT} user={BOSS} dbname=pgbouncer",
            "DATABASE": self.stage.scene.database,
            "OPERATOR": self.stage.scene.dsn(OPERATOR),
            "OFF": "",
            "PATH": f"{self.stage.scene.server.bin}{os.pathsep}{os.environ['PATH']}",
        }
        return subprocess.Popen(
            ["bash", "-ec", "\n".join(blocks("pooler")[section])],
            env=keep | names,
            cwd=self.stage.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )


@contextmanager
def pooled(stage: Stage, mode: str) -> Iterator[Pooler]:
    """PgBouncer as the server's user, whom alone the socket lets in."""
    user = server_user()
    with run_folder(bases(user)[0], user) as folder:
        (folder / "users").write_text(f'"{APPLICATION}" ""\n"{BOSS}" ""\n')
        settings = {
            "unix_socket_dir": folder,
            "unix_socket_mode": "0700",
            "listen_port": PORT,
            "auth_type": "trust",
            "auth_file": folder / "users",
            "admin_users": BOSS,
            "pool_mode": mode,
            "ignore_startup_parameters": "extra_float_digits,options",
        }
        server = stage.scene.server
        (folder / "ini").write_text(
            f"[databases]\n{stage.scene.database} = host={server.host} port={server.port} pool_size=1\n[pgbouncer]\n"
            + "".join(f"{name} = {value}\n" for name, value in settings.items())
        )
        for path in folder.iterdir():
            path.chmod(0o644)
        with (folder / "log").open("w") as log:
            bouncer = subprocess.Popen(
                [str(BOUNCER), str(folder / "ini")],
                stdout=log,
                stderr=log,
                cwd="/",
                preexec_fn=die_with_us,
                **identity(user),
            )
        try:
            made = Pooler(folder, stage)
            _until_it_answers(made, bouncer)
            yield made
        finally:
            bouncer.terminate()  # at once, in 1.18; with SIGINT it would wait for its clients
            bouncer.wait(20)


def _until_it_answers(pooler: Pooler, bouncer: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 20
    while True:
        try:
            pooler.connect().close()
            return
        except psycopg.OperationalError:
            assert bouncer.poll() is None, (pooler.folder / "log").read_text()
            assert time.monotonic() < end, (pooler.folder / "log").read_text()
            time.sleep(0.05)


def _done(followed: subprocess.Popen[str]) -> str:
    try:
        said, _ = followed.communicate(timeout=120)
    finally:
        if followed.poll() is None:
            os.killpg(followed.pid, signal.SIGKILL)
    assert followed.returncode == 0, said
    return said


@pytest.fixture
def at_recorded_here(at_recorded: Stage, tmp_path: Path) -> Stage:
    """Printed files lie in the test's own folder."""
    at_recorded.folder, folder = tmp_path, at_recorded.folder
    shutil.copy(folder / "object.json", tmp_path)
    return at_recorded


def test_transaction_mode(at_recorded_here: Stage) -> None:
    stage = at_recorded_here
    with pooled(stage, "transaction") as pooler, pooler.connect() as client:
        assert client.execute("SELECT count(*) > 0 FROM public.qt001_source").fetchone() == (True,)
        (before,) = pooler.served()
        refused(stage, "QT108", f"session {before} of {APPLICATION}")
        said = _done(pooler.follow("Transaction mode", fix7b=printed(stage)))
        assert "psql: 0" in said
        assert client.execute("SELECT count(*) > 0 FROM public.qt001_status").fetchone() == (True,)
        assert before not in pooler.served()
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            client.execute("SELECT count(*) FROM public.qt001_source")


def test_a_session_that_is_only_terminated_comes_again(at_recorded_here: Stage) -> None:
    """Why the hint says more than pg_terminate_backend()."""
    stage = at_recorded_here
    with pooled(stage, "transaction") as pooler, pooler.connect() as client:
        client.execute("SELECT 1")
        (before,) = pooler.served()
        with stage.connect() as admin:
            assert "PAUSE" in _hint(stage)
            admin.execute("SELECT pg_terminate_backend(%s)", [before])
        with suppress(psycopg.OperationalError), pooler.connect() as other:
            other.execute("SELECT 1")  # it may still meet the one that ended
        with pooler.connect() as other:
            other.execute("SELECT 1")
        (after,) = pooler.served()
        refused(stage, "QT108", f"session {after} of {APPLICATION}")


def _hint(stage: Stage) -> str:
    with stage.connect(OPERATOR) as operator:
        rows = operator.execute("SELECT mend FROM qt001_cp.open_session_findings(%s)", [stage.digest]).fetchall()
    return " ".join(mend for (mend,) in rows)


def test_session_mode(at_recorded_here: Stage) -> None:
    stage = at_recorded_here
    with pooled(stage, "session") as pooler:
        client = pooler.connect()
        client.execute("SELECT 1")
        waiting = pooler.follow("Transaction mode", fix7b=printed(stage))
        with pytest.raises(subprocess.TimeoutExpired):  # PAUSE waits for the client
            waiting.communicate(timeout=2)
        os.killpg(waiting.pid, signal.SIGTERM)
        waiting.communicate(timeout=20)
        assert "psql: 0" in _done(pooler.follow("Session mode", fix7b=printed(stage)))
        with pytest.raises(psycopg.OperationalError):
            client.execute("SELECT 1")
        client.close()
        with pooler.connect() as again, pytest.raises(psycopg.errors.InsufficientPrivilege):
            again.execute("SELECT count(*) FROM public.qt001_source")


def test_what_keep_costs(at_recorded_here: Stage) -> None:
    """Another client of the pool reads what the first one's cursor holds, after the cutover; not after RECONNECT."""
    stage = at_recorded_here
    with pooled(stage, "transaction") as pooler, pooler.connect() as client, pooler.connect() as other:
        with client.transaction():
            client.execute(HELD)
        stage.upgrade("fix7b", sessions="keep")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            other.execute("SELECT title FROM public.qt001_source")
        assert other.execute("FETCH 2 FROM held").fetchall()
        _done(pooler.follow("What `-x sessions=keep` costs here"))
        with pytest.raises(psycopg.errors.InvalidCursorName):
            other.execute("FETCH 2 FROM held")
