"""A server that somebody else runs, by a connection string of a superuser."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg.conninfo import conninfo_to_dict

from qt001_cp.servers.errors import ServerError
from qt001_cp.servers.server import Server
from qt001_cp.servers.wheel import programs


@contextmanager
def given_server(dsn: str) -> Iterator[Server]:
    """Check that it answers and that we are superuser. Raises :class:`ServerError`."""
    try:
        parts = conninfo_to_dict(dsn)
        with psycopg.connect(dsn) as connection:
            row = connection.execute("SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user").fetchone()
            info = connection.info
            server = Server(info.host, info.port, info.user, "dsn", info.server_version, programs(),
                            str(parts["password"]) if parts.get("password") else None)  # fmt: skip
    except psycopg.Error as exc:
        raise ServerError(
            f"the given server does not answer: {str(exc).strip()}", hint="check the connection string"
        ) from exc
    if row is None or not row[0]:
        raise ServerError(f"{server.superuser} is not a superuser there", hint="tests and rehearsals need a superuser")
    yield server
