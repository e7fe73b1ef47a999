"""What every session of ours sets first, before a name of it could be looked up in the application's schemas."""

from __future__ import annotations

import psycopg


def pin(connection: psycopg.Connection) -> psycopg.Connection:
    """Pin search_path for the session: a setting of the database or the role may name a schema with the application's code;
    and how names and strings are written, which the owner of the database may have set too.

    SET evaluates nothing, so this statement itself is safe.
    """
    connection.execute(
        "SET search_path = pg_catalog, pg_temp; SET quote_all_identifiers = off; SET standard_conforming_strings = on"
    )
    if not connection.autocommit:
        connection.commit()
    return connection
