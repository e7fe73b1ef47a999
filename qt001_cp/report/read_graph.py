"""Reads what the graph of the ways in needs: privileges as PostgreSQL answers, what views read, what today's sources reach."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import psycopg

from qt001_cp.model.manifest import ObjectManifest
from qt001_cp.report.estate import Key
from qt001_cp.report.facts import Check
from qt001_cp.report.graph import Graph, Known, build

_HELD: Final = """
SELECT l.kind, l.identity, pg_catalog.array_agg(h.privilege ORDER BY h.privilege) FILTER (WHERE h.privilege IS NOT NULL) AS held
FROM qt001_cp.live_object(%s, true, false) l
LEFT JOIN LATERAL qt001_cp.effective_privileges(%s, l.classid, l.objid, l.kind) h(privilege) ON true
WHERE l.kind IN ('table', 'view', 'materialized view', 'foreign table', 'function', 'procedure')
  AND l.identity = ANY (%s)
GROUP BY l.kind, l.identity
"""
_VIEWS: Final = """
SELECT DISTINCT f.type, f.identity, t.type, t.identity
FROM qt001_cp.catalog_edge() e
CROSS JOIN LATERAL pg_catalog.pg_identify_object(e.from_class, e.from_id, 0) f
CROSS JOIN LATERAL pg_catalog.pg_identify_object(e.to_class, e.to_id, 0) t
WHERE e.reason = 'its query or rule' AND f.type = 'view' AND t.type IN ('table', 'view', 'materialized view', 'foreign table', 'function')
"""
_BODIES: Final = """
SELECT r.value ->> 'kind', r.value ->> 'identity', e.value ->> 'verb', e.value ->> 'kind', e.value ->> 'identity'
FROM qt001_cp.analysis_routine(%s) r(value)
LEFT JOIN LATERAL pg_catalog.jsonb_array_elements(r.value -> 'edges') e(value) ON true
"""


def read_graph(cursor: psycopg.Cursor[Any], manifest: ObjectManifest, stage: str, checks: Sequence[Check]) -> Graph:
    """The graph as of the cursor's snapshot. ``checks``: the gates, where the stage has them."""
    app = manifest.application.name
    members = frozenset(role for (role,) in _tuples(cursor, "SELECT m::text FROM qt001_cp.member_of(%s) m", app))
    views: dict[Key, set[Key]] = {}
    for kind, identity, to_kind, to in _tuples(cursor, _VIEWS):
        views.setdefault((kind, identity), set()).add((to_kind, to))
    known = Known({}, members, {k: frozenset(v) for k, v in views.items()}, None, None)
    if stage == "fix7c":
        closed = sum(c.state == "fails" for c in checks)
        guard = f"closed: {closed} of {len(checks)} gates" if closed else f"open: all {len(checks)} gates"
        known = replace(known, bodies=_bodies(cursor, manifest.digest()), guard=guard)
    # What is drawn does not depend on what is held; only of that is asked what is held.
    drawn = sorted({n.identity for n in build(manifest, known).nodes})
    held = {(r[0], r[1]): _words(r[2]) for r in _tuples(cursor, _HELD, app, app, drawn)}
    return build(manifest, replace(known, held=held))


def _bodies(cursor: psycopg.Cursor[Any], digest: str) -> dict[Key, frozenset[tuple[str, Key]]]:
    made: dict[Key, set[tuple[str, Key]]] = {}
    for kind, identity, verb, to_kind, to in _tuples(cursor, _BODIES, digest):
        reached = made.setdefault((kind, identity), set())
        if verb is not None:
            reached.add((verb, (to_kind, to)))
    return {k: frozenset(v) for k, v in made.items()}


def _tuples(cursor: psycopg.Cursor[Any], query: str, *args: object) -> list[tuple[Any, ...]]:
    with cursor.connection.cursor() as plain:
        return plain.execute(query.encode(), args or None).fetchall()


def _words(privileges: Sequence[str] | None) -> str:
    return "" if not privileges else "owner" if "OWNER" in privileges else ", ".join(privileges)
