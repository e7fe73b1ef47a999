"""One object of each kind, as PostgreSQL's own catalogs name it: what the matrix asks about. Nothing here is made from ours."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final


@dataclass(frozen=True)
class Example:
    """``catalog``, ``owner``, ``acl``: where the server keeps it; ``where``: which row; ``alter``: how a person gives it away;
    ``ask``: has_*_privilege and the privileges that the cutover has to take."""

    catalog: str
    owner: str
    where: str
    alter: str = ""
    acl: str = "NULL"
    ask: str = ""
    privileges: tuple[str, ...] = ()


def _relation(name: str, kind: str) -> Example:
    return Example(
        "pg_class",
        "relowner",
        f"o.oid = 'kinds.{name}'::regclass",
        f"{kind} kinds.{name}",
        "relacl",
        "has_table_privilege",
        ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER"),
    )


def _routine(call: str, kind: str) -> Example:
    return Example(
        "pg_proc",
        "proowner",
        f"o.oid = 'kinds.{call}'::regprocedure",
        f"{kind} kinds.{call}",
        "proacl",
        "has_function_privilege",
        ("EXECUTE",),
    )


def _named(catalog: str, prefix: str, name: str, statement: str) -> Example:
    return Example(catalog, f"{prefix}owner", f"o.{prefix}name = '{name}'", statement)


USAGE: Final = ("USAGE",)
EXAMPLES: Final = {
    "database": Example("pg_database", "datdba", "o.datname = current_database()", "DATABASE directus_case", "datacl",
                        "has_database_privilege", ("CREATE", "TEMPORARY")),
    "tablespace": Example("pg_tablespace", "spcowner", "o.spcname = 'kinds_space'", "TABLESPACE kinds_space", "spcacl",
                          "has_tablespace_privilege", ("CREATE",)),
    "schema": Example("pg_namespace", "nspowner", "o.nspname = 'kinds'", "SCHEMA kinds", "nspacl", "has_schema_privilege", ("CREATE",)),
    "table": _relation("parent", "TABLE"),
    "view": _relation("seen", "VIEW"),
    "materialized view": _relation("kept", "MATERIALIZED VIEW"),
    "foreign table": _relation("distant", "FOREIGN TABLE"),
    "sequence": Example("pg_class", "relowner", "o.oid = 'kinds.counter'::regclass", "SEQUENCE kinds.counter", "relacl",
                        "has_sequence_privilege", ("USAGE", "SELECT", "UPDATE")),
    "function": _routine("add(int, int)", "FUNCTION"),
    "procedure": replace(_routine("proceed(int, int)", "PROCEDURE"), alter="PROCEDURE kinds.proceed(IN int, IN int)"),
    "aggregate": _routine("total(int)", "AGGREGATE"),
    "type": Example("pg_type", "typowner", "o.oid = 'kinds.colour'::regtype", "TYPE kinds.colour", "typacl", "has_type_privilege", USAGE),
    "default acl": Example("pg_default_acl", "defaclrole", """o.defaclrole = '"kinds third"'::regrole AND o.defaclobjtype = 'r'"""
                           " AND o.defaclnamespace = 0", acl="defaclacl"),
    "collation": _named("pg_collation", "coll", "plain", "COLLATION kinds.plain"),
    "conversion": _named("pg_conversion", "con", "latin", "CONVERSION kinds.latin"),
    "operator": _named("pg_operator", "opr", "===", "OPERATOR kinds.=== (int, int)"),
    "operator class": _named("pg_opclass", "opc", "class", "OPERATOR CLASS kinds.class USING btree"),
    "operator family": _named("pg_opfamily", "opf", "family", "OPERATOR FAMILY kinds.family USING btree"),
    "text search configuration": _named("pg_ts_config", "cfg", "search", "TEXT SEARCH CONFIGURATION kinds.search"),
    "text search dictionary": _named("pg_ts_dict", "dict", "words", "TEXT SEARCH DICTIONARY kinds.words"),
    "statistics object": _named("pg_statistic_ext", "stx", "dependency", "STATISTICS kinds.dependency"),
    "language": Example("pg_language", "lanowner", "o.lanname = 'kinds_language'", "LANGUAGE kinds_language", "lanacl"),
    "large object": Example("pg_largeobject_metadata", "lomowner", "o.oid = 4294967000", "LARGE OBJECT 4294967000", "lomacl"),
    "server": Example("pg_foreign_server", "srvowner", "o.srvname = 'kinds_server'", "SERVER kinds_server", "srvacl",
                      "has_server_privilege", USAGE),
    "publication": _named("pg_publication", "pub", "kinds_some", "PUBLICATION kinds_some"),
    "subscription": _named("pg_subscription", "sub", "kinds_subscription", "SUBSCRIPTION kinds_subscription"),
    "foreign-data wrapper": Example("pg_foreign_data_wrapper", "fdwowner", "o.fdwname = 'kinds_wrapper'", "FOREIGN DATA WRAPPER kinds_wrapper",
                                    "fdwacl", "has_foreign_data_wrapper_privilege", USAGE),
    "event trigger": _named("pg_event_trigger", "evt", "kinds_event", "EVENT TRIGGER kinds_event"),
    "user mapping": Example("pg_user_mapping", "umuser", "o.umuser <> 0"),
    "extension": Example("pg_extension", "extowner", "o.extname = 'plpgsql'"),
}  # fmt: skip  # one kind a line
