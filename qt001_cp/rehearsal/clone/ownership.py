"""Gives what is PostgreSQL's own, or an extension's, to the role that it belongs to in the original: there it is a superuser's.

On a clone no role of the source is one, so these objects are born as the clone's superuser's and change hands afterwards. ALTER
… OWNER evaluates nothing.
"""

from __future__ import annotations

import psycopg
from psycopg import sql

from qt001_cp.emit.statements import statement
from qt001_cp.model.inventory import Inventory
from qt001_cp.plan.step_plans import plan_correction
from qt001_cp.rehearsal.clone.compare import Estate
from qt001_cp.rehearsal.clone.loading import as_superuser


def adopt(connection: psycopg.Connection, wanted: Estate, clone: Inventory) -> int:
    """As the superuser of a disposable server; returns how many it was. What PostgreSQL refuses stays, and is compared."""
    ours, changed = connection.info.user, 0
    for o in clone.objects:
        original = wanted.get(o.ref.key)
        if original is None or o.state.owner.name != ours or original.state.owner.name == ours:
            continue
        owner = original.state.owner.name
        if connection.execute("SELECT 1 FROM pg_catalog.pg_roles WHERE rolname = %s", [owner]).fetchone() is None:
            connection.execute(sql.SQL("CREATE ROLE {}").format(sql.Identifier(owner)))
        way = plan_correction(str(o.ref), o.state, original.state)
        try:
            with as_superuser(connection, owner):
                connection.execute("SET LOCAL allow_system_table_mods = on")
                for step in (*way.pre, *([way.owner] if way.owner else ()), *way.post):
                    connection.execute(statement(o.ref, step, o.detail).encode())
        except psycopg.Error:
            continue
        changed += 1
    return changed
