"""What exists in the database, for the analyser: relations, routines and types of all schemas that are not the system's."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

import psycopg

from qt001_cp.analyse.result import Names

_RELATIONS = """
SELECT n.nspname, c.relname, i.type, i.identity
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
CROSS JOIN LATERAL pg_identify_object('pg_class'::regclass, c.oid, 0) i
WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
"""
_ROUTINES = """
SELECT n.nspname, p.proname, i.type, i.identity
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
CROSS JOIN LATERAL pg_identify_object('pg_proc'::regclass, p.oid, 0) i
WHERE (n.nspname !~ '^pg_' AND n.nspname <> 'information_schema')
   OR (n.nspname IN ('pg_catalog', 'information_schema') AND p.oid >= 16384)
"""
_SIGNATURE = """p.proname || '(' || coalesce((SELECT string_agg(format_type(a.type, NULL), ', ' ORDER BY a.n)
    FROM unnest(p.proargtypes) WITH ORDINALITY a(type, n)), '') || ')'"""
"""Of a function, as the list of what is harmless has it (:mod:`qt001_cp.analyse.core`)."""
# The planner may take the commutator, or for NOT the negator, instead.
_OPERATORS = """
SELECT DISTINCT n.nspname, o.oprname, i.type, i.identity
FROM pg_operator o JOIN pg_namespace n ON n.oid = o.oprnamespace
JOIN pg_operator x ON x.oid IN (o.oid, o.oprcom, o.oprnegate)
JOIN pg_proc p ON p.oid = x.oprcode AND p.oid >= 16384 JOIN pg_language l ON l.oid = p.prolang AND l.lanname NOT IN ('internal', 'c')
CROSS JOIN LATERAL pg_identify_object('pg_proc'::regclass, p.oid, 0) i
"""
# An operator outside of pg_catalog whose function is one of the server's own, or in C.
_OTHER_OPERATORS = f"""
SELECT DISTINCT n.nspname, o.oprname, CASE WHEN p.oid < 16384 THEN 'core' ELSE i.type END,
       CASE WHEN p.oid < 16384 THEN {_SIGNATURE} ELSE i.identity END
FROM pg_operator o JOIN pg_namespace n ON n.oid = o.oprnamespace
JOIN pg_proc p ON p.oid = o.oprcode JOIN pg_language l ON l.oid = p.prolang
CROSS JOIN LATERAL pg_identify_object('pg_proc'::regclass, p.oid, 0) i
WHERE o.oid >= 16384 AND (p.oid < 16384 OR l.lanname IN ('internal', 'c'))
"""
# What has no body. The constructors that PostgreSQL makes for a range are its own; an aggregate has parts.
_MODULES = """
SELECT i.identity, coalesce(e.extname, ''), coalesce(regexp_replace(p.probin, '^\\$libdir/', ''), '')
FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang AND l.lanname IN ('internal', 'c')
CROSS JOIN LATERAL pg_identify_object('pg_proc'::regclass, p.oid, 0) i
LEFT JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e' LEFT JOIN pg_extension e ON e.oid = d.refobjid
WHERE p.oid >= 16384 AND p.prokind <> 'a' AND NOT EXISTS (
    SELECT 1 FROM pg_depend r WHERE r.classid = 'pg_proc'::regclass AND r.objid = p.oid AND r.deptype = 'i' AND r.refclassid = 'pg_type'::regclass)
"""
_PARTS = f"""
SELECT DISTINCT i.identity, {_SIGNATURE}
FROM pg_aggregate a CROSS JOIN LATERAL pg_identify_object('pg_proc'::regclass, a.aggfnoid, 0) i
JOIN pg_proc p ON p.oid IN (a.aggtransfn, a.aggfinalfn, a.aggcombinefn, a.aggserialfn, a.aggdeserialfn, a.aggmtransfn,
                            a.aggminvtransfn, a.aggmfinalfn)
