"""Rows for those who may change or read what they may not put in: a function puts one in with the rights of the relation's owner.

It is called in the transaction that is tried, so the row goes when that is rolled back, and it belongs to the owner: what the
row fires runs as whoever may write there anyhow, never as a superuser of ours. Source: PostgreSQL documentation, CREATE
FUNCTION (SECURITY DEFINER). An insert that is refused leaves no row, and says nothing: what is tried then says what it
touched.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

import psycopg

from qt001_cp.emit.quoting import identifier, literal

SCHEMA: Final = "qt001_rows"


def call_for(oid: int) -> str:
    """The statement that puts a row into that relation."""
    return f"SELECT {SCHEMA}.put_{oid}()"


@contextmanager
def putting(admin: psycopg.Connection, inserts: Mapping[int, str], owners: Mapping[int, str]) -> Iterator[None]:
    """For the time of the block everybody may call what :func:`call_for` says. ``inserts``: by relation; ``owners``: today's."""
    if not inserts:
        yield
        return
    made = [f"CREATE SCHEMA {SCHEMA}; GRANT USAGE ON SCHEMA {SCHEMA} TO PUBLIC"]
    made += [_function(oid, insert, owners[oid]) for oid, insert in inserts.items() if owners.get(oid)]
    try:
        with admin.transaction():
            admin.execute("; ".join(made).encode())
        yield
    finally:
        admin.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE".encode())


def _function(oid: int, insert: str, owner: str) -> str:
    name = f"{SCHEMA}.put_{oid}()"
    body = f"BEGIN {insert}; EXCEPTION WHEN OTHERS THEN NULL; END"
    return (
        f"CREATE FUNCTION {name} RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS {literal(body)};"
        f" ALTER FUNCTION {name} OWNER TO {identifier(owner)}; GRANT EXECUTE ON FUNCTION {name} TO PUBLIC"
    )
