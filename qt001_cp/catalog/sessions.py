"""One or two sessions that see the same moment, and what they read of the catalog query.

The second session starts while the first one reads its half; where it cannot start, the first reads both halves.
Source: PostgreSQL documentation, "Snapshot Synchronization Functions".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

import psycopg
from psycopg.pq import TransactionStatus

from qt001_cp.catalog.locking import parts, room_and_relations
from qt001_cp.catalog.source import ALL, query, seldom, settings
from qt001_cp.model.names import Role

_T = TypeVar("_T")
_TWO: Final = 300
"""Relations from which on a second session is worth its start; and as many lock slots it must find free."""
_BEGIN: Final = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"
CHUNK: Final = 500 if psycopg.capabilities.has_stream_chunked() else 1


@dataclass
class Snapshot:
    """A transaction of one snapshot, with the settings of the query.

    ``there``: the seldom catalogs that are asked, all where nobody has looked.
    ``name``: of the exported snapshot, where a second session is to read half of it.
    ``apart``: objects that are read apart from the others, in parts; see :mod:`qt001_cp.catalog.locking`.
    """

    cursor: psycopg.RawCursor[Any]
    application: Role
    there: frozenset[str] = ALL
    name: str | None = None
    apart: list[list[int]] = field(default_factory=list)

    def read(
        self, columns: str, *, definitions: bool, using: Callable[[Iterator[Sequence[Any]]], list[_T]]
    ) -> list[_T]:
        """What ``using`` makes of all rows; it is called once for each half, at the same time."""

        def half(cursor: psycopg.RawCursor[Any], number: int, count: int = 2) -> list[_T]:
            return using(_read_share(cursor, _Share(self, columns, definitions, number, count)))

        def second() -> list[_T] | None:
            try:
                beside = _beside(self.cursor.connection)
            except psycopg.OperationalError:
                return None
            with beside, beside.transaction(), psycopg.RawCursor(beside) as cursor:
                opened.append(beside)
                cursor.execute(f"{_BEGIN}; SET TRANSACTION SNAPSHOT '{self.name}'; {settings()}")
                return half(cursor, 1)

        if self.name is None:
            return half(self.cursor, 0, 1)
        opened: list[psycopg.Connection] = []
        with ThreadPoolExecutor(1) as pool:
            other = pool.submit(second)
            try:
                made = half(self.cursor, 0)
            except BaseException:
                for session in opened:
                    session.cancel_safe()
                raise
            more = other.result()
        return made + (half(self.cursor, 1) if more is None else more)


@dataclass(frozen=True)
class _Share:
    """Which rows of a snapshot one session reads: part ``number`` of ``count``."""

    of: Snapshot
    columns: str
    definitions: bool
    number: int
    count: int


def _read_share(cursor: psycopg.RawCursor[Any], share: _Share) -> Iterator[Sequence[Any]]:
    apart = share.of.apart if share.definitions else []
    text = f"SELECT {share.columns} FROM {query(share.of.there, definitions=share.definitions)} WHERE true"
    given: list[Any] = [share.of.application.name, False, share.definitions]
    storages = share.definitions
    # Both conditions are plain comparisons: PostgreSQL applies them before it words a definition.
    ours = f" AND (pg_catalog.hashoid(objid) & {share.count - 1}) = {share.number}"
    others = " AND objid <> ALL ($6::oid[])" if apart else ""
    more = [[objid for part in apart for objid in part]] if apart else []
    yield from cursor.stream(text + ours + others, [*given, None, storages, *more], size=CHUNK)
    for part in apart[share.number :: share.count]:
        cursor.execute("SAVEPOINT part")
        yield from cursor.stream(text, [*given, part, storages], size=CHUNK)
        cursor.execute("ROLLBACK TO SAVEPOINT part; RELEASE SAVEPOINT part")


@contextmanager
def snapshot(connection: psycopg.Connection, application: Role, *, definitions: bool) -> Iterator[Snapshot]:
    """A snapshot on ``connection`` until the end of the block.

    Inside a transaction of the caller's, whose statements may each have their own snapshot, one statement reads all.
    """
    alone = connection.info.transaction_status != TransactionStatus.IDLE
    with connection.transaction(), psycopg.RawCursor(connection) as cursor:
        cursor.execute(settings() if alone else f"{_BEGIN}; {settings()}")
        made = Snapshot(cursor, application)
        if not alone:
            row = cursor.execute(seldom()).fetchone()
            made.there = frozenset(row[0]) if row else ALL
        if definitions and not alone:
            room, relations = room_and_relations(cursor)
            if relations > room:
                made.apart = parts(cursor, room)
            if relations >= _TWO and room >= _TWO:
                made.name = _exported(cursor)
        yield made


def _exported(cursor: psycopg.RawCursor[Any]) -> str | None:
    """The name of the snapshot, for another session of the same role; None where that could not have the same rights."""
    row = cursor.execute("SELECT pg_catalog.pg_export_snapshot(), current_user, session_user").fetchone()
    assert row is not None
    return str(row[0]) if row[1] == row[2] == cursor.connection.info.user else None


def _beside(connection: psycopg.Connection) -> psycopg.Connection:
    """A second connection with what opened the first. Raises :class:`psycopg.OperationalError`."""
    return psycopg.connect(connection.info.dsn, password=connection.info.password or None, autocommit=True)
