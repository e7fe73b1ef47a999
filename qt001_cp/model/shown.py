"""Text of others for people: names, messages and statements hold what their makers put into them. One function that shows it,
one for Markdown, one for JSON; SQL has :mod:`qt001_cp.emit.quoting`.

Source: Unicode Standard, "Default_Ignorable_Code_Point"; GitHub Flavored Markdown, "Backslash escapes", "Autolinks (extension)".
"""

from __future__ import annotations

import re
from typing import Final

_BLANK: Final = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
"""What counts as printable, and shows nothing."""
_MARKUP: Final = re.compile(r"([\\`*_\[\]<>|#~&$])")
_LINK: Final = re.compile(r"(?i)\b(https?|ftp|mailto|xmpp)(?=:)|\bwww(?=\.)")


def visible(text: object) -> str:
    """A name on one line, with every character that does not show, or turns others round, as its number."""
    return "".join(_one(c) for c in str(text))


def lines(text: object) -> str:
    """The same for what has lines of its own."""
    return "\n".join(visible(line) for line in str(text).split("\n"))


def markdown(text: object) -> str:
    """A name in Markdown: no markup, no HTML, no link, no new line."""
    return _LINK.sub(lambda m: f"{m[0]}\\", _MARKUP.sub(r"\\\1", visible(text)))


def markdown_code(text: object) -> str:
    """Between backticks, in a cell of a table: nothing in it ends either."""
    return visible(text).replace("|", "\\|").replace("`", "'")


def in_json(text: str) -> str:
    """JSON text with what does not show as \\u…: the same document."""
    return "".join(c if c in "\n" or _shows(c) else _escaped(c) for c in text)


def _shows(c: str) -> bool:
    return c.isprintable() and (c < "\u0300" or not _BLANK.match(c))


def _one(c: str) -> str:
    if _shows(c):
        return c
    return f"\\u{ord(c):04x}" if ord(c) < 0x10000 else f"\\U{ord(c):08x}"


def _escaped(c: str) -> str:
    """RFC 8259, 7: a character beyond the Basic Multilingual Plane is a pair of surrogates."""
    units = c.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[n]:02x}{units[n + 1]:02x}" for n in range(0, len(units), 2))
