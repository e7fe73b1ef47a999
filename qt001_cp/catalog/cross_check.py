"""What plpgsql_check says that a PL/pgSQL function rests on: a second opinion, by the server's own parser.

The extension plans the statements of a body, and planning runs IMMUTABLE functions: the application's code. So a
superuser asks only in a database that the bootstrap marked as a rehearsal.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import psycopg
from psycopg import sql

from qt001_cp.errors import DatabaseProblem

Key = tuple[str, str]
_EXTENSION = """
SELECT n.nspname, current_setting('is_superuser') = 'on',
       EXISTS (SELECT 1 FROM pg_class c JOIN pg_namespace m ON m.oid = c.relnamespace WHERE m.nspname = 'qt001_cp' AND c.relname = 'bootstrap')
FROM (SELECT) one LEFT JOIN (pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace) ON e.extname = 'plpgsql_check'
"""
_MARKED = "SELECT coalesce(bool_or(b.rehearsal AND b.database = current_database()), false) FROM qt001_cp.bootstrap b"
_ROUTINES = """
SELECT i.type, i.identity, p.oid, coalesce(t.tgrelid, 0), n.nspname
FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang AND l.lanname = 'plpgsql' JOIN pg_namespace n ON n.oid = p.pronamespace
CROSS JOIN LATERAL pg_identify_object('pg_proc'::regclass, p.oid, 0) i
LEFT JOIN (SELECT DISTINCT t.tgfoid, t.tgrelid FROM pg_trigger t) t ON t.tgfoid = p.oid
WHERE p.prorettype <> 'event_trigger'::regtype AND (p.prorettype <> 'trigger'::regtype OR t.tgrelid IS NOT NULL)
ORDER BY 2, 4
"""
_SEEN = """
SELECT i.type, i.identity
FROM {schema}.plpgsql_show_dependency_tb(%s::oid::regprocedure, %s::oid::regclass) d
CROSS JOIN LATERAL pg_identify_object(CASE d.type WHEN 'RELATION' THEN 'pg_class'::regclass ELSE 'pg_proc'::regclass END, d.oid, 0) i
WHERE d.oid >= 16384 AND d.type <> 'OPERATOR'
"""


def read_cross_check(connection: psycopg.Connection, wanted: Collection[Key]) -> Mapping[Key, frozenset[Key]]:
    """What each PL/pgSQL function of ``wanted`` rests on. A trigger function counts for each table whose trigger runs it.

    A function that pins no search_path is read with its own schema on the path. Raises :class:`DatabaseProblem` where the extension
    is missing, or where it would run the application's code as a superuser.
    """
    schema = _allowed(connection)
    seen: dict[Key, set[Key]] = {}
    for kind, identity, oid, table, home in connection.execute(_ROUTINES).fetchall():
        if (kind, identity) in wanted:
            seen.setdefault((kind, identity), set()).update(_one(connection, schema, oid, table, home))
    return {key: frozenset(found - {key}) for key, found in seen.items()}


def _one(connection: psycopg.Connection, schema: str, oid: int, table: int, home: str) -> list[Key]:
    query = sql.SQL(_SEEN).format(schema=sql.Identifier(schema))
    path = sql.SQL("SET LOCAL search_path = pg_catalog, {}, pg_temp").format(sql.Identifier(home))
    try:
        with connection.transaction(force_rollback=True):
            connection.execute("SET TRANSACTION READ ONLY")
            connection.execute(path)
            return [(kind, identity) for kind, identity in connection.execute(query, [oid, table]).fetchall()]
    except psycopg.errors.InsufficientPrivilege as error:
        raise DatabaseProblem(
            f"plpgsql_check could not look into {home}: {error.diag.message_primary}",
            hint="connect as a login that may use the schemas of the estate",
        ) from error


def _allowed(connection: psycopg.Connection) -> str:
    row = connection.execute(_EXTENSION).fetchone()
    schema, superuser, bootstrap = row if row is not None else (None, True, False)
    if schema is None:
        raise DatabaseProblem(
            f"database {connection.info.dbname} has no extension plpgsql_check",
            hint="install the package (Debian: postgresql-15-plpgsql-check), then CREATE EXTENSION plpgsql_check;",
        )
    if superuser and not (bootstrap and connection.execute(_MARKED).fetchone() == (True,)):
        raise DatabaseProblem(
            "plpgsql_check plans the application's statements, and planning runs its IMMUTABLE functions: not as a superuser",
            hint="connect as a login without power, or use a clone that the bootstrap marked as a rehearsal",
        )
    return str(schema)
