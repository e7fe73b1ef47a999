"""Which objects' definitions keep locks: PostgreSQL words a query only with ACCESS SHARE on all that it reads.

``pg_get_ruledef`` of a view and ``pg_get_functiondef`` of a routine with an SQL body keep those locks to the end of the
transaction. Where the lock table is small for them, they are read in parts; a part's locks go with its savepoint.

Source: PostgreSQL documentation, "Lock Management" (max_locks_per_transaction), ROLLBACK TO SAVEPOINT.
"""

from __future__ import annotations

from typing import Any, Final

import psycopg

_ROOM: Final = """
SELECT (current_setting('max_locks_per_transaction')::bigint
            * (current_setting('max_connections')::int + current_setting('max_prepared_transactions')::int)
            - (SELECT count(*) FROM pg_catalog.pg_locks)) / 4 - 150,
       (SELECT count(*) FROM pg_catalog.pg_class c WHERE c.oid >= 16384 AND c.relkind IN ('r', 'p', 'v', 'm', 'f'))
"""
_READS: Final = """
SELECT coalesce(r.ev_class, d.objid), array_agg(DISTINCT d.refobjid)
FROM pg_catalog.pg_depend d
LEFT JOIN pg_catalog.pg_rewrite r ON d.classid = 'pg_catalog.pg_rewrite'::regclass AND r.oid = d.objid
WHERE d.classid IN ('pg_catalog.pg_rewrite'::regclass, 'pg_catalog.pg_proc'::regclass)
  AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.objid >= 16384
GROUP BY 1 ORDER BY 1
"""


def room_and_relations(cursor: psycopg.Cursor[Any]) -> tuple[int, int]:
    """Lock slots that the definitions may fill in one session, and how many relations there are.

    A quarter of the free slots, less what the query itself takes (140 on catalogs and their indexes), and never under 24.
    """
    row = cursor.execute(_ROOM).fetchone()
    assert row is not None
    return max(int(row[0]), 24), int(row[1])


def parts(cursor: psycopg.Cursor[Any], room: int) -> list[list[int]]:
    """The objects that keep locks, in parts that keep at most ``room`` each; none where all of them fit."""
    made: list[list[int]] = []
    locked: set[int] = set()
    everything: set[int] = set()
    for objid, relations in cursor.execute(_READS).fetchall():
        everything.update(relations)
        if not made or len(locked.union(relations)) > room:
            made.append([])
            locked = set()
        made[-1].append(objid)
        locked.update(relations)
    return made if len(everything) > room else []
