"""Gives multiranges the owner and the ACL of the original: before 17 they change hands apart from their range, and no dump says so.

Source: PostgreSQL 17 release notes, "ALTER TYPE … OWNER of a range also of its multirange"; measured on 14 to 18.
"""

from __future__ import annotations

import psycopg

from qt001_cp.emit.statements import statement
from qt001_cp.model.inventory import Inventory
from qt001_cp.plan.step_plans import plan_correction
from qt001_cp.rehearsal.clone.compare import Estate, same_acl

_MULTIRANGES = """
SELECT i.identity FROM pg_catalog.pg_type t
CROSS JOIN LATERAL pg_catalog.pg_identify_object('pg_catalog.pg_type'::pg_catalog.regclass, t.oid, 0) i WHERE t.typtype = 'm' AND t.oid >= 16384
"""


def own_multiranges(connection: psycopg.Connection, wanted: Estate, clone: Inventory) -> int:
    """As a superuser of a disposable server; returns how many it was. Raises :class:`NotRestorable` where nothing leads there."""
    if connection.info.server_version >= 170000:
        return 0
    theirs = {row[0] for row in connection.execute(_MULTIRANGES)}
    changed = 0
    for o in clone.objects:
        original = wanted.get(o.ref.key)
        if (
            o.ref.kind != "type"
            or o.ref.identity not in theirs
            or original is None
            or same_acl(original.state, o.state)
        ):
            continue
        way = plan_correction(str(o.ref), o.state, original.state)
        for step in (*way.pre, *([way.owner] if way.owner else ()), *way.post):
            with connection.transaction():
                connection.execute(statement(o.ref, step, o.detail).encode())
        changed += 1
    return changed
