"""A call of every routine that PostgreSQL resolves, so that what refuses it is the privilege and nothing before it.

Source: PostgreSQL documentation, "Polymorphic Types" (36.2.5), "Aggregate Expressions" (4.2.7), CALL; ExecInitFunc and
ExecInitAgg ask for EXECUTE after the call has been resolved.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import psycopg
from psycopg.rows import class_row

from qt001_cp.emit.quoting import identifier

Typed: TypeAlias = tuple[str, str]
"""Schema and name of a type; an array by the name of its own type."""

_ROUTINES: Final = """
SELECT i.type AS kind, i.identity, n.nspname AS schema, p.proname AS name, p.prokind::text, coalesce(a.aggkind::text, '') AS aggkind,
       coalesce(a.aggnumdirectargs, 0) AS direct,
       CASE WHEN p.provariadic = 0 THEN '' WHEN p.provariadic = 'pg_catalog."any"'::pg_catalog.regtype THEN 'any' ELSE 'array' END AS variadic,
       g.types
FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
LEFT JOIN pg_catalog.pg_aggregate a ON a.aggfnoid = p.oid
CROSS JOIN LATERAL pg_catalog.pg_identify_object('pg_catalog.pg_proc'::pg_catalog.regclass, p.oid, 0) i
CROSS JOIN LATERAL (
    -- A CALL has an argument for each parameter, those of OUT included; any other call for the input alone.
    SELECT coalesce(array_agg(ARRAY[tn.nspname::text, t.typname::text] ORDER BY x.ord), '{}') AS types
    FROM unnest(CASE WHEN p.prokind = 'p' THEN coalesce(p.proallargtypes, p.proargtypes::oid[]) ELSE p.proargtypes::oid[] END)
         WITH ORDINALITY x(typ, ord)
    JOIN pg_catalog.pg_type t ON t.oid = x.typ JOIN pg_catalog.pg_namespace tn ON tn.oid = t.typnamespace) g
WHERE p.oid >= 16384 OR p.proacl IS NOT NULL
"""
_ENUM: Final = """
SELECT n.nspname, t.typname, an.nspname, a.typname
FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
JOIN pg_catalog.pg_type a ON a.oid = t.typarray JOIN pg_catalog.pg_namespace an ON an.oid = a.typnamespace
WHERE t.typtype = 'e' ORDER BY 1, 2 LIMIT 1
"""
_PLAIN: Final = {
    **dict.fromkeys(
        ("anyelement", "anynonarray", "anycompatible", "anycompatiblenonarray", "any"), ("pg_catalog", "xid8")
    ),
    **dict.fromkeys(("anyarray", "anycompatiblearray"), ("pg_catalog", "_xid8")),
}
"""A type for each polymorphic one; all of them agree. This one nothing is cast to or from by itself: no overload fits as well."""
_WITH_RANGES: Final = {
    **dict.fromkeys(_PLAIN, ("pg_catalog", "int4")),
    **dict.fromkeys(("anyarray", "anycompatiblearray"), ("pg_catalog", "_int4")),
    **dict.fromkeys(("anyrange", "anycompatiblerange"), ("pg_catalog", "int4range")),
    **dict.fromkeys(("anymultirange", "anycompatiblemultirange"), ("pg_catalog", "int4multirange")),
}


def calls(connection: psycopg.Connection) -> dict[tuple[str, str], str]:
    """By kind and identity. One that takes an enum of any kind is left out where there is none: nobody can call it."""
    enum = connection.execute(_ENUM).fetchone()
    with connection.cursor(row_factory=class_row(_Routine)) as cursor:
        routines = cursor.execute(_ROUTINES).fetchall()
    # A CALL that a function, too, is found for is never one of the procedure.
    taken = {r.signature for r in routines if r.prokind != "p"}
    return {
        (r.kind, r.identity): _call(r, stands)
        for r in routines
        if (stands := _stand_ins(r, enum)) is not None and not (r.prokind == "p" and r.signature in taken)
    }


@dataclass(frozen=True)
class _Routine:
    """``types``: schema and name of each argument. ``direct``: how many of an ordered-set aggregate's are not ordered."""

    kind: str
    identity: str
    schema: str
    name: str
    prokind: str
    aggkind: str
    direct: int
    variadic: str
    types: list[list[str]]

    @property
    def signature(self) -> tuple[object, ...]:
        return (self.schema, self.name, *((schema, name) for schema, name in self.types))


def _stand_ins(r: _Routine, enum: Sequence[str] | None) -> Mapping[str, Typed] | None:
    """The types in the place of the polymorphic ones; None where an enum is wanted and there is none."""
    names = {name for _, name in r.types}
    stands = _WITH_RANGES if names & (_WITH_RANGES.keys() - _PLAIN.keys()) else _PLAIN
    if ["pg_catalog", "anyenum"] not in r.types:
        return stands
    if enum is None:
        return None
    one, many = (enum[0], enum[1]), (enum[2], enum[3])
    return {**stands, "anyenum": one, "anyelement": one, "anynonarray": one, "anyarray": many}


def _call(r: _Routine, stands: Mapping[str, Typed]) -> str:
    called = f"{identifier(r.schema)}.{identifier(r.name)}"
    values = [_value((schema, name), stands, r.prokind) for schema, name in r.types]
    if r.variadic == "array" and values:
        values[-1] = f"VARIADIC {values[-1]}"
    if r.prokind == "p":
        return f"CALL {called}({', '.join(values)})"
    if r.aggkind in ("o", "h"):
        # The last argument stands for both where the aggregate is variadic on both sides.
        ordered = values[r.direct :] or values[-1:]
        return f"SELECT {called}({', '.join(values[: r.direct])}) WITHIN GROUP (ORDER BY {_bare(ordered)})"
    if r.prokind == "a":
        return f"SELECT {called}({', '.join(values) or '*'})"
    return f"SELECT {called}({', '.join(values)}){' OVER ()' if r.prokind == 'w' else ''}"


def _bare(values: list[str]) -> str:
    return ", ".join(value.removeprefix("VARIADIC ") for value in values)


def _value(typed: Typed, stands: Mapping[str, Typed], prokind: str) -> str:
    """A NULL of that type that nothing folds away: a strict function of constants would never be asked for permission."""
    schema, name = stands.get(typed[1], typed) if typed[0] == "pg_catalog" else typed
    null = f"NULL::{identifier(schema)}.{identifier(name)}"
    return null if prokind == "p" else f"(SELECT {null})"
