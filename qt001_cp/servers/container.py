"""A server in a container, by testcontainers, where a Docker daemon answers."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from qt001_cp.servers.errors import ServerError
from qt001_cp.servers.server import Server
from qt001_cp.servers.wheel import programs

_PASSWORD = "qt001"  # of a throw-away container on this machine


@contextmanager
def container_server(image: str | None = None) -> Iterator[Server]:
    """A container of ``image`` (QT001_TEST_IMAGE, or postgres:18). Raises :class:`ServerError`."""
    os.environ.setdefault("TESTCONTAINERS_RYUK_DISABLED", "true")
    if Path("/.dockerenv").exists():
        os.environ.setdefault("TESTCONTAINERS_CONNECTION_MODE", "docker_host")
        os.environ.setdefault("TESTCONTAINERS_HOST_OVERRIDE", "127.0.0.1")
    name = image or os.environ.get("QT001_TEST_IMAGE", "postgres:18")
    try:
        from docker.errors import DockerException
        from testcontainers.community.postgres import PostgresContainer
    except ImportError as exc:
        raise ServerError(f"testcontainers is not installed: {exc}", hint="pip install 'qt001-cp[test]'") from exc
    try:
        container = PostgresContainer(name, username="postgres", password=_PASSWORD, dbname="postgres", driver=None)
        container.with_env("POSTGRES_HOST_AUTH_METHOD", "trust").with_env("POSTGRES_INITDB_ARGS", "-E UTF8 --locale=C")
        container.start()
    except DockerException as exc:
        raise ServerError(
            f"no container of {name}: {exc}", hint="start Docker, or set QT001_TEST_SERVER=embedded"
        ) from exc
    try:
        host, port = container.get_container_host_ip(), int(container.get_exposed_port(5432))
        with psycopg.connect(
            host=host, port=port, user="postgres", password=_PASSWORD, dbname="postgres"
        ) as connection:
            version = connection.info.server_version
        yield Server(host, port, "postgres", "container", version, programs(), _PASSWORD, trusts=True)
    finally:
        container.stop()
