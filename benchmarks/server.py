"""A server for benchmarks: any supported major version, with room for the locks of a large cutover."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psycopg

from qt001_cp.servers import Server
from qt001_cp.servers.cluster import run_cluster
from qt001_cp.servers.server import conninfo
from qt001_cp.servers.wheel import programs

_SETTINGS: Final = {
    "shared_buffers": "512MB",
    "max_wal_size": "8GB",
    "checkpoint_timeout": "1h",
}
"""No disk in the figures; the rest as PostgreSQL ships it."""
_LOCKS: Final = 64
"""``max_locks_per_transaction`` as PostgreSQL ships it; with 100 connections it is enough for some 4,000 objects."""


@contextmanager
def bench_server(
    major: int, base: Path | None = None, *, objects: int = 0, settings: Mapping[str, str] | None = None
) -> Iterator[Server]:
    """A fresh server of ``major``, gone with everything when the block ends. Raises :class:`ServerError`.

    ``base``: the folder of its data (a disk, where writing is measured); ``objects``: those of its estate, for which it has
    lock slots enough, as preflight would ask for; ``settings``: beside and before ours.
    """
    room = {"max_locks_per_transaction": str(max(_LOCKS, objects // 40))}
    with run_cluster(major, base, **(_SETTINGS | room | dict(settings or {}))) as answer:
        host, port, superuser = answer["host"], answer["port"], answer["superuser"]
        with psycopg.connect(conninfo(host, port, "postgres", superuser)) as connection:
            version = connection.info.server_version
        yield Server(host, port, superuser, "embedded", version, programs(), trusts=True)
