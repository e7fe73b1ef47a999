"""The order and the heights of what stands in the columns of the drawing. Pure.

Layered drawing after Sugiyama, Tagawa and Toda (1981): a line over a column takes a lane of its own there, and the
order in a column follows the barycentre of the neighbours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from qt001_cp.report.graph import Edge, Graph, Key, Node

_GAP: Final = 12
_LANE: Final = 10
_ROUNDS: Final = 12


@dataclass
class Position:
    """A card (``node``), or the lane of a bundle over a column (``node`` is None)."""

    node: Node | None
    column: int
    height: float
    y: float = 0.0
    before: list[Position] = field(default_factory=list)
    after: list[Position] = field(default_factory=list)


Port = tuple[Key, str, bool]
"""Lines of one look that lead to one card run together from the column before it: where to, the verb, blocked."""


def bundle_of(e: Edge) -> Port:
    """Which lines an edge runs together with."""
    return (e.end, "writes" if "writes" in e.verb else e.verb, e.blocked)


def make_lanes(
    graph: Graph, columns: list[list[Position]], cards: dict[Key, Position]
) -> dict[tuple[Port, int], Position]:
    """A lane for each bundle over each column that it only passes; notes who stands before whom."""
    lanes: dict[tuple[Port, int], Position] = {}
    for e in graph.edges:
        start, end = cards[e.start], cards[e.end]
        at = start
        for between in range(start.column + 1, end.column):
            key = (bundle_of(e), between)
            if key not in lanes:
                lanes[key] = Position(None, between, _LANE)
                columns[between].append(lanes[key])
            _join(at, lanes[key])
            at = lanes[key]
        if start.column < end.column:
            _join(at, end)
    return lanes


def _join(start: Position, end: Position) -> None:
    start.after.append(end)
    end.before.append(start)


def order(columns: list[list[Position]]) -> None:
    """The ways in keep their order. Right of them: by the barycentre of either side in turn; the fewest crossings win."""
    best = (_crossings(columns), [list(c) for c in columns])
    for turn in range(_ROUNDS):
        for number in (2, 3) if turn % 2 == 0 else (2,):
            at = {id(p): i for c in columns for i, p in enumerate(c)}
            columns[number].sort(key=lambda p: _centre(p.before if turn % 2 == 0 else p.after, at, at[id(p)]))
        if _crossings(columns) < best[0]:
            best = (_crossings(columns), [list(c) for c in columns])
    columns[:] = best[1]


def _centre(neighbours: Sequence[Position], at: dict[int, int], own: int) -> float:
    return sum(at[id(n)] for n in neighbours) / len(neighbours) if neighbours else own


def _crossings(columns: Sequence[Sequence[Position]]) -> int:
    at = {id(p): i for c in columns for i, p in enumerate(c)}
    lines = [[(at[id(p)], at[id(q)]) for p in c for q in p.after] for c in columns]
    return sum((a < c) == (b > d) and a != c and b != d for made in lines for a, b in made for c, d in made) // 2


def height_of(column: Sequence[Position]) -> float:
    """The height of a column with the usual gaps."""
    return sum(p.height for p in column) + _GAP * max(len(column) - 1, 0)


def stack(column: Sequence[Position], tallest: float, top: float) -> None:
    """Down the column, spread over the height of the tallest one, at most twice the usual gap."""
    room = tallest - height_of(column)
    gap = _GAP + (min(room / (len(column) + 1), _GAP) if column else 0)
    y = top + (room - (gap - _GAP) * (len(column) - 1)) / 2
    for position in column:
        position.y = y
        y += position.height + gap
