"""From a name as it is written to the objects that it may mean (documentation, 5.10.3 "The Schema Search Path").

With a pinned path a relation or type is the first match, a routine every overload on the path. Without one, or when
the path holds ``$user``, every schema counts: too much rather than too little.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from qt001_cp.analyse import lexer
from qt001_cp.analyse.builtin import TYPES
from qt001_cp.analyse.result import Names


@dataclass(frozen=True)
class Hit:
    schema: str
    name: str
    kind: str
    identity: str


@dataclass(frozen=True)
class Found:
    """``hits`` are objects of the estate; ``known`` is also true for what belongs to the system."""

    hits: tuple[Hit, ...] = ()
    known: bool = False


_SYSTEM = ("pg_catalog", "information_schema")


class Index:
    """The names of a database by their last part; made once for a database."""

    def __init__(self, names: Names) -> None:
        self.names = names
        self.relation_schemas = _schemas(names.relations)
        self.routine_schemas = _schemas(names.routines)
        self.type_schemas = _schemas(names.types)
        self.operator_schemas = _schemas(names.operators)
        self.other_operator_schemas = _schemas(names.other_operators)
        self.notations: dict[str, list[tuple[Hit, bool]]] = defaultdict(list)
        """Functions and aggregates by name, for ``value.name``; and whether the first argument may be a row."""
        rows = {identity for _, identity in names.relations.values()}
        rows |= {identity for _, identity in names.types.values()}
        for (schema, name), overloads in names.routines.items():
            for kind, identity in overloads:
                argument = _first_argument(identity)
                if kind != "procedure" and argument:
                    row = argument.removesuffix("[]") in rows or argument.startswith(_ROWS)
                    self.notations[name].append((Hit(schema, name, kind, identity), row))


def _schemas(names: Mapping[tuple[str, str], object]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for schema, name in names:
        found[name].append(schema)
    return found


class Resolver:
    def __init__(self, index: Index, search_path: tuple[str, ...] | None) -> None:
        self.index = index
        self.names = index.names
        self.path: tuple[str, ...] | None = None
        if search_path is not None and "$user" not in search_path:
            listed = tuple(schema for schema in search_path if schema and schema != "pg_temp")
            self.path = listed if "pg_catalog" in listed else ("pg_catalog", *listed)

    # relations

    def relation(self, schema: str | None, name: str) -> Found:
        if schema is not None:
            return self._relation_in(schema, name)
        return self._first(name, self.index.relation_schemas, self._relation_in)

    def _relation_in(self, schema: str, name: str) -> Found:
        found = self.names.relations.get((schema, name))
        if found is not None:
            return Found((Hit(schema, name, *found),), True)
        if schema == "pg_catalog":
            return Found((), name in self.names.system_relations)
        return Found((), schema == "information_schema" and f"{schema}.{name}" in self.names.system_relations)

    # types

    def type(self, schema: str | None, name: str) -> Found:
        """A type, or the row type of a relation; an array by its element."""
        if schema is not None:
            return self._type_in(schema, name)
        schemas = {
            key: self.index.type_schemas.get(key, []) + self.index.relation_schemas.get(key, [])
            for key in (name, name.removeprefix("_"))
        }
        return self._first(name, schemas, self._type_in)

    def _type_in(self, schema: str, name: str) -> Found:
        for candidate in (name, name.removeprefix("_")):
            key = (schema, candidate)
            found = self.names.types.get(key) or self.names.relations.get(key)
            if found is not None:
                return Found((Hit(*key, *found),), True)
            if schema == "pg_catalog" and (candidate in TYPES or candidate in self.names.system_relations):
                return Found((), True)
            if schema == "information_schema" and (
                candidate in _INFORMATION_DOMAINS or f"{schema}.{candidate}" in self.names.system_relations
            ):
                return Found((), True)
        return Found()

    # routines

    def routine(self, schema: str | None, name: str, procedure: bool = False) -> Found:
        """All overloads; of procedures for CALL, of everything else otherwise."""
        if schema is not None:
            return self._routine_in(schema, name, procedure)
        schemas = (
            self.path if self.path is not None else ("pg_catalog", *sorted(self.index.routine_schemas.get(name, [])))
        )
        parts = [self._routine_in(each, name, procedure) for each in dict.fromkeys(schemas)]
        return Found(tuple(hit for part in parts for hit in part.hits), any(part.known for part in parts))

    def _routine_in(self, schema: str, name: str, procedure: bool) -> Found:
        overloads = self.names.routines.get((schema, name), ())
        wanted = [each for each in overloads if (each[0] == "procedure") == procedure]
        hits = tuple(Hit(schema, name, *each) for each in wanted)
        system = schema in _SYSTEM and name in self.names.system_routines
        return Found(hits, bool(hits) or system)

    def notations(self, name: str, rows_only: bool) -> tuple[Hit, ...]:
        """Functions that ``value.name`` may call (functional notation). The other arguments may have defaults."""
        return tuple(
            hit
            for hit, row in self.index.notations.get(name, ())
            if (self.path is None or hit.schema in self.path) and (row or not rows_only)
        )

    def operator(self, schema: str | None, name: str) -> tuple[Hit, ...]:
        """Functions behind the operators of that name that are not the system's own, whatever their operands."""
        functions = self._operator(schema, name, self.index.operator_schemas, self.names.operators)
        return tuple(Hit(*_name_of(identity), kind, identity) for kind, identity in functions)

    def other_operator(self, schema: str | None, name: str) -> tuple[tuple[str, str], ...]:
        """What stands behind the operators of that name that have no body; see :class:`Names`."""
        return self._operator(schema, name, self.index.other_operator_schemas, self.names.other_operators)

    def _operator(
        self,
        schema: str | None,
        name: str,
        schemas: Mapping[str, list[str]],
        operators: Mapping[tuple[str, str], tuple[tuple[str, str], ...]],
    ) -> tuple[tuple[str, str], ...]:
        """On the path, or in any schema where none is pinned."""
        places = (schema,) if schema is not None else self.path
        if places is None:
            places = tuple(sorted(schemas.get(name, ())))
        return tuple(dict.fromkeys(each for part in places for each in operators.get((part, name), ())))

    def _first(self, name: str, schemas: Mapping[str, list[str]], look: Callable[[str, str], Found]) -> Found:
        if self.path is not None:
            for schema in self.path:
                found = look(schema, name)
                if found.known:
                    return found
            return Found()
        candidates = set(schemas.get(name, [])) | set(schemas.get(name.removeprefix("_"), []))
        parts = [look(schema, name) for schema in ("pg_catalog", *sorted(candidates))]
        hits = dict.fromkeys(hit for part in parts for hit in part.hits)
        return Found(tuple(hits), any(part.known for part in parts))


