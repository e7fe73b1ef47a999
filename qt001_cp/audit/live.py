"""The live objects with owner and ACL, read catalog by catalog; which catalogs there are is asked of the server."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

import psycopg

from qt001_cp.audit.queries import rows

Entry = tuple[str, str | None, str, bool]

# The letter that acldefault() wants for a catalog. Source: PostgreSQL documentation, table 9.71 (acldefault).
_LETTERS: Final = {
    "pg_class": "r",
    "pg_proc": "f",
    "pg_namespace": "n",
    "pg_type": "T",
    "pg_database": "d",
    "pg_language": "l",
    "pg_largeobject_metadata": "L",
    "pg_foreign_data_wrapper": "F",
    "pg_foreign_server": "S",
    "pg_tablespace": "t",
}
_NO_OBJECTS: Final = ("i", "I", "t")
"""Indexes and toast tables belong to their table."""


def entries(acl: Iterable[list[Any]]) -> set[Entry]:
    """The entries of an ACL as a document has them."""
    return {(a[0], a[1], a[2], a[3]) for a in acl}


def words(e: Entry) -> str:
    """An entry for people."""
    return f"{e[2]} for {e[1] or 'PUBLIC'} from {e[0]}{' with grant option' if e[3] else ''}"


@dataclass
class Live:
    """One object. ``columns``: the ACL of each column that has one. ``part``: of another object."""

    kind: str
    identity: str
    catalog: str
    oid: int
    owner: str
    part: bool
    acl: set[Entry] = field(default_factory=set)
    columns: dict[str, set[Entry]] = field(default_factory=dict)


def read_live(connection: psycopg.Connection) -> dict[tuple[str, str], Live]:
    """All objects of this database that have an owner, by kind and identity as pg_identify_object gives them."""
    found: dict[tuple[str, str], Live] = {}
    for c in rows(connection, "owner_columns.sql"):
        catalog = c["catalog"]
        # The owners of large objects stand beside their contents, which is the catalog that they are known by.
        known = catalog.removesuffix("_metadata")
        by_oid: dict[int, Live] = {}
        for r in rows(
            connection,
            "owned.sql",
            known,
            known,
            known,
            catalog=catalog,
            owner=c["owner"],
            relkind=_relkind(catalog),
        ):
            if r["relkind"] in _NO_OBJECTS or r["identity"] is None:
                continue
            live = Live(r["kind"], r["identity"], catalog, r["oid"], r["owner"], r["part"])
            by_oid[live.oid] = found[live.kind, live.identity] = live
        if c["acl"] is not None:
            for a in _acls(connection, catalog, c["owner"], c["acl"]):
                if a["oid"] in by_oid:
                    by_oid[a["oid"]].acl.add(_entry(a))
        if catalog == "pg_class":
            for a in rows(connection, "column_acls.sql"):
                if a["oid"] in by_oid:
                    by_oid[a["oid"]].columns.setdefault(a["name"], set()).add(_entry(a))
    return found


def _acls(connection: psycopg.Connection, catalog: str, owner: str, acl: str) -> list[dict[str, Any]]:
    if catalog == "pg_default_acl":
        return rows(connection, "default_acls.sql")
    letter = _LETTERS[catalog]
    found = rows(connection, "acls.sql", letter, catalog=catalog, owner=owner, acl=acl, relkind=_relkind(catalog))
    if catalog == "pg_language":
        untrusted = {r["oid"] for r in rows(connection, "untrusted.sql")}
        found = [a for a in found if a["oid"] not in untrusted]
    return found


def _relkind(catalog: str) -> str | None:
    return "relkind" if catalog == "pg_class" else None


def _entry(a: dict[str, Any]) -> Entry:
    return (a["grantor"], a["grantee"], a["privilege"], a["grantable"])
