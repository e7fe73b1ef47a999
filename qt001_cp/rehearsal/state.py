"""The protected state: what no stage and no refused attack may move. Read by a superuser, of a rehearsal only."""

from __future__ import annotations

import hashlib

import psycopg
from psycopg import sql

_OWNERS = """
SELECT classid, objid, objsubid, state FROM qt001_cp.owner_acl() ORDER BY classid, objid, objsubid
"""
_DEFINITIONS = """
SELECT kind, identity, owner, acl::text, columns::text, definition
FROM qt001_cp.live_state(%s) ORDER BY kind COLLATE "C", identity COLLATE "C"
"""
_TABLES = """
SELECT n.nspname, c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C"
"""
_MODULUS = 1 << 256
_SEQUENCES = """
SELECT schemaname, sequencename, last_value FROM pg_catalog.pg_sequences ORDER BY schemaname COLLATE "C", sequencename COLLATE "C"
"""


def protected_state(connection: psycopg.Connection, application: str) -> str:
    """sha256 of owners, ACLs, definitions, the ledger and all rows of a database with FIX7a."""
    parts = [_printed(connection, _OWNERS), _printed(connection, _DEFINITIONS, application), data_digest(connection)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def data_digest(connection: psycopg.Connection, *, without: str | None = None) -> str:
    """sha256 of the rows of every table and the values of every sequence, except those of schema ``without``
    and of the watch that belongs to it (``…_watch``).

    By COPY: a query would be planned, and the planner evaluates what is constant in the expressions of indexes and
    statistics, which are the application's, as the superuser that reads.
    """
    digest = hashlib.sha256(_printed(connection, _SEQUENCES).encode())
    for schema, table in connection.execute(_TABLES).fetchall():
        if without is not None and schema in (without, f"{without}_watch"):
            continue
        count, rows = 0, 0
        with connection.cursor().copy(sql.SQL("COPY {} TO STDOUT").format(sql.Identifier(schema, table))) as copy:
            for block in copy:  # a row each, in whatever order
                count, rows = count + 1, rows + int.from_bytes(hashlib.sha256(block).digest())
        digest.update(f"{schema}.{table}: {count} {rows % _MODULUS:x}\n".encode())
    return digest.hexdigest()


def _printed(connection: psycopg.Connection, query: str, *args: str) -> str:
    return "\n".join(map(str, connection.execute(query, args or None).fetchall()))
