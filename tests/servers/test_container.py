"""A server in a container, where a Docker daemon answers; ``.ci/docker`` starts one, and then nothing here may be skipped."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from qt001_cp.cli import main
from qt001_cp.errors import EXIT_OK, Qt001Error
from qt001_cp.servers import Server, ServerError, open_server
from qt001_cp.servers.keeper import kept

ROOT = Path(__file__).parents[2]
NO_DAEMON = 4


@contextmanager
def container() -> Iterator[Server]:
    """Skips where there is none; where one was promised that is a failure."""
    try:
        with open_server("container") as server:
            yield server
    except ServerError as exc:
        lacking = "no Docker daemon answers" in exc.message or "no container of" in exc.message
        if lacking and os.environ.get("QT001_TEST_CONTAINER") != "required":
            pytest.skip(exc.message)
        raise


def _serving(port: int) -> str:
    """The container that publishes a port; other tests have others at the same time. What a run leaves behind, .ci/docker refuses."""
    asked = ["docker", "ps", "-aq", "--filter", f"publish={port}"]
    return subprocess.run(asked, capture_output=True, text=True, check=False).stdout


@pytest.mark.slow
def test_a_container_serves_and_is_gone_afterwards() -> None:
    with container() as server, server.connect("postgres") as connection:
        version = connection.execute("SELECT current_setting('server_version_num')::int").fetchone()
        assert version == (server.version,)
        connection.execute("CREATE ROLE app LOGIN")
        with server.connect("postgres", "app") as app:
            assert app.execute("SELECT session_user").fetchone() == ("app",)
        assert "complete" in server.dump("postgres")
        assert _serving(server.port)
    assert _serving(server.port) == ""


@pytest.mark.slow
def test_a_container_is_gone_after_an_error() -> None:
    ports: list[int] = []

    def fail() -> None:
        with container() as server:
            ports.append(server.port)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert _serving(ports[0]) == ""


@pytest.mark.slow
def test_a_rehearsal_in_a_container(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with container():
        pass  # skips where there is none
    ports: list[int] = []

    @contextmanager
    def noted(kind: str, what: str) -> Iterator[dict[str, Any]]:
        with kept(kind, what) as answer:
            ports.append(answer["port"])
            yield answer

    monkeypatch.setattr("qt001_cp.servers.container.kept", noted)
    out = tmp_path / "rehearsal"
    code = main(["rehearse", "--server", "container", "--out", str(out)])
    said = capsys.readouterr()
    assert code == EXIT_OK, said
    assert "runs in a container" in said.err
    transcript = json.loads((out / "transcript.json").read_text("utf-8"))
    assert transcript["passed"]
    assert "container" in transcript["server"]
    assert [_serving(port) for port in ports] == [""]


def _docker(path: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(ROOT / ".ci" / "docker"), *arguments],
        env={**os.environ, "PATH": path, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_where_no_daemon_can_be_started_it_is_said(tmp_path: Path) -> None:
    for name in ("bash", "env", "id", "dirname", "readlink", "sh"):
        there = next(p for p in (Path("/usr/bin", name), Path("/bin", name)) if p.exists())
        (tmp_path / name).symlink_to(there)
    done = _docker(str(tmp_path), "sh", "-c", "echo it ran")
    assert (done.returncode, done.stdout) == (NO_DAEMON, "")
    why = "dockerd is not installed (Debian: docker.io" if os.geteuid() == 0 else "only root can"
    assert f"no Docker daemon can be started here: {why}" in done.stderr


def test_a_daemon_that_ends_says_its_last_word(tmp_path: Path) -> None:
    if (
        os.geteuid() != 0
        or subprocess.run(["unshare", "-mnp", "-f", "true"], check=False, capture_output=True).returncode
    ):
        pytest.skip("namespaces are root's here")
    for name in ("containerd", "runc", "docker"):
        _program(tmp_path / name, "exit 1")
    _program(tmp_path / "dockerd", "echo 'this kernel has no overlay' >&2; exit 1")
    if not any(Path(folder, "ip").exists() for folder in os.environ["PATH"].split(":")):
        _program(tmp_path / "ip", "exit 0")
    before = set(Path("/tmp").glob("qt001-docker-*"))  # noqa: S108 - where the script makes its folder
    done = _docker(f"{tmp_path}:{os.environ['PATH']}", "sh", "-c", "echo it ran")
    assert (done.returncode, done.stdout) == (NO_DAEMON, "")
    assert "no Docker daemon can be started here: this kernel has no overlay" in done.stderr
    assert set(Path("/tmp").glob("qt001-docker-*")) <= before  # noqa: S108 - the same


def test_it_wants_a_command() -> None:
    done = _docker(os.environ["PATH"])
    assert (done.returncode, "usage: .ci/docker COMMAND" in done.stderr) == (2, True)


def _program(path: Path, body: str) -> None:
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)


def test_the_message_without_a_daemon_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none")
    with pytest.raises(Qt001Error) as caught, open_server("container"):
        pass
    assert "no Docker daemon answers" in caught.value.message
    assert "QT001_TEST_SERVER=embedded" in str(caught.value.hint)
