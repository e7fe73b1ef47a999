"""One table for all kinds of object: how each is listed, how a statement names it, what can be transferred and why not.

``CATALOGS`` says where objects with an owner or an ACL stand; ``KINDS`` what they are; ``PRIVILEGES`` what may be granted.
Everything else that needs such a list derives from these: the catalog query and the owner and ACL snapshot of the cutover, the rows of
``qt001_cp.object_kind``, the statements, the policy's schema, the table in docs/kinds.md.

Source: PostgreSQL documentation, chapter "System Catalogs", the ALTER … OWNER TO page of each kind, GRANT, and
"Privileges" (5.8).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

Address: TypeAlias = Literal["name", "qualified", "routine", "in routine", "operator", "method", "number", "default"]
"""How a statement names an object: bare, with its schema, with argument or operand types, USING an access method, by number.

'in routine': each argument type marked IN. Without a mode, PROCEDURE and ROUTINE are also looked for by all arguments, those
of OUT included, and two overloads may fit (LookupFuncWithArgs, parser/parse_func.c).
"""


@dataclass(frozen=True)
class Catalog:
    """A system catalog whose rows have an owner or an ACL.

    ``name``, ``owner``, ``space``, ``acl``: SQL over the row ``o``. ``letter``: the type that ``acldefault`` knows it by.
    ``where``: which rows are objects of their own; the others are parts of one. ``here``: which rows of a catalog of the
    whole cluster speak of this database. ``system``: which rows are the system's own, where no schema says so.
    ``classid``: the catalog in ``pg_depend`` where it is another one. ``key``: the column that identifies a row.
    ``outside``: whether a row may be in no schema. ``seldom``: of a catalog that most databases have nothing in, the rows that
    are not the server's own from the beginning. ``node``: which rows are nodes of the graph of what reaches what; None: none.
    ``preset``: whether initdb and extensions set privileges on its rows, beyond which the application may have none.
    """

    table: str
    name: str
    owner: str
    space: str | None = None
    acl: str | None = None
    letter: str | None = None
    where: str = "true"
    here: str = "true"
    system: str | None = None
    classid: str | None = None
    key: str = "oid"
    outside: bool = False
    seldom: str | None = None
    node: str | None = None
    preset: bool = False

    @property
    def class_name(self) -> str:
        """The catalog as ``pg_depend`` and ``pg_identify_object`` know it."""
        return self.classid or self.table


_MADE: Final = "o.oid >= 16384"
"""Not made by initdb."""
_RELATION: Final = "o.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')"
_TYPE: Final = (
    # Since 17 ALTER TYPE of a range moves its multirange along; before, that is an object of its own.
    "(o.typtype <> 'm' OR current_setting('server_version_num')::int < 170000)"
    # Scalar: looked up one by one. EXISTS is a join, for which the server reads all types and relations.
    " AND (SELECT e.typarray FROM pg_type e WHERE e.oid = o.typelem) IS DISTINCT FROM o.oid"
    " AND (o.typrelid = 0 OR (SELECT c.relkind FROM pg_class c WHERE c.oid = o.typrelid) = 'c')"
)
CATALOGS: Final = (
    Catalog("pg_database", "o.datname", "o.datdba", acl="o.datacl", letter="'d'", here="o.datname = current_database()"),
    Catalog("pg_tablespace", "o.spcname", "o.spcowner", acl="o.spcacl", letter="'t'", system="o.oid < 16384"),
    Catalog("pg_namespace", "o.nspname", "o.nspowner", acl="o.nspacl", letter="'n'",
            here="o.nspname <> 'qt001_cp' AND o.nspname !~ '^pg_(toast|temp)'",
            system="o.nspname ~ '^pg_' OR o.nspname = 'information_schema'"),
    Catalog("pg_class", "o.relname", "o.relowner", "o.relnamespace", "o.relacl",
            "CASE o.relkind WHEN 'S' THEN 's' ELSE 'r' END", _RELATION, node=f"{_MADE} AND {_RELATION}", preset=True),
    Catalog("pg_proc", "o.proname", "o.proowner", "o.pronamespace", "o.proacl", "'f'",
            # The constructors of a range type are a part of it as CREATE TYPE makes them: the first superuser's, without an ACL. One
            # that was given away, or granted, is a function like any other: it does not move with its type.
            "o.proowner <> 10 OR o.proacl IS NOT NULL OR NOT EXISTS (SELECT 1 FROM pg_depend i WHERE i.classid = 'pg_proc'::regclass"
            " AND i.objid = o.oid AND i.deptype = 'i' AND i.refclassid = 'pg_type'::regclass)", node=_MADE, preset=True),
    Catalog("pg_type", "o.typname", "o.typowner", "o.typnamespace", "o.typacl", "'T'", _TYPE, node=f"{_MADE} AND {_TYPE}"),
    Catalog("pg_collation", "o.collname", "o.collowner", "o.collnamespace", seldom=_MADE, node=_MADE),
    Catalog("pg_conversion", "o.conname", "o.conowner", "o.connamespace", seldom=_MADE, node=_MADE),
    Catalog("pg_operator", "o.oprname", "o.oprowner", "o.oprnamespace", seldom=_MADE, node=_MADE),
    Catalog("pg_opclass", "o.opcname", "o.opcowner", "o.opcnamespace", seldom=_MADE, node=_MADE),
    Catalog("pg_opfamily", "o.opfname", "o.opfowner", "o.opfnamespace", seldom=_MADE, node=_MADE),
    Catalog("pg_ts_config", "o.cfgname", "o.cfgowner", "o.cfgnamespace", seldom=_MADE, node=_MADE),
    Catalog("pg_ts_dict", "o.dictname", "o.dictowner", "o.dictnamespace", seldom=_MADE, node=_MADE),
    Catalog("pg_statistic_ext", "o.stxname", "o.stxowner", "o.stxnamespace", seldom="true", node=_MADE),
    # Nobody is granted an untrusted language: PostgreSQL refuses the statement, and lets only superusers use one.
    Catalog("pg_language", "o.lanname", "o.lanowner",
            acl="CASE WHEN o.lanpltrusted THEN o.lanacl ELSE acldefault('c', o.lanowner) END", letter="'l'",
            system="o.oid < 16384", seldom=_MADE, node=_MADE, preset=True),
    Catalog("pg_largeobject_metadata", "o.oid", "o.lomowner", acl="o.lomacl", letter="'L'", classid="pg_largeobject", seldom="true"),
    Catalog("pg_foreign_data_wrapper", "o.fdwname", "o.fdwowner", acl="o.fdwacl", letter="'F'", seldom="true", node="true", preset=True),
    Catalog("pg_foreign_server", "o.srvname", "o.srvowner", acl="o.srvacl", letter="'S'", seldom="true", node="true"),
    # The view shows everybody which mappings there are, and nobody the passwords in them. PUBLIC's is a part of its server.
    Catalog("pg_user_mappings", "o.usename || ' on ' || o.srvname", "o.umuser", where="o.umuser <> 0",
            classid="pg_user_mapping", key="umid", seldom="true"),
    Catalog("pg_event_trigger", "o.evtname", "o.evtowner", seldom="true", node="true"),
    Catalog("pg_publication", "o.pubname", "o.pubowner", seldom="true", node="true"),
    Catalog("pg_subscription", "o.subname", "o.subowner",
            here="o.subdbid = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())", seldom="true"),
    Catalog("pg_extension", "o.extname", "o.extowner", seldom=_MADE, node="true"),
    Catalog("pg_default_acl", "pg_get_userbyid(o.defaclrole)", "o.defaclrole", "o.defaclnamespace", "o.defaclacl", outside=True),
)  # fmt: skip


@dataclass(frozen=True)
class Kind:
    """One kind of object; ``key`` is the type word of ``pg_identify_object``.

    ``alter``/``grant`` are the words after ALTER and after ON, or None where PostgreSQL has no such statement.
    ``relation`` marks a row of ``pg_class``. ``container`` marks what others are looked up in: its privileges go last and
    come back first. ``why`` says why a kind cannot be transferred,
    ``since`` from which major version on it can be.
    """

    key: str
    catalog: str
    alter: str | None = None
    grant: str | None = None
    address: Address = "qualified"
    relation: bool = False
    container: bool = False
    privileges: tuple[str, ...] = ()
    why: str = ""
    since: int = 0

    def refusal(self, server_major: int) -> str:
        """Why it cannot be transferred on that server; empty where it can."""
        if self.why or server_major >= self.since:
            return self.why
        return f"it can change hands since PostgreSQL {self.since} only"


@dataclass(frozen=True)
class Part:
    """A kind without an owner of its own: it is a part of ``of``, listed in the definition of that object."""

    key: str
    of: str


@dataclass(frozen=True)
class Privilege:
    """One privilege. ``since``: the major version that brought it. ``of_columns``: it can be granted on columns. ``writes``: it
    changes rows, or what runs when they change. ``of_tables``: tables, views and the like have it.
    """

    key: str
    since: int = 0
    of_columns: bool = False
    writes: bool = False
    of_tables: bool = False


PRIVILEGES: Final = (
    Privilege("INSERT", of_columns=True, writes=True, of_tables=True),
    Privilege("SELECT", of_columns=True, of_tables=True),
    Privilege("UPDATE", of_columns=True, writes=True, of_tables=True),
    Privilege("DELETE", writes=True, of_tables=True),
    Privilege("TRUNCATE", writes=True, of_tables=True),
    Privilege("REFERENCES", of_columns=True, of_tables=True),
    Privilege("TRIGGER", writes=True, of_tables=True),
    Privilege("EXECUTE"),
    Privilege("USAGE"),
    Privilege("CREATE"),
    Privilege("TEMPORARY"),
    Privilege("CONNECT"),
    Privilege("SET", since=15),
    Privilege("ALTER SYSTEM", since=15),
    Privilege("MAINTAIN", since=17, of_tables=True),
)
"""In the order in which ``aclexplode`` lists them within one entry (utils/acl.h)."""

_TABLE = tuple(privilege.key for privilege in PRIVILEGES if privilege.of_tables)

KINDS: Final = (
    Kind("database", "pg_database", "DATABASE", "DATABASE", "name", container=True,
         privileges=("CREATE", "TEMPORARY", "CONNECT")),
    Kind("tablespace", "pg_tablespace", "TABLESPACE", "TABLESPACE", "name", privileges=("CREATE",)),
    Kind("schema", "pg_namespace", "SCHEMA", "SCHEMA", "name", container=True, privileges=("USAGE", "CREATE")),
    Kind("table", "pg_class", "TABLE", "TABLE", relation=True, privileges=_TABLE),
    Kind("view", "pg_class", "VIEW", "TABLE", relation=True, privileges=_TABLE),
    Kind("materialized view", "pg_class", "MATERIALIZED VIEW", "TABLE", relation=True, privileges=_TABLE),
    Kind("foreign table", "pg_class", "FOREIGN TABLE", "TABLE", relation=True, privileges=_TABLE),
    Kind("sequence", "pg_class", "SEQUENCE", "SEQUENCE", relation=True, privileges=("SELECT", "UPDATE", "USAGE")),
    Kind("function", "pg_proc", "FUNCTION", "FUNCTION", "routine", privileges=("EXECUTE",)),
    Kind("procedure", "pg_proc", "PROCEDURE", "PROCEDURE", "in routine", privileges=("EXECUTE",)),
    Kind("aggregate", "pg_proc", "ROUTINE", "ROUTINE", "in routine", privileges=("EXECUTE",)),
    Kind("type", "pg_type", "TYPE", "TYPE", privileges=("USAGE",)),
    Kind("default acl", "pg_default_acl", address="default"),
    Kind("collation", "pg_collation", "COLLATION"),
    Kind("conversion", "pg_conversion", "CONVERSION"),
    Kind("operator", "pg_operator", "OPERATOR", address="operator"),
    Kind("operator class", "pg_opclass", "OPERATOR CLASS", address="method"),
    Kind("operator family", "pg_opfamily", "OPERATOR FAMILY", address="method"),
    Kind("text search configuration", "pg_ts_config", "TEXT SEARCH CONFIGURATION"),
    Kind("text search dictionary", "pg_ts_dict", "TEXT SEARCH DICTIONARY"),
    Kind("statistics object", "pg_statistic_ext", "STATISTICS"),
    Kind("language", "pg_language", "LANGUAGE", "LANGUAGE", "name", privileges=("USAGE",)),
    Kind("large object", "pg_largeobject_metadata", "LARGE OBJECT", "LARGE OBJECT", "number",
         privileges=("SELECT", "UPDATE")),
    Kind("server", "pg_foreign_server", "SERVER", "FOREIGN SERVER", "name", privileges=("USAGE",)),
    Kind("publication", "pg_publication", "PUBLICATION", address="name"),
    Kind("subscription", "pg_subscription", "SUBSCRIPTION", address="name", since=16),
    Kind("foreign-data wrapper", "pg_foreign_data_wrapper", "FOREIGN DATA WRAPPER", "FOREIGN DATA WRAPPER", "name",
         privileges=("USAGE",), why="PostgreSQL lets only a superuser own one: give it to the administrator"),
    Kind("event trigger", "pg_event_trigger", "EVENT TRIGGER", address="name",
         why="PostgreSQL lets only a superuser own one: give it to the administrator, or drop it"),
    Kind("user mapping", "pg_user_mappings", address="name",
         why="it belongs to its role for good: retain it, or DROP USER MAPPING"),
    Kind("extension", "pg_extension", address="name",
         why="an extension has no ALTER … OWNER statement: retain it where nothing protected needs it, else let the administrator"
             " create it anew in one transaction: keep what pg_get_indexdef() says of the indexes that use it; columns of its types as"
             " text meanwhile (ALTER TABLE … ALTER COLUMN … TYPE text); DROP EXTENSION … CASCADE; CREATE EXTENSION; the types back; the"
             " indexes again"),
)  # fmt: skip

PARTS: Final = (
    Part("index", "table"), Part("toast table", "table"), Part("table constraint", "table"), Part("default value", "table"),
    Part("table column", "table"), Part("trigger", "table"), Part("rule", "table"), Part("policy", "table"),
    Part("domain constraint", "type"), Part("cast", "type"), Part("transform", "type"),
    Part("operator of access method", "operator family"), Part("function of access method", "operator family"),
    Part("publication relation", "publication"), Part("publication namespace", "publication"),
    Part("statistics object data", "statistics object"),
)  # fmt: skip
"""Catalog objects that have no owner: they change with the object they are a part of."""

GROWS: Final = frozenset({
    "tablespace", "schema", "table", "view", "materialized view", "sequence", "function", "procedure", "aggregate", "type",
    "default acl", "collation", "conversion", "operator", "operator class", "operator family", "text search configuration",
    "text search dictionary", "statistics object", "language", "large object", "publication",
})  # fmt: skip
"""Kinds of which a new object, or a new grant on one, reaches nothing but what the catalogs show: after the cutover it is told, and
closes a gate only by what it reaches. One of any other kind closes."""
OUTSIDE: Final = frozenset(
    kind.key for kind in KINDS for catalog in CATALOGS
    if catalog.table == kind.catalog and (catalog.space is None or catalog.outside)
)  # fmt: skip
"""Kinds whose objects may lie in no schema."""
BY_KEY: Final = {kind.key: kind for kind in KINDS}
BITS: Final = tuple(privilege.key for privilege in PRIVILEGES)
"""All privileges in the order in which ``aclexplode`` lists them within one entry (utils/acl.h)."""
NEVER_KEPT: Final = ("MAINTAIN", "REFERENCES", "TRIGGER", "TRUNCATE")
"""What no policy keeps for the application role or PUBLIC: it gets around what the others are kept for (contract, section 3)."""
COLUMN_PRIVILEGES: Final = tuple(privilege.key for privilege in PRIVILEGES if privilege.of_columns)
ROUTINES: Final = frozenset(kind.key for kind in KINDS if kind.address in ("routine", "in routine"))
RELATIONS: Final = frozenset(kind.key for kind in KINDS if kind.relation)
