"""The part of the catalogs that the gates look at: all that an edge leads to, and no more for what the application makes."""

from __future__ import annotations

import psycopg
import pytest

from tests.acceptance.attempt import Attempt
from tests.acceptance.growth import REACHED, TOLD, Reached, Told

Node = tuple[int, int]
_NEAR = """
WITH row_of AS MATERIALIZED (SELECT near.* FROM qt001_cp.near_object(qt001_cp.deployed_manifest()) near), near AS (
    SELECT array_agg(row_of.class ORDER BY row_of.class, row_of.id) AS classes,
           array_agg(row_of.id ORDER BY row_of.class, row_of.id) AS ids FROM row_of
)
"""
_OWNED = (
    "SELECT classid::int8, objid::int8 FROM pg_shdepend WHERE refobjid = '{}'::regrole AND deptype = 'o'"
    " AND dbid = (SELECT oid FROM pg_database WHERE datname = current_database())"
)


def _pairs(connection: psycopg.Connection, query: str) -> set[Node]:
    return {(a, b) for a, b in connection.execute(query.encode())}


def _walk(starts: set[Node], ways: list[tuple[Node, Node]], ends: set[Node]) -> set[Node]:
    onward: dict[Node, list[Node]] = {}
    for start, end in ways:
        onward.setdefault(start, []).append(end)
    found, waiting = set(starts), list(starts)
    while waiting:
        node = waiting.pop()
        for each in onward.get(node, []) if node not in ends or node in starts else []:
            if each not in found:
                found.add(each)
                waiting.append(each)
    return found


def _complete(connection: psycopg.Connection) -> None:
    """Near is every object on a way from the owner's objects, and on one to them; the edges between are all there."""
    near = _pairs(connection, _NEAR + "SELECT row_of.class::int8, row_of.id::int8 FROM row_of")
    edges = connection.execute(
        "SELECT from_class::int8, from_id::int8, to_class::int8, to_id::int8, reason FROM qt001_cp.catalog_edge()"
    ).fetchall()
    ways = [((a, b), (c, d)) for a, b, c, d, _ in edges]
    owner, application = (_pairs(connection, _OWNED.format(role)) for role in ("qt001_cp_owner", "directus"))
    assert owner
    reached = _walk(owner, ways, application)
    reaching = _walk(owner, [(b, a) for a, b in ways], set())
    assert reached <= near, reached - near
    assert reaching <= near, reaching - near
    query = _NEAR + (
        "SELECT found.from_class::int8, found.from_id::int8, found.to_class::int8, found.to_id::int8, found.reason"
        " FROM near CROSS JOIN LATERAL qt001_cp.near_edge(near.classes, near.ids) found"
    )
    concerned = reached | reaching
    seen = {e for e in connection.execute(query.encode()) if {(e[0], e[1]), (e[2], e[3])} <= concerned}
    inner = concerned - (application - reaching)
    wanted = {e for e in edges if (e[0], e[1]) in inner and {(e[0], e[1]), (e[2], e[3])} <= concerned}
    assert wanted <= seen, wanted - seen
    assert seen <= set(edges), seen - set(edges)


def test_nothing_is_left_out(attempt: Attempt) -> None:
    _complete(attempt.connection)


@pytest.mark.parametrize("case", [*TOLD, *REACHED], ids=str)
def test_nothing_is_left_out_of_what_is_new(attempt: Attempt, case: Told | Reached) -> None:
    case.move(attempt)
    _complete(attempt.connection)


def test_it_does_not_grow_with_what_the_application_makes(attempt: Attempt) -> None:
    count = "SELECT count(*) FROM qt001_cp.near_object(qt001_cp.deployed_manifest())"
    before = attempt.run(count)
    attempt.run("CREATE SCHEMA cms AUTHORIZATION directus")
    attempt.run(
        "DO $$ BEGIN FOR n IN 1..50 LOOP EXECUTE format("
        "'CREATE TABLE cms.post_%s (id serial PRIMARY KEY, of_tag int REFERENCES public.tags)', n); END LOOP; END $$",
        user="directus",
    )
    assert attempt.run(count) == before
