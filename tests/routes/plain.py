"""The cutover that a careful DBA writes: ALTER … OWNER and REVOKE on each listed object, nothing else."""

from __future__ import annotations

import psycopg

_LISTED = """
SELECT CASE c.relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'S' THEN 'SEQUENCE'
                      WHEN 'f' THEN 'FOREIGN TABLE' ELSE 'TABLE' END AS what,
       CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END AS grants, format('%%I.%%I', n.nspname, c.relname) AS name
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND c.relowner = %(application)s::regrole AND (c.relname LIKE 'qt001%%' OR n.nspname = 'qt001_data')
  AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype IN ('a', 'i')
                  AND d.refclassid = 'pg_class'::regclass AND c.relkind = 'S')
UNION ALL
SELECT 'ROUTINE', 'ROUTINE', p.oid::regprocedure::text FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE p.proowner = %(application)s::regrole AND (p.proname LIKE 'qt001%%' OR n.nspname = 'qt001_data')
UNION ALL
SELECT 'TYPE', 'TYPE', t.oid::regtype::text FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
LEFT JOIN pg_class c ON c.oid = t.typrelid
WHERE t.typowner = %(application)s::regrole AND (t.typname LIKE 'qt001%%' OR n.nspname = 'qt001_data')
  AND t.typtype IN ('e', 'd', 'c') AND (t.typtype <> 'c' OR c.relkind = 'c')
"""


def plain_cutover(connection: psycopg.Connection, application: str, owner: str, curated: tuple[str, ...]) -> None:
    """Move every listed object of ``application`` to ``owner``; the curated views stay readable."""
    connection.execute("SET search_path = pg_catalog")
    for what, grants, name in connection.execute(_LISTED, {"application": application}).fetchall():
        connection.execute(f"ALTER {what} {name} OWNER TO {owner}")
        connection.execute(f"REVOKE ALL ON {grants} {name} FROM {application}, PUBLIC")
    for view in curated:
        connection.execute(f"GRANT SELECT ON {view} TO {application}")
    connection.execute("RESET search_path")
