"""What the ledger says, read as anybody may who holds a duty."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import psycopg

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
