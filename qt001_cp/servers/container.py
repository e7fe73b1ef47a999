"""A server in a container, kept by a supervisor process that removes it when we end."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from qt001_cp.servers.errors import ServerError
from qt001_cp.servers.keeper import kept
from qt001_cp.servers.pinned import WHEEL_MAJOR
from qt001_cp.servers.server import Server, conninfo
from qt001_cp.servers.wheel import programs


@contextmanager
def container_server(major: int = WHEEL_MAJOR) -> Iterator[Server]:
    """A container of QT001_TEST_IMAGE, or of the official image of ``major``. Raises :class:`ServerError`."""
    clients = programs()
    with kept("container", os.environ.get("QT001_TEST_IMAGE") or f"postgres:{major}") as answer:
        host, port, user, password = (answer[name] for name in ("host", "port", "superuser", "password"))
        try:
            with psycopg.connect(conninfo(host, port, "postgres", user, password)) as connection:
                version = connection.info.server_version
        except psycopg.Error as exc:
            raise ServerError(
                f"the container is up, but its PostgreSQL does not answer at {host}:{port}: {exc}",
                hint="inside a container: TESTCONTAINERS_HOST_OVERRIDE=<address of the Docker host>",
            ) from exc
        yield Server(host, port, user, "container", version, clients, password, trusts=True)
