"""A call of every routine that PostgreSQL resolves, so that what refuses it is the privilege and nothing before it.

Source: PostgreSQL documentation, "Polymorphic Types" (36.2.5), "Aggregate Expressions" (4.2.7), CALL; ExecInitFunc and
ExecInitAgg ask for EXECUTE after the call has been resolved.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeAlias

import psycopg

from qt001_cp.emit.quoting import identifier

Typed: TypeAlias = tuple[str, str]
"""Schema and name of a type; an array by the name of its own type."""

_ROUTINES: Final = """
SELECT i.type, i.identity, n.nspname, p.proname, p.prokind::text, coalesce(a.aggkind::text, ''), coalesce(a.aggnumdirectargs, 0),
       CASE WHEN p.provariadic = 0 THEN '' WHEN p.provariadic = 'pg_catalog."any"'::pg_catalog.regtype THEN 'any' ELSE 'array' END,
       g.schemas, g.names
FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
LEFT JOIN pg_catalog.pg_aggregate a ON a.aggfnoid = p.oid
CROSS JOIN LATERAL pg_catalog.pg_identify_object('pg_catalog.pg_proc'::pg_catalog.regclass, p.oid, 0) i
CROSS JOIN LATERAL (
    -- A CALL has an argument for each parameter, those of OUT included; any other call for the input alone.
    SELECT coalesce(array_agg(tn.nspname::text ORDER BY x.ord), '{}') AS schemas, coalesce(array_agg(t.typname::text ORDER BY x.ord), '{}') AS names
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
    rows = connection.execute(_ROUTINES).fetchall()
    # A CALL that a function, too, is found for is never one of the procedure.
    taken = {(*r[2:4], *r[8], *r[9]) for r in rows if r[4] != "p"}
    made = {}
    for kind, identity, schema, name, prokind, aggkind, direct, variadic, schemas, names in rows:
        types = list(zip(schemas, names, strict=True))
        stands = _WITH_RANGES if any(name in _WITH_RANGES and name not in _PLAIN for _, name in types) else _PLAIN
        if ("pg_catalog", "anyenum") in types:
            if enum is None:
                continue
            one, many = enum[:2], enum[2:]
            stands = {**stands, "anyenum": one, "anyelement": one, "anynonarray": one, "anyarray": many}
        if prokind == "p" and (schema, name, *schemas, *names) in taken:
            continue
        values = [_value(t, stands, prokind) for t in types]
        if variadic == "array" and values:
            values[-1] = f"VARIADIC {values[-1]}"
        called = f"{identifier(schema)}.{identifier(name)}"
        if prokind == "p":
            made[kind, identity] = f"CALL {called}({', '.join(values)})"
        elif aggkind in ("o", "h"):
            # The last argument stands for both where the aggregate is variadic on both sides.
            ordered = values[direct:] or values[-1:]
            made[kind, identity] = (
                f"SELECT {called}({', '.join(values[:direct])}) WITHIN GROUP (ORDER BY {_bare(ordered)})"
            )
        elif prokind == "a":
            made[kind, identity] = f"SELECT {called}({', '.join(values) or '*'})"
        else:
            made[kind, identity] = f"SELECT {called}({', '.join(values)}){' OVER ()' if prokind == 'w' else ''}"
    return made


def _bare(values: list[str]) -> str:
    return ", ".join(value.removeprefix("VARIADIC ") for value in values)


def _value(typed: Typed, stands: Mapping[str, Typed], prokind: str) -> str:
    """A NULL of that type that nothing folds away: a strict function of constants would never be asked for permission."""
    schema, name = stands.get(typed[1], typed) if typed[0] == "pg_catalog" else typed
    null = f"NULL::{identifier(schema)}.{identifier(name)}"
    return null if prokind == "p" else f"(SELECT {null})"
