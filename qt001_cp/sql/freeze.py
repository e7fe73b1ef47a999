"""Freezes the live sources of one stage into its revision: ``python -m qt001_cp.sql.freeze fix7a``.

For a revision that is not released yet. A released one is never frozen again: a change is a new revision.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from qt001_cp.model.canonical import digest
from qt001_cp.sql.render import STAGES, render

SUMS = "SHA256SUMS"


def freeze(stage: str, versions: Path) -> str:
    """Write the files and SHA256SUMS, pin the sha256 of SHA256SUMS in the revision, and return it."""
    folder = versions / "sql" / stage
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    sums = ""
    for name, text in render(stage).items():
        (folder / name).write_text(text, "utf-8")
        sums += f"{digest(text.encode())}  {name}\n"
    (folder / SUMS).write_text(sums, "utf-8")
    sha256 = digest(sums.encode())
    for revision in versions.glob(f"{stage}_*.py"):
        text = revision.read_text("utf-8")
        revision.write_text(re.sub(r'^SUMS = ".*"$', f'SUMS = "{sha256}"', text, flags=re.MULTILINE), "utf-8")
    return sha256


def main() -> None:
    versions = Path("alembic/versions")
    for stage in sys.argv[1:] or STAGES:
        print(f"{stage} {freeze(stage, versions)}")


if __name__ == "__main__":
    main()