WHERE a.aggfnoid >= 16384 AND p.oid < 16384
"""
# Before 15 the trigger of a partition, made from its parent's, counts as internal.
_OF_PEOPLE = """(NOT g.tgisinternal OR g.tgparentid <> 0
        AND g.tgconstraint NOT IN (SELECT k.oid FROM pg_constraint k WHERE k.contype <> 't'))"""
# Types with a cast whose function has a body, what such values are a part of, and what holds, takes or gives them.
_OWN_CASTS = f"""
WITH RECURSIVE held(type) AS (
    SELECT k.castsource FROM pg_cast k JOIN pg_proc p ON p.oid = k.castfunc
    JOIN pg_language l ON l.oid = p.prolang AND l.lanname NOT IN ('internal', 'c') WHERE k.castsource >= 16384
    UNION
    SELECT o.type FROM held h CROSS JOIN LATERAL (
        SELECT t.oid FROM pg_type t WHERE h.type IN (t.typelem, t.typbasetype)
        UNION ALL SELECT c.reltype FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid AND c.reltype <> 0
        WHERE a.atttypid = h.type AND a.attnum > 0 AND NOT a.attisdropped
        UNION ALL SELECT r.rngtypid FROM pg_range r WHERE r.rngsubtype = h.type
        UNION ALL SELECT r.rngmultitypid FROM pg_range r WHERE r.rngtypid = h.type) o(type)
)
SELECT i.type, i.identity
FROM held h JOIN pg_type t ON t.oid = h.type LEFT JOIN pg_class c ON c.oid = t.typrelid
CROSS JOIN LATERAL pg_identify_object(CASE WHEN c.relkind <> 'c' THEN 'pg_class'::regclass ELSE 'pg_type'::regclass END,
                                      CASE WHEN c.relkind <> 'c' THEN c.oid ELSE t.oid END, 0) i
UNION
SELECT i.type, i.identity
FROM pg_proc p JOIN held h ON h.type = p.prorettype OR h.type = ANY (p.proargtypes) OR h.type = ANY (p.proallargtypes)
     OR p.oid IN (SELECT g.tgfoid FROM pg_trigger g JOIN pg_class c ON c.oid = g.tgrelid WHERE c.reltype = h.type AND {_OF_PEOPLE})
CROSS JOIN LATERAL pg_identify_object('pg_proc'::regclass, p.oid, 0) i
"""
_TYPES = """
SELECT n.nspname, t.typname, i.type, i.identity
FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace LEFT JOIN pg_class c ON c.oid = t.typrelid
CROSS JOIN LATERAL pg_identify_object('pg_type'::regclass, t.oid, 0) i
WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND (t.typrelid = 0 OR c.relkind = 'c')
"""
_TRANSITIONS = """
SELECT i.identity, t.tgnewtable, t.tgoldtable
FROM pg_trigger t CROSS JOIN LATERAL pg_identify_object('pg_proc'::regclass, t.tgfoid, 0) i WHERE NOT t.tgisinternal
"""
_SYSTEM_ROUTINES = (
    "SELECT DISTINCT proname FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace AND oid < 16384"
)
_SYSTEM_RELATIONS = """
SELECT CASE n.nspname WHEN 'pg_catalog' THEN c.relname ELSE n.nspname || '.' || c.relname END
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname IN ('pg_catalog', 'information_schema') AND c.relkind IN ('r', 'v')
"""


def read_names(connection: psycopg.Connection) -> Names:
    """All names of the database. One snapshot is not needed: the manifest's digests tell what has moved since."""
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL search_path = pg_catalog, pg_temp")
        relations = {(r[0], r[1]): (r[2], r[3]) for r in cursor.execute(_RELATIONS)}
        routines: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
        for r in cursor.execute(_ROUTINES):
            routines[r[0], r[1]].append((r[2], r[3]))
        operators: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
        others: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
        for r in cursor.execute(_OPERATORS):
            operators[r[0], r[1]].append((r[2], r[3]))
        for r in cursor.execute(_OTHER_OPERATORS):
            others[r[0], r[1]].append((r[2], r[3]))
        modules = {r[0]: (r[1], r[2]) for r in cursor.execute(_MODULES)}
        parts: dict[str, tuple[str, ...]] = defaultdict(tuple)
        for r in cursor.execute(_PARTS):
            parts[r[0]] = tuple(sorted((*parts[r[0]], r[1])))
        own_casts = frozenset((r[0], r[1]) for r in cursor.execute(_OWN_CASTS))
        types = {(r[0], r[1]): (r[2], r[3]) for r in cursor.execute(_TYPES)}
        transitions: dict[str, frozenset[str]] = {}
        for identity, *given in cursor.execute(_TRANSITIONS):
            new = frozenset(name for name in given if name is not None)
            transitions[identity] = transitions.get(identity, new) & new
        system_routines = frozenset(r[0] for r in cursor.execute(_SYSTEM_ROUTINES))
        system_relations = frozenset(r[0] for r in cursor.execute(_SYSTEM_RELATIONS))
    return Names(
        relations, _sorted(routines), types, system_routines, system_relations, transitions, _sorted(operators),
        _sorted(others), modules, dict(parts), own_casts,
    )  # fmt: skip


def _sorted(
    lists: Mapping[tuple[str, str], list[tuple[str, str]]],
) -> dict[tuple[str, str], tuple[tuple[str, str], ...]]:
    return {key: tuple(sorted(values)) for key, values in lists.items()}
