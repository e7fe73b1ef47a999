"""Runs a PostgreSQL container by testcontainers; the supervisor's half of container.py."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from qt001_cp.servers.errors import ServerError

_HINT = "start Docker and see `docker pull {image}`, or set QT001_TEST_SERVER=embedded"


@contextmanager
def run_container(image: str) -> Iterator[dict[str, Any]]:
    """Start it; yields where it answers; removes it. Raises :class:`ServerError`."""
    # Our own supervisor cleans up, so testcontainers' helper container is not needed.
    os.environ.setdefault("TESTCONTAINERS_RYUK_DISABLED", "true")
    if Path("/.dockerenv").exists():
        os.environ.setdefault("TESTCONTAINERS_CONNECTION_MODE", "docker_host")
        os.environ.setdefault("TESTCONTAINERS_HOST_OVERRIDE", "127.0.0.1")
    try:
        from docker.errors import DockerException
        from requests.exceptions import RequestException
        from testcontainers.community.postgres import PostgresContainer
    except ImportError as exc:
        raise ServerError(f"testcontainers is not installed: {exc}", hint="pip install testcontainers") from exc
    password = secrets.token_hex(16)
    try:
        container = PostgresContainer(image, username="postgres", password=password, dbname="postgres", driver=None)
        container.with_env("POSTGRES_HOST_AUTH_METHOD", "trust").with_env("POSTGRES_INITDB_ARGS", "-E UTF8 --locale=C")
    except (DockerException, RequestException) as exc:
        raise ServerError(f"no Docker daemon answers: {exc}", hint=_HINT.format(image=image)) from exc
    try:
        try:
            container.start()
            where = {"host": container.get_container_host_ip(), "port": int(container.get_exposed_port(5432))}
        except (DockerException, RequestException, TimeoutError, RuntimeError) as exc:
            raise ServerError(f"no container of {image}: {exc}", hint=_HINT.format(image=image)) from exc
        yield {**where, "superuser": "postgres", "password": password}
    finally:
        container.stop()
