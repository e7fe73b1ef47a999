"""The SQL of each stage as it is printed and run, that of each release behind FIX7c, and the sum that names a build.

There is one copy, rendered when it is asked for, until ``scripts/release`` freezes it: then the files of that release in
``alembic/versions/sql`` are what is used, each checked against its sum. What has changed since is a release of its own, a
revision behind ``fix7c`` (docs/adr/0037): its statements are the difference between the two copies.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Final

import qt001_cp
from qt001_cp.errors import FileProblem, PolicyError
from qt001_cp.model.roles import DEFAULT, LEDGER, OWNER, Pair
from qt001_cp.project import project_folder
from qt001_cp.sql.difference import difference
from qt001_cp.sql.render import STAGES, render

SUMS: Final = "SHA256SUMS"
DROP: Final = "zz_drop.sql"
BASE: Final = "fix7c"
"""The revision behind which the releases come."""
FORWARD: Final = "forward.sql"
BACK: Final = "back.sql"
_RELEASE: Final = re.compile(r"(fix7c(?:_\d+){3})_release\.py")
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
    folder = frozen_folder(stage)
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


def frozen_folder(revision: str) -> Path:
    """Where ``scripts/release`` keeps the files of a stage, or of a release behind FIX7c."""
    return project_folder() / "alembic" / "versions" / "sql" / revision


@cache
def releases() -> tuple[str, ...]:
    """The revisions of the releases behind FIX7c, the oldest first."""
    folder = project_folder() / "alembic" / "versions"
    names = [match[1] for path in folder.iterdir() if (match := _RELEASE.fullmatch(path.name))]
    return tuple(sorted(names, key=lambda name: [int(part) for part in name.split("_")[1:]]))


def newest() -> str:
    """The product's newest revision: ``fix7c``, or the release that came last."""
    return (BASE, *releases())[-1]


def before(release: str) -> str:
    """The revision that a release follows."""
    line = (BASE, *releases())
    return line[line.index(release) - 1]


@cache
def whole(revision: str) -> dict[str, str]:
    """``stage/name`` → SQL text: what a database at this revision has been made by, as if it had been made by that alone.

    A frozen release keeps the files that differ from those before it; an empty one is gone.
    """
    if revision == BASE:
        return {f"{stage}/{name}": text for stage in STAGES for name, text in stage_files(stage).items()}
    if (frozen_folder(revision) / SUMS).exists():
        kept = {n: text for n, text in frozen(frozen_folder(revision)).items() if "/" in n}
        found = {**whole(before(revision)), **kept}
    else:
        found = {f"{stage}/{name}": text for stage in STAGES for name, text in render(stage).items()}
    return {name: found[name] for name in sorted(found) if found[name]}


@cache
def release_files(release: str) -> dict[str, str]:
    """``forward.sql`` and ``back.sql`` of a release. Raises :class:`FileProblem` where one would not bring all that differs."""
    folder = frozen_folder(release)
    if (folder / SUMS).exists():
        return {name: text for name, text in frozen(folder).items() if name in (FORWARD, BACK)}
    old, new = whole(before(release)), whole(release)
    return {FORWARD: _release_sql(release, old, new, FORWARD), BACK: _release_sql(release, new, old, BACK)}


def by_hand(name: str) -> Path:
    """What a maintainer has written for the release that is being made, beside what is told by itself."""
    return Path(str(resources.files("qt001_cp.sql"))) / "by_hand" / name


def _release_sql(release: str, old: Mapping[str, str], new: Mapping[str, str], name: str) -> str:
    """By hand first on the way forward (what routines need), last on the way back."""
    made, file = difference(old, new), by_hand(name)
    hand = file.read_text("utf-8") if file.exists() else ""
    if made.by_hand and not hand.strip():
        listed = "; ".join(" ".join(each.split())[:80] for each in made.by_hand[:5])
        raise FileProblem(
            f"release {release}, {name}: expected routines, views and grants alone to differ, found {len(made.by_hand)}"
            f" statement(s) more: {listed}",
            hint=f"write by hand what leads there, and the way back: {by_hand(FORWARD)}, {by_hand(BACK)}",
        )
    parts = [f"{hand.strip()}\n" if hand.strip() else "", made.sql]
    counts = ", ".join(f"{number} {word}" for word, number in made.counts)
    head = f"-- Routines and views: {counts}.\n"
    return head + "".join(parts if name == FORWARD else reversed(parts))


@cache
def build(revision: str = "") -> str:
    """sha256 over all files of all stages, and of the releases up to this revision (default: the newest): two builds with the
    same sum print and run the same SQL."""
    revision = revision or newest()
    files = dict(whole(revision))
    for release in releases()[: (BASE, *releases()).index(revision)]:
        files |= {f"{release}/{name}": text for name, text in release_files(release).items()}
    lines = (f"{hashlib.sha256(text.encode()).hexdigest()}  {name}\n" for name, text in files.items())
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def version() -> str:
    """The release and the build, such as ``0.1.0+3f2a9c01b7d4``: what documents name as their producer's version."""
    return f"{qt001_cp.__version__}+{build()[:12]}"


@cache
def structures() -> dict[str, str]:
    """Revision, release, or ``base`` → ``qt001_cp.structure_digest()`` at it; made by ``python -m qt001_cp.sql.structure``."""
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
