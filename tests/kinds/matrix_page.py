"""``python -m tests.kinds.matrix_page``: writes docs/kinds-matrix.md from the results of tests/kinds/test_matrix.py."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

RESULTS: Final = Path(__file__).with_name("results")
PAGE: Final = Path(__file__).parents[2] / "docs" / "kinds-matrix.md"
COLUMNS: Final = ("listed", "transferred", "taken", "restored", "verified")


def results() -> dict[int, dict[str, dict[str, str]]]:
    """Major version → kind → column → cell, as the last recorded run on that version found it."""
    return {int(p.stem): json.loads(p.read_text("utf-8")) for p in sorted(RESULTS.glob("*.json"))}


def page() -> str:
    found = results()
    lines = [
        "# Kinds of object by version",
        "",
        "Made from `tests/kinds/results` by `python -m tests.kinds.matrix_page`: what `tests/kinds/test_matrix.py` found on",
        f"PostgreSQL {', '.join(map(str, found))}. Each run compares itself with the record of its version (`scripts/matrix`).",
        "",
        "| column | yes means |",
        "| --- | --- |",
        "| listed | the inventory has it under the name that `pg_identify_object` gives |",
        "| transferred | after FIX7b the owner column of its catalog says `qt001_cp_owner` (default privileges: its ACL has changed) |",
        "| taken | the application role could use it before; `has_*_privilege` says no after |",
        "| restored | after the downgrade owner and ACL in its catalog, and every line of `pg_dump`, are as before |",
        "| verified | given back to the application by hand, it is named by `qt001_cp.drift()`, or by `qt001_cp.told()` where it reaches nothing protected |",
        "",
        "*stays*: it is named and cannot be transferred, [why](kinds.md). A version alone: it differs there. –: the server has no",
        "such question (no privilege, no change that could be made).",
        "",
        f"| kind | {' | '.join(COLUMNS)} |",
        f"| --- |{' --- |' * len(COLUMNS)}",
    ]
    kinds = dict.fromkeys(kind for cells in found.values() for kind in cells)
    lines += [f"| {kind} | {' | '.join(_cell(found, kind, column) for column in COLUMNS)} |" for kind in kinds]
    return "\n".join(lines) + "\n"


def _cell(found: dict[int, dict[str, dict[str, str]]], kind: str, column: str) -> str:
    """One word where all versions agree, else each word with its versions."""
    words: dict[str, list[int]] = {}
    for major, cells in found.items():
        words.setdefault(cells[kind][column], []).append(major)
    if len(words) == 1:
        return next(iter(words))
    return "; ".join(f"{word} ({', '.join(map(str, majors))})" for word, majors in words.items())


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
