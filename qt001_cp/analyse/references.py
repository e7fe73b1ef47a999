"""From the names in one SQL text to edges: relations, types, and constants that name an object."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from typing import Any, ClassVar, Final, TypeAlias

from qt001_cp.analyse import engine, rules
from qt001_cp.analyse.builtin import SERIALS
from qt001_cp.analyse.collect import Collector
from qt001_cp.analyse.core import core
from qt001_cp.analyse.engine import Node
from qt001_cp.analyse.resolve import Hit, Resolver, split_name
from qt001_cp.analyse.template import MARK

_NAMES_AS_TEXT: Final = frozenset({"regclass", "regproc", "regprocedure", "regtype", "regoper", "regoperator"})
_NEWLINE: Final = 10

RunText: TypeAlias = Callable[[Node, int], None]
"""Follow an expression whose value is run as SQL, as far as it is constant."""
RunBlock: TypeAlias = Callable[[str, str, int], None]
"""Follow the body of a DO block: language, body, line."""


class References:
    """One text: ``line`` is the line on which it starts, ``fixed`` says that all of it counts as that line.

    ``quiet`` is for a text with holes in it, about which an Unknown is already on record: names that stand for a
    hole are passed over, and names that do not resolve are not reported again.
    """

    nodes: ClassVar[dict[str, Callable[[Any, Any], None]]] = {}
    """What to do with each kind of node; any other is walked through."""

    def __init__(
        self,
        text: str,
        line: int,
        out: Collector,
        resolver: Resolver,
        run_text: RunText,
        run_block: RunBlock,
        *,
        fixed: bool = False,
        quiet: bool = False,
    ) -> None:
        self.breaks = [] if fixed else [place for place, byte in enumerate(text.encode()) if byte == _NEWLINE]
        self.first_line = line
        self.here = line
        self.out = out
        self.resolver = resolver
        self.run_text = run_text
        self.run_block = run_block
        self.fixed = fixed
        self.quiet = quiet
        self.scopes: list[set[str]] = []
        self.relation_verb = "reads"

    # the generic walk

    def visit(self, value: Any) -> None:
        if isinstance(value, list):
            for each in value:
                self.visit(each)
        elif isinstance(value, dict):
            for key, child in value.items():
                handler = self.nodes.get(key)
                if handler is not None:
                    handler(self, child)
                elif isinstance(child, dict) and "relname" in child:
                    self.range_var(child)
                elif isinstance(child, dict | list):
                    self.visit(child)

    def rest(self, node: Node, *done: str) -> None:
        self.visit({key: child for key, child in node.items() if key not in done})

    def _at(self, location: int) -> int:
        if not self.fixed:
            self.here = self.first_line + bisect_left(self.breaks, location)
        return self.here

    def place(self, node: Node) -> int:
        return self._at(node["location"]) if node.get("location", -1) >= 0 else self.here

    def unknown(self, rule: str, detail: str) -> None:
        if not (self.quiet and (rule == rules.UNRESOLVED or MARK in detail)):
            self.out.unknown(rule, self.here, detail.replace(MARK, "?"))

    def _is_created(self, target: Node) -> bool:
        return self.out.has_created(target.get("relname")) and target.get("schemaname", "pg_temp") == "pg_temp"

    # relations

    def _is_cte(self, node: Node) -> bool:
        return "schemaname" not in node and any(node["relname"] in scope for scope in self.scopes)

    def range_var(self, node: Node) -> None:
        self._alias(node)
        if not self._is_cte(node):
            self.relation(self.relation_verb, node)

    def relation(self, verb: str, node: Node) -> None:
        self._alias(node)
        name = node.get("relname", "")
        schema = node.get("schemaname")
        self.place(node)
        if MARK in name or MARK in (schema or ""):
            return
        found = self.resolver.relation(schema, name)
        for hit in found.hits:
            self._edge(verb, hit)
        given = schema is None and name in self.out.transition
        if not found.known and not given and not self._is_created(node):
            self._unresolved("relation", (schema, name))

    def _alias(self, node: Node) -> None:
        alias = node.get("alias", {}).get("aliasname")
        if alias:
            self.out.local.add(alias)

    def alias(self, node: Node) -> None:
        if "aliasname" in node:
            self.out.local.add(node["aliasname"])

    def _edge(self, verb: str, hit: Hit) -> None:
        self.out.edge(verb, hit.kind, hit.identity, self.here)
        self.out.explain([(hit.schema, hit.name), (None, hit.name)])

    def _unresolved(self, what: str, name: tuple[str | None, str]) -> None:
        self.unknown(rules.UNRESOLVED, f"{what} {dotted(tuple(part for part in name if part))}")
        if not self.quiet:
            self.out.explain([name, (None, name[1])])

    # types

    def type_name(self, node: Node) -> None:
        names = engine.strings(node.get("names"))
        self.place(node)
        if node.get("pct_type"):
            self.column_type(names)
        elif names and MARK not in "".join(names) and names[-1] not in SERIALS:
            schema = names[-2] if len(names) > 1 else None
            found = self.resolver.type(schema, names[-1])
            for hit in found.hits:
                self._edge("uses", hit)
            if not found.known and not self.out.has_created(names[-1]):
                self._unresolved("type", (schema, names[-1]))
        self.rest(node, "names")

    def column_type(self, names: tuple[str, ...]) -> None:
        """``[schema.]table.column%TYPE``."""
        if len(names) < 2:
            self._unresolved("variable", (None, ".".join(names)))
            return
        self.row_type(names[:-1])

    def row_type(self, names: tuple[str, ...]) -> None:
        schema = names[-2] if len(names) > 1 else None
        found = self.resolver.relation(schema, names[-1])
        if not found.known:
            found = self.resolver.type(schema, names[-1])
        for hit in found.hits:
            self._edge("uses", hit)
        if not found.known and not self.out.has_created(names[-1]):
            self._unresolved("relation", (schema, names[-1]))

    def cast(self, node: Node) -> None:
        target = engine.strings(node.get("typeName", {}).get("names"))
        text = engine.constant(node.get("arg"))
        if text is not None and target[-1:] and target[-1] in _NAMES_AS_TEXT:
            self.place(node)
            self.named_object(target[-1], text, "uses")
        if not self.settled(node.get("arg", {})):
            self.out.by_type(f"a cast to {dotted(target)}", self.place(node))
        self.rest(node)

    def settled(self, node: Node) -> bool:
        """Whether the type of the value is known; see :class:`qt001_cp.analyse.harmless.Harmless`."""
        return not node

    def named_object(self, kind: str, text: str, verb: str) -> None:
        """A constant that names an object: ``'app.t'::regclass``, ``'app.f(integer)'::regprocedure``, …"""
        if MARK in text or text == "-":
            return
        if text.isdigit():
            self.unknown(rules.UNRESOLVED, f"{kind} {text}")
            return
        if kind == "regtype":
            self._named_type(text)
            return
        if kind in ("regoper", "regoperator"):
            if text not in core().operators:
                self.unknown(rules.OPERATOR, text)
            return
        if kind in ("regproc", "regprocedure"):
            self._named_routine(kind, text, verb)
        else:
            self._named_relation(kind, text, verb)

    def _named_relation(self, kind: str, text: str, verb: str) -> None:
        names = split_name(text)
        if names is None or not 1 <= len(names) <= 3:
            self.unknown(rules.UNRESOLVED, f"{kind} {text}")
            return
        schema = {"schemaname": names[-2]} if len(names) > 1 and names[-2] else {}
        self.relation(verb, {"relname": names[-1]} | schema)

    def _named_routine(self, kind: str, text: str, verb: str) -> None:
        names = split_name(text.partition("(")[0] if kind == "regprocedure" else text)
        if names is None or not 1 <= len(names) <= 2:
            self.unknown(rules.UNRESOLVED, f"{kind} {text}")
            return
        schema, name = (names[0] if len(names) > 1 else None), names[-1]
        parts = [self.resolver.routine(schema, name, procedure) for procedure in (False, True)]
        hits = tuple(hit for part in parts for hit in part.hits)
        exact = with_arguments(hits, text) if kind == "regprocedure" else ()
        for hit in exact or hits:
            self._edge(verb, hit)
        if not any(part.known for part in parts):
            self._unresolved("routine", (schema, name))

    def _named_type(self, text: str) -> None:
        try:
            parsed = engine.parse(f"SELECT NULL::{text}")
        except engine.EngineError:
            self.unknown(rules.UNRESOLVED, f"regtype {text}")
            return
        here, fixed = self.here, self.fixed
        self.fixed = True
        self.visit(parsed)
        self.here, self.fixed = here, fixed


def dotted(names: tuple[str, ...]) -> str:
    return ".".join(names)


def with_arguments(hits: tuple[Hit, ...], text: str) -> tuple[Hit, ...]:
    """The overloads whose printed arguments are those of ``text``, where they are printed alike."""
    wanted = _arguments(text)
    return tuple(hit for hit in hits if _arguments(hit.identity) == wanted)


def _arguments(text: str) -> str:
    inside = text[text.find("(") + 1 : text.rfind(")")]
    return "".join(inside.replace("pg_catalog.", "").lower().split())
