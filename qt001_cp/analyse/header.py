"""The head of a CREATE FUNCTION: where its body is, and what its signature says."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from qt001_cp.analyse import core, engine, lexer
from qt001_cp.analyse.engine import EngineError, Node

_NO_VALUE: Final = ("void", "trigger", "event_trigger")
"""Results of which nothing is made, or a row of the table's own."""


@dataclass(frozen=True)
class Body:
    """The text of a string body and the line of the definition on which it starts."""

    text: str
    line: int


@dataclass(frozen=True)
class Header:
    """What the definition says; ``statement`` is None when the engine does not understand it (``problem``)."""

    statement: Node | None
    problem: EngineError | None
    body: Body | None
    parameters: frozenset[str]
    name: str
    opened: tuple[str, ...] = ()
    """Parameters that go in and are declared with a pseudo-type, in words: the caller chooses what they are."""
    opened_names: frozenset[str] = frozenset()
    """How a body names these: by name, and by number ($1)."""
    result_opened: bool = False
    """The caller chooses the type of a result too."""
    returns_any: bool = False
    """The declared result is a pseudo-type, a row or none."""

    @property
    def sql_body(self) -> Node | None:
        found: Node | None = self.statement.get("sql_body") if self.statement else None
        return found


def read(definition: str) -> Header:
    problem: EngineError | None = None
    statement: Node | None = None
    try:
        parsed = engine.parse(definition)
        statement = parsed[0]["stmt"].get("CreateFunctionStmt") if len(parsed) == 1 else None
        if statement is None:
            problem = EngineError("the definition is not one CREATE FUNCTION or CREATE PROCEDURE")
    except EngineError as error:
        problem = error
    parameters = frozenset(
        str(node["FunctionParameter"]["name"])
        for node in (statement or {}).get("parameters", [])
        if node["FunctionParameter"].get("name")
    )
    name = engine.strings(statement.get("funcname"))[-1] if statement else ""
    opened, opened_names, result_opened = _opened(statement or {})
    result = _type((statement or {}).get("returnType", {}))
    return Header(
        statement,
        problem,
        find_body(definition),
        parameters,
        name,
        opened,
        opened_names,
        result_opened or (core.is_pseudo(result) and result not in _NO_VALUE),
        not result or core.is_pseudo(result),
    )


def _opened(statement: Node) -> tuple[tuple[str, ...], frozenset[str], bool]:
    """Parameters that go in, in words and as a body names them; and whether one that comes out is of such a type."""
    opened, named, result = [], set(), False
    for at, each in enumerate(statement.get("parameters", []), 1):
        parameter = each["FunctionParameter"]
        declared, mode = _type(parameter.get("argType", {})), parameter.get("mode")
        if not core.is_pseudo(declared):
            continue
        if mode not in ("FUNC_PARAM_OUT", "FUNC_PARAM_TABLE"):
            opened.append(f"parameter {parameter.get('name') or at} is {declared}")
            named |= {f"${at}", lexer.cut(str(parameter.get("name") or f"${at}"))}
        result |= mode in ("FUNC_PARAM_OUT", "FUNC_PARAM_INOUT", "FUNC_PARAM_TABLE")
    return tuple(opened), frozenset(named), result


def _type(node: Node) -> str:
    names = engine.strings(node.get("names"))
    return '"any"' if names[-1:] == ("any",) else names[-1] if names else ""


def find_parsed_body(definition: str) -> Body:
    """From BEGIN ATOMIC or RETURN outside all parentheses to the end."""
    depth = 0
    tokens = lexer.tokenize(definition)
    for token, following in pairwise(tokens):
        depth += token.is_op("(") - token.is_op(")")
        if depth == 0 and (token.is_word("return") or (token.is_word("begin") and following.is_word("atomic"))):
            return Body(definition[token.start :], token.line)
    return Body(definition, 1)


def find_body(definition: str) -> Body | None:
    """The string that follows the word AS outside all parentheses."""
    depth = 0
    tokens = lexer.tokenize(definition)
    for token, following in pairwise(tokens):
        depth += token.is_op("(") - token.is_op(")")
        if depth == 0 and token.is_word("as") and following.kind == lexer.STRING:
            return Body(following.value, following.line)
    return None
