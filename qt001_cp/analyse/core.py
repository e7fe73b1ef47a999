"""The functions and operators of pg_catalog, and which of them are harmless: ``core_functions.txt``, one to a line.

The file is generated from the catalogs of every supported version and ``core_reviewed.toml`` (``python -m
tests.analyse.core_list``). What is not in it, or is ``unknown`` in it, may run anything.
"""

from __future__ import annotations

import re
import tomllib
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Final

PLAIN: Final = "plain"
"""Passes by its shape: immutable, and all its types are the server's own with neither name nor code in their values."""
HARMLESS: Final = "harmless"
"""A person has looked at it: harmless, whatever the types of its arguments are."""
ORDER: Final = "order"
"""Runs what only a superuser can give the type of an argument: an operator class, the canonical function of a range."""
TYPE: Final = "type"
"""Runs what any owner can give the type of an argument: the check of a domain."""
CAST: Final = "cast"
"""Looks for a cast of the type of an argument, and runs it."""
UNKNOWN: Final = "unknown"

_FUNCTION: Final = re.compile(r"(\S+) (\S+?)\((.*)\) returns (.+) in (\d+)-(\d+)")
_OPERATOR: Final = re.compile(r"operator (\S+) is (.+) in (\d+)-(\d+)")
_PSEUDO: Final = re.compile(r'"any"|any[a-z]+|record|cstring|internal|void|trigger|event_trigger|unknown')


@dataclass(frozen=True)
class Function:
    """``arguments`` in the words of format_type(); ``[type]`` has a default, ``VARIADIC type`` takes any number."""

    verdict: str
    name: str
    arguments: tuple[str, ...]
    result: str
    since: int
    until: int

    @property
    def signature(self) -> str:
        return f"{self.name}({', '.join(self.arguments)})"

    def takes(self, count: int) -> bool:
        needed = sum(not each.startswith("[") for each in self.arguments)
        variadic = bool(self.arguments) and self.arguments[-1].startswith("VARIADIC ")
        return needed - variadic <= count and (variadic or count <= len(self.arguments))


@dataclass(frozen=True)
class Extension:
    """``library``: the name of its file in $libdir."""

    verdict: str
    reason: str
    library: str


@dataclass(frozen=True)
class Core:
    functions: Mapping[str, tuple[Function, ...]]
    operators: Mapping[str, tuple[str, ...]]
    """The signatures behind all operators of a name."""
    signatures: Mapping[str, Function]

    def called(self, name: str, count: int) -> tuple[Function, ...]:
        """The overloads that a call with ``count`` arguments may mean; all of them where none takes as many."""
        overloads = self.functions.get(name, ())
        return tuple(each for each in overloads if each.takes(count)) or overloads

    def operator(self, name: str) -> tuple[Function, ...]:
        return tuple(self.signatures[each] for each in self.operators.get("<>" if name == "!=" else name, ()))

    def part(self, signature: str) -> str:
        """What is thought of the function with this signature, such as that behind an aggregate."""
        found = self.signatures.get(signature)
        return found.verdict if found else UNKNOWN


@cache
def core() -> Core:
    functions: dict[str, list[Function]] = defaultdict(list)
    operators: dict[str, list[str]] = defaultdict(list)
    for line in _file("core_functions.txt").splitlines():
        if found := _OPERATOR.fullmatch(line):
            operators[found[1]].append(found[2])
        elif found := _FUNCTION.fullmatch(line):
            arguments = tuple(found[3].split(", ")) if found[3] else ()
            functions[found[2]].append(Function(found[1], found[2], arguments, found[4], int(found[5]), int(found[6])))
    signatures = {bare(each.signature): each for overloads in functions.values() for each in overloads}
    return Core(_tuples(functions), {name: tuple(each) for name, each in operators.items()}, signatures)


@cache
def extensions() -> Mapping[str, Extension]:
    """Extensions whose own functions a person has looked at."""
    found = tomllib.loads(_file("core_reviewed.toml")).get("extension", {})
    return {name: Extension(e["verdict"], e["reason"], e.get("library", name)) for name, e in found.items()}


def bare(signature: str) -> str:
    """Without the marks of defaults and VARIADIC, as the catalogs have the types of arguments."""
    name, _, arguments = signature.partition("(")
    types = [re.sub(r"^VARIADIC |^\[(?=.*\]$)|(?<=[^\[])\]$", "", each) for each in arguments[:-1].split(", ")]
    return f"{name}({', '.join(types)})"


def is_pseudo(type_name: str) -> bool:
    """Whether a value of this declared type may be of any type."""
    return _PSEUDO.fullmatch(type_name.removesuffix("[]")) is not None


def _file(name: str) -> str:
    return resources.files("qt001_cp.analyse").joinpath(name).read_text("utf-8")


def _tuples(lists: Mapping[str, list[Function]]) -> dict[str, tuple[Function, ...]]:
    return {name: tuple(each) for name, each in lists.items()}
