"""A plain dump taken apart: statement by statement, with its rows, as psql's own scanner would.

Source: src/bin/psql/psqlscan.l (where a statement ends: quotes, dollar quotes, nested comments, parentheses, and BEGIN ATOMIC … END
in the body of a routine), PostgreSQL documentation, "COPY", "File Formats".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

_TOKEN: Final = re.compile(
    r"""(?P<comment>--[^\n]*)|(?P<block>/\*)|(?P<string>[eE]'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*')|(?P<name>"(?:[^"]|"")*")
    |(?P<dollar>\$(?:[A-Za-z_\x80-\U0010ffff][A-Za-z0-9_\x80-\U0010ffff]*)?\$)|(?P<word>[A-Za-z_\x80-\U0010ffff][\w$\x80-\U0010ffff]*)
    |(?P<end>;)|(?P<open>\()|(?P<close>\))|(?P<command>\\[^\n]*)|(?P<space>\s+)|(?P<other>[^\s'"$A-Za-z_\x80-\U0010ffff;()\\/-]+|.)""",
    re.VERBOSE | re.DOTALL,
)
_TITLE: Final = re.compile(r"^-- (?:Data for )?Name: (.*?); Type: (.*?); Schema: (.*?); Owner:")
_FROM_STDIN: Final = re.compile(r"^COPY\s.*\sFROM\s+stdin\s*(?:WITH\s*\([^;]*\)\s*)?;$", re.IGNORECASE | re.DOTALL)
_END_OF_ROWS: Final = re.compile(r"^\\\.\r?$", re.MULTILINE)
_SPACE: Final = re.compile(r"\s")
_OURS: Final = re.compile(r"\\(?:restrict|unrestrict|connect|encoding)\b")
_BEGINNING: Final = "a statement before the first object"


@dataclass(frozen=True)
class Piece:
    """One statement of a dump. ``shape``: its words, apart by one space, in capitals where they are not quoted; what stands
    in quotes has no spaces there, so that a word of it is never taken for one of SQL. ``entry``, ``type``: of what, by the
    title above it. ``line``: its last.

    ``rows``: what follows a COPY FROM stdin. ``command``: a command for psql, which nobody runs.
    """

    text: str
    shape: str
    entry: str
    type: str
    line: int
    rows: str | None = None
    command: bool = False


def pieces(text: str) -> Iterator[Piece]:
    """The statements in order. Commands of pg_dump itself, which say where we are already, are left out."""
    scanner = _Scanner(text)
    while (piece := scanner.next()) is not None:
        yield piece


@dataclass
class _UnderWay:
    """A statement that has not ended yet."""

    begin: int | None = None
    depth: int = 0
    parentheses: int = 0
    words: list[str] = field(default_factory=list)
    shape: list[str] = field(default_factory=list)

    def ends_with(self, kind: str, said: str) -> bool:
        self.shape.append(_SPACE.sub("_", said) if kind in ("string", "name", "dollar") else said.upper())
        if kind == "open":
            self.parentheses += 1
        elif kind == "close":
            self.parentheses -= 1
        elif kind == "word":
            self.words.append(said.lower())
            self.depth += _deeper(self.words, self.depth) if self.parentheses == 0 else 0
        return kind == "end" and self.parentheses <= 0 and self.depth == 0


class _Scanner:
    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0
        self.entry, self.type = _BEGINNING, ""
        self._line, self._counted = 1, 0

    def next(self) -> Piece | None:
        under_way = _UnderWay()
        while (found := _TOKEN.match(self.text, self.at)) is not None:
            kind, start, self.at = found.lastgroup or "", self.at, found.end()
            if self._between(kind, found[0], under_way):
                continue
            if under_way.begin is None:
                under_way.begin = start
            if kind == "command":
                whole = self.text[under_way.begin : self.at]
                return Piece(whole, "", self.entry, self.type, self._line_at(start), command=True)
            if under_way.ends_with(kind, found[0]):
                return self._whole(under_way)
            if kind == "dollar":
                close = self.text.find(found[0], self.at)
                self.at = len(self.text) if close < 0 else close + len(found[0])
        return self._whole(under_way) if under_way.begin is not None else None

    def _between(self, kind: str, said: str, under_way: _UnderWay) -> bool:
        """Whether a token belongs to no statement."""
        first = under_way.begin is None
        if kind == "comment" and first:
            self._titled(said)
        elif kind == "block":
            self._skip_block()
        return kind in ("comment", "block", "space") or (
            first and (kind == "end" or (kind == "command" and _OURS.match(said) is not None))
        )

    def _whole(self, under_way: _UnderWay) -> Piece:
        statement, line = self.text[under_way.begin : self.at], self._line_at(self.at - 1)
        rows = None
        if _FROM_STDIN.match(statement):
            newline = self.text.find("\n", self.at)
            first = len(self.text) if newline < 0 else newline + 1
            last = _END_OF_ROWS.search(self.text, first)
            rows = self.text[first : last.start() if last else len(self.text)]
            self.at = last.end() if last else len(self.text)
        return Piece(statement, " ".join(under_way.shape), self.entry, self.type, line, rows)

    def _titled(self, comment: str) -> None:
        if title := _TITLE.match(comment):
            schema = "" if title[3] == "-" else f"{title[3]}."
            self.entry, self.type = f"{title[2].lower()} {schema}{title[1]}", title[2]

    def _skip_block(self) -> None:
        depth = 1
        for found in re.finditer(r"/\*|\*/", self.text[self.at :]):
            depth += 1 if found[0] == "/*" else -1
            if depth == 0:
                self.at += found.end()
                return
        self.at = len(self.text)

    def _line_at(self, position: int) -> int:
        self._line += self.text.count("\n", self._counted, position)
        self._counted = position
        return self._line


def _deeper(words: list[str], depth: int) -> int:
    """Whether the last word begins or ends a block in the body of a routine that is SQL itself."""
    first = words[:4]
    if first[0] != "create" or not {"function", "procedure"} & set(first):
        return 0
    if words[-1] == "begin" or (words[-1] == "case" and depth > 0):
        return 1
    return -1 if words[-1] == "end" and depth > 0 else 0
