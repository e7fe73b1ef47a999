"""The foreign keys between tables of this database, with what PostgreSQL does for each; FIX7a is not needed."""

from __future__ import annotations

import psycopg

from qt001_cp.plan.candidate.foreign import ForeignKey

_QUERY = """
SELECT pg_catalog.quote_ident(k.conname), f.identity, t.identity, k.confdeltype::text, k.confupdtype::text,
       pg_catalog.pg_get_constraintdef(k.oid)
FROM pg_catalog.pg_constraint k
CROSS JOIN LATERAL pg_catalog.pg_identify_object('pg_catalog.pg_class'::pg_catalog.regclass, k.conrelid, 0) f
CROSS JOIN LATERAL pg_catalog.pg_identify_object('pg_catalog.pg_class'::pg_catalog.regclass, k.confrelid, 0) t
WHERE k.contype = 'f' AND k.conparentid = 0 AND k.conrelid <> k.confrelid
ORDER BY f.identity, k.conname
"""


def read_foreign_keys(connection: psycopg.Connection) -> list[ForeignKey]:
    """Those of a partition come with its parent's. Names are qualified in the definitions."""
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL search_path = pg_catalog, pg_temp")
        return [ForeignKey(*row) for row in cursor.execute(_QUERY)]
