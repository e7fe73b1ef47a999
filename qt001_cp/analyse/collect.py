"""What one analysis has found so far."""

from __future__ import annotations

from collections.abc import Iterable

from qt001_cp.analyse.result import Edge, Unknown


class Collector:
    """Edges and unknowns, each kept with its first line; and the names that explain themselves locally."""

    def __init__(self) -> None:
        self._edges: dict[tuple[str, str, str], int] = {}
        self._unknown: dict[tuple[str, str], int] = {}
        self.local: set[str] = set()
        """Aliases, CTEs, variables and labels: words that look like names of objects and are not."""
        self.created: set[str] = set()
        """Relations that the body itself creates (temporary ones above all)."""
        self.transition: frozenset[str] = frozenset()
        """Relations that the triggers give the body (transition tables)."""
        self.explained: set[tuple[str | None, str]] = set()
        """Names (with schema, or None) that were resolved or reported."""

    def edge(self, verb: str, kind: str, identity: str, line: int) -> None:
        key = (verb, kind, identity)
        self._edges[key] = min(line, self._edges.get(key, line))

    def unknown(self, rule: str, line: int, detail: str) -> None:
        key = (rule, detail)
        self._unknown[key] = min(line, self._unknown.get(key, line))

    def explain(self, names: Iterable[tuple[str | None, str]]) -> None:
        self.explained.update(names)

    def edges(self) -> tuple[Edge, ...]:
        return tuple(sorted(Edge(*key, line) for key, line in self._edges.items()))

    def unknowns(self) -> tuple[Unknown, ...]:
        return tuple(sorted(Unknown(rule, line, detail) for (rule, detail), line in self._unknown.items()))
