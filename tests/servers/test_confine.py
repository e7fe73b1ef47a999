"""A server that runs somebody else's code is locked in: even its superuser starts no program, reads no file, reaches nobody."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from qt001_cp.servers import Server, open_server
from qt001_cp.servers.confine import CONNECTIONS, FILES, NETWORK, words

CALLERS = "something of the caller's"


@pytest.fixture(scope="module")
def confined() -> Iterator[Server]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QT001_TEST_TOKEN", CALLERS)
        patch.setenv("GITHUB_TOKEN", CALLERS)
        with open_server("embedded", confined=True) as server:
            yield server


def _refused(server: Server, statement: str) -> str:
    with server.connect("postgres") as superuser, pytest.raises(psycopg.Error) as caught:
        superuser.execute(statement.encode())
    return str(caught.value)


def _needs(server: Server, word: str) -> None:
    if not any(word in one for one in server.held if "NOT" not in one):
        pytest.skip(f"this kernel has no {word}")


@pytest.mark.parametrize("to", ["marker", "{tmp}/marker"])
def test_no_program_is_started(confined: Server, tmp_path: Path, to: str) -> None:
    _needs(confined, "Landlock")
    tmp_path.chmod(0o777)
    said = _refused(confined, f"COPY (SELECT 1) TO PROGRAM 'touch {to.replace('{tmp}', str(tmp_path))}'")
    assert "could not execute command" in said
    assert not [*tmp_path.iterdir(), *Path(confined.host).rglob("marker")]


def test_no_file_beyond_its_folder_is_read_or_written(confined: Server, tmp_path: Path) -> None:
    _needs(confined, "Landlock")
    tmp_path.chmod(0o777)
    (tmp_path / "secret").write_text("secret")
    for path in (f"{tmp_path}/secret", "/etc/hostname", "/proc/self/environ", "/proc/1/cmdline"):
        assert "ermission denied" in _refused(confined, f"SELECT pg_read_file('{path}')"), path
    assert "ermission denied" in _refused(confined, f"COPY (SELECT 1) TO '{tmp_path}/marker'")
    with confined.connect("postgres") as superuser:
        assert superuser.execute("SELECT pg_read_file('PG_VERSION') <> ''").fetchone() == (True,)


def test_nobody_is_reached(confined: Server) -> None:
    _needs(confined, "network")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        with confined.connect("postgres") as superuser:
            superuser.execute("CREATE EXTENSION IF NOT EXISTS dblink")
        said = _refused(confined, f"SELECT dblink_connect('host=127.0.0.1 port={port} dbname=x connect_timeout=3')")
        assert "could not establish connection" in said
        listening.settimeout(0.2)
        with pytest.raises(TimeoutError):
            listening.accept()


def test_the_server_and_its_keeper_know_nothing_of_the_caller(confined: Server) -> None:
    """Neither tokens in the environment, nor a privilege that a program of another user could give."""
    postmaster = int(Path(confined.host, "data", "postmaster.pid").read_text().split()[0])
    status = Path(f"/proc/{postmaster}/status").read_text()
    parent = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("PPid:"))
    for process in (postmaster, parent):
        assert CALLERS.encode() not in Path(f"/proc/{process}/environ").read_bytes()
    assert Path(f"/proc/{postmaster}/environ").read_bytes() == b""
    assert "NoNewPrivs:\t1" in status
    if os.geteuid() == 0:
        assert confined.held[0] != "as user root"


def test_what_this_kernel_lacks_is_said() -> None:
    assert words(FILES + CONNECTIONS + NETWORK) == words(FILES + NETWORK)
    assert not [w for w in words(FILES + CONNECTIONS) if "NOT" in w]
    assert words("") == [
        "NOT kept from files and programs: this kernel has no Landlock",
        "NOT kept from the network: this kernel gives us no namespace",
    ]
