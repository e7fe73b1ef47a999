"""Where a plain dump is code and where it quotes somebody: nothing inside a quote, a comment or rows is ever edited.

Source: PostgreSQL documentation, lexical structure (4.1); COPY, text format. Dumps set ``standard_conforming_strings = on``.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator

_BEGINS = re.compile(
    r"(?P<line>--)|(?P<block>/\*)|(?P<escape>(?<![\w$])[eE]')|(?P<text>')|(?P<name>\")"
    r"|(?P<dollar>(?<![\w$])\$(?:[^\W\d]\w*)?\$)|^(?P<rows>COPY [^;]*? FROM stdin;\n)",
    re.MULTILINE,
)
_ENDS = {
    "line": re.compile(r"(?=\n)|\Z"),
    "escape": re.compile(r"(?:[^'\\]|\\.|'')*+'", re.DOTALL),
    "text": re.compile(r"(?:[^']|'')*+'"),
    "name": re.compile(r"(?:[^\"]|\"\")*+\""),
    "rows": re.compile(r"^\\\.$", re.MULTILINE),
}
_COMMENT = re.compile(r"/\*|\*/")


def quoted(text: str) -> Iterator[tuple[int, int]]:
    """Where each quote, comment or block of rows begins and ends; what never ends goes to the end of the text."""
    place = 0
    while (begins := _BEGINS.search(text, place)) is not None:
        kind = str(begins.lastgroup)
        # The statement COPY itself is code; its rows are not.
        start = begins.end() if kind == "rows" else begins.start()
        place = _end(text, kind, begins)
        yield start, place


def _end(text: str, kind: str, begins: re.Match[str]) -> int:
    if kind == "block":
        return _after_comment(text, begins.end())
    if kind == "dollar":
        found = text.find(begins["dollar"], begins.end())
        return len(text) if found < 0 else found + len(begins["dollar"])
    ends = _ENDS[kind].search(text, begins.end()) if kind in ("line", "rows") else _ENDS[kind].match(text, begins.end())
    return ends.end() if ends else len(text)


def _after_comment(text: str, place: int) -> int:
    """Comments nest."""
    depth = 1
    while depth and (mark := _COMMENT.search(text, place)) is not None:
        depth += 1 if mark[0] == "/*" else -1
        place = mark.end()
    return len(text) if depth else place


class Code:
    """A text, and which of its places are code."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._quotes = list(quoted(text))
        self._starts = [start for start, _ in self._quotes]

    def holds(self, place: int) -> bool:
        """Whether ``place`` is code; a quote begins with its sign, which is none."""
        before = bisect_right(self._starts, place) - 1
        return before < 0 or place >= self._quotes[before][1]

    def find(self, pattern: re.Pattern[str]) -> Iterator[re.Match[str]]:
        """The matches that begin in code."""
        return (match for match in pattern.finditer(self.text) if self.holds(match.start()))

    def sub(self, pattern: re.Pattern[str], by: str | Callable[[re.Match[str]], str]) -> Code:
        """The text with the matches that begin in code replaced."""

        def replaced(match: re.Match[str]) -> str:
            if not self.holds(match.start()):
                return match[0]
            return match.expand(by) if isinstance(by, str) else by(match)

        made = pattern.sub(replaced, self.text)
        return self if made == self.text else Code(made)
