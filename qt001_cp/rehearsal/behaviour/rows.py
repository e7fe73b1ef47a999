"""A row that fits a table: one that is there with new keys, or values made for what has to have one."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import psycopg
from psycopg import sql

from qt001_cp.emit.quoting import identifier, literal

_COLUMNS: Final = """
SELECT a.attrelid, a.attname::text, pg_catalog.format_type(a.atttypid, a.atttypmod), b.typname::text, b.typtype::text,
       b.typcategory::text, a.attnotnull OR t.typnotnull, a.atthasdef OR a.attidentity <> '' OR t.typdefault IS NOT NULL,
       a.attgenerated <> '' OR a.attidentity = 'a',
       ARRAY(SELECT i.indexrelid FROM pg_catalog.pg_index i WHERE i.indrelid = a.attrelid AND i.indisunique AND a.attnum = ANY (i.indkey)),
       (SELECT ARRAY[pg_catalog.format('%%I.%%I', n.nspname, r.relname), f.attname::text]
        FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_class r ON r.oid = k.confrelid JOIN pg_catalog.pg_namespace n ON n.oid = r.relnamespace
        JOIN pg_catalog.pg_attribute f ON f.attrelid = k.confrelid AND f.attnum = k.confkey[pg_catalog.array_position(k.conkey, a.attnum)]
        WHERE k.contype = 'f' AND k.conrelid = a.attrelid AND a.attnum = ANY (k.conkey) ORDER BY k.oid LIMIT 1),
       (SELECT e.enumlabel FROM pg_catalog.pg_enum e WHERE e.enumtypid = b.oid ORDER BY e.enumsortorder LIMIT 1),
       c.relkind <> 'v' OR pg_catalog.pg_column_is_updatable(c.oid, a.attnum, true)
FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
CROSS JOIN LATERAL (
    WITH RECURSIVE base(oid) AS (
        SELECT t.oid UNION ALL SELECT d.typbasetype FROM base JOIN pg_catalog.pg_type d ON d.oid = base.oid AND d.typtype = 'd')
    SELECT y.* FROM base JOIN pg_catalog.pg_type y ON y.oid = base.oid AND y.typtype <> 'd' LIMIT 1) b