_ROWS = ("record", "pg_catalog.record", "any", '"any"', "pg_catalog.any", 'pg_catalog."any"')
"""How an identity begins to name a type that takes rows: record, and the polymorphic ones."""


def _first_argument(identity: str) -> str:
    """As the identity of a routine has it; "" where there is none. A name in quotes may hold commas and parentheses."""
    tokens = lexer.tokenize(identity)
    depth, start = 0, 0
    for token in tokens:
        if depth == 1 and token.is_op(",", ")"):
            return identity[start : token.start].strip()
        depth += token.is_op("(") - token.is_op(")")
        start = start or (token.end if depth else 0)
    return ""


def _name_of(identity: str) -> tuple[str, str]:
    """Schema and name of a routine's identity."""
    names = split_name(identity[: next(t.start for t in lexer.tokenize(identity) if t.is_op("("))])
    return (names[-2], names[-1]) if names and len(names) > 1 else ("", identity)


_INFORMATION_DOMAINS = frozenset({"cardinal_number", "character_data", "sql_identifier", "time_stamp", "yes_or_no"})


def split_name(text: str) -> tuple[str, ...] | None:
    """The parts of a qualified name as regclass reads it, or None if it is none."""
    tokens = lexer.tokenize(text)[:-1]
    names = tokens[0::2]
    if len(tokens) % 2 == 0 or not all(token.is_name for token in names):
        return None
    if not all(token.is_op(".") for token in tokens[1::2]):
        return None
    return tuple(token.value for token in names)
