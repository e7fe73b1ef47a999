"""The walk: one shortest path a node, in time linear in the edges, however many paths there are."""

from __future__ import annotations

import psycopg
import pytest

from tests.conftest import Stage

_GRAPH = """
WITH edge AS (
    SELECT array_agg((number, source, target, ' -' || number || '-> ')::qt001_cp.graph_edge) AS list
    FROM unnest(%(sources)s::int[], %(targets)s::int[]) WITH ORDINALITY edge(source, target, number)
), walk AS (
    SELECT step.*
    FROM edge CROSS JOIN LATERAL qt001_cp.breadth_first(%(nodes)s, edge.list, %(roots)s, %(later)s, %(ends)s) step
)
"""
_WALK = f"{_GRAPH} SELECT walk.node, walk.edge FROM walk"
_PATH = f"""{_GRAPH}, node AS (
    SELECT array_agg(jsonb_populate_record(NULL::qt001_cp.graph_node,
               jsonb_build_object('number', number, 'label', chr(96 + number)))) AS list
    FROM generate_series(1, %(nodes)s::int) number
)
SELECT path.* FROM node CROSS JOIN edge CROSS JOIN LATERAL qt001_cp.walked_path(
    node.list, edge.list, ARRAY(SELECT (walk.node, walk.edge)::qt001_cp.graph_step FROM walk), %(goals)s) path
"""


def _graph(
    nodes: int, edges: list[tuple[int, int]], roots: list[int], ends: tuple[int, ...] = (), later: tuple[int, ...] = ()
) -> dict[str, object]:
    edges = sorted(edges)
    return {
        "nodes": nodes, "sources": [f for f, _ in edges], "targets": [t for _, t in edges], "roots": roots,
        "later": list(later), "ends": list(ends),
    }  # fmt: skip


def _walked(connection: psycopg.Connection, graph: dict[str, object]) -> dict[int, int | None]:
    return dict(connection.execute(_WALK, graph).fetchall())


def test_walk_takes_the_shortest_way_and_stops_where_it_is_told(at_fix7a_sealed: Stage) -> None:
    edges = [(1, 2), (2, 3), (1, 3), (3, 4), (4, 1), (5, 1)]
    with at_fix7a_sealed.connect() as connection:
        assert _walked(connection, _graph(5, edges, [1])) == {1: None, 2: 1, 3: 2, 4: 4}
        assert _walked(connection, _graph(5, edges, [1], ends=(3,))) == {1: None, 2: 1, 3: 2}
        assert _walked(connection, _graph(5, edges, [3], later=(4, 5))) == {3: None, 4: 4, 1: 5, 2: 1, 5: None}
        said = connection.execute(_PATH, _graph(5, edges, [1]) | {"goals": [4, 1, 5]}).fetchall()
    assert sorted(said) == [(1, "a"), (4, "a -2-> c -4-> d")]


def test_walk_of_a_graph_with_more_paths_than_anybody_can_list(at_fix7a_sealed: Stage) -> None:
    """200 layers of 10 nodes, each tied to all of the next: 10^200 paths, 2,000 nodes, 19,900 edges."""
    edges = [(layer * 10 + i, (layer + 1) * 10 + k) for layer in range(199) for i in range(1, 11) for k in range(1, 11)]
    with at_fix7a_sealed.connect() as connection:
        reached = _walked(connection, _graph(2000, edges, list(range(1, 11))))
    assert len(reached) == 2000
    assert list(reached.values()).count(None) == 10


DENSE = """
DO $$
DECLARE i int;
BEGIN
    SET LOCAL ROLE directus;
    FOR i IN 1..1000 LOOP
        EXECUTE format('CREATE TABLE public.qt001_dense_%s (id integer)', i);
        EXECUTE format('CREATE FUNCTION public.qt001_dense_f%s() RETURNS bigint BEGIN ATOMIC SELECT %s; END', i,
            (SELECT string_agg(format('(SELECT count(*) FROM public.qt001_dense_%s)%s', 1 + (i + k) %% i,
                    CASE WHEN i > k THEN format(' + public.qt001_dense_f%s()', i - k) ELSE '' END), ' + ') FROM generate_series(1, 20) k));
    END LOOP;
    CREATE TABLE public.articles_dense (id integer);
    CREATE VIEW public.qt001_dense_end AS SELECT public.qt001_dense_f1000() AS n, (SELECT count(*) FROM public.articles_dense) AS m;
END
$$
"""


@pytest.mark.slow
@pytest.mark.parametrize("ends", [True, False])
def test_reach_in_a_dense_estate(at_fix7a_sealed: Stage, ends: bool) -> None:
    """2,000 functions and tables, 20 to 40 edges each: the end is found, by one path of two steps."""
    with at_fix7a_sealed.connect() as connection:
        connection.execute(DENSE.replace("%%", "%"))
        if not ends:
            connection.execute("ALTER TABLE public.articles_dense OWNER TO reporting")
        found = connection.execute(
            "SELECT object FROM qt001_cp.reach_findings(%s)", [_knowing_all(connection, at_fix7a_sealed)]
        ).fetchall()
    wanted = "view public.qt001_dense_end → its query or rule → table public.articles_dense owned by directus"
    assert ([wanted] if ends else []) == [o for (o,) in found if "articles_dense" in o]


def _knowing_all(connection: psycopg.Connection, stage: Stage) -> str:
    """A document like the manifest, in which everything named qt001_dense… is transferred; digest of it."""
    assert stage.bundle is not None
    row = connection.execute(
        """
        SELECT qt001_cp.record_document(convert_to(qt001_cp.jcs(jsonb_set(j, '{objects}', j -> 'objects' || (
            SELECT jsonb_agg(jsonb_build_object('kind', l.kind, 'identity', l.identity, 'schema', l.schema, 'name', l.name,
                'disposition', 'transfer', 'curated', false, 'before', jsonb_build_object('owner', 'directus', 'acl', '[]'::jsonb, 'columns', '[]'::jsonb),
                'after', jsonb_build_object('owner', 'qt001_cp_owner', 'acl', '[]'::jsonb, 'columns', '[]'::jsonb),
                'detail', CASE WHEN l.kind = 'function' THEN '{"reaches": [], "unknown": []}'::jsonb END))
            FROM qt001_cp.live_object('directus') l WHERE l.name LIKE 'qt001\\_dense%%'))), 'UTF8'))
        FROM (SELECT convert_from(d.body, 'UTF8')::jsonb FROM qt001_cp.document d WHERE d.digest = %s) d(j)
        """,
        [stage.digest],
    ).fetchone()
    assert row is not None
    return str(row[0])
