"""A server in a container, kept by a supervisor process that removes it when we end."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import psycopg

from qt001_cp.servers.errors import ServerError
from qt001_cp.servers.keeper import kept
from qt001_cp.servers.server import Server, conninfo
from qt001_cp.servers.wheel import programs

DEFAULT_IMAGE: Final = "postgres:18"


@contextmanager
def container_server(image: str | None = None) -> Iterator[Server]:
    """A container of ``image`` (QT001_TEST_IMAGE, or postgres:18). Raises :class:`ServerError`."""
    clients = programs()
    with kept("container", image or os.environ.get("QT001_TEST_IMAGE") or DEFAULT_IMAGE) as answer:
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
