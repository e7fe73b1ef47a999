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
