"""Reading the policy and other files from disk, with errors for people."""

from __future__ import annotations

import tomllib
from pathlib import Path

from qt001_cp.errors import FileProblem, PolicyError
from qt001_cp.model.policy import Policy, policy_from_data


def read_file(path: Path) -> bytes:
    """The bytes of ``path``. Raises :class:`FileProblem`."""
    try:
        return path.read_bytes()
    except OSError as exc:
        raise FileProblem(f"{path}: cannot be read: {exc.strerror}", hint="check the path") from exc


def load_policy(path: Path) -> Policy:
    """Read and validate the TOML policy. Raises :class:`FileProblem` or :class:`PolicyError`."""
    body = read_file(path)
    try:
        data = tomllib.loads(body.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise PolicyError(f"{path}: not TOML: {exc}", hint="see docs/policy.md") from exc
    return policy_from_data(data, str(path))


def new_sources(policy: Policy, policy_path: Path) -> dict[str, str]:
    """The text of each repointed routine's new source, by identity. Raises :class:`FileProblem`."""
    return {
        identity: read_file(policy_path.parent / name).decode().replace("\r\n", "\n")
        for identity, name in policy.repoint.items()
    }
