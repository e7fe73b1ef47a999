"""What one analysis has found so far."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from qt001_cp.analyse import rules
from qt001_cp.analyse.result import Edge, Unknown


class Collector:
    """Edges and unknowns, each kept with its first line; and the names that explain themselves locally."""

    def __init__(self) -> None:
        self._edges: dict[tuple[str, str, str], int] = {}
        self._unknown: dict[tuple[str, str], int] = {}
        self.local: set[str] = set()
        """Aliases, CTEs, variables and labels: words that look like names of objects and are not."""
        self.transition: frozenset[str] = frozenset()
        """Relations that the triggers give the body (transition tables)."""
        self.branch: tuple[int, ...] = ()
        """The branch of the body that is looked at; see :class:`qt001_cp.analyse.found.Fragment`."""
        self._created: dict[str, set[tuple[int, ...]]] = {}
        """Relations that the body itself creates (temporary ones above all), each with the branches that do."""
        self.cursors: set[str] = set()
        """Cursors that DECLARE CURSOR has made."""
        self.scalars: set[str] = set()
        """Parameters of an SQL function, and what functions in FROM are called."""
        self._notations: list[tuple[str, tuple[str, str, str], int]] = []
        self._late: list[tuple[str, Callable[[], None]]] = []
        self._by_type: dict[tuple[str, bool], int] = {}
        self.explained: set[tuple[str | None, str]] = set()
        """Names (with schema, or None) that were resolved or reported."""

    def edge(self, verb: str, kind: str, identity: str, line: int) -> None:
        key = (verb, kind, identity)
        self._edges[key] = min(line, self._edges.get(key, line))

    def unknown(self, rule: str, line: int, detail: str) -> None:
        key = (rule, detail)
        self._unknown[key] = min(line, self._unknown.get(key, line))

    def create(self, relation: str) -> None:
        self._created.setdefault(relation, set()).add(self.branch)
        self.local.add(relation)

    def has_created(self, relation: str | None) -> bool:
        """Whether every way to here has made it. Where one has not, the name may mean a table of the caller's."""
        made = self._created.get(relation or "", ())
        return any(branch == self.branch[: len(branch)] for branch in made)

    def notation(self, qualifier: str, edge: tuple[str, str, str], line: int) -> None:
        """``qualifier.name``: an edge if the qualifier turns out to be one of :attr:`scalars`."""
        self._notations.append((qualifier, edge, line))

    def if_scalar(self, qualifier: str, work: Callable[[], None]) -> None:
        """Done at the end if the qualifier turns out to be one of :attr:`scalars`."""
        self._late.append((qualifier, work))

    def by_type(self, what: str, line: int, *, cast: bool = False) -> None:
        """Something that runs code of the type of a value that is not known to be the server's own; ``cast``: by a cast to JSON."""
        key = (what, cast)
        self._by_type[key] = min(line, self._by_type.get(key, line))

    def mark_caller_types(
        self, opened: tuple[str, ...], own_casts: frozenset[tuple[str, str]], itself: tuple[str, str]
    ) -> None:
        """``opened``: parameters that take a value of any type. ``own_casts``: see :class:`qt001_cp.analyse.result.Names`."""
        for qualifier, work in self._late:
            if qualifier in self.scalars:
                work()
        reached = sorted({(kind, identity) for _, kind, identity in self._edges} | {itself})
        casts = [" ".join(each) for each in reached if each in own_casts]
        for (what, cast), line in self._by_type.items():
            if opened:
                self.unknown(rules.CALLER_TYPE, line, f"{what}, and {opened[0]}")
            elif cast and casts:
                self.unknown(rules.CAST, line, f"{what}, and {casts[0]}")

    def explain(self, names: Iterable[tuple[str | None, str]]) -> None:
        self.explained.update(names)

    def edges(self) -> tuple[Edge, ...]:
        for qualifier, edge, line in self._notations:
            if qualifier in self.scalars:
                self.edge(*edge, line)
        return tuple(sorted(Edge(*key, line) for key, line in self._edges.items()))

    def unknowns(self) -> tuple[Unknown, ...]:
        return tuple(sorted(Unknown(rule, line, detail) for (rule, detail), line in self._unknown.items()))
