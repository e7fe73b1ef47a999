"""Freezes, pins and dates a release; see scripts/release."""

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
from qt001_cp.sql.build import SUMS, build, frozen
from qt001_cp.sql.render import STAGES, render

SQL: Final = Path("alembic/versions/sql")
PINS: Final = SQL / "RELEASED"
_UNRELEASED: Final = "## [Unreleased]"
_VERSION: Final = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+")


def release(version: str, root: Path, today: datetime.date) -> None:
    """Freeze what is not frozen yet, in the checkout ``root``. Raises :class:`Qt001Error` where it would release nothing."""
    if not _VERSION.fullmatch(version):
        raise Qt001Error(f"{version!r} is not a version such as 1.0.0", hint="scripts/release 1.0.0")
    changelog, project = root / "CHANGELOG.md", root / "pyproject.toml"
    text = changelog.read_text("utf-8")
    if text.count(f"{_UNRELEASED}\n") != 1:
        raise Qt001Error(f"CHANGELOG.md: expected one section {_UNRELEASED}, found {text.count(_UNRELEASED)}")
    for stage in STAGES:
        folder = root / SQL / stage
        if not (folder / SUMS).exists():
            _freeze(folder, render(stage))
            with (root / PINS).open("a", encoding="utf-8") as pins:
                pins.write(f"{_sha256(folder / SUMS)}  {stage}  {version}\n")
    dated = f"{_UNRELEASED}\n\n## [{version}] - {today.isoformat()}\n"
    changelog.write_text(text.replace(f"{_UNRELEASED}\n", dated), "utf-8")
    lines = re.sub(
        r'^version = ".*"$', f'version = "{version}"', project.read_text("utf-8"), count=1, flags=re.MULTILINE
    )
    project.write_text(lines, "utf-8")


def check(root: Path) -> list[str]:
    """What a release froze and is no longer so: by the pins, and by the tags of git where there are any."""
    faults: list[str] = []
    pins = (root / PINS).read_text("utf-8").splitlines() if (root / PINS).exists() else []
    for line in pins:
        sha256, stage, version = line.split("  ")
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


def _freeze(folder: Path, files: dict[str, str]) -> None:
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / name).write_text(text, "utf-8")
    sums = "".join(f"{_sha256(folder / name)}  {name}\n" for name in files)
    (folder / SUMS).write_text(sums, "utf-8")


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True, check=False)  # noqa: S607 - the git of whoever releases
    return done.stdout if done.returncode == 0 else ""


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/release", description=__doc__)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("version", nargs="?", help="such as 1.0.0")
    what.add_argument("--check", action="store_true", help="refuse a change of what a release froze")
    arguments = parser.parse_args()
    if arguments.check:
        faults = check(Path())
        print(
            "\n".join([*faults, f"{len(faults)} change(s) of what a release froze"])
            if faults
            else "no release is changed"
        )
        return 1 if faults else 0
    try:
        release(arguments.version, Path(), datetime.datetime.now(datetime.UTC).date())
    except Qt001Error as exc:
        print(f"scripts/release: {exc}", file=sys.stderr)
        return 1
    print(f"release {arguments.version}, build {build()}; review it, commit, and tag it v{arguments.version}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
