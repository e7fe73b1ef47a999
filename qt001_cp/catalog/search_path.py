"""Where a new session of a role looks for names in this database."""

from __future__ import annotations

import psycopg

from qt001_cp.emit.own_schema import SearchPath
from qt001_cp.model.names import Role, path_schemas

_QUERY = """
SELECT pg_catalog.substr(v.value, 13) AS value,
       CASE WHEN s.setrole <> 0 AND s.setdatabase <> 0 THEN 1 WHEN s.setrole <> 0 THEN 2 WHEN s.setdatabase <> 0 THEN 3 ELSE 4 END AS place
FROM pg_catalog.pg_db_role_setting s CROSS JOIN LATERAL pg_catalog.unnest(s.setconfig) v(value)
WHERE pg_catalog.starts_with(v.value, 'search_path=')
  AND s.setdatabase IN (0, (SELECT b.oid FROM pg_catalog.pg_database b WHERE b.datname = pg_catalog.current_database()))
  AND s.setrole IN (0, (SELECT r.oid FROM pg_catalog.pg_roles r WHERE r.rolname = %s))
UNION ALL
SELECT CASE WHEN p.source IN ('default', 'configuration file') THEN p.reset_val ELSE p.boot_val END, 5
FROM pg_catalog.pg_settings p WHERE p.name = 'search_path'
ORDER BY place LIMIT 1
"""


def read_search_path(connection: psycopg.Connection, role: Role) -> SearchPath:
    """By PostgreSQL's order: what is set for the role in this database, for the role, for the database, for all, or the server's."""
    row = connection.execute(_QUERY, [role.name]).fetchone()
    assert row is not None
    value, place = str(row[0]), row[1]
    return SearchPath(value if place == 1 else None, path_schemas(value))
