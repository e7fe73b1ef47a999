"""The head of a CREATE FUNCTION: where its body is, and what its signature says."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from qt001_cp.analyse import core, engine, lexer
from qt001_cp.analyse.engine import EngineError, Node


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
    opened, returns_any = _opened(statement or {})
    return Header(statement, problem, find_body(definition), parameters, name, opened, returns_any)


def _opened(statement: Node) -> tuple[tuple[str, ...], bool]:
    opened = []
    for at, each in enumerate(statement.get("parameters", []), 1):
        parameter = each["FunctionParameter"]
        declared = _type(parameter.get("argType", {}))
        if core.is_pseudo(declared) and parameter.get("mode") not in ("FUNC_PARAM_OUT", "FUNC_PARAM_TABLE"):
            opened.append(f"parameter {parameter.get('name') or at} is {declared}")
    result = _type(statement.get("returnType", {}))
    return tuple(opened), not result or core.is_pseudo(result)


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
