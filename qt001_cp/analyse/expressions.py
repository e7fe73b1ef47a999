"""Expressions: calls, casts, operators, and what looks like a column and is a call."""

from __future__ import annotations

from functools import partial
from typing import Final

from qt001_cp.analyse import engine, rules, sinks
from qt001_cp.analyse.builtin import SAMPLE_METHODS
from qt001_cp.analyse.core import core
from qt001_cp.analyse.engine import Node
from qt001_cp.analyse.harmless import Harmless, chain_of
from qt001_cp.analyse.references import dotted, with_arguments
from qt001_cp.analyse.resolve import split_name
from qt001_cp.analyse.template import MARK

_OPERATOR_KINDS: Final = frozenset(
    {"AEXPR_OP", "AEXPR_OP_ANY", "AEXPR_OP_ALL", "AEXPR_DISTINCT", "AEXPR_NOT_DISTINCT", "AEXPR_NULLIF"}
)


_WRITTEN_AS_WORDS: Final = {
    "AEXPR_IN": ("=", "<>"),
    "AEXPR_LIKE": ("~~", "!~~"),
    "AEXPR_ILIKE": ("~~*", "!~~*"),
    "AEXPR_SIMILAR": ("~", "!~"),
    "AEXPR_BETWEEN": (">=", "<="),
    "AEXPR_NOT_BETWEEN": ("<", ">"),
    "AEXPR_BETWEEN_SYM": (">=", "<="),
    "AEXPR_NOT_BETWEEN_SYM": ("<", ">"),
    "AEXPR_DISTINCT": ("=",),
    "AEXPR_NOT_DISTINCT": ("=",),
    "AEXPR_NULLIF": ("=",),
}
"""Operators of what is written as words (gram.y)."""


