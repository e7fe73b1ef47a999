"""The words of the analyser: what goes in and what comes out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

VERBS = ("reads", "writes", "calls", "uses")


@dataclass(frozen=True)
class RoutineSource:
    """One routine or view as the catalog gives it.

    ``search_path`` is what the routine pins, or None. The texts of views and of BEGIN ATOMIC bodies are printed by
    the server relative to the search path of the session that read them: read them with ``pg_catalog`` alone, and
    hand views over with ``search_path=("pg_catalog",)``; with None every schema is a candidate.
    """

    kind: str
    identity: str
    schema: str
    language: str
    definition: str
    search_path: tuple[str, ...] | None


@dataclass(frozen=True)
class Names:
    """What exists in the database, from the inventory.

    ``transitions``: the transition tables of a trigger function by its identity, those that all its triggers give it.
    """

    relations: Mapping[tuple[str, str], tuple[str, str]]
    routines: Mapping[tuple[str, str], tuple[tuple[str, str], ...]]
    types: Mapping[tuple[str, str], tuple[str, str]]
    system_routines: frozenset[str]
    system_relations: frozenset[str]
    transitions: Mapping[str, frozenset[str]] = field(default_factory=dict)
    operators: Mapping[tuple[str, str], tuple[tuple[str, str], ...]] = field(default_factory=dict)
    """Schema and name of each operator whose function has a body to look into; that function, and those of its commutator and negator."""
    other_operators: Mapping[tuple[str, str], tuple[tuple[str, str], ...]] = field(default_factory=dict)
    """Those outside of pg_catalog whose function has none: ``core`` and its signature for one of pg_catalog, or kind and identity."""
    modules: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """Routines in C or internal, by identity: their extension ("" for none), and their library ("" for the server itself)."""
    parts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The functions of pg_catalog that an aggregate is made of, by its identity."""
    own_casts: frozenset[tuple[str, str]] = frozenset()
    """Relations, types and routines, by kind and identity, that hold or give a value of a type with a cast whose function
    has a body."""


@dataclass(frozen=True, order=True)
class Edge:
    """One thing that the routine does to one object; ``line`` is the first one, counted in the definition."""

    verb: str
    kind: str
    identity: str
    line: int


@dataclass(frozen=True, order=True)
class Unknown:
    """What the analyser could not decide; ``rule`` is one of :data:`qt001_cp.analyse.rules.RULES`."""

    rule: str
    line: int
    detail: str


@dataclass(frozen=True)
class RoutineAnalysis:
    kind: str
    identity: str
    language: str
    edges: tuple[Edge, ...]
    unknown: tuple[Unknown, ...]
