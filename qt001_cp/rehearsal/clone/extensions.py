"""Gives an extension the owner of the original: CREATE EXTENSION of a dump is run by the clone's superuser, and no statement changes that.

An application that made its own extension owns it. Its members are the superuser's in both: a trusted extension's script runs as
the first superuser (PostgreSQL documentation, CREATE EXTENSION).
"""

from __future__ import annotations

import psycopg

from qt001_cp.rehearsal.clone.compare import Estate

_OWNER = """
WITH wanted AS (
    SELECT e.oid, e.extowner, r.oid AS role
    FROM pg_catalog.pg_extension e
    CROSS JOIN LATERAL pg_catalog.pg_identify_object('pg_catalog.pg_extension'::pg_catalog.regclass, e.oid, 0) i
    JOIN pg_catalog.pg_roles r ON r.rolname = %(owner)s
    WHERE i.identity = %(identity)s AND e.extowner <> r.oid
), forgotten AS (
    DELETE FROM pg_catalog.pg_shdepend d USING wanted w
    WHERE d.dbid = (SELECT b.oid FROM pg_catalog.pg_database b WHERE b.datname = pg_catalog.current_database())
      AND d.classid = 'pg_catalog.pg_extension'::pg_catalog.regclass AND d.objid = w.oid AND d.deptype = 'o'
), noted AS (
    -- What the first superuser owns is noted nowhere.
    INSERT INTO pg_catalog.pg_shdepend (dbid, classid, objid, objsubid, refclassid, refobjid, deptype)
    SELECT b.oid, 'pg_catalog.pg_extension'::pg_catalog.regclass, w.oid, 0, 'pg_catalog.pg_authid'::pg_catalog.regclass, w.role, 'o'
    FROM wanted w JOIN pg_catalog.pg_database b ON b.datname = pg_catalog.current_database() WHERE w.role <> 10
)
UPDATE pg_catalog.pg_extension e SET extowner = w.role FROM wanted w WHERE e.oid = w.oid
"""


def own_extensions(connection: psycopg.Connection, wanted: Estate) -> int:
    """As a superuser of a disposable server; returns how many it was."""
    changed = 0
    for (kind, identity), facts in wanted.items():
        if kind == "extension":
            done = connection.execute(_OWNER, {"identity": identity, "owner": facts.state.owner.name})
            changed += done.rowcount
    return changed