class Expressions(Harmless):
    def function_node(self, node: Node) -> None:
        self.function(node)

    def function(self, node: Node, procedure: bool = False) -> None:
        names = engine.strings(node.get("funcname"))
        if names:
            self.place(node)
            schema, name = (names[-2] if len(names) > 1 else None), names[-1]
            arguments: list[Node] = node.get("args", [])
            if MARK not in "".join(names):
                sorted_by = node.get("agg_order", []) if node.get("agg_within_group") else []
                self._called(schema, name, [*arguments, *(each["SortBy"]["node"] for each in sorted_by)], procedure)
                if self._special(schema, name, arguments):
                    self.visit(arguments[1:])
                    self.rest(node, "funcname", "args")
                    return
        self.rest(node, "funcname")

    def _called(self, schema: str | None, name: str, arguments: list[Node], procedure: bool = False) -> None:
        found = self.resolver.routine(schema, name, procedure)
        for hit in found.hits:
            self._edge("calls", hit)
            self.own_call(hit)
        if not procedure and not sinks.is_sink(schema, name, len(arguments)):
            self.core_call(schema, name, arguments)
        if found.hits and not all(self.settled(each) for each in arguments):
            self.out.by_type(f"a cast to an argument of {name}", self.here)
        if found.known:
            self.out.explain([(None, name)])
            return
        as_type = self.resolver.type(schema, name)
        if as_type.known and len(arguments) == 1:
            for hit in as_type.hits:
                self._edge("uses", hit)
        else:
            self._unresolved("procedure" if procedure else "function", (schema, name))

    def _special(self, schema: str | None, name: str, arguments: list[Node]) -> bool:
        """Sinks, sequences, names as text. True if the first argument is a name that is done with."""
        if sinks.is_sink(schema, name, len(arguments)):
            self.unknown(rules.HIDDEN_SINK, name)
            position = sinks.RUNS_SQL.get(name)
            if position is not None and position < len(arguments):
                self.run_text(arguments[position], self.here)
        if schema not in (None, "pg_catalog") or not arguments:
            return False
        verb = sinks.SEQUENCE_VERBS.get(name)
        if verb is not None:
            return self._sequence(name, verb, arguments[0])
        text = engine.constant(arguments[0])
        if text is not None and name in sinks.REGCLASS_ARGUMENT:
            self.named_object("regclass", text, "uses")
        if name.startswith("has_") and name.endswith("_privilege"):
            for argument in arguments[:-1]:
                self._asked_about(engine.constant(argument) or "")
        return False

    def _asked_about(self, text: str) -> None:
        """A constant of ``has_…_privilege``, if it is the name of a relation or routine."""
        names = split_name(text.partition("(")[0])
        if names is None or len(names) > 2 or MARK in text:
            return
        schema, name = (names[-2] if len(names) > 1 else None), names[-1]
        hits = () if "(" in text else self.resolver.relation(schema, name).hits
        if "(" in text:
            found = (*self.resolver.routine(schema, name).hits, *self.resolver.routine(schema, name, True).hits)
            hits = with_arguments(found, text) or found
        for hit in hits:
            self._edge("uses", hit)

    def _sequence(self, name: str, verb: str, argument: Node) -> bool:
        cast = argument.get("TypeCast", {})
        if engine.strings(cast.get("typeName", {}).get("names"))[-1:] == ("regclass",):
            argument = cast.get("arg", {})
        text = engine.constant(argument)
        if text is None or MARK in text:
            self.unknown(rules.SEQUENCE, f"{name}()")
            return False
        self.named_object("regclass", text, verb)
        return True

    def expression(self, node: Node) -> None:
        chain = chain_of(node)
        for each, settled in zip(chain, self.settled_operands(chain), strict=False):
            self.place(each)
            if each.get("kind") in _OPERATOR_KINDS:
                self.operator(engine.strings(each.get("name")), settled=settled)
            for word in _WRITTEN_AS_WORDS.get(each.get("kind", ""), ()):
                self.operator((word,), settled=settled)
            self.rest(each, "name", *(() if each is chain[0] else ("lexpr",)))

    def operator(self, names: tuple[str, ...], *, settled: bool = True) -> None:
        """``settled``: the types of its operands are the server's own."""
        if not names:
            return
        schema, name = (names[-2] if len(names) > 1 else None), names[-1]
        hits = self.resolver.operator(schema, name)
        for hit in hits:
            self._edge("calls", hit)
        if schema in (None, "pg_catalog") and core().operator(name):
            self.core_operator(name, settled=settled)
            self.other_operator(schema, name, core_only=True)
        elif not self.other_operator(schema, name, core_only=False) and not hits:
            self.unknown(rules.OPERATOR, dotted(names))

    def operators(self, *names: str) -> None:
        """What a construct means without saying it."""
        for name in names:
            self.operator((name,))

    def case(self, node: Node) -> None:
        self.place(node)
        if "arg" in node:
            self.operators("=")
        self.rest(node)

    def join(self, node: Node) -> None:
        if "usingClause" in node or node.get("isNatural"):
            self.operators("=")
        self.rest(node)

    def sublink(self, node: Node) -> None:
        self.place(node)
        names = engine.strings(node.get("operName"))
        self.operator(names or (("=",) if "testexpr" in node else ()))
        self.rest(node, "operName")

    def sort(self, node: Node) -> None:
        self.operator(engine.strings(node.get("useOp")))
        self.rest(node, "useOp")

    def column(self, node: Node) -> None:
        names = engine.strings(node.get("fields"))
        self.place(node)
        if len(names) > 1:
            for hit in self.resolver.notations(names[-1], rows_only=True):
                self._edge("calls", hit)
            for hit in self.resolver.notations(names[-1], rows_only=False):
                self.out.notation(names[-2], ("calls", hit.kind, hit.identity), self.here)
            self.notation(names[-1], self.here, rows_only=True)
            self.out.if_scalar(names[-2], partial(self.notation, names[-1], self.here))

    def indirection(self, node: Node) -> None:
        for name in engine.strings(node.get("indirection")):
            for hit in self.resolver.notations(name, rows_only=False):
                self._edge("calls", hit)
            self.notation(name, self.here)
        self.rest(node)

    def json(self, node: Node) -> None:
        """JSON_OBJECT, JSON_ARRAY and the others print as to_json does."""
        self.place(node)
        self.out.by_type("to_json(anyelement)", self.here, cast=True)
        self.rest(node)

    def range_function(self, node: Node) -> None:
        """Its alias, or its name, may stand for a value that is no row."""
        alias = node.get("alias", {}).get("aliasname")
        for item in node.get("functions", []):
            for call in item.get("List", {}).get("items", []):
                names = engine.strings(call.get("FuncCall", {}).get("funcname"))
                self.out.scalars.update(names[-1:] if alias is None else (alias,))
        self.rest(node)

    def sample(self, node: Node) -> None:
        method = engine.strings(node.get("method"))
        self.place(node)
        if method and method[-1] not in SAMPLE_METHODS:
            self._called(method[-2] if len(method) > 1 else None, method[-1], [])
        self.rest(node, "method")
