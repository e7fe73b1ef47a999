"""What the ledger says, read as anybody may who holds a duty."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

import psycopg
from psycopg.rows import dict_row

from qt001_cp.errors import DatabaseProblem
from qt001_cp.model.canonical import Json
from qt001_cp.model.ledger_file import Exported, ledger_lines, read_ledger
from qt001_cp.policy_file import read_lines, write_whole
from qt001_cp.workflow.refusal import refusals
from qt001_cp.workflow.rows import dict_rows

_UTC: Final = """'YYYY-MM-DD"T"HH24:MI:SS"Z"'"""
_EVIDENCE: Final = """
SELECT seq, verb, subject, actor, at, detail FROM qt001_cp.v_event
WHERE verb IN ('evidence_imported', 'bound', 'rehearsal_recorded', 'signed', 'refused') ORDER BY seq
"""
_HEAD: Final = f"""
SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', {_UTC}), seq, digest
FROM qt001_cp.v_event ORDER BY seq DESC LIMIT 1
"""  # noqa: S608 - a format of ours goes in
_ABOUT: Final = f"""
SELECT current_database() AS database, to_char(clock_timestamp() AT TIME ZONE 'UTC', {_UTC}) AS exported_at,
       qt001_cp.instance() AS instance, count(*) AS events,
       (SELECT digest FROM qt001_cp.v_event ORDER BY seq DESC LIMIT 1) AS head
FROM qt001_cp.v_event
"""  # noqa: S608 - a format of ours goes in
_EVENTS: Final = """
SELECT seq, epoch, to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS at, actor::text, verb, subject, detail,
       prev, digest
FROM qt001_cp.v_event ORDER BY seq
"""
_AT_ONCE: Final = 2000
"""Events that are fetched together."""
_ANSWER: Final = f"""
SELECT verb, actor::text, detail, to_char(at AT TIME ZONE 'UTC', {_UTC}) AS at, current_database() AS database
FROM qt001_cp.v_event WHERE digest = %s
"""  # noqa: S608 - a format of ours goes in


class Head(NamedTuple):
    """The last event, and when it was asked for."""

    at: str
    seq: int
    digest: str


def has_fix7a(opened: psycopg.Connection) -> bool:
    row = opened.execute("SELECT pg_catalog.to_regclass('qt001_cp.event') IS NOT NULL").fetchone()
    return row is not None and bool(row[0])


def evidence_events(opened: psycopg.Connection) -> list[dict[str, Any]]:
    """Evidence, bindings, rehearsals and answers, in their order."""
    with refusals():
        return dict_rows(opened, _EVIDENCE)


def chain(opened: psycopg.Connection) -> dict[int, str]:
    """The digest of each event, by its number."""
    with refusals():
        return dict(opened.execute("SELECT seq, digest FROM qt001_cp.v_event").fetchall())


def head(opened: psycopg.Connection) -> Head | None:
    with refusals():
        row = opened.execute(_HEAD.encode()).fetchone()
    return Head(*row) if row else None


def answer(opened: psycopg.Connection, event: str) -> dict[str, Any]:
    """The event of a sign-off or a refusal, by its digest: verb, actor, detail, at, database."""
    with refusals():
        return dict_rows(opened, _ANSWER, event)[0]


def manifest_state(opened: psycopg.Connection, digest: str) -> str:
    """``unknown`` where the database has no such manifest."""
    row = opened.execute("SELECT state FROM qt001_cp.v_manifest WHERE digest = %s", [digest]).fetchone()
    return str(row[0]) if row else "unknown"


def export(opened: psycopg.Connection, path: Path) -> Exported:
    """Write all events to ``path``, from one snapshot, and read what was written: what is returned is what the file says.

    Raises :class:`ManifestError` for a ledger whose chain is broken, :class:`DatabaseProblem` for one without an event, and
    :class:`OSError`; then ``path`` is as it was.
    """
    source = f"ledger of database {opened.info.dbname}"
    with refusals(), _snapshot(opened):
        (about,) = dict_rows(opened, _ABOUT)
        if not about["events"]:
            raise DatabaseProblem(f"{source}: expected its events, found none", hint="this is a copy without its data")
        write_whole(path, ledger_lines(about, _events(opened), source))
    return read_ledger(read_lines(path), str(path))


@contextmanager
def _snapshot(opened: psycopg.Connection) -> Iterator[None]:
    with opened.transaction():
        opened.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield


def _events(opened: psycopg.Connection) -> Iterator[tuple[Json, str]]:
    """Each event as it is hashed, and its digest."""
    with opened.cursor("ledger", row_factory=dict_row) as cursor:
        cursor.itersize = _AT_ONCE
        for row in cursor.execute(_EVENTS.encode()):
            said = row.pop("digest")
            yield row, said
