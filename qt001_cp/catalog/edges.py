"""The dependencies that PostgreSQL itself knows, by identity; needs FIX7a."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg

from qt001_cp.catalog.sessions import CHUNK
from qt001_cp.project import without_fix7a

_QUERY = """
SELECT f.type, f.identity, t.type, t.identity
FROM qt001_cp.catalog_edge() e
CROSS JOIN LATERAL pg_catalog.pg_identify_object(e.from_class, e.from_id, 0) f
CROSS JOIN LATERAL pg_catalog.pg_identify_object(e.to_class, e.to_id, 0) t
WHERE f.schema IS DISTINCT FROM 'qt001_cp' AND t.schema IS DISTINCT FROM 'qt001_cp' AND f.identity IS NOT NULL
  AND t.identity IS NOT NULL
"""


def read_catalog_edges(connection: psycopg.Connection) -> Iterator[tuple[tuple[str, str], tuple[str, str]]]:
    """((kind, identity), (kind, identity)) pairs; the same object is the same pair. Raises :class:`DatabaseProblem` where FIX7a is missing."""
    row = connection.execute("SELECT pg_catalog.to_regprocedure('qt001_cp.catalog_edge()') IS NULL").fetchone()
    if row is None or row[0]:
        raise without_fix7a(connection.info.dbname, connection.info.server_version)
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL search_path = pg_catalog, pg_temp")
        known: dict[tuple[str, str], tuple[str, str]] = {}
        for r in cursor.stream(_QUERY, size=CHUNK):
            start, end = (r[0], r[1]), (r[2], r[3])
            yield known.setdefault(start, start), known.setdefault(end, end)
