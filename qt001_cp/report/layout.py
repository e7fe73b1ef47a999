"""Places the graph: one column for each kind of place, lines with bends in the gutters, labels that do not meet. Pure.

Widths are those of a monospace font (0.602 em).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from qt001_cp.model.shown import visible
from qt001_cp.report.graph import COLUMNS, Edge, Graph, Key, Node
from qt001_cp.report.labels import columns_of, short, wrap
from qt001_cp.report.positions import Port, Position, bundle_of, height_of, make_lanes, order, stack

WIDTH: Final = 1002
_X: Final = (1, 186, 482, 788)
_W: Final = (118, 212, 212, 212)
_TOP: Final = 34
_CHAR: Final = 7.25
_LINE: Final = 15
_PORT: Final = 17
_PAD: Final = 8


@dataclass(frozen=True)
class Text:
    """One line of text; ``y`` is its base line. ``style``: a class of the stylesheet."""

    x: float
    y: float
    text: str
    style: str


@dataclass(frozen=True)
class Box:
    """A card with its lines of text."""

    node: Node
    x: float
    y: float
    width: float
    height: float
    texts: tuple[Text, ...]
    title: str


@dataclass(frozen=True)
class Line:
    """A line as an SVG path, with the sentence that a screen reader and a pointer get."""

    path: str
    verb: str
    blocked: bool
    title: str
    cross: tuple[float, float] | None


@dataclass(frozen=True)
class Drawing:
    """All in pixels. ``labels``: verbs at the ports of what they lead to."""

    width: float
    height: float
    heads: tuple[Text, ...]
    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]
    labels: tuple[Text, ...]


_HEADS: Final = ("application role", "ways in", "what they use", "data behind them")


def draw(graph: Graph) -> Drawing:
    """Every node as a card, every edge as a line. The same graph gives the same drawing."""
    ports: dict[Key, list[Port]] = {}
    for e in graph.edges:
        if _column(graph, e.start) < _column(graph, e.end):
            bundle = bundle_of(e)
            if bundle not in ports.setdefault(e.end, []):
                ports[e.end].append(bundle)
    cards = {n.key: _card(n, graph, len(ports.get(n.key, []))) for n in graph.nodes}
    columns: list[list[Position]] = [[cards[n.key] for n in graph.nodes if n.column == name] for name in COLUMNS]
    lanes = make_lanes(graph, columns, cards)
    order(columns)
    tallest = max(height_of(column) for column in columns)
    for column in columns:
        stack(column, tallest, _TOP)
    where = {bundle: _port_y(cards[bundle[0]], ports[bundle[0]], bundle) for held in ports.values() for bundle in held}
    boxes = tuple(_box(cards[n.key], graph) for n in graph.nodes)
    return Drawing(
        WIDTH,
        _TOP + tallest + 2,
        tuple(Text(_X[i], 14, head, "head") for i, head in enumerate(_HEADS)),
        boxes,
        tuple(_line(e, cards, lanes, where) for e in graph.edges),
        tuple(
            Text(_X[cards[key].column] - 9, where[key, verb, blocked] - 4, _label(verb, blocked), _style(blocked))
            for held in ports.values()
            for key, verb, blocked in held
            if cards[key].column > 1
        ),
    )


def _column(graph: Graph, key: Key) -> int:
    return next(COLUMNS.index(n.column) for n in graph.nodes if n.key == key)


def _words(node: Node, graph: Graph) -> tuple[list[str], list[tuple[str, str]]]:
    """The lines of the name, and the lines of the state with their style."""
    width = int((_W[COLUMNS.index(node.column)] - 2 * _PAD) / _CHAR)
    name = wrap(short(node.identity), width)
    if node.column == "role":
        return name, []
    if node.part == "acceptance guard":
        words, style = graph.guard or "", "bad" if (graph.guard or "").startswith("closed") else "good"
        return name, [(line, style) for line in wrap(words, width)]
    now = node.now
    if now:
        return name, [
            (line, "warn" if node.part != "curated view" or now != "SELECT" else "good")
            for line in wrap(visible(f"role: {now}"), width)
        ]
    words = "role: nothing" + (f" (was {node.before})" if node.before else "")
    return name, [(line, "good") for line in wrap(visible(words), width)]


def _card(node: Node, graph: Graph, ports: int) -> Position:
    name, state = _words(node, graph)
    text = (1 + len(name) + len(state)) * _LINE + 2 * _PAD - 3
    return Position(node, COLUMNS.index(node.column), max(text, ports * _PORT + 6))


def _port_y(position: Position, ports: Sequence[Port], bundle: Port) -> float:
    first = position.y + position.height / 2 - (len(ports) - 1) * _PORT / 2
    return first + ports.index(bundle) * _PORT


def _label(verb: str, blocked: bool) -> str:
    return f"✗ {verb}" if blocked else verb


def _style(blocked: bool) -> str:
    return "verb bad" if blocked else "verb"


def _box(position: Position, graph: Graph) -> Box:
    node = position.node
    assert node is not None
    x, width = _X[position.column], _W[position.column]
    name, state = _words(node, graph)
    kind = "role" if node.column == "role" else f"{node.kind} · {node.part}" if node.part else node.kind
    fits = int((width - 2 * _PAD) / _CHAR)
    first = kind if columns_of(kind) <= fits else node.part or node.kind
    lines = [(wrap(visible(first), fits, 1)[0], "kind"), *((t, "name") for t in name), *state]
    high = len(lines) * _LINE
    y = position.y + (position.height - high) / 2 + 11
    texts = tuple(Text(x + _PAD, y + i * _LINE, text, style) for i, (text, style) in enumerate(lines))
    held = (
        "" if node.column == "role" else f"; the role holds {node.now or 'nothing'}, before {node.before or 'nothing'}"
    )
    return Box(node, x, position.y, width, position.height, texts, f"{kind} {visible(node.identity)}{held}")


def _line(
    e: Edge, cards: dict[Key, Position], lanes: dict[tuple[Port, int], Position], where: dict[Port, float]
) -> Line:
    start, end, bundle = cards[e.start], cards[e.end], bundle_of(e)
    title = f"{visible(e.start[1])} {'no longer ' if e.blocked else ''}{e.verb} {visible(e.end[1])}"
    x, y = _X[start.column] + _W[start.column], start.y + start.height / 2
    if start.column >= end.column:
        return _arc(e, start, end, title)
    path = f"M{x:g} {y:g}"
    for between in range(start.column + 1, end.column):
        lane = lanes[bundle, between]
        path += _curve(x, y, _X[between], lane.y + lane.height / 2)
        x, y = _X[between] + _W[between], lane.y + lane.height / 2
        path += f"H{x:g}"
    goal = where[bundle]
    to = _X[end.column] - 6
    middle = ((x + to) / 2, (y + goal) / 2) if e.blocked and start.column == 0 else None
    return Line(path + _curve(x, y, to, goal), bundle[1], e.blocked, title, middle)


def _curve(x: float, y: float, to_x: float, to_y: float) -> str:
    bend = (x + to_x) / 2
    return f"C{bend:g} {y:g} {bend:g} {to_y:g} {to_x:g} {to_y:g}"


def _arc(e: Edge, start: Position, end: Position, title: str) -> Line:
    """Inside a column, or back: out on the right and in again on the right."""
    x = _X[start.column] + _W[start.column]
    to = _X[end.column] + _W[end.column]
    down = 1 if end.y >= start.y else -1
    y, goal = start.y + start.height / 2 + 6 * down, end.y + end.height / 2 - 6 * down
    out = max(x, to) + 12 + min(abs(goal - y) / 14, 20)
    return Line(f"M{x:g} {y:g}C{out:g} {y:g} {out:g} {goal:g} {to + 6:g} {goal:g}", e.verb, e.blocked, title, None)
