"""Hands out a PostgreSQL: embedded (the default), in a container, or one that is given by a connection string."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from qt001_cp.servers.errors import ServerError
from qt001_cp.servers.server import Server

__all__ = ["Server", "ServerError", "open_server"]


@contextmanager
def open_server(kind: str | None = None, *, dsn: str | None = None) -> Iterator[Server]:
    """A server for the length of a ``with`` block.

    ``kind`` is embedded, container or dsn. Without it: dsn where ``dsn`` is given, else QT001_TEST_SERVER, else dsn
    where QT001_TEST_DATABASE_URL is set, else embedded. Raises :class:`ServerError`.
    """
    given = dsn or os.environ.get("QT001_TEST_DATABASE_URL")
    chosen = kind or ("dsn" if dsn else os.environ.get("QT001_TEST_SERVER")) or ("dsn" if given else "embedded")
    if chosen == "embedded":
        from qt001_cp.servers.embedded import embedded_server

        with embedded_server() as server:
            yield server
    elif chosen == "container":
        from qt001_cp.servers.container import container_server

        with container_server() as server:
            yield server
    elif chosen == "dsn":
        from qt001_cp.servers.given import given_server

        if not given:
            raise ServerError("no connection string is given", hint="set QT001_TEST_DATABASE_URL=postgresql://…")
        with given_server(given) as server:
            yield server
    else:
        raise ServerError(f"unknown kind of server {chosen!r}", hint="QT001_TEST_SERVER is embedded, container or dsn")
