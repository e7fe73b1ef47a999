"""The gates' SQL as it is deployed: which query feeds which gate, and which routines each query reaches."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

import psycopg

from qt001_cp.analyse.lexer import tokenize

VIEWS = ("v_fix7_gate", "v_fix7_acceptance")
"""The two views over all gates. They and what only they hold are judged by a look at all gates."""
WHOLE = "gate_findings"
_CALL = re.compile(r"\bqt001_cp\.(\w+)\s*\(")


@dataclass(frozen=True)
class Routine:
    """``source`` stands in ``definition`` as it is."""

    name: str
    definition: str
    source: str

    def with_source(self, source: str) -> str:
        return self.definition.replace(self.source, source, 1)


@dataclass(frozen=True)
class World:
    """What a database at FIX7c says about its own gates."""

    routines: dict[str, Routine]
    gates: tuple[str, ...]
    manifest: str
    application: str

    @cached_property
    def queries(self) -> dict[str, frozenset[str]]:
        """The queries of ``gate_findings``, each with the gates that it feeds."""
        source = self.routines[WHOLE].source
        found = {}
        for text in statements(source):
            head, _, query = text.partition("RETURN QUERY ")
            fed = frozenset(gate for gate in self.gates if f"'{gate}'" in query)
            if fed and head is not None:
                found[query] = fed
        return found

    def reached(self, query: str) -> frozenset[str]:
        """The routines that a query calls, directly or through others."""
        found: set[str] = set()
        names = list(_CALL.findall(query))
        while names:
            name = names.pop()
            if name in self.routines and name not in found:
                found.add(name)
                names += _CALL.findall(self.routines[name].source)
        return frozenset(found)

    def judged(self) -> frozenset[str]:
        """Everything that a verdict is made of."""
        return frozenset().union(*(self.reached(query) for query in self.queries), (WHOLE, *VIEWS))

    def feeds(self, routine: str) -> list[str]:
        """The queries that reach a routine."""
        return [query for query in self.queries if routine in self.reached(query)]


def statements(source: str) -> list[str]:
    """A PL/pgSQL body cut at its semicolons."""
    found, begin = [], 0
    for token in tokenize(source):
        if token.is_op(";"):
            found.append(source[begin : token.start])
            begin = token.end
    return found


def around(source: str, position: int) -> str:
    """The statement that a position stands in."""
    end = 0
    for text in statements(source):
        end += len(text) + 1
        if position < end:
            return text
    return source[end:]


def read_world(connection: psycopg.Connection) -> World:
    """Read it as a superuser at FIX7c."""
    rows = connection.execute(
        "SELECT p.proname, pg_get_functiondef(p.oid), p.prosrc FROM pg_proc p"
        " WHERE p.pronamespace = 'qt001_cp'::regnamespace AND p.prokind = 'f'"
    ).fetchall()
    routines = {name: Routine(name, definition, source) for name, definition, source in rows}
    for view in VIEWS:
        row = connection.execute("SELECT pg_get_viewdef(%s::regclass)", [f"qt001_cp.{view}"]).fetchone()
        assert row is not None
        routines[view] = Routine(view, f"CREATE OR REPLACE VIEW qt001_cp.{view} AS {row[0]}", row[0])
    gates = connection.execute("SELECT gate FROM qt001_cp.gate ORDER BY ordinal").fetchall()
    said = connection.execute(
        "SELECT d.m, qt001_cp.document_json(d.m) ->> 'application' FROM qt001_cp.deployed_manifest() d(m)"
    ).fetchone()
    assert said is not None
    return World(routines, tuple(gate for (gate,) in gates), *said)
