"""Freezes, pins and dates a release, and begins the next one; see scripts/release."""

from __future__ import annotations

import argparse
import datetime
import hashlib
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

from qt001_cp.errors import Qt001Error
from qt001_cp.sql.build import (
    BACK,
    BASE,
    FORWARD,
    SUMS,
    before,
    build,
    by_hand,
    frozen,
    frozen_folder,
    newest,
    release_files,
    releases,
    structures,
    whole,
)
from qt001_cp.sql.render import STAGES, render

SQL: Final = Path("alembic/versions/sql")
PINS: Final = SQL / "RELEASED"
_STRUCTURE: Final = "structure/"
_UNRELEASED: Final = "## [Unreleased]"
_VERSION: Final = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+")
_REVISION: Final = '''"""Release {version} of the product, for a database that FIX7c is deployed in

Routines and views of schema qt001_cp become those of this release. Owners, ACLs and the application are not touched, and the
deployed manifest stays; verdict and sign-off have to be made anew.

Revision ID: {revision}
Revises: {before}
"""

from alembic import op

import qt001_cp.ops  # noqa: F401

revision = "{revision}"
down_revision = "{before}"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.require_rehearsal("release {version}")
    op.run_release(revision, "forward")


def downgrade() -> None:
    op.require_rehearsal("release {version}")
    op.run_release(revision, "back")
'''


def release(version: str, root: Path, today: datetime.date) -> None:
    """Freeze what is not frozen yet, in the checkout ``root``. Raises :class:`Qt001Error` where it would release nothing."""
    if not _VERSION.fullmatch(version):
        raise Qt001Error(f"{version!r} is not a version such as 1.0.0", hint="scripts/release 1.0.0")
    changelog, project = root / "CHANGELOG.md", root / "pyproject.toml"
    text = changelog.read_text("utf-8")
    if text.count(f"{_UNRELEASED}\n") != 1:
        raise Qt001Error(f"CHANGELOG.md: expected one section {_UNRELEASED}, found {text.count(_UNRELEASED)}")
    first = not _frozen(root, STAGES[0])
    for stage in STAGES:
        if not _frozen(root, stage):
            _pin(root, stage, render(stage), version)
    if not first:
        _freeze_release(root, version)
    _pin_structures(root, version)
    dated = f"{_UNRELEASED}\n\n## [{version}] - {today.isoformat()}\n"
    changelog.write_text(text.replace(f"{_UNRELEASED}\n", dated), "utf-8")
    lines = re.sub(
        r'^version = ".*"$', f'version = "{version}"', project.read_text("utf-8"), count=1, flags=re.MULTILINE
    )
    project.write_text(lines, "utf-8")


def begin(version: str, root: Path) -> Path:
    """Write the revision by which what has changed since the newest release comes to a deployed database; returns it.

    Raises :class:`Qt001Error` where nothing is released yet, or one is begun already.
    """
    if not _VERSION.fullmatch(version):
        raise Qt001Error(f"{version!r} is not a version such as 1.1.0", hint="scripts/release --next 1.1.0")
    if not _frozen(root, newest() if releases() else STAGES[0]):
        raise Qt001Error(
            f"expected what came before to be released, found {newest()} not frozen",
            hint="scripts/release VERSION first",
        )
    revision = named(version)
    path = root / "alembic" / "versions" / f"{revision}_release.py"
    path.write_text(_REVISION.format(version=version, revision=revision, before=newest()), "utf-8")
    return path


def named(version: str) -> str:
    """The revision of a release."""
    return f"{BASE}_{version.replace('.', '_')}"


def _freeze_release(root: Path, version: str) -> None:
    """The release that was begun: what it runs both ways, and the files that differ from those before it."""
    revision = named(version)
    if not releases() or _frozen(root, newest()):
        return  # no SQL has changed
    if newest() != revision:
        raise Qt001Error(f"expected release {newest()}, which was begun, found version {version}")
    earlier, now = whole(before(revision)), whole(revision)
    kept = {name: text for name, text in now.items() if earlier.get(name) != text}
    kept |= {name: "" for name in earlier if name not in now}
    _pin(root, revision, {**release_files(revision), **kept}, version)
    for name in (FORWARD, BACK):
        by_hand(name).unlink(missing_ok=True)


