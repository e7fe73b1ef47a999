"""The SQL of each stage as it is printed and run, and the sum that names a build.

There is one copy, rendered when it is asked for, until ``scripts/release`` freezes it: then the files of that release in
``alembic/versions/sql`` are what is used, each checked against its sum.
"""

from __future__ import annotations

import hashlib
import json
import re
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Final

import qt001_cp
from qt001_cp.errors import FileProblem, PolicyError
from qt001_cp.model.roles import DEFAULT, LEDGER, OWNER, Pair
from qt001_cp.project import project_folder
from qt001_cp.sql.render import STAGES, render

SUMS: Final = "SHA256SUMS"
DROP: Final = "zz_drop.sql"
_WORD: Final = re.compile(r"\b[a-z][a-z0-9_]*\b")


@cache
def stage_files(stage: str, pair: Pair = DEFAULT) -> dict[str, str]:
    """File name → SQL text of one stage, in order; the last one, ``zz_drop.sql``, takes all of it away again.

    ``pair``: the roles whose names it has. Raises :class:`PolicyError` where one of them is a word of our SQL for something else,
    :class:`FileProblem` where a frozen file of a release is missing or was edited.
    """
    if not pair.is_default:
        _require_no_word(pair)
        return {name: pair.named(text) for name, text in stage_files(stage).items()}
    folder = project_folder() / "alembic" / "versions" / "sql" / stage
    return frozen(folder) if (folder / SUMS).exists() else render(stage)


def _require_no_word(pair: Pair) -> None:
    """A name that our SQL uses for something else could not be told from it: in the digest of schema qt001_cp it is the role's."""
    words = {word for stage in STAGES for text in stage_files(stage).values() for word in _WORD.findall(text)}
    for key, role in (("owner", pair.owner), ("ledger", pair.ledger)):
        if role.name in words - {OWNER.name, LEDGER.name}:
            raise PolicyError(
                f"roles.{key}: expected a name that our SQL does not use, found {role.name}, which is a word of it",
                hint=f"name it for its database, such as shop_cp_{key}",
            )


@cache
def build() -> str:
    """sha256 over all files of all stages: two builds with the same sum print and run the same SQL, the names of the pair aside."""
    lines = (
        f"{hashlib.sha256(text.encode()).hexdigest()}  {stage}/{name}\n"
        for stage in STAGES
        for name, text in stage_files(stage).items()
    )
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def version() -> str:
    """The release and the build, such as ``0.1.0+3f2a9c01b7d4``: what documents name as their producer's version."""
    return f"{qt001_cp.__version__}+{build()[:12]}"


@cache
def structures() -> dict[str, str]:
    """Revision, or ``base`` → ``qt001_cp.structure_digest()`` at it; made by ``python -m qt001_cp.sql.structure``."""
    found: dict[str, str] = json.loads(resources.files("qt001_cp.sql").joinpath("structure.json").read_text("utf-8"))
    return found


def frozen(folder: Path) -> dict[str, str]:
    """The files that ``SHA256SUMS`` in a folder lists. Raises :class:`FileProblem` for a missing or edited one."""
    texts: dict[str, str] = {}
    for line in _read(folder / SUMS).decode().splitlines():
        sha256, _, name = line.partition("  ")
        body = _read(folder / name)
        found = hashlib.sha256(body).hexdigest()
        if found != sha256:
            raise FileProblem(
                f"{folder / name}: expected sha256 {sha256}, found {found}: a file of a release was edited",
                hint="restore it (git checkout), and put the change into a new revision",
            )
        texts[name] = body.decode()
    return texts


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as exc:
        raise FileProblem(f"{path}: cannot be read: {exc.strerror}", hint="restore the checkout: git status") from exc
