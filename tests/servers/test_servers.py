"""The embedded server really starts, serves awkward names and other roles, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo
from sqlalchemy import create_engine, text

from qt001_cp.servers import Server, ServerError, open_server, wheel
from qt001_cp.servers.binaries import wanted_major
from qt001_cp.servers.folders import bases, run_folder
from qt001_cp.servers.installation import runs, server_user
from qt001_cp.servers.pinned import WHEEL_MAJOR

ROOT = Path(__file__).parents[2]
AWKWARD = 'we ird "na\'me" ü?#%/\\@:x'
GONE_SECONDS = 10.0


@pytest.fixture(scope="module")
def embedded() -> Iterator[Server]:
    with open_server("embedded") as server:
        with server.connect("postgres") as connection:
            for create in ("CREATE DATABASE {}", "CREATE ROLE {} LOGIN"):
                connection.execute(sql.SQL(create).format(sql.Identifier(AWKWARD)))
            connection.execute("CREATE ROLE nobody_logs_in NOLOGIN")
        yield server


def one(connection: psycopg.Connection, query: str) -> object:
    row = connection.execute(query).fetchone()
    assert row is not None
    return row[0]


def postmaster(folder: Path) -> int:
    return int((folder / "data" / "postmaster.pid").read_text().split()[0])


def wait_until_gone(folder: Path, pid: int | None = None) -> None:
    deadline = time.monotonic() + GONE_SECONDS
    while time.monotonic() < deadline:
        if not folder.exists() and (pid is None or not alive(pid)):
            return
        time.sleep(0.05)
    pytest.fail(f"after {GONE_SECONDS} s: folder {folder.exists()}, postmaster {pid} {pid is not None and alive(pid)}")


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"  # a zombie is dead; whether init reaps it is not ours


# --- it serves


def test_answers_as_the_postgresql_that_was_asked_for(embedded: Server) -> None:
    with embedded.connect("postgres") as connection:
        assert str(one(connection, "SELECT version()")).startswith(f"PostgreSQL {wanted_major() or WHEEL_MAJOR}.")
        assert one(connection, "SELECT current_setting('server_version_num')::int") == embedded.version
        assert one(connection, "SELECT current_setting('server_encoding')") == "UTF8"
        assert one(connection, "SELECT current_setting('listen_addresses')") == ""
        assert one(connection, "SELECT session_user") == embedded.superuser == "postgres"
    assert embedded.kind == "embedded"


def test_connects_as_another_role(embedded: Server) -> None:
    with embedded.connect("postgres", AWKWARD) as connection:
        assert one(connection, "SELECT session_user") == AWKWARD
        assert connection.autocommit
    with embedded.connect("postgres", AWKWARD, False) as connection:
        assert not connection.autocommit


def test_a_role_without_login_is_not_let_in(embedded: Server) -> None:
    with pytest.raises(psycopg.OperationalError, match="not permitted to log in"):
        embedded.connect("postgres", "nobody_logs_in")


def test_awkward_names_in_conninfo_and_url(embedded: Server) -> None:
    wanted = (AWKWARD, AWKWARD)
    query = "SELECT current_database(), session_user"
    with psycopg.connect(embedded.conninfo(AWKWARD, AWKWARD)) as connection:
        assert connection.execute(query).fetchone() == wanted
    engine = create_engine(embedded.url(AWKWARD, AWKWARD))
    with engine.connect() as alchemy:
        assert tuple(alchemy.execute(text(query)).one()) == wanted
    engine.dispose()


def test_awkward_names_in_client_programs(embedded: Server) -> None:
    said = embedded.run("psql", "-XAtc", "SELECT session_user", dbname=AWKWARD, user=AWKWARD).stdout
    assert said == f"{AWKWARD}\n"
    assert embedded.psql("SELECT 'ü'", "-At", dbname=AWKWARD, user=AWKWARD).stdout == "ü\n"
    assert "PostgreSQL database dump complete" in embedded.dump(AWKWARD)
    assert "nobody_logs_in" in embedded.dump_roles()


def test_a_failing_program_says_why(embedded: Server) -> None:
    with pytest.raises(ServerError, match='relation "nowhere" does not exist'):
        embedded.psql("TABLE nowhere", dbname="postgres")
    assert embedded.psql("TABLE nowhere", dbname="postgres", check=False).returncode == 3


def test_the_callers_variables_bend_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "PGPORT": "5555",
        "PGHOSTADDR": "127.0.0.1",
        "PGHOST": "nowhere.invalid",
        "PGUSER": "somebody",
        "PGDATABASE": "elsewhere",
        "PGOPTIONS": "-c role=somebody",
        "PGDATA": "/nonexistent",
    }.items():
        monkeypatch.setenv(name, value)
    with open_server("embedded") as server:
        with server.connect("postgres") as connection:
            assert one(connection, "SELECT current_user") == "postgres"
        assert server.psql("SELECT current_user", "-At", dbname="postgres").stdout == "postgres\n"
        assert {name for name in server.env("postgres") if name.startswith("PG")} == {
            "PGHOST",
            "PGPORT",
            "PGUSER",
            "PGDATABASE",
            "PGCLIENTENCODING",
        }


def test_only_we_get_to_the_socket(embedded: Server) -> None:
    folder = Path(embedded.host).stat()
    user = server_user()
    assert stat.S_IMODE(folder.st_mode) == 0o700
    assert folder.st_uid == (os.geteuid() if user is None else user.pw_uid)
    assert len(os.fsencode(embedded.host)) < 85


def test_two_at_once(embedded: Server) -> None:
    query = "SELECT system_identifier FROM pg_control_system()"
    with open_server("embedded") as other, other.connect("postgres") as there, embedded.connect("postgres") as here:
        assert other.host != embedded.host
        assert one(there, query) != one(here, query)


# --- it leaves nothing behind


def test_gone_after_the_block_and_after_an_error_in_it() -> None:
    with pytest.raises(ZeroDivisionError), open_server("embedded") as server:  # noqa: PT012 - the error is the test's own
        folder = Path(server.host)
        pid = postmaster(folder)
        raise ZeroDivisionError
    assert not folder.exists()
    assert not alive(pid)


@pytest.mark.parametrize(
    ("number", "how"),
    [(signal.SIGKILL, ""), (signal.SIGINT, ""), (signal.SIGTERM, ""), (signal.SIGKILL, "fork")],
    ids=["SIGKILL", "SIGINT", "SIGTERM", "SIGKILL while a fork holds the pipe"],
)
def test_gone_when_the_owner_ends(number: signal.Signals, how: str) -> None:
    with owner(*filter(None, [how])) as (process, folder):
        pid = postmaster(folder)
        assert alive(pid)
        process.send_signal(number)
        assert process.wait(GONE_SECONDS) != 0
        wait_until_gone(folder, pid)


def test_gone_when_the_owner_is_killed_while_it_starts() -> None:
    with start_owner() as process:
        deadline = time.monotonic() + GONE_SECONDS
        while (folder := folder_of_child(process.pid)) is None and time.monotonic() < deadline:
            time.sleep(0.01)
        process.kill()
    assert folder is not None
    wait_until_gone(folder)


def test_the_server_ends_with_its_supervisor_and_the_next_one_sweeps() -> None:
    with owner() as (process, folder):
        pid = postmaster(folder)
        os.kill(parent_of(pid), signal.SIGKILL)
        deadline = time.monotonic() + GONE_SECONDS
        while alive(pid) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not alive(pid)
        assert folder.exists()
        old = time.time() - 3600
        os.utime(folder, (old, old))
        with run_folder(folder.parent, server_user()):
            assert not folder.exists()
        process.kill()


def test_the_sweep_leaves_what_is_in_use() -> None:
    base = bases(server_user())[0]
    with run_folder(base, server_user()) as used:
        old = time.time() - 3600
        os.utime(used, (old, old))
        with run_folder(base, server_user()):
            assert used.exists()
    assert not used.exists()


# --- where it may live


def test_a_folder_too_deep_for_a_socket_is_passed_over(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 100)
    deep.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(deep))
    assert deep not in bases(None)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the server as somebody else")
def test_a_folder_closed_to_the_server_user_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    user = server_user()
    assert user is not None
    with run_folder(Path("/tmp"), None) as closed:  # noqa: S108 - a folder of its own in it
        monkeypatch.setattr("tempfile.tempdir", str(closed))
        assert closed in bases(None)
        assert closed not in bases(user)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the server as somebody else")
def test_a_copy_of_the_binaries_where_the_wheel_is_out_of_reach() -> None:
    user = server_user()
    assert user is not None
    with run_folder(bases(user)[0], user) as folder:
        assert runs(wheel.installation().copy_for(user, folder / "programs"), user)


# --- the other kinds


def test_a_given_server(embedded: Server) -> None:
    with open_server(dsn=embedded.conninfo("postgres")) as server:
        assert (server.kind, server.version, server.trusts) == ("dsn", embedded.version, True)
        with server.connect("postgres", AWKWARD) as connection:
            assert one(connection, "SELECT session_user") == AWKWARD


def test_a_given_server_that_asks_for_passwords() -> None:
    with open_server("embedded") as raw:
        with raw.connect("postgres") as connection:
            connection.execute("CREATE ROLE app LOGIN")
            connection.execute("CREATE ROLE boss LOGIN SUPERUSER PASSWORD 'se cret'")
            Path(raw.host, "data", "pg_hba.conf").write_text("local all postgres trust\nlocal all all scram-sha-256\n")
            connection.execute("SELECT pg_reload_conf()")
            time.sleep(0.5)
        with open_server(dsn=make_conninfo(raw.conninfo("postgres", "boss"), password="se cret")) as server:  # noqa: S106 - a server of the test's own
            assert (server.superuser, server.trusts) == ("boss", False)
            with server.connect("postgres", "app") as connection:
                assert one(connection, "SELECT session_user") == "app"
            assert server.psql("SELECT session_user", "-At", dbname="postgres", user="app").stdout == "app\n"
            assert server.psql("SELECT session_user", "-At", dbname="postgres").stdout == "boss\n"
            with pytest.raises(ServerError, match="with a password only"):
                server.run("pg_dump", dbname="postgres", user="app")
            engine = create_engine(server.url("postgres"))
            with engine.connect() as alchemy:
                assert alchemy.execute(text("SELECT session_user")).scalar_one() == "boss"
            engine.dispose()


def test_a_given_server_has_to_be_ours_to_use(embedded: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ServerError, match="not a superuser"), open_server(dsn=embedded.conninfo("postgres", AWKWARD)):
        pass
    nowhere = make_conninfo("", host=str(ROOT / "nowhere"), dbname="postgres")
    with pytest.raises(ServerError, match="does not answer"), open_server(dsn=nowhere):
        pass
    monkeypatch.delenv("QT001_TEST_DATABASE_URL", raising=False)
    with pytest.raises(ServerError, match="no connection string"), open_server("dsn"):
        pass
    with pytest.raises(ServerError, match="unknown kind"), open_server("oracle"):
        pass


def test_the_environment_chooses(embedded: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QT001_TEST_DATABASE_URL", embedded.url("postgres"))
    monkeypatch.delenv("QT001_TEST_SERVER", raising=False)
    with open_server() as server:
        assert (server.kind, server.host) == ("dsn", embedded.host)
    monkeypatch.setenv("QT001_TEST_SERVER", "embedded")
    with open_server() as server:
        assert server.kind == "embedded"
    with open_server(dsn=embedded.conninfo("postgres")) as server:
        assert server.kind == "dsn"


# --- helpers


@contextmanager
def owner(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """Start tests/servers/owner.py and wait for its server."""
    with start_owner(*arguments) as process:
        try:
            assert process.stdout is not None
            yield process, Path(process.stdout.readline().strip() or "/nonexistent")
        finally:
            process.kill()


def start_owner(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("owner.py")), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def folder_of_child(pid: int) -> Path | None:
    """The folder that a supervisor started by ``pid`` has locked."""
    for lock in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            target = lock.readlink()
            if target.name == "lock" and "qt001-pg-" in str(target) and parent_of(int(lock.parts[2])) == pid:
                return target.parent
        except OSError:
            continue
    return None
