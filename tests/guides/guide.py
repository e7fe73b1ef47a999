"""The guides as programs: their ``sh`` blocks, by section, run by one bash as they are written."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from qt001_cp.servers import Server
from qt001_cp.workflow.revisions import project_folder

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_HEAD = "HOST=db.example:5432"
_CHECKOUT = "cd qt001_cp-checkout"


@dataclass(frozen=True)
class Block:
    """A fenced block of a page: the heading it stands under, its language, and its lines."""

    page: str
    heading: str
    language: str
    body: str


@dataclass(frozen=True)
class Failed:
    """A command of a guide that did not end with 0."""

    code: int
    command: str


def blocks(guide: str) -> dict[str, list[str]]:
    """The ``sh`` blocks of docs/``guide``.md by the heading they stand under; "" is what comes before the first."""
    path = project_folder() / "docs" / f"{guide}.md"
    found: dict[str, list[str]] = {heading: [] for heading, _ in _parts(path)}
    for block in fenced(path):
        if block.language == "sh":
            found[block.heading].append(block.body)
    return found


def pages() -> list[Path]:
    """The README and every page of docs, without the decisions."""
    return [project_folder() / "README.md", *sorted((project_folder() / "docs").glob("*.md"))]


def fenced(path: Path) -> list[Block]:
    """Every fenced block of a page, in its order."""
    return [
        Block(path.stem, heading, language, body)
        for heading, part in _parts(path)
        for language, body in _FENCE.findall(part)
    ]


def _parts(path: Path) -> Iterator[tuple[str, str]]:
    for part in re.split(r"^(?=## )", path.read_text("utf-8"), flags=re.MULTILINE):
        yield part.splitlines()[0].removeprefix("## ") if part.startswith("## ") else "", part


def checkout(folder: Path) -> Path:
    """A copy of the project for the guides to write into; its environment is the one that runs the tests."""
    source, copy = project_folder(), folder / "checkout"
    leave = shutil.ignore_patterns(".git", ".venv", "__pycache__", ".*_cache", "rehearsal-*", "node_modules")
    shutil.copytree(source, copy, ignore=leave)
    venv = copy / ".venv"
    venv.mkdir()
    for name in ("bin", "lib", "pyvenv.cfg"):
        (venv / name).symlink_to(Path(sys.prefix) / name)
    wanted = (
        (copy / "requirements.lock").read_bytes() + (copy / "pyproject.toml").read_bytes() + os.fsencode(copy.resolve())
    )
    (venv / "qt001-installed").write_text(hashlib.sha256(wanted).hexdigest())
    return copy


def run(script: list[str], server: Server, folder: Path) -> tuple[str, list[Failed]]:
    """Run blocks in one bash; returns all that was printed, and what did not end with 0. The host is the server's."""
    failures = folder / "failures"
    failures.unlink(missing_ok=True)
    head = f"trap 'echo \"$? $BASH_COMMAND\" >> {failures}' ERR\n"
    text = "\n".join(script).replace(_HEAD, f"HOST={quote(server.host, safe='')}:{server.port}")
    text = re.sub(rf"^{_CHECKOUT}.*$", "", text, flags=re.MULTILINE)
    keep = {k: v for k, v in os.environ.items() if not k.startswith(("PG", "QT001", "PYTHON"))}
    done = subprocess.run(
        ["bash", "-u", "-c", head + text],
        cwd=folder,
        env={**keep, "PATH": f"{server.bin}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    said = done.stdout + done.stderr
    assert "Traceback" not in said, said
    lines = failures.read_text().splitlines() if failures.exists() else []
    return said, [Failed(int(code), command) for code, _, command in (line.partition(" ") for line in lines)]


def shape(line: str) -> str:
    """A line of output without what differs from run to run: digests, numbers, blanks."""
    line = re.sub(r"[0-9a-f]{64}", "DIGEST", line)
    line = re.sub(r"\$(qt001|run)_[0-9a-f]{16}\$", r"$\1$", line)
    return re.sub(r"\s+", " ", re.sub(r"\d+", "N", line)).strip()


def unlike(page: str, heading: str, language: str, printed: str) -> list[str]:
    """The lines of the page's blocks of that heading that have not the shape of any line that was printed."""
    (path,) = [p for p in pages() if p.stem == page]
    today = {shape(line) for line in printed.splitlines()}
    lines = [n for b in fenced(path) if (b.heading, b.language) == (heading, language) for n in b.body.splitlines()]
    assert lines, f"{page}, {heading}: it shows nothing any more"
    return [line for line in lines if shape(line) not in today]
