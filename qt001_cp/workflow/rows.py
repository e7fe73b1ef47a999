"""Rows by the names of their columns."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg.rows import dict_row


def dict_rows(opened: psycopg.Connection, query: str, *args: object, **named: object) -> list[dict[str, Any]]:
    """The rows of a query of ours. ``args`` for %s, or ``named`` for %(name)s."""
    with opened.cursor(row_factory=dict_row) as cursor:
        return list(cursor.execute(query.encode(), args or named or None).fetchall())
