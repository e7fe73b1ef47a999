"""One or two sessions that see the same moment, and what they read of the catalog query."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

import psycopg
from psycopg.pq import TransactionStatus

from qt001_cp.catalog.held import parts, room_and_relations
from qt001_cp.catalog.source import query, settings
from qt001_cp.model.names import Role

_T = TypeVar("_T")
_TWO: Final = 1000
"""Relations from which on a second session is worth its start."""
_BEGIN: Final = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"
_CHUNK: Final = 500 if psycopg.capabilities.has_stream_chunked() else 1


@dataclass
class Snapshot:
    """Sessions in transactions of one snapshot, with the settings of the query.

    ``alone``: the transaction is the caller's, with a snapshot for each statement: all is read by one statement.
    ``held``: objects that are read apart from the others, in parts; see :mod:`qt001_cp.catalog.held`.
    """

    sessions: list[psycopg.RawCursor[Any]]
    application: Role
    alone: bool
    held: list[list[int]] = field(default_factory=list)

    def read(self, columns: str, *, definitions: bool, using: Callable[[Iterator[Sequence[Any]]], list[_T]]) -> list[_T]:
        """What ``using`` makes of all rows; it is called once a session, at the same time."""
        count = len(self.sessions)

        def work(number: int) -> list[_T]:
            return using(self._rows(number, count, columns, definitions))

        if count == 1:
            return work(0)
        with ThreadPoolExecutor(count - 1) as pool:
            others = [pool.submit(work, number) for number in range(1, count)]
            try:
                made = work(0)
            except BaseException:
                for session in self.sessions[1:]:
                    session.connection.cancel_safe()
                raise
            for other in others:
                made += other.result()
        return made

    def _rows(self, number: int, count: int, columns: str, definitions: bool) -> Iterator[Sequence[Any]]:
        cursor = self.sessions[number]
        held = [objid for part in self.held for objid in part] if definitions else []
        text = f"SELECT {columns} FROM {query()} WHERE true"
        given: list[Any] = [self.application.name, False, definitions, None]
        # Both conditions are plain comparisons: PostgreSQL applies them before it words a definition.
        share = f" AND (pg_catalog.hashoid(objid) & {count - 1}) = {number}" if count > 1 else ""
        apart = " AND objid <> ALL ($5::oid[])" if held else ""
        yield from cursor.stream(text + share + apart, [*given, held] if held else given, size=_CHUNK)
        for part in self.held[number::count] if definitions else ():
            cursor.execute("SAVEPOINT part")
            yield from cursor.stream(text, [*given[:3], part], size=_CHUNK)
            cursor.execute("ROLLBACK TO SAVEPOINT part; RELEASE SAVEPOINT part")


@contextmanager
def snapshot(connection: psycopg.Connection, application: Role, *, definitions: bool) -> Iterator[Snapshot]:
    """A snapshot on ``connection``, and on a second one beside it where the estate is large; both end with the block."""
    alone = connection.info.transaction_status != TransactionStatus.IDLE
    with ExitStack() as stack:
        stack.enter_context(connection.transaction())
        cursor = stack.enter_context(psycopg.RawCursor(connection))
        if not alone:
            cursor.execute(_BEGIN)
        cursor.execute(settings())
        made = Snapshot([cursor], application, alone)
        if definitions and not alone:
            room, relations = room_and_relations(cursor)
            if relations > room:
                made.held = parts(cursor, room)
            if relations >= _TWO and room >= _TWO:
                with suppress(psycopg.OperationalError):
                    made.sessions.append(stack.enter_context(_beside(connection, cursor)))
        yield made


@contextmanager
def _beside(connection: psycopg.Connection, cursor: psycopg.RawCursor[Any]) -> Iterator[psycopg.RawCursor[Any]]:
    """A second session of the same role on the snapshot of the first. Raises what keeps it from opening."""
    row = cursor.execute("SELECT pg_catalog.pg_export_snapshot(), current_user, session_user").fetchone()
    assert row is not None
    info = connection.info
    if not row[1] == row[2] == info.user:
        raise psycopg.OperationalError("the session has taken another role")
    with (
        psycopg.connect(info.dsn, password=info.password or None, autocommit=True) as second,
        second.transaction(),
        psycopg.RawCursor(second) as beside,
    ):
        beside.execute(f"{_BEGIN}; SET TRANSACTION SNAPSHOT '{row[0]}'; {settings()}")
        yield beside
