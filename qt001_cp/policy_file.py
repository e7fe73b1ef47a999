"""Reading the policy and other files from disk, with errors for people."""

from __future__ import annotations

import shlex
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path

from qt001_cp.errors import FileProblem, PolicyError
from qt001_cp.model.policy import Policy, policy_from_data


def read_file(path: Path) -> bytes:
    """The bytes of ``path``. Raises :class:`FileProblem`."""
    try:
        return path.read_bytes()
    except (OSError, ValueError) as exc:  # ValueError: a NUL in the path
        raise FileProblem(f"{path}: cannot be read: {getattr(exc, 'strerror', exc)}", hint="check the path") from exc


def read_lines(path: Path) -> Iterator[bytes]:
    """The lines of ``path`` without their ends, one at a time. Raises :class:`FileProblem`."""
    try:
        with path.open("rb") as file:
            for line in file:
                yield line.removesuffix(b"\n")
    except (OSError, ValueError) as exc:  # ValueError: a NUL in the path
        raise FileProblem(f"{path}: cannot be read: {getattr(exc, 'strerror', exc)}", hint="check the path") from exc


def read_text(path: Path) -> str:
    """The text of ``path``, which is UTF-8. Raises :class:`FileProblem`."""
    try:
        return read_file(path).decode()
    except UnicodeDecodeError as exc:
        raise FileProblem(
            f"{path}: expected text in UTF-8, found byte {exc.object[exc.start]:#04x} at {exc.start}",
            hint=f"save it as UTF-8: iconv -f LATIN1 -t UTF-8 {shlex.quote(str(path))}, where it is LATIN1",
        ) from exc


def write_whole(path: Path, pieces: Iterable[bytes]) -> None:
    """All of the file, or the one that was there: it is written beside ``path`` and takes its name at the end.
    Raises :class:`OSError`."""
    if path.exists() and not path.is_file():  # /dev/stdout, a pipe
        with path.open("wb") as file:
            file.writelines(pieces)
        return
    path = path.resolve()
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("wb") as file:
            file.writelines(pieces)
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def load_policy(path: Path) -> Policy:
    """Read and validate the TOML policy. Raises :class:`FileProblem` or :class:`PolicyError`."""
    body = read_file(path)
    try:
        data = tomllib.loads(body.decode())
    except (ValueError, RecursionError) as exc:  # no TOML, no UTF-8, a number of thousands of digits, too deep
        raise PolicyError(f"{path}: not TOML: {exc}", hint="see docs/policy.md") from exc
    return policy_from_data(data, str(path))


def new_sources(policy: Policy, policy_path: Path) -> dict[str, str]:
    """The text of each repointed routine's new source, by identity. Raises :class:`FileProblem`."""
    return {
        identity: read_text(policy_path.parent / name).replace("\r\n", "\n")
        for identity, name in policy.repoint.items()
    }
