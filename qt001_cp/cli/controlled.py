"""Calls of FIX7c's controlled functions."""

from __future__ import annotations

from typing import Any

import psycopg

from qt001_cp.errors import DatabaseProblem
from qt001_cp.workflow.refusal import refusals


def call(opened: psycopg.Connection, function: str, query: str, *args: object) -> Any:
    """The one value of ``query``. Raises :class:`DatabaseProblem` where ``function`` is not deployed, or the refusal."""
    with refusals():
        known = opened.execute("SELECT pg_catalog.to_regprocedure(%s) IS NOT NULL", [f"qt001_cp.{function}"]).fetchone()
        if known is None or not known[0]:
            raise DatabaseProblem(
                "FIX7c is not deployed in this database", hint="alembic -x manifest=FILE upgrade fix7c"
            )
        row = opened.execute(query, args or None).fetchone()
    return row[0] if row else None