def _pin_structures(root: Path, version: str) -> None:
    """What schema qt001_cp is at each revision: a deployed database is compared with it, so no later bootstrap may make another."""
    pinned = (root / PINS).read_text("utf-8")
    with (root / PINS).open("a", encoding="utf-8") as pins:
        for revision, digest in sorted(structures().items()):
            if f"  {_STRUCTURE}{revision}  " not in pinned:
                pins.write(f"{digest}  {_STRUCTURE}{revision}  {version}\n")


def _frozen(root: Path, revision: str) -> bool:
    return (root / SQL / revision / SUMS).exists()


def _pin(root: Path, revision: str, files: dict[str, str], version: str) -> None:
    folder = root / SQL / revision
    _freeze(folder, files)
    with (root / PINS).open("a", encoding="utf-8") as pins:
        pins.write(f"{_sha256(folder / SUMS)}  {revision}  {version}\n")


def unreleased() -> list[str]:
    """What has changed below qt001_cp/sql since the newest release, where no revision brings it."""
    if not (frozen_folder(newest() if releases() else STAGES[0]) / SUMS).exists():
        return []
    now = {f"{stage}/{name}": text for stage in STAGES for name, text in render(stage).items()}
    known = whole(newest())
    names = [name for name in sorted({*now, *known}) if now.get(name) != known.get(name)]
    return [f"qt001_cp/sql/{name}: {newest()} has another text, and no revision brings this one: scripts/release --next VERSION"
            for name in names]  # fmt: skip


def check(root: Path) -> list[str]:
    """What a release froze and is no longer so: by the pins, and by the tags of git where there are any."""
    faults: list[str] = []
    pins = (root / PINS).read_text("utf-8").splitlines() if (root / PINS).exists() else []
    for line in pins:
        sha256, stage, version = line.split("  ")
        if stage.startswith(_STRUCTURE):
            faults += _other_structure(stage.removeprefix(_STRUCTURE), sha256, version)
            continue
        folder = root / SQL / stage
        try:
            if _sha256(folder / SUMS) != sha256:
                faults.append(f"{SQL / stage / SUMS}: expected sha256 {sha256}, which release {version} pinned")
            frozen(folder)
        except (OSError, Qt001Error) as exc:
            faults.append(str(exc))
    for tag in _git(root, "tag", "--list", "v*").split():
        changed = _git(root, "diff", "--name-only", "--diff-filter=MDR", tag, "--", str(SQL))
        faults += [
            f"{name}: release {tag} froze it, and it has changed" for name in changed.splitlines() if name != str(PINS)
        ]
    return faults


def _other_structure(revision: str, pinned: str, version: str) -> list[str]:
    found = structures().get(revision)
    if found == pinned:
        return []
    return [f"schema qt001_cp at {revision}: expected digest {pinned}, which release {version} pinned, found {found}:"
            " what scripts/bootstrap.sql makes changes by a release, too"]  # fmt: skip


def _freeze(folder: Path, files: dict[str, str]) -> None:
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, "utf-8")
    sums = "".join(f"{_sha256(folder / name)}  {name}\n" for name in files)
    (folder / SUMS).write_text(sums, "utf-8")


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True, check=False)  # noqa: S607 - the git of whoever releases
    return done.stdout if done.returncode == 0 else ""


def _begin(version: str) -> int:
    try:
        path = begin(version, Path())
    except Qt001Error as exc:
        print(f"scripts/release: {exc}", file=sys.stderr)
        return 1
    print(f"{path}: review it; then python -m qt001_cp.sql.structure, which runs it both ways")
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/release", description=__doc__)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("version", nargs="?", help="such as 1.0.0")
    what.add_argument("--check", action="store_true", help="refuse a change of what a release froze")
    what.add_argument("--next", metavar="VERSION", help="begin the revision that brings what has changed since")
    arguments = parser.parse_args()
    if arguments.check:
        faults = [*check(Path()), *unreleased()]
        print(
            "\n".join([*faults, f"{len(faults)} change(s) of what a release froze"])
            if faults
            else "no release is changed"
        )
        return 1 if faults else 0
    if arguments.next:
        return _begin(arguments.next)
    try:
        release(arguments.version, Path(), datetime.datetime.now(datetime.UTC).date())
    except Qt001Error as exc:
        print(f"scripts/release: {exc}", file=sys.stderr)
        return 1
    print(f"release {arguments.version}, build {build()}; review it, commit, and tag it v{arguments.version}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
