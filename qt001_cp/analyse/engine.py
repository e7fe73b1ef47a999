"""The only module that knows the SQL parser (libpg_query with the grammar of PostgreSQL 17, through pgparse)."""

from __future__ import annotations

from typing import Any, Final, TypeAlias

import pgparse

from qt001_cp.analyse import lexer
from qt001_cp.analyse.words import words

Node: TypeAlias = dict[str, Any]
"""One node of libpg_query's JSON. Locations are byte offsets into the parsed text, absent where they are 0."""

TOOL: Final = "libpg_query 17 (pgparse)"


_SHORT: Final = 5_000
_LONGEST_CHAIN: Final = 5_000
_FLAT: Final = frozenset({"(", ")", ",", "."})
_CHAINING: Final = tuple(
    words("union intersect except join collate is isnull notnull at between in like ilike similar overlaps and or not")
)


class EngineError(Exception):
    """The text is not SQL that the engine understands."""

    def __init__(self, message: str, offset: int = 0) -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset


def parse(text: str) -> list[Node]:
    """The raw statements of ``text``: ``{"stmt": {"SelectStmt": …}, "stmt_location": …}`` each."""
    if len(text) > _SHORT and _chain(text) > _LONGEST_CHAIN:
        raise EngineError("too many operators in one statement")
    try:
        parsed: list[Node] = pgparse.parse(text)
    except pgparse.PGQueryError as error:
        raise EngineError(str(error.message), max(0, int(error.position or 1) - 1)) from error
    except (RecursionError, ValueError, UnicodeError) as error:
        raise EngineError(f"{type(error).__name__}: {error}") from error
    return parsed


def _chain(text: str) -> int:
    """How deep left-recursive operators may nest. The library has no limit of its own there: it would crash."""
    longest = now = 0
    for token in lexer.tokenize(text):
        if token.is_op(";"):
            now = 0
        elif token.is_word(*_CHAINING) or (token.kind == lexer.OP and token.value not in _FLAT):
            now += 1
            longest = max(longest, now)
    return longest


def strings(nodes: list[Node] | None) -> tuple[str, ...]:
    """A list of String nodes as a name, part by part; other nodes (``*``) are left out."""
    return tuple(node["String"].get("sval", "") for node in nodes or [] if "String" in node)


def constant(node: Node | None) -> str | None:
    """The value of a string constant, also behind casts to a text type; None for anything else."""
    while node is not None and "TypeCast" in node:
        cast = node["TypeCast"]
        if strings(cast["typeName"].get("names"))[-1:] not in _TEXT or cast["typeName"].get("typmods"):
            return None
        node = cast.get("arg")
    if node is None or "A_Const" not in node or "sval" not in node["A_Const"]:
        return None
    value: str = node["A_Const"]["sval"].get("sval", "")
    return value


_TEXT: Final = {("text",), ("varchar",), ("bpchar",), ("name",), ("cstring",), ("unknown",)}
