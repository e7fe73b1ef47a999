"""Names that somebody made up to leave their place in a page, or to look like others."""

from __future__ import annotations

from dataclasses import replace

from qt001_cp.report.facts import Report
from qt001_cp.report.graph import Edge, Graph, Node

SCRIPT = '"><script>alert(1)</script>'
BIDI = "qt001_\u202eelbat\u202c_ok"
LINES = "two\nlines\r\u2028x</style><img src=x onerror=alert(1)>"
WIDE = "漢字" * 15
LONG = "m" * 63
NAMES = (SCRIPT, BIDI, LINES, WIDE, LONG)


def with_hostile_graph(report: Report) -> Report:
    """The report with a graph, a reason and changes in which every name is hostile."""
    role = Node("role", SCRIPT, "role", "application role", None, None)
    ways = [Node("function", f"public.{n}({LONG})", "way in", LINES, SCRIPT, "") for n in NAMES]
    data = [Node("table", n, "data", "", "owner", SCRIPT) for n in NAMES]
    uses = [Node("view", f"x.{n}", "uses", "legacy authority", "owner", None) for n in NAMES]
    edges = [Edge(role.key, n.key, SCRIPT, i % 2 == 0) for i, n in enumerate(ways)]
    edges += [Edge(a.key, b.key, verb, verb == "reads") for a in ways for b in data for verb in ("reads", "writes")]
    edges += [Edge(a.key, b.key, "calls", False) for a, b in zip(ways, uses, strict=True)]
    edges += [Edge(uses[0].key, uses[3].key, LINES, True), Edge(uses[4].key, ways[0].key, "calls", False)]
    group = replace(report.changes[0], reason=SCRIPT, lines=(f"~ owner {BIDI} → {LINES}",), objects=NAMES)
    return replace(
        report,
        head=replace(report.head, database=SCRIPT, application=BIDI, login=LINES, server=SCRIPT),
        changes=(group,),
        graph=Graph((role, *ways, *uses, *data), tuple(edges), {}, None),
    )
