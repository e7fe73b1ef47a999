"""Applications from the package indexes, installed once into the user's cache, each apart from this project's environment."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from qt001_cp.servers.cache import cache_folder
from qt001_cp.servers.npm import npm

_SECONDS: Final = 540


class NotToBeHadError(Exception):
    """Why an application cannot be installed here, in the client's own words."""


def python_home(name: str, packages: tuple[str, ...]) -> Path:
    """A virtual environment with these. Raises :class:`NotToBeHadError`."""
    folder = _place(name, packages)
    python = str(folder / "bin" / "python")
    install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages]
    return _made(folder, [[sys.executable, "-m", "venv", str(folder)], install])


def node_home(name: str, packages: tuple[str, ...]) -> Path:
    """A folder with node_modules. Raises :class:`NotToBeHadError`."""
    command = npm()
    if command is None:
        raise NotToBeHadError("there is no npm here")
    folder = _place(name, packages)
    install = [*command, "install", "--prefix", str(folder), "--no-audit", "--no-fund", "--loglevel=error", *packages]
    return _made(folder, [install])


def node() -> str:
    """The program that runs it: beside npm where npm is a script in a wheel."""
    command = npm()
    found = command[0] if command is not None and len(command) > 1 else shutil.which("node")
    if found is None:
        raise NotToBeHadError("there is no node here")
    return found


def _place(name: str, packages: tuple[str, ...]) -> Path:
    wanted = hashlib.sha256("\n".join([sys.version, *packages]).encode()).hexdigest()[:12]
    return cache_folder().parent / "zoo" / f"{name}-{wanted}"


def _made(folder: Path, commands: list[list[str]]) -> Path:
    """It is whole when the mark is there, which comes last; who wants the same one waits."""
    whole = folder / ".whole"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f"{folder.name}.lock").open("w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        if whole.exists():
            return folder
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for command in commands:
            _run(command)
        whole.touch()
    return folder


def _run(command: list[str]) -> None:
    keep = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")}
    try:
        done = subprocess.run(
            command, env=keep, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=_SECONDS
        )
    except subprocess.TimeoutExpired as exc:
        raise NotToBeHadError(f"{Path(command[0]).name} did not end within {_SECONDS} s") from exc
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise NotToBeHadError(f"{' '.join(command[-3:])}: {said[-1] if said else f'ended with {done.returncode}'}")
