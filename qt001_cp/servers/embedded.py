"""The embedded server: programs of our own, kept by a supervisor process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from qt001_cp.servers.binaries import binaries
from qt001_cp.servers.keeper import kept
from qt001_cp.servers.pinned import WHEEL_MAJOR
from qt001_cp.servers.server import Server, conninfo
from qt001_cp.servers.wheel import programs


@contextmanager
def embedded_server(major: int = WHEEL_MAJOR, *, confined: bool = False) -> Iterator[Server]:
    """A fresh server on a unix socket of its own; gone with everything when the block, or this process, ends.

    ``major`` is fetched first where it is not here yet. ``confined``: locked in as far as this kernel can. Raises :class:`ServerError`.
    """
    clients = programs()
    binaries(major)
    with kept("embedded", str(major), *(["confined"] if confined else [])) as answer:
        host, port, superuser = answer["host"], answer["port"], answer["superuser"]
        with psycopg.connect(conninfo(host, port, "postgres", superuser)) as connection:
            version = connection.info.server_version
        held = (f"as user {answer['user']}", *answer["confinement"])
        yield Server(host, port, superuser, "embedded", version, clients, trusts=True, held=held if confined else ())
