"""Puts ACL entries into the order of the original: a manifest keeps that order, a dump does not."""

from __future__ import annotations

import psycopg
from psycopg import sql

from qt001_cp.model import kinds
from qt001_cp.model.acl import AclItem
from qt001_cp.model.inventory import Inventory, State
from qt001_cp.rehearsal.clone.compare import Estate, same_acl

_CATALOGS = {c.table: c for c in kinds.CATALOGS}
_REORDER = """
UPDATE pg_catalog.{catalog} o SET {column} = (
    SELECT pg_catalog.array_agg(u.item ORDER BY w.ord)
    FROM pg_catalog.unnest(o.{column}) u(item)
    CROSS JOIN LATERAL (SELECT x.grantor, x.grantee FROM pg_catalog.aclexplode(ARRAY[u.item]) x LIMIT 1) e
    JOIN ROWS FROM (pg_catalog.unnest(%(grantors)s::pg_catalog.text[]), pg_catalog.unnest(%(grantees)s::pg_catalog.text[]))
         WITH ORDINALITY w(grantor, grantee, ord)
      ON w.grantor = pg_catalog.pg_get_userbyid(e.grantor)
     AND w.grantee IS NOT DISTINCT FROM CASE WHEN e.grantee <> 0 THEN pg_catalog.pg_get_userbyid(e.grantee) END)
WHERE (pg_catalog.pg_identify_object('pg_catalog.{class}'::pg_catalog.regclass, {oid}, 0)).identity = %(identity)s {more}
"""


def reorder(connection: psycopg.Connection, wanted: Estate, clone: Inventory) -> int:
    """Only where both hold the same entries. As a superuser of a disposable server; returns how many objects it was."""
    changed = 0
    for o in clone.objects:
        original = wanted.get(o.ref.key)
        if original is None or original.state == o.state or not same_acl(original.state, o.state):
            continue
        _object(connection, o.ref.kind, o.ref.identity, original.state, o.state)
        changed += 1
    return changed


def _object(connection: psycopg.Connection, kind: str, identity: str, wanted: State, found: State) -> None:
    catalog = _CATALOGS[kinds.BY_KEY[kind].catalog]
    if wanted.acl != found.acl and catalog.acl is not None and catalog.acl.startswith("o."):
        _run(connection, catalog.table, catalog.acl[2:], catalog.class_name, "o.oid", identity, wanted.acl)
    there = {c.column: c.acl for c in found.columns}
    for column in wanted.columns:
        if there.get(column.column) != column.acl:
            _run(connection, "pg_attribute", "attacl", "pg_class", "o.attrelid", identity, column.acl, column.column)


def _run(
    connection: psycopg.Connection,
    catalog: str,
    column: str,
    class_: str,
    oid: str,
    identity: str,
    acl: tuple[AclItem, ...],
    attribute: str | None = None,
) -> None:
    pairs = list(dict.fromkeys((i.grantor.name, getattr(i.grantee, "name", None)) for i in acl))
    query = sql.SQL(_REORDER).format(
        catalog=sql.Identifier(catalog),
        column=sql.Identifier(column),
        oid=sql.SQL(oid),
        **{"class": sql.SQL(class_)},
        more=sql.SQL("AND o.attname = %(attribute)s" if attribute is not None else ""),
    )
    values = {"grantors": [p[0] for p in pairs], "grantees": [p[1] for p in pairs], "identity": identity}
    connection.execute(query, {**values, "attribute": attribute})
