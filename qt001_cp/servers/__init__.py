"""Hands out a PostgreSQL: embedded (the default), in a container, or one that is given by a connection string."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from qt001_cp.servers.binaries import VARIABLE, wanted_major
from qt001_cp.servers.errors import ServerError
from qt001_cp.servers.pinned import WHEEL_MAJOR
from qt001_cp.servers.server import Server

__all__ = ["Server", "ServerError", "asked_for", "open_server", "server_kind"]


def server_kind(kind: str | None = None, *, dsn: str | None = None) -> str:
    """``kind``, else dsn where ``dsn`` is given, else QT001_TEST_SERVER, else dsn where QT001_TEST_DATABASE_URL is set,
    else embedded."""
    given = dsn or os.environ.get("QT001_TEST_DATABASE_URL")
    return kind or ("dsn" if dsn else os.environ.get("QT001_TEST_SERVER")) or ("dsn" if given else "embedded")


def asked_for() -> str:
    """In words, which server :func:`open_server` hands out here, without starting it."""
    kind, major = server_kind(), os.environ.get(VARIABLE, "").strip()
    if kind == "dsn":
        return f"{major or 'as given'}, dsn"
    if kind == "embedded" and (folder := os.environ.get(f"QT001_POSTGRES_BIN_{major or WHEEL_MAJOR}")):
        return f"{major or WHEEL_MAJOR}, from {folder}"
    return f"{major or WHEEL_MAJOR}, {kind}"


@contextmanager
def open_server(
    kind: str | None = None, *, dsn: str | None = None, major: int | None = None, confined: bool = False
) -> Iterator[Server]:
    """A server for the length of a ``with`` block.

    ``kind`` is embedded, container or dsn; without it see :func:`server_kind`. ``major`` is 14 to 18; without it
    QT001_TEST_POSTGRES, and without that 18, or whatever a given server is. ``confined``: an embedded server is locked in as
    far as this kernel can: it will run somebody else's code. Raises :class:`ServerError`.
    """
    wanted = wanted_major(major)
    with _opened(server_kind(kind, dsn=dsn), dsn, wanted or WHEEL_MAJOR, confined) as server:
        found = server.version // 10000
        if wanted not in (None, found):
            raise ServerError(
                f"expected PostgreSQL {wanted}, found {found} on the {server.kind} server",
                hint=f"name another server, or set {VARIABLE}={found}",
            )
        yield server


@contextmanager
def _opened(kind: str, dsn: str | None, major: int, confined: bool) -> Iterator[Server]:
    if kind == "embedded":
        from qt001_cp.servers.embedded import embedded_server

        with embedded_server(major, confined=confined) as server:
            yield server
    elif kind == "container":
        from qt001_cp.servers.container import container_server

        with container_server(major) as server:
            yield server
    elif kind == "dsn":
        from qt001_cp.servers.given import given_server

        given = dsn or os.environ.get("QT001_TEST_DATABASE_URL")
        if not given:
            raise ServerError("no connection string is given", hint="set QT001_TEST_DATABASE_URL=postgresql://…")
        with given_server(given) as server:
            yield server
    else:
        raise ServerError(f"unknown kind of server {kind!r}", hint="QT001_TEST_SERVER is embedded, container or dsn")
