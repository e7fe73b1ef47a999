"""Tokens of SQL and PL/pgSQL, by the rules of PostgreSQL's own scanner (documentation, 4.1 "Lexical Structure").

Assumes ``standard_conforming_strings = on``. Comments are dropped; everything else keeps its place and line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

WORD: Final = "word"
QUOTED: Final = "quoted"
STRING: Final = "string"
NUMBER: Final = "number"
PARAM: Final = "param"
OP: Final = "op"
BAD: Final = "bad"
END: Final = "end"

_IDENT_MAX: Final = 63
_WORD: Final = re.compile(r"[A-Za-z_\u0080-\U0010ffff][A-Za-z0-9_$\u0080-\U0010ffff]*")
_NUMBER: Final = re.compile(
    r"0[xX][0-9A-Fa-f_]+|0[oO][0-7_]+|0[bB][01_]+"
    r"|(?:\d[\d_]*(?:\.(?!\.)[\d_]*)?|\.\d[\d_]*)(?:[eE][+-]?\d[\d_]*)?"
)
_PARAM: Final = re.compile(r"\$\d+")
_DOLLAR: Final = re.compile(r"\$(?:[A-Za-z_\u0080-\U0010ffff][A-Za-z0-9_\u0080-\U0010ffff]*)?\$")
_SPACE: Final = re.compile(r"[ \t\r\n\f\v]+")
_OPS: Final = "+-*/<>=~!@#%^&|`?"
_ESCAPE: Final = re.compile(r"\\(?:([0-7]{1,3})|x([0-9A-Fa-f]{1,2})|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|(.))", re.S)
_UNICODE: Final = re.compile(r"\\(?:([0-9A-Fa-f]{4})|\+([0-9A-Fa-f]{6})|(\\))")
_BEFORE_A_QUOTE: Final = re.compile(r"(?<!\\)\\(?:\\\\)*'")
_ESCAPES: Final = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_LOWER: Final = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}


@dataclass(frozen=True)
class Token:
    """``value``: a folded word, the content of a quoted identifier or string, the text of anything else."""

    kind: str
    value: str
    start: int
    end: int
    line: int

    def is_word(self, *words: str) -> bool:
        return self.kind == WORD and self.value in words

    def is_op(self, *ops: str) -> bool:
        return self.kind == OP and self.value in ops

    @property
    def is_name(self) -> bool:
        return self.kind in (WORD, QUOTED)


def fold(name: str) -> str:
    """An unquoted identifier as PostgreSQL stores it (ASCII letters folded, cut at 63 bytes)."""
    return cut(name.translate(_LOWER))


def cut(name: str) -> str:
    raw = name.encode()
    return name if len(raw) <= _IDENT_MAX else raw[:_IDENT_MAX].decode(errors="ignore")


def tokenize(text: str) -> list[Token]:
    """All tokens, and one ``END`` token last. A token that never ends is ``BAD`` and reaches to the end."""
    return _Lexer(text).run()


def ambiguous_strings(text: str) -> list[int]:
    """Lines of plain strings that end elsewhere with ``standard_conforming_strings = off``: a backslash before a quote."""
    return [
        token.line
        for token in tokenize(text)
        if token.kind == STRING and text[token.start] == "'" and _BEFORE_A_QUOTE.search(text, token.start, token.end)
    ]


class _Lexer:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.line = 1
        self.tokens: list[Token] = []

    def run(self) -> list[Token]:
        while self.at < len(self.text):
            self._one()
        self.tokens.append(Token(END, "", len(self.text), len(self.text), self.line))
        return self.tokens

    def _add(self, kind: str, value: str, end: int) -> None:
        self.tokens.append(Token(kind, value, self.at, end, self.line))
        self._skip(end)

    def _skip(self, end: int) -> None:
        self.line += self.text.count("\n", self.at, end)
        self.at = end

    def _one(self) -> None:
        text, at = self.text, self.at
        char = text[at]
        if space := _SPACE.match(text, at):
            self._skip(space.end())
        elif text.startswith("--", at):
            ends = [found for found in (text.find("\n", at), text.find("\r", at)) if found >= 0]
            self._skip(min(ends, default=len(text)))
        elif text.startswith("/*", at):
            self._comment()
        elif char == "'":
            self._string(at, escapes=False)
        elif char == '"':
            self._identifier(at, unicode=False)
        elif char == "$":
            self._dollar()
        elif number := _NUMBER.match(text, at):
            self._add(NUMBER, number.group(), number.end())
        elif word := _WORD.match(text, at):
            self._word(word.end())
        else:
            self._operator()

    def _word(self, end: int) -> None:
        text, at = self.text, self.at
        prefix = text[at:end].lower()
        if prefix == "u" and text[end : end + 2] in ("&'", '&"'):
            if text[end + 1] == '"':
                self._identifier(end + 1, unicode=True)
            else:
                self._string(end + 1, escapes=False, unicode=True)
        elif prefix in ("e", "b", "x", "n") and text[end : end + 1] == "'":
            self._string(end, escapes=prefix == "e")
        else:
            self._add(WORD, fold(text[at:end]), end)

    def _comment(self) -> None:
        depth, at = 1, self.at + 2
        while depth:
            opening, closing = self.text.find("/*", at), self.text.find("*/", at)
            if closing < 0:
                self._add(BAD, "comment", len(self.text))
                return
            if 0 <= opening < closing:
                depth, at = depth + 1, opening + 2
            else:
                depth, at = depth - 1, closing + 2
        self._skip(at)

    def _quoted(self, quote_at: int, escapes: bool) -> tuple[str, int] | None:
        """The raw content between the quote at ``quote_at`` and its end, and where it ends."""
        quote, at = self.text[quote_at], quote_at + 1
        while at < len(self.text):
            char = self.text[at]
            if escapes and char == "\\":
                at += 2
            elif char != quote:
                at += 1
            elif self.text[at + 1 : at + 2] == quote:
                at += 2
            else:
                return self.text[quote_at + 1 : at], at + 1
        return None

    def _string(self, quote_at: int, escapes: bool, unicode: bool = False) -> None:
        found = self._quoted(quote_at, escapes)
        if found is None:
            self._add(BAD, "string", len(self.text))
            return
        value = found[0].replace("''", "'")
        if escapes:
            value = _ESCAPE.sub(_escaped, value)
        if unicode:
            value = _UNICODE.sub(_unicode, value)
        self._add(STRING, value, found[1])

    def _identifier(self, quote_at: int, unicode: bool) -> None:
        found = self._quoted(quote_at, escapes=False)
        if found is None:
            self._add(BAD, "identifier", len(self.text))
            return
        value = found[0].replace('""', '"')
        if unicode:
            value = _UNICODE.sub(_unicode, value)
        self._add(QUOTED, cut(value), found[1])

    def _dollar(self) -> None:
        if param := _PARAM.match(self.text, self.at):
            self._add(PARAM, param.group(), param.end())
        elif tag := _DOLLAR.match(self.text, self.at):
            end = self.text.find(tag.group(), tag.end())
            if end < 0:
                self._add(BAD, "dollar-quoted string", len(self.text))
            else:
                self._add(STRING, self.text[tag.end() : end], end + len(tag.group()))
        else:
            self._add(OP, "$", self.at + 1)

    def _operator(self) -> None:
        text, at = self.text, self.at
        for fixed in ("::", ":=", ".."):
            if text.startswith(fixed, at):
                self._add(OP, fixed, at + 2)
                return
        end = at
        while end < len(text) and text[end] in _OPS and text[end : end + 2] not in ("--", "/*"):
            end += 1
        if end == at:
            self._add(OP, text[at], at + 1)
            return
        if not any(char in "~!@#%^&|`?" for char in text[at:end]):
            while end > at + 1 and text[end - 1] in "+-":
                end -= 1
        self._add(OP, text[at:end], end)


def _escaped(match: re.Match[str]) -> str:
    octal, hexa, four, eight, other = match.groups()
    if octal:
        return chr(int(octal, 8) & 0xFF)
    for digits in (hexa, four, eight):
        if digits:
            return _char(int(digits, 16))
    return _ESCAPES.get(other, other)


def _unicode(match: re.Match[str]) -> str:
    four, six, backslash = match.groups()
    return "\\" if backslash else _char(int(four or six, 16))


def _char(code: int) -> str:
    return chr(code) if code < 0x110000 and not 0xD800 <= code < 0xE000 else "\ufffd"
