"""Calls against the list of what is harmless: functions, operators and casts of the server's own, and functions in C."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from qt001_cp.analyse import core, engine, rules
from qt001_cp.analyse.builtin import TYPES
from qt001_cp.analyse.engine import Node
from qt001_cp.analyse.references import References
from qt001_cp.analyse.resolve import Hit

_TRUTH: Final = frozenset({"BoolExpr", "NullTest", "BooleanTest", "SQLValueFunction", "A_Const", "XmlExpr"})
_CHOICES: Final = {"CoalesceExpr": ("args",), "MinMaxExpr": ("args",), "A_ArrayExpr": ("elements",)}
_TRUTH_LINKS: Final = frozenset({"EXISTS_SUBLINK", "ANY_SUBLINK", "ALL_SUBLINK"})
_NOTHING: Final[Node] = {"A_Const": {}}
_SYSTEM: Final = (None, "pg_catalog", "information_schema")


class Harmless(References):
    def core_call(self, schema: str | None, name: str, arguments: Sequence[Node]) -> None:
        """A call that may mean a function of pg_catalog."""
        if schema not in _SYSTEM or name not in self.resolver.names.system_routines:
            return
        overloads = core.core().called(name, len(arguments))
        if not overloads:
            self.unknown(rules.UNLISTED, f"{name}, of which no supported version is known to have it")
            return
        unlisted = [each.signature for each in overloads if each.verdict == core.UNKNOWN]
        if unlisted:
            self.unknown(rules.UNLISTED, " or ".join(unlisted))
        elif not all(self.settled(each) for each in arguments):
            self._by_type(overloads)

    def _by_type(self, overloads: tuple[core.Function, ...]) -> None:
        for each in overloads:
            if each.verdict in (core.CAST, core.TYPE):
                self.out.by_type(each.signature, self.here, cast=each.verdict == core.CAST)
            elif each.verdict == core.PLAIN and each.arguments:
                self.out.by_type(f"a cast to an argument of {each.name}", self.here)

    def core_operator(self, name: str, *, settled: bool) -> None:
        found = core.core().operator(name)
        unlisted = [each.signature for each in found if each.verdict == core.UNKNOWN]
        if unlisted:
            self.unknown(rules.UNLISTED, " or ".join(unlisted))
        elif not settled:
            casting = [each for each in found if each.verdict in (core.CAST, core.TYPE)]
            if casting:
                self.out.by_type(f"operator {name}, {casting[0].signature}", self.here)

    def other_operator(self, schema: str | None, name: str, *, core_only: bool) -> bool:
        """Operators of others that have no body. Where the server has one of that name, those in C count for nothing: a superuser
        made them, and which one is meant is a question of types. Gives whether there is one."""
        found = self.resolver.other_operator(schema, name)
        for kind, identity in found:
            if kind != "core" and not core_only:
                self._module(identity)
            elif kind == "core" and core.core().part(identity) == core.UNKNOWN:
                self.unknown(rules.UNLISTED, f"{identity}, operator {f'{schema}.' if schema else ''}{name}")
        return bool(found)

    def own_call(self, hit: Hit) -> None:
        """A routine of the estate: one in C has no body, an aggregate is made of other functions."""
        self._module(hit.identity)
        for part in self.resolver.names.parts.get(hit.identity, ()):
            if core.core().part(part) == core.UNKNOWN:
                self.unknown(rules.UNLISTED, f"{part}, a part of {hit.kind} {hit.identity}")

    def _module(self, identity: str) -> None:
        """Of an extension that a person has looked at, from the library that it came with; or unknown."""
        if identity not in self.resolver.names.modules:
            return
        extension, library = self.resolver.names.modules[identity]
        known = core.extensions().get(extension)
        if known is None or library not in (known.library, ""):
            self.unknown(rules.UNLISTED, f"{identity}, in C" + (f", of extension {extension}" if extension else ""))
        elif known.verdict != core.HARMLESS:
            self.out.by_type(identity, self.here)

    def notation(self, name: str, line: int, *, rows_only: bool = False) -> None:
        """``value.name`` may call a function of pg_catalog with one argument; of a row's with ``rows_only``: any other value has a column."""
        if name not in self.resolver.names.system_routines:
            return
        for each in core.core().functions.get(name, ()):
            if each.arguments and each.takes(1) and (not rows_only or core.is_pseudo(each.arguments[0].strip("[]"))):
                if each.verdict == core.UNKNOWN:
                    self.out.unknown(rules.UNLISTED, line, each.signature)
                elif each.verdict in (core.CAST, core.TYPE):
                    self.out.by_type(each.signature, line, cast=each.verdict == core.CAST)
                elif each.verdict == core.PLAIN and not rows_only:
                    self.out.by_type(f"a cast to an argument of {name}", line)

    # types

    def settled(self, node: Node) -> bool:
        """Whether the value is surely of a type of the server's own, or a constant that becomes one."""
        kind = next(iter(node), "")
        body: Node = node.get(kind, {})
        if kind in _TRUTH:
            return True
        if kind == "TypeCast":
            return self._settled_type(body.get("typeName", {}))
        if kind == "FuncCall":
            return self._settled_call(body)
        if kind == "A_Expr":
            return self.settled_operands(chain_of(body))[-1]
        if kind == "SubLink":
            return body.get("subLinkType") in _TRUTH_LINKS
        if kind == "CaseExpr":
            results = [when["CaseWhen"].get("result", {}) for when in body.get("args", [])]
            return all(self.settled(each) for each in (*results, *([body["defresult"]] if "defresult" in body else [])))
        if kind == "List":
            return all(self.settled(each) for each in body.get("items", []))
        return kind in _CHOICES and all(self.settled(each) for key in _CHOICES[kind] for each in body.get(key, []))

    def _settled_type(self, node: Node) -> bool:
        names = engine.strings(node.get("names"))
        if not names or names[:-1] not in ((), ("pg_catalog",)) or names[-1] not in TYPES or core.is_pseudo(names[-1]):
            return False
        return bool(names[:-1]) or not self.resolver.type(None, names[-1]).hits

    def _settled_call(self, node: Node) -> bool:
        names = engine.strings(node.get("funcname"))
        if not names or names[:-1] not in ((), ("pg_catalog",)):
            return False
        if not names[:-1] and self.resolver.routine(None, names[-1]).hits:
            return False
        arguments = node.get("args", [])
        found = core.core().called(names[-1], len(arguments))
        follows = any(each.result.startswith("any") for each in found)
        if not found or any(core.is_pseudo(each.result) and not each.result.startswith("any") for each in found):
            return False
        return not follows or all(self.settled(each) for each in arguments)

    def settled_operands(self, chain: Sequence[Node]) -> list[bool]:
        """For each operation of a chain, the innermost first, whether its operands are settled; then whether the last result is.

        One by one: a chain may be too long for a call in a call.
        """
        found: list[bool] = []
        left = not chain or self.settled(chain[0].get("lexpr", _NOTHING))
        for each in chain:
            operands = left and self.settled(each.get("rexpr", _NOTHING))
            found.append(operands)
            left = (operands and not self._own_operator(each)) or self._is_truth(each)
        return [*found, left]

    def _own_operator(self, node: Node) -> bool:
        names = engine.strings(node.get("name"))
        return not names or bool(self.resolver.operator(names[-2] if len(names) > 1 else None, names[-1]))

    def _is_truth(self, node: Node) -> bool:
        found = core.core().operator(engine.strings(node.get("name"))[-1]) if not self._own_operator(node) else ()
        return bool(found) and all(each.result == "boolean" for each in found)


def chain_of(node: Node) -> list[Node]:
    """Operations that begin with one another (``a || b || c``), the innermost first."""
    chain = [node]
    while "A_Expr" in chain[-1].get("lexpr", {}):
        chain.append(chain[-1]["lexpr"]["A_Expr"])
    return chain[::-1]
