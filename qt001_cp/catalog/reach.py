"""The dependencies that PostgreSQL itself knows, on a database that need not have FIX7a: the bodies of its own sources."""

from __future__ import annotations

import re
from functools import cache
from importlib import resources

import psycopg

from qt001_cp.errors import ManifestError

Node = tuple[str, str]


def read_reach(connection: psycopg.Connection) -> list[tuple[Node, Node, str]]:
    """(from, to, reason), by kind and identity, outside of schema qt001_cp."""
    query = f"""
    SELECT f.type, f.identity, t.type, t.identity, e.reason
    FROM ({_edges()}) e (from_class, from_id, to_class, to_id, reason)
    CROSS JOIN LATERAL pg_catalog.pg_identify_object(e.from_class, e.from_id, 0) f
    CROSS JOIN LATERAL pg_catalog.pg_identify_object(e.to_class, e.to_id, 0) t
    WHERE f.schema IS DISTINCT FROM 'qt001_cp' AND t.schema IS DISTINCT FROM 'qt001_cp'
      AND f.identity IS NOT NULL AND t.identity IS NOT NULL
    ORDER BY 1, 2, 3, 4, 5
    """
    with connection.transaction(), psycopg.RawCursor(connection) as cursor:
        cursor.execute("SET LOCAL search_path = pg_catalog, pg_temp")
        return [((r[0], r[1]), (r[2], r[3]), r[4]) for r in cursor.execute(query.encode())]


@cache
def _edges() -> str:
    """The body of ``qt001_cp.catalog_edge`` with the view that it reads written out."""
    source = resources.files("qt001_cp.sql").joinpath("fix7a", "40_dependency.sql").read_text("utf-8")
    view = re.search(r"CREATE VIEW qt001_cp\.v_part AS\n(.*?);\n\n", source, re.DOTALL)
    body = re.search(r"AS \$catalog_edge\$\n(.*?)\n\$catalog_edge\$", source, re.DOTALL)
    if view is None or body is None:
        raise ManifestError("40_dependency.sql has lost the view v_part or the body of catalog_edge")
    return body[1].replace("qt001_cp.v_part", f"(\n{view[1]}\n)")
