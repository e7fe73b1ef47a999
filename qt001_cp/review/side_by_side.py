"""Two texts line beside line, with what stands around a difference and no more."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from typing import Final, Literal

AROUND: Final = 3
"""Lines that are shown around a difference."""


@dataclass(frozen=True)
class Row:
    """``sign``: '~' another line, '-' one that goes, '+' one that comes, ' ' one that stays, '…' lines that are left out (``old``
    says how many)."""

    sign: Literal["~", "-", "+", " ", "…"]
    old: str
    new: str


def side_by_side(old: str | None, new: str | None) -> tuple[Row, ...]:
    """The rows of a table with two columns; empty where the texts are equal. None is no text: the other one comes, or goes, whole."""
    if old == new:
        return ()
    ours, theirs = (old or "").splitlines(), (new or "").splitlines()
    if ours == theirs:
        return (Row("~", "as it is, with another end of its lines", "as it is"),)
    return tuple(_rows(ours, theirs))


def _rows(ours: list[str], theirs: list[str]) -> Iterator[Row]:
    reached = 0
    matcher = difflib.SequenceMatcher(None, ours, theirs, autojunk=False)
    for group in matcher.get_grouped_opcodes(AROUND):
        yield from _left_out(group[0][1] - reached)
        for tag, i, i_end, j, j_end in group:
            if tag == "equal":
                yield from (Row(" ", line, line) for line in ours[i:i_end])
            else:
                yield from (_differing(a, b) for a, b in zip_longest(ours[i:i_end], theirs[j:j_end]))
        reached = group[-1][2]
    yield from _left_out(len(ours) - reached)


def _differing(old: str | None, new: str | None) -> Row:
    if old is None:
        return Row("+", "", new or "")
    return Row("-", old, "") if new is None else Row("~", old, new)


def _left_out(count: int) -> Iterator[Row]:
    if count:
        yield Row("…", f"{count} line{'s' if count > 1 else ''} as before", "")
