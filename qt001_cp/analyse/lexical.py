"""An independent look at the body, word by word: no name that exists may stand there without an explanation.

It knows nothing of grammar, so what the parser overlooked does not escape it. Unqualified column names look like
relations; so only ``schema . name`` and ``name (`` count. Comments do not count; the text of RAISE does not either.
"""

from __future__ import annotations

from collections.abc import Container

from qt001_cp.analyse import rules
from qt001_cp.analyse.builtin import RESERVED
from qt001_cp.analyse.collect import Collector
from qt001_cp.analyse.lexer import BAD, STRING, WORD, Token, tokenize
from qt001_cp.analyse.resolve import Index

_SYSTEM = ("pg_catalog", "information_schema", "pg_toast")
_DEPTH = 3


def check(body: str, line: int, index: Index, out: Collector, inert: Container[int] = ()) -> None:
    """``line`` is the line on which the body starts; ``inert`` offsets of words and strings accounted for."""
    _scan(body, line, index, out, inert, 0)


def missed_executes(body: str, line: int, seen: Container[int], out: Collector) -> None:
    """Every word EXECUTE that the PL/pgSQL parser did not take for a statement."""
    previous: Token | None = None
    for token in tokenize(body):
        granted = previous is not None and previous.is_word("grant", "revoke", "for")
        if token.is_word("execute") and token.start not in seen and not granted:
            out.unknown(rules.DYNAMIC_UNPARSED, line + token.line - 1, "EXECUTE")
        previous = token


def _scan(text: str, line: int, index: Index, out: Collector, inert: Container[int], depth: int) -> None:
    """A piece of a text that is put together may open a quote that another closes: what is behind it counts too."""
    tokens = tokenize(text)
    for at, token in enumerate(tokens):
        place = line + token.line - 1
        if depth == 0 and token.start in inert:
            continue
        if token.kind == STRING and depth < _DEPTH:
            _scan(token.value, place, index, out, (), depth + 1)
        elif token.kind == BAD and depth < _DEPTH:
            _scan(text[token.start + 1 :], place, index, out, (), depth + 1)
        elif token.is_name and not (at and tokens[at - 1].is_op(".")):
            _name(tokens, at, place, index, out, inside=depth > 0)


def _name(tokens: list[Token], at: int, line: int, index: Index, out: Collector, *, inside: bool) -> None:
    word = tokens[at].value
    if tokens[at + 1].is_op("."):
        if tokens[at + 2].is_name and (inside or word not in out.local):
            _qualified(word, tokens[at + 2].value, line, index, out)
    elif tokens[at + 1].is_op("(") and not (tokens[at].kind == WORD and word in RESERVED):
        _called(word, line, index, out)


def _qualified(schema: str, name: str, line: int, index: Index, out: Collector) -> None:
    key = (schema, name)
    exists = key in index.names.relations or key in index.names.routines
    if exists and schema not in _SYSTEM and key not in out.explained:
        out.unknown(rules.LEXICAL, line, f"{schema}.{name}")


def _called(name: str, line: int, index: Index, out: Collector) -> None:
    schemas = {*index.relation_schemas.get(name, ()), *index.routine_schemas.get(name, ())}
    known = name in out.local or (None, name) in out.explained
    if schemas.difference(_SYSTEM) and not known:
        out.unknown(rules.LEXICAL, line, name)
