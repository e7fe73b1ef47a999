"""The drawing is deterministic, in its frame, and nothing in it meets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt001_cp.model.manifest import ObjectManifest
from qt001_cp.report.estate import change_groups, estate_counts, together
from qt001_cp.report.graph import MOST, Column, Edge, Graph, Known, Node, build
from qt001_cp.report.labels import columns_of, wrap
from qt001_cp.report.layout import Box, draw
from qt001_cp.report.page import html
from tests.report.conftest import Made
from tests.report.hostile import with_hostile_graph

pytestmark = pytest.mark.slow


def _apart(boxes: Sequence[Box]) -> bool:
    return all(
        a.x + a.width <= b.x or b.x + b.width <= a.x or a.y + a.height <= b.y or b.y + b.height <= a.y
        for a, b in combinations(boxes, 2)
    )


def test_cards_do_not_meet_and_hold_their_text(all_reports: dict[str, Made]) -> None:
    graphs = [made.facts.graph for made in all_reports.values()]
    graphs.append(with_hostile_graph(all_reports["fix7b"].facts).graph)
    for graph in graphs:
        assert graph is not None
        drawing = draw(graph)
        assert drawing == draw(replace(graph))
        assert _apart(drawing.boxes)
        assert len(drawing.boxes) == len(graph.nodes)
        assert len(drawing.lines) == len(graph.edges)
        for box in drawing.boxes:
            assert box.x > 0
            assert box.x + box.width < drawing.width
            assert box.y + box.height < drawing.height
            for text in box.texts:
                assert box.y < text.y - 9
                assert text.y < box.y + box.height
                assert len(text.text) * 7.25 <= box.width


@given(st.text(min_size=1, max_size=200), st.integers(8, 30))
@settings(max_examples=60, deadline=None)
def test_wrapped_lines_fit(text: str, width: int) -> None:
    lines = wrap(text, width)
    assert 1 <= len(lines) <= 3
    assert all(columns_of(line) <= width for line in lines)


@given(st.lists(st.tuples(st.integers(0, 13), st.integers(0, 13), st.booleans()), max_size=40))
@settings(max_examples=40, deadline=None)
def test_any_graph_can_be_drawn(pairs: list[tuple[int, int, bool]]) -> None:
    columns: list[Column] = ["role"]
    columns += ["way in"] * 5
    columns += ["uses"] * 4
    columns += ["data"] * 4
    nodes = tuple(Node("table", f"t{i}", c, "", "owner", None) for i, c in enumerate(columns))
    edges = {(nodes[a].key, nodes[b].key): Edge(nodes[a].key, nodes[b].key, "reads", x) for a, b, x in pairs if a != b}
    drawing = draw(Graph(nodes, tuple(edges.values()), {}, None))
    assert _apart(drawing.boxes)
    assert len(drawing.lines) == len(edges)


def test_ten_thousand_objects_stay_a_page(reports: Callable[[str], Made], at_large: ObjectManifest) -> None:
    facts = reports("fix7b").facts
    groups = change_groups(at_large)
    known = Known({}, frozenset({"directus"}), {}, None, None)
    graph = build(at_large, known)
    shown = {c: sum(n.column == c for n in graph.nodes) for c in MOST}
    assert shown["way in"] == MOST["way in"]
    assert graph.left_out["way in"] > 9000
    large = replace(facts, changes=groups, estate=estate_counts(at_large, {}), graph=graph)
    page = html(large)
    assert len(page) < 400_000
    text = page.decode()
    total = sum(k.total for k in large.estate)
    assert total > 10_000
    assert f"holds {total} objects" in text
    biggest = max(len(g.objects) for g in groups)
    assert biggest > 9000
    assert f"… and {biggest - 40} more" in text
    assert f"{graph.left_out['way in']} more of" in text


def test_equal_privileges_stand_together_and_columns_stay_apart() -> None:
    lines = ("~ owner a → b", "- SELECT for x from b", "- UPDATE for x from b", "- column c: UPDATE for x from b")
    assert together(lines) == ("~ owner a → b", "- SELECT, UPDATE for x from b", "- column c: UPDATE for x from b")
