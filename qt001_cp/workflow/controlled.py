"""Calls of FIX7c's controlled functions: evidence, sign-off, and the two runs that a schedule makes.

Each raises :class:`DatabaseProblem` where FIX7c is not deployed, and :class:`Refused` where the database refuses.
"""

from __future__ import annotations

from typing import Any, Final

import psycopg

from qt001_cp.errors import DatabaseProblem
from qt001_cp.workflow.refusal import refusals

_RUNS: Final = {"verify": "SELECT qt001_cp.verify()", "scan": "SELECT qt001_cp.scan()"}


def import_evidence(opened: psycopg.Connection, body: bytes) -> None:
    """Canonical bytes of one evidence document."""
    _call(opened, "import_evidence(bytea)", "SELECT qt001_cp.import_evidence(%s)", body)


def bind_evidence(opened: psycopg.Connection, evidence: str, capability: str) -> None:
    """Evidence, by its digest, to a capability, by its name."""
    _call(opened, "bind_evidence(text,text)", "SELECT qt001_cp.bind_evidence(%s, %s)", evidence, capability)


def sign_off(opened: psycopg.Connection, subject: str, scope: str, seconds: int) -> str:
    """Returns the digest of the event."""
    query = "SELECT qt001_cp.sign_off(%s, %s, %s)"
    return str(_call(opened, "sign_off(text,text,int)", query, subject, scope, seconds))


def refuse_sign_off(opened: psycopg.Connection, subject: str, reason: str) -> str:
    """Returns the digest of the event."""
    query = "SELECT qt001_cp.refuse_sign_off(%s, %s)"
    return str(_call(opened, "sign_off(text,text,int)", query, subject, reason))


def look(opened: psycopg.Connection, verb: str) -> list[dict[str, Any]]:
    """``verify`` or ``scan``: the database looks at everything and records what it found, but on a hot standby; returns the
    findings."""
    found: list[dict[str, Any]] = _call(opened, f"{verb}()", _RUNS[verb])
    return found


def _call(opened: psycopg.Connection, function: str, query: str, *args: object) -> Any:
    with refusals():
        known = opened.execute("SELECT pg_catalog.to_regprocedure(%s) IS NOT NULL", [f"qt001_cp.{function}"]).fetchone()
        if known is None or not known[0]:
            raise DatabaseProblem(
                "FIX7c is not deployed in this database", hint="alembic -x manifest=FILE upgrade fix7c"
            )
        row = opened.execute(query.encode(), args or None).fetchone()
    return row[0] if row else None
