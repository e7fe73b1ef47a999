"""A dump that lies in a file: plain SQL as it is, other formats through pg_restore."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from qt001_cp.errors import FileProblem
from qt001_cp.policy_file import read_file
from qt001_cp.servers.environment import without_pg
from qt001_cp.servers.wheel import programs

_DATABASE = re.compile(r"^;\s+dbname: (.+)$", re.MULTILINE)


def is_archive(path: Path) -> bool:
    """Whether it is a dump for pg_restore: custom, tar, or a folder. Raises :class:`FileProblem` where it cannot be read."""
    if path.is_dir():
        return True
    try:
        with path.open("rb") as file:
            head = file.read(512)
    except OSError as exc:
        raise FileProblem(f"{path}: cannot be read: {exc.strerror}", hint="check the path") from exc
    return head.startswith(b"PGDMP") or head[257:262] == b"ustar"


def listed(path: Path) -> str:
    """What an archive says of itself: pg_restore --list. Raises :class:`FileProblem`."""
    return _pg_restore(path, "--list")


def read_dump(path: Path, *, data: bool) -> tuple[str, str | None]:
    """The dump as SQL, and the name of its database where its format says so. Raises :class:`FileProblem`."""
    if path.is_dir():
        if not (path / "toc.dat").exists():
            raise FileProblem(
                f"{path}: a folder, but no dump: it has no toc.dat", hint="name the file, or a dump made with -Fd"
            )
        return _restored(path, data=data)
    if is_archive(path):
        return _restored(path, data=data)
    body = read_file(path)
    try:
        text = body.decode()
    except UnicodeDecodeError as exc:
        raise FileProblem(
            f"{path}: neither a dump of pg_dump nor text in UTF-8", hint="make it with pg_dump -E UTF8"
        ) from exc
    if not text.strip():
        raise FileProblem(f"{path}: the file is empty", hint="make the dump anew, and look at what pg_dump says")
    if "PostgreSQL database cluster dump" in text[:400]:
        raise FileProblem(
            f"{path}: a dump of a whole cluster (pg_dumpall)",
            hint="--dump takes one database: pg_dump --create --schema-only DATABASE; --roles takes pg_dumpall"
            " --roles-only",
        )
    return text, None


def _restored(path: Path, *, data: bool) -> tuple[str, str | None]:
    options = ["--create", *([] if data else ["--schema-only"])]
    text = _pg_restore(path, *options, "-f", "-")
    named = _DATABASE.search(listed(path))
    return text, named[1].strip() if named else None


def _pg_restore(path: Path, *arguments: str) -> str:
    done = subprocess.run(
        [str(programs() / "pg_restore"), *arguments, str(path)],
        stdin=subprocess.DEVNULL,
        check=False,
        capture_output=True,
        env=without_pg(),
    )
    if done.returncode != 0:
        raise FileProblem(
            f"{path}: pg_restore cannot read it: {done.stderr.decode(errors='replace').strip()}",
            hint="the file may be cut off: make the dump anew",
        )
    return done.stdout.decode()  # as it is: text mode would turn CRLF in a body into LF
