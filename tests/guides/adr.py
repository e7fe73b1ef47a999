"""The index of the decisions, made from their heads: ``python -m tests.guides.adr > docs/adr/README.md``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parents[2] / "docs" / "adr"
_HEAD: Final = re.compile(
    r"# (?P<number>\d{4})\. (?P<title>.+)\n\n- Status: (?P<status>.+)\n- Date: (?P<date>\d{4}-\d\d-\d\d)\n(?P<more>(?:- \w+: .+\n)*)"
)
STATUSES: Final = ("accepted", "replaced by ")


@dataclass(frozen=True)
class Decision:
    """One decision as its head names it. ``more``: what it amends or replaces, or is amended by."""

    file: str
    number: str
    title: str
    status: str
    date: str
    more: str


def decisions() -> list[Decision]:
    """All of them, in their order. Raises :class:`ValueError` for a file without a proper head."""
    made = []
    for path in sorted(FOLDER.glob("0*.md")):
        head = _HEAD.match(path.read_text("utf-8"))
        if head is None or not head["status"].startswith(STATUSES):
            raise ValueError(f"{path.name}: expected '# NNNN. Title', '- Status: …', '- Date: YYYY-MM-DD'")
        more = "; ".join(line.removeprefix("- ") for line in head["more"].splitlines())
        made.append(Decision(path.name, head["number"], head["title"], head["status"], head["date"], more))
    return made


def render() -> str:
    """The page."""
    rows = [f"| [{d.number}]({d.file}) | {d.title} | {d.status} | {d.date} | {d.more} |" for d in decisions()]
    return "\n".join(
        [
            "# Decisions",
            "",
            "Each has its price. A decision is amended or replaced by a later one, never edited away.",
            "",
            "| | decision | status | date | |",
            "| --- | --- | --- | --- | --- |",
            *rows,
            "",
        ]
    )


if __name__ == "__main__":
    print(render(), end="")
