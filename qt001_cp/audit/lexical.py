"""Text of SQL and PL/pgSQL as words, names, strings and marks; comments are left out.

Source: PostgreSQL documentation, "Lexical Structure" (4.1): nested comments, quoted identifiers, E'', U&"", dollar quoting.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

_TOKEN: Final = re.compile(
    r"""(?P<space>\s+|--[^\n]*)
      | (?P<comment>/\*)
      | (?P<dollar>\$(?:[^\W\d]\w*)?\$)
      | (?P<escaped>[eE]'(?:[^'\\]|\\.|'')*')
      | (?P<string>(?:[uU]&|[bBxXnN])?'(?:[^']|'')*')
      | (?P<quoted>(?:[uU]&)?"(?:[^"]|"")*")
      | (?P<word>[^\W\d][\w$]*)
      | (?P<number>\d[\w.]*)
      | (?P<mark>.)""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE: Final = re.compile(r"\\(?:\+([0-9a-fA-F]{6})|([0-9a-fA-F]{4})|(\\))")


@dataclass(frozen=True)
class Token:
    """``text``: a word in lower case, a quoted name or a string without its quotes, a mark as it stands."""

    kind: Literal["word", "name", "string", "number", "mark"]
    text: str
    start: int
    end: int


def tokens(text: str) -> Iterator[Token]:
    """All tokens of ``text``. What does not end (a string, a comment) goes to the end of the text."""
    at = 0
    while match := _TOKEN.match(text, at):
        start, at = at, match.end()
        found = match.group()
        match match.lastgroup:
            case "comment":
                at = _comment_end(text, at)
            case "dollar":
                end = text.find(found, at)
                yield Token("string", text[at : end if end >= 0 else len(text)], start, max(end + len(found), at))
                at = end + len(found) if end >= 0 else len(text)
            case "escaped" | "string":
                yield Token("string", found[found.index("'") + 1 : -1].replace("''", "'"), start, at)
            case "quoted":
                yield Token("name", _plain(found), start, at)
            case "word":
                yield Token("word", found.lower(), start, at)
            case "number":
                yield Token("number", found, start, at)
            case "mark":
                yield Token("mark", found, start, at)


def _comment_end(text: str, at: int) -> int:
    depth = 1
    for mark in re.finditer(r"/\*|\*/", text[at:]):
        depth += 1 if mark.group() == "/*" else -1
        if depth == 0:
            return at + mark.end()
    return len(text)


def _plain(found: str) -> str:
    inner = found[found.index('"') + 1 : -1].replace('""', '"')
    if found[0] not in "uU":
        return inner
    return unescaped(inner)


def unescaped(text: str) -> str:
    """What stands between the quotes of U&"…" and U&'…'."""
    return _ESCAPE.sub(lambda m: m.group(3) or chr(int(m.group(1) or m.group(2), 16)), text)
