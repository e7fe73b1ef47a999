"""Names on several lines of a monospace font, of a width that is known without showing them. Pure."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from qt001_cp.model.shown import visible

_MOST_LINES: Final = 3
_QUOTED: Final = re.compile(r'("(?:[^"]|"")*")')
_SYSTEM: Final = re.compile(r"(?<=[(,])pg_catalog\.")


def wrap(text: str, width: int, most: int = _MOST_LINES) -> list[str]:
    """Lines of at most ``width`` columns of a monospace font, broken after punctuation where that is possible."""
    lines = [""]
    for piece in _pieces(text):
        for part in _hard(piece, width):
            if columns_of(lines[-1]) + columns_of(part) > width:
                lines.append("")
            lines[-1] += part
    lines = [line.strip() for line in lines if line.strip()]
    if len(lines) > most:
        last = lines[most - 1]
        while last and columns_of(last) > width - 1:
            last = last[:-1]
        lines = [*lines[: most - 1], f"{last}…"]
    return lines or [""]


def short(identity: str) -> str:
    """An identity as it is shown: every character visible, PostgreSQL's own schema left out of argument types."""
    parts = _QUOTED.split(identity)
    return visible("".join(p if i % 2 else _SYSTEM.sub("", p) for i, p in enumerate(parts)))


def _pieces(text: str) -> list[str]:
    made = [""]
    for c in text:
        made[-1] += c
        if c in " ._,(/-":
            made.append("")
    return made


def _hard(piece: str, width: int) -> list[str]:
    made = [""]
    for c in piece:
        if columns_of(made[-1]) + columns_of(c) > width:
            made.append("")
        made[-1] += c
    return made


def columns_of(text: str) -> int:
    """Columns of a monospace font that a text takes."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 0 if unicodedata.combining(c) else 1 for c in text)
