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
# The planner may take the commutator, or for NOT the negator, instead.
_OPERATORS = """
SELECT DISTINCT n.nspname, o.oprname, i.type, i.identity
FROM pg_operator o JOIN pg_namespace n ON n.oid = o.oprnamespace
JOIN pg_operator x ON x.oid IN (o.oid, o.oprcom, o.oprnegate)
JOIN pg_proc p ON p.oid = x.oprcode AND p.oid >= 16384 JOIN pg_language l ON l.oid = p.prolang AND l.lanname NOT IN ('internal', 'c')
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
        for r in cursor.execute(_OPERATORS):
            operators[r[0], r[1]].append((r[2], r[3]))
        types = {(r[0], r[1]): (r[2], r[3]) for r in cursor.execute(_TYPES)}
        transitions: dict[str, frozenset[str]] = {}
        for identity, *given in cursor.execute(_TRANSITIONS):
            new = frozenset(name for name in given if name is not None)
            transitions[identity] = transitions.get(identity, new) & new
        system_routines = frozenset(r[0] for r in cursor.execute(_SYSTEM_ROUTINES))
        system_relations = frozenset(r[0] for r in cursor.execute(_SYSTEM_RELATIONS))
    return Names(
        relations, _sorted(routines), types, system_routines, system_relations, transitions, _sorted(operators)
    )


def _sorted(
    lists: Mapping[tuple[str, str], list[tuple[str, str]]],
) -> dict[tuple[str, str], tuple[tuple[str, str], ...]]:
    return {key: tuple(sorted(values)) for key, values in lists.items()}
