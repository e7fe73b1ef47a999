"""The audit's own SQL, each query a file; rows as dictionaries."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

_FOLDER = Path(__file__).parent / "sql"


def rows(connection: psycopg.Connection, name: str, *args: object, **names: str | None) -> list[dict[str, Any]]:
    """Run ``sql/name``. ``names`` are identifiers for its {placeholders}, None is NULL; ``args`` its %s."""
    text: Any = (_FOLDER / name).read_text("utf-8")
    query = (
        sql.SQL(text).format(**{k: sql.NULL if v is None else sql.Identifier(v) for k, v in names.items()})
        if names
        else text
    )
    with connection.cursor(row_factory=dict_row) as cursor:
        return list(cursor.execute(query, args or None).fetchall())
