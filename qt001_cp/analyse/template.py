"""The value of an expression that builds SQL: constant text with holes.

Source: PostgreSQL documentation, "format" (9.4.1) and "Quoting Values in Dynamic Queries" (41.5.4).

An expression may have several values (CASE, COALESCE, a variable that is set more than once): all are kept.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import product
from typing import Final, TypeAlias

from qt001_cp.analyse import engine, lexer
from qt001_cp.analyse.engine import Node


@dataclass(frozen=True)
class Hole:
    """What is not constant: a quoted ``literal``, a quoted ``identifier``, or any ``text``."""

    kind: str


Part: TypeAlias = str | Hole
Template: TypeAlias = tuple[Part, ...]
Lookup: TypeAlias = Callable[[str], list[Template] | None]

LITERAL: Final = Hole("literal")
IDENTIFIER: Final = Hole("identifier")
TEXT: Final = Hole("text")
MARK: Final = "\ue001"
"""Stands for the value in a literal or identifier that is not constant; nothing with it in is a constant."""

_LIMIT: Final = 32
_LONGEST: Final = 1 << 16
_PRINTED_AS_WRITTEN: Final = (("text",), ("varchar",), ("bpchar",), ("regclass",))
_DECIMAL: Final = re.compile(r"(0|[1-9]\d*)(\.\d+)?")
"""What PostgreSQL prints as it is written."""
_SPEC: Final = re.compile(r"%(?:(\d+)\$)?(-?(?:\d+|\*(?:\d+\$)?))?([sIL%])")


class Evaluator:
    """``lookup`` gives the values of a variable; ``plain`` says that a name means only the builtin."""

    def __init__(self, lookup: Lookup, plain: Callable[[tuple[str, ...]], bool]) -> None:
        self.lookup = lookup
        self.plain = plain

    def values(self, node: Node | None) -> list[Template]:
        found = self._values(node or {})
        return found if 0 < len(found) <= _LIMIT else [(TEXT,)]

    def _values(self, node: Node) -> list[Template]:
        if "A_Const" in node:
            return [_constant(node["A_Const"])]
        if "A_Expr" in node and engine.strings(node["A_Expr"].get("name")) == ("||",):
            return self._concatenated(node) if self.plain(("||",)) else [(TEXT,)]
        if "TypeCast" in node:
            return self._cast(node["TypeCast"])
        if "FuncCall" in node:
            return self._call(node["FuncCall"])
        if "CaseExpr" in node:
            case = node["CaseExpr"]
            results = [when["CaseWhen"].get("result") for when in case.get("args", [])]
            return self._union([*results, *([case["defresult"]] if "defresult" in case else [])])
        if "CoalesceExpr" in node:
            return self._union(node["CoalesceExpr"].get("args", []))
        if "ColumnRef" in node:
            names = engine.strings(node["ColumnRef"].get("fields"))
            found = self.lookup(names[0]) if len(names) == 1 else None
            return found or [(TEXT,)]
        return [(TEXT,)]

    def _union(self, nodes: list[Node]) -> list[Template]:
        return list(dict.fromkeys(value for node in nodes for value in self.values(node)))

    def _concatenated(self, node: Node) -> list[Template]:
        operands: list[Node] = []
        while "A_Expr" in node and engine.strings(node["A_Expr"].get("name")) == ("||",):
            operands.append(node["A_Expr"].get("rexpr", {}))
            node = node["A_Expr"].get("lexpr", {})
        operands.append(node)
        return _joined([self.values(each) for each in reversed(operands)])

    def _cast(self, cast: Node) -> list[Template]:
        names = engine.strings(cast["typeName"].get("names"))
        if names[-1:] in _PRINTED_AS_WRITTEN and not cast["typeName"].get("typmods"):
            return self.values(cast.get("arg"))
        return [(TEXT,)]

    def _call(self, call: Node) -> list[Template]:
        names = engine.strings(call.get("funcname"))
        arguments: list[Node] = call.get("args", [])
        if not arguments or call.get("func_variadic") or not self.plain(names):
            return [(TEXT,)]
        name = names[-1]
        if name == "format":
            rest = [self.values(each) for each in arguments[1:]]
            formats = self.values(arguments[0])
            if len(formats) == 1 and all(isinstance(part, str) for part in formats[0]):
                return _formatted("".join(str(part) for part in formats[0]), rest)
        elif name == "concat":
            return _joined([self.values(each) for each in arguments])
        elif name == "quote_ident" and len(arguments) == 1:
            return [_quoted(value, IDENTIFIER) for value in self.values(arguments[0])]
        elif name in ("quote_literal", "quote_nullable") and len(arguments) == 1:
            return [_quoted(value, LITERAL) for value in self.values(arguments[0])]
        return [(TEXT,)]


def _constant(value: Node) -> Template:
    if "sval" in value:
        return (value["sval"].get("sval", ""),)
    if "ival" in value:
        return (str(value["ival"].get("ival", 0)),)
    if "fval" in value and _DECIMAL.fullmatch(value["fval"].get("fval", "")):
        return (value["fval"]["fval"],)
    return (TEXT,)


def _joined(columns: list[list[Template]]) -> list[Template]:
    size, length = 1, 0
    for column in columns:
        size *= len(column)
        length += max(sum(len(part) if isinstance(part, str) else 1 for part in value) for value in column)
        if size > _LIMIT or length > _LONGEST:
            return [(TEXT,)]
    return [_merged(part for value in row for part in value) for row in product(*columns)]


def _merged(parts: Iterable[Part]) -> Template:
    """Neighbouring constants as one."""
    found: list[Part] = []
    for part in parts:
        if isinstance(part, str) and found and isinstance(found[-1], str):
            found[-1] += part
        else:
            found.append(part)
    return tuple(found)


def _quoted(value: Template, hole: Hole) -> Template:
    if not is_constant(value):
        return (hole,)
    text = "".join(str(part) for part in value)
    return (quote_ident(text) if hole is IDENTIFIER else quote_literal(text),)


def quote_ident(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def quote_literal(value: str) -> str:
    escaped = value.replace("'", "''")
    return "E'" + escaped.replace("\\", "\\\\") + "'" if "\\" in value else "'" + escaped + "'"


def _formatted(text: str, arguments: list[list[Template]]) -> list[Template]:
    columns: list[list[Template]] = []
    at, following = 0, 0
    while at < len(text):
        percent = text.find("%", at)
        if percent < 0:
            columns.append([(text[at:],)])
            break
        columns.append([(text[at:percent],)])
        spec = _SPEC.match(text, percent)
        if spec is None or spec.group(2):
            return [(TEXT,)]
        at = spec.end()
        position, _, kind = spec.groups()
        if kind == "%":
            columns.append([("%",)])
            continue
        following = int(position) if position else following + 1
        if not 0 < following <= len(arguments):
            return [(TEXT,)]
        values = arguments[following - 1]
        hole = {"I": IDENTIFIER, "L": LITERAL}.get(kind)
        columns.append(values if hole is None else [_quoted(value, hole) for value in values])
    return _joined(columns)


def is_constant(template: Template) -> bool:
    return all(isinstance(part, str) for part in template)


def is_known(template: Template) -> bool:
    """Whether nothing but values is left open, each as a whole literal that it cannot break out of."""
    if any(part != LITERAL for part in template if isinstance(part, Hole)):
        return False
    marked = [token for token in lexer.tokenize(filled(template)) if MARK in token.value]
    return sum(part == LITERAL for part in template) == len(marked) and all(
        token.kind == lexer.STRING and token.value == MARK for token in marked
    )


def filled(template: Template) -> str:
    """The text, with a marked literal or identifier in each hole."""
    literal, identifier = f"'{MARK}'", f'"{MARK}"'
    return "".join(part if isinstance(part, str) else literal if part == LITERAL else identifier for part in template)