WHERE a.attnum > 0 AND NOT a.attisdropped AND a.attrelid = ANY (%s) ORDER BY a.attrelid, a.attnum
"""
_VALUES: Final = {
    "bool": "false", "bytea": "", "json": "{}", "jsonb": "{}", "uuid": "00000000-0000-4000-8000-00000000cafe", "date": "2031-07-07",
    "timestamp": "2031-07-07", "timestamptz": "2031-07-07Z", "time": "07:07", "timetz": "07:07Z", "interval": "7 days",
    "int2": "32101", "int4": "2000000101", "int8": "9000000000000000101", "numeric": "7", "float4": "7", "float8": "7", "money": "7",
    "inet": "127.0.0.7", "cidr": "127.0.0.0/8", "macaddr": "00:00:00:00:00:07", "xml": "<a/>", "bit": "1", "varbit": "1", "name": "qt001",
    "point": "(7,7)", "tsvector": "", "oid": "7",
}  # fmt: skip  # pairs, not one a line


_EASE: Final = {"N": 1, "U": 2, "S": 3, "E": 5, "D": 6}
"""By category of type: numbers, uuid and the like, texts, enums, times."""
_DIGITS: Final = re.compile(r"\d+$")


@dataclass(frozen=True)
class Column:
    """``base``: the type below its domains; ``refers``: a foreign key's table, as SQL has it, and column; ``label``: an enum's first.
    ``keys``: the unique indexes that it is in."""

    name: str
    type: str
    base: str
    typtype: str
    category: str
    mandatory: bool
    has_default: bool
    computed: bool
    keys: Sequence[int]
    refers: Sequence[str] | None
    label: str | None
    settable: bool


@dataclass(frozen=True)
class Made:
    """``values``: by column a value as text, None is NULL; what is not in it takes its default. ``rows``: how many there are."""

    values: Mapping[str, str | None]
    types: Mapping[str, str]
    settable: Sequence[str]
    rows: int
    why_not: str = ""

    def insert(self, address: str, may: Sequence[str]) -> str:
        """The statement for a role that may set those columns; empty where a value is lacking."""
        if self.why_not:
            return ""
        given = {c: v for c, v in self.values.items() if c in may}
        if not given:
            return f"INSERT INTO {address} DEFAULT VALUES"
        columns = ", ".join(map(identifier, given))
        values = ", ".join("NULL" if v is None else f"{literal(v)}::{self.types[c]}" for c, v in given.items())
        return f"INSERT INTO {address} ({columns}) VALUES ({values})"


def columns_of(connection: psycopg.Connection, relations: Sequence[int]) -> dict[int, list[Column]]:
    found: dict[int, list[Column]] = {oid: [] for oid in relations}
    for row in connection.execute(_COLUMNS, [list(relations)]):
        found[row[0]].append(Column(*row[1:]))
    return found


def made_row(connection: psycopg.Connection, address: str, kind: str, columns: Sequence[Column]) -> Made:
    """As a superuser, who reads by COPY: a query would be planned."""
    types = {c.name: c.type for c in columns}
    settable = [c.name for c in columns if not c.computed and c.settable]
    by_name = {c.name: c for c in columns}
    settable.sort(key=lambda name: bool(by_name[name].keys) or by_name[name].refers is not None)
    first, rows = _first(connection, address, [c.name for c in columns if not c.computed]) if kind == "r" else (None, 0)
    fresh = _fresh(columns)
    values: dict[str, str | None] = {}
    for c in columns:
        if c.computed or not c.settable:
            continue
        if first is not None and c.name not in fresh:
            values[c.name] = first[c.name]
        elif c.has_default or (first is None and not c.mandatory and kind != "v"):
            continue
        else:
            before = first[c.name] if first is not None else None
            value = _of_key(connection, *c.refers) if c.refers else _value(c, before)
            if value is None and c.mandatory:
                return Made({}, types, settable, rows, f"no value for column {c.name} of type {c.type} could be made")
            values[c.name] = value
    return Made(values, types, settable, rows)


def _fresh(columns: Sequence[Column]) -> set[str]:
    """One column of each unique index, that a row like another needs a new value in: the one that is easiest to find."""
    chosen: set[str] = set()
    for key in sorted({key for c in columns for key in c.keys}):
        of_it = sorted(
            (c for c in columns if key in c.keys), key=lambda c: (c.refers is not None, _EASE.get(c.category, 9))
        )
        with_default = [c for c in of_it if c.has_default or c.computed]
        if not chosen & {c.name for c in of_it}:
            chosen.add((with_default or of_it)[0].name)
    return chosen


def _value(c: Column, before: str | None) -> str | None:
    """``before``: a value that is there already, which the new one resembles."""
    if c.typtype == "e":
        return c.label
    if c.category == "A":
        return "{}"
    if c.typtype == "r":
        return "empty"
    if c.typtype == "m":
        return "{}"
    if c.category == "S" and c.base not in _VALUES:
        other = _DIGITS.sub(lambda m: "9" * len(m[0]), before) if before else "q"
        return other if other != before else f"{before}q"
    return _VALUES.get(c.base)


def _of_key(connection: psycopg.Connection, table: str, name: str) -> str | None:
    first, _ = _first(connection, table, [name])
    return first[name] if first else None


def _first(
    connection: psycopg.Connection, address: str, columns: Sequence[str]
) -> tuple[dict[str, str | None] | None, int]:
    """The first row, and how many there are."""
    if not columns:
        return None, 0
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    query = sql.SQL("COPY {} ({}) TO STDOUT").format(sql.SQL(address), names)
    first: dict[str, str | None] | None = None
    count = 0
    try:
        with connection.cursor().copy(query) as copy:
            for row in copy.rows():
                if first is None:
                    first = dict(zip(columns, row, strict=True))
                count += 1
    except psycopg.Error:
        return None, 0
    return first, count
