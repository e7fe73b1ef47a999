"""Owners and ACLs of every object that can be transferred, read from the catalogs by a query of the tests' own."""

from __future__ import annotations

from dataclasses import dataclass, field

import psycopg

_QUERY = """
WITH object(classid, objid, letter, owner, acl) AS (
    SELECT 'pg_class'::regclass::oid, c.oid, CASE c.relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", c.relowner, c.relacl
    FROM pg_class c WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
    UNION ALL SELECT 'pg_proc'::regclass, p.oid, 'f', p.proowner, p.proacl FROM pg_proc p
    UNION ALL SELECT 'pg_type'::regclass, t.oid, 'T', t.typowner, t.typacl FROM pg_type t WHERE t.typtype IN ('e', 'd', 'c')
    UNION ALL SELECT 'pg_namespace'::regclass, n.oid, 'n', n.nspowner, n.nspacl FROM pg_namespace n
    UNION ALL SELECT 'pg_database'::regclass, d.oid, 'd', d.datdba, d.datacl FROM pg_database d WHERE d.datname = current_database()
)
SELECT i.type, i.identity, o.objid, pg_get_userbyid(o.owner),
       ARRAY(SELECT concat_ws('|', pg_get_userbyid(x.grantor), CASE x.grantee WHEN 0 THEN '' ELSE pg_get_userbyid(x.grantee) END,
                              x.privilege_type, x.is_grantable)
             FROM aclexplode(coalesce(o.acl, acldefault(o.letter, o.owner))) x),
       ARRAY(SELECT concat_ws('|', a.attname, pg_get_userbyid(x.grantor),
                              CASE x.grantee WHEN 0 THEN '' ELSE pg_get_userbyid(x.grantee) END, x.privilege_type, x.is_grantable)
             FROM pg_attribute a, aclexplode(a.attacl) x
             WHERE o.classid = 'pg_class'::regclass AND a.attrelid = o.objid AND NOT a.attisdropped)
FROM object o CROSS JOIN LATERAL pg_identify_object(o.classid, o.objid, 0) i
"""


@dataclass(frozen=True)
class Live:
    """One object: its oid, owner, and its ACL as (column or '', grantor, grantee or '' for PUBLIC, privilege, option)."""

    oid: int
    owner: str
    acl: frozenset[tuple[str, str, str, str, bool]] = field(default_factory=frozenset)


def read(connection: psycopg.Connection) -> dict[tuple[str, str], Live]:
    """By kind and identity."""
    found = {}
    for kind, identity, oid, owner, acl, columns in connection.execute(_QUERY):
        items = [["", *item.split("|")] for item in acl] + [item.split("|") for item in columns]
        entries = frozenset((i[0], i[1], i[2], i[3], i[4] == "t") for i in items)
        found[kind, identity] = Live(oid, owner, entries)
    return found
