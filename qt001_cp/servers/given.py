"""A server that somebody else runs, by a connection string of a superuser."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import psycopg
from psycopg.conninfo import make_conninfo

from qt001_cp.servers.errors import ServerError
from qt001_cp.servers.server import Server
from qt001_cp.servers.wheel import programs

_OURS: Final = frozenset({"host", "port", "dbname", "user", "password", "service", "servicefile", "passfile"})
_NOBODY: Final = "qt001_no_such_role"


@contextmanager
def given_server(dsn: str) -> Iterator[Server]:
    """Check that it answers and that we are superuser. Raises :class:`ServerError`."""
    clients = programs()
    try:
        plain = dsn.replace("postgresql+psycopg://", "postgresql://", 1)
        with psycopg.connect(plain, connect_timeout=10) as connection:
            row = connection.execute("SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = session_user").fetchone()
            info = connection.info
            parameters = info.get_parameters()
            extra = tuple((name, value) for name, value in parameters.items() if name not in _OURS)
            server = Server(
                info.host, info.port, info.user, "dsn", info.server_version, clients, info.password or None, extra=extra
            )
    except psycopg.Error as exc:
        raise ServerError(
            f"the given server does not answer: {str(exc).strip()}", hint="check the connection string"
        ) from exc
    if row is None or not row[0]:
        raise ServerError(f"{server.superuser} is not a superuser there", hint="tests and rehearsals need a superuser")
    if _trusts(server):
        server = Server(
            server.host,
            server.port,
            server.superuser,
            "dsn",
            server.version,
            clients,
            server.password,
            trusts=True,
            extra=extra,
        )
    yield server


def _trusts(server: Server) -> bool:
    """Whether every login is let in: a server that asks for no password says that a role does not exist."""
    try:
        psycopg.connect(make_conninfo(server.conninfo("postgres", _NOBODY), password="")).close()
    except psycopg.OperationalError as exc:
        return f'"{_NOBODY}" does not exist' in str(exc)
    return True
