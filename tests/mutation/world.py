"""The gates' SQL as it is deployed: which query feeds which gate, and which routines each query reaches."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import psycopg

from qt001_cp.analyse.lexer import tokenize

VIEWS = ("v_fix7_gate", "v_fix7_acceptance")
"""The two views over all gates. They and what only they hold are judged by a look at all gates."""
WHOLE = "gate_findings"


def _calls(text: str) -> list[str]:
    """The functions of qt001_cp that an SQL text calls; one that it only names, in a string or a comment, does not run."""
    tokens = tokenize(text)
    parts = zip(tokens, tokens[1:], tokens[2:], tokens[3:], strict=False)
    return [name.value for schema, dot, name, after in parts
            if schema.is_word("qt001_cp") and dot.is_op(".") and after.is_op("(")]  # fmt: skip


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
    """What a database at FIX7c says about its own gates. ``finders``: the call that finds what closes each, in their order."""

    routines: dict[str, Routine]
    finders: dict[str, str]
    manifest: str
    application: str

    @cached_property
    def queries(self) -> dict[str, frozenset[str]]:
        """The queries that ``gate_findings`` runs, each with the gates that it feeds."""
        fed: dict[str, list[str]] = {}
        for gate, finder in self.finders.items():
            fed.setdefault(finder, []).append(gate)
        return {
            f"SELECT finding.* FROM {finder} finding" if len(gates) > 1
            else f"SELECT '{gates[0]}', finding.* FROM {finder} finding": frozenset(gates)
            for finder, gates in fed.items()
        }  # fmt: skip

    @cached_property
    def _called(self) -> dict[str, list[str]]:
        return {name: _calls(routine.source) for name, routine in self.routines.items()}

    @property
    def gates(self) -> tuple[str, ...]:
        return tuple(self.finders)

    def reached(self, query: str) -> frozenset[str]:
        """The routines that a query calls, directly or through others."""
        found: set[str] = set()
        names = _calls(query)
        while names:
            name = names.pop()
            if name in self.routines and name not in found:
                found.add(name)
                names += self._called[name]
        return frozenset(found)

    def judged(self) -> frozenset[str]:
        """Everything that a verdict is made of."""
        return frozenset().union(*(self.reached(query) for query in self.queries), (WHOLE, *VIEWS))

    def feeds(self, routine: str) -> list[str]:
        """The queries that reach a routine."""
        return [query for query in self.queries if routine in self.reached(query)]


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
    gates = connection.execute("SELECT gate, finder FROM qt001_cp.gate() ORDER BY ordinal").fetchall()
    said = connection.execute(
        "SELECT d.m, qt001_cp.document_json(d.m) ->> 'application' FROM qt001_cp.deployed_manifest() d(m)"
    ).fetchone()
    assert said is not None
    return World(routines, dict(gates), *said)
