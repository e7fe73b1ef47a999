"""A database of its own with one object of each kind, in which a test grants, plans, and runs for real."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import psycopg
from psycopg import sql

from qt001_cp.catalog.inventory import read_inventory
from qt001_cp.emit.statements import statement
from qt001_cp.model.inventory import InventoryObject
from qt001_cp.model.names import Role
from qt001_cp.model.steps import StepPlan
from qt001_cp.servers import Server

DATABASE = "acl world"
APP, NEW, OTHER = Role("sim app"), Role("sim new"), Role("sim other")
FRIENDS = (Role("sim_a"), Role('sim "b"'), Role("sim ü"))
ROLES = (APP, NEW, OTHER, *FRIENDS)
RAW_ACL = """
SELECT CASE %(catalog)s WHEN 'pg_class' THEN (SELECT relacl::text FROM pg_class WHERE oid = %(oid)s)
       WHEN 'pg_proc' THEN (SELECT proacl::text FROM pg_proc WHERE oid = %(oid)s)
       WHEN 'pg_type' THEN (SELECT typacl::text FROM pg_type WHERE oid = %(oid)s)
       WHEN 'pg_namespace' THEN (SELECT nspacl::text FROM pg_namespace WHERE oid = %(oid)s) END,
       ARRAY(SELECT format('%%s %%s', attname, attacl) FROM pg_attribute
             WHERE %(catalog)s = 'pg_class' AND attrelid = %(oid)s AND cardinality(attacl) > 0 ORDER BY attnum)
"""


@dataclass(frozen=True)
class Thing:
    """One object: how it is made, how a statement names it, and where PostgreSQL keeps its ACL."""

    kind: str
    create: str
    noun: str
    address: str
    identity: str
    catalog: str
    lookup: str
    columns: tuple[str, ...] = ()


THINGS = (
    Thing("table", 'CREATE TABLE w."T t" (a int, "b ü" text)', "TABLE", 'w."T t"', 'w."T t"', "pg_class",
          "'w.\"T t\"'::regclass", ("a", "b ü")),
    Thing("view", "CREATE VIEW w.v AS SELECT 1 AS a, 2 AS b", "TABLE", "w.v", "w.v", "pg_class", "'w.v'::regclass", ("a", "b")),
    Thing("materialized view", "CREATE MATERIALIZED VIEW w.m AS SELECT 1 AS a", "TABLE", "w.m", "w.m", "pg_class",
          "'w.m'::regclass", ("a",)),
    Thing("sequence", "CREATE SEQUENCE w.s", "SEQUENCE", "w.s", "w.s", "pg_class", "'w.s'::regclass"),
    Thing("function", "CREATE FUNCTION w.f(int[], text) RETURNS int LANGUAGE sql AS 'SELECT 1'", "FUNCTION", "w.f(int[], text)",
          "w.f(integer[],text)", "pg_proc", "'w.f(int[], text)'::regprocedure"),
    Thing("procedure", "CREATE PROCEDURE w.p() LANGUAGE sql AS 'SELECT 1'", "PROCEDURE", "w.p()", "w.p()", "pg_proc",
          "'w.p()'::regprocedure"),
    Thing("type", "CREATE TYPE w.e AS ENUM ('x')", "TYPE", "w.e", "w.e", "pg_type", "'w.e'::regtype"),
    Thing("schema", 'CREATE SCHEMA "S s"', "SCHEMA", '"S s"', '"S s"', "pg_namespace", "'\"S s\"'::regnamespace"),
)  # fmt: skip  # one thing a line


@dataclass
class World:
    """A superuser's connection to the database, inside a transaction that is rolled back."""

    connection: psycopg.Connection
    warnings: list[str] = field(default_factory=list)

    def make(self, thing: Thing, owner: Role) -> int:
        """The object, owned by ``owner``; returns its oid."""
        self.connection.execute("CREATE SCHEMA w")
        self.connection.execute("GRANT USAGE, CREATE ON SCHEMA w TO PUBLIC")
        self.connection.execute(sql.SQL("GRANT CREATE ON DATABASE {} TO PUBLIC").format(sql.Identifier(DATABASE)))
        self.connection.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(owner.name)))
        self.connection.execute(thing.create.encode())
        self.connection.execute("RESET ROLE")
        row = self.connection.execute(f"SELECT ({thing.lookup})::oid::int".encode()).fetchone()
        assert row is not None
        return int(row[0])

    def attempt(self, text: str, role: Role) -> bool:
        """Run a statement as ``role``; one that PostgreSQL refuses leaves nothing behind."""
        try:
            with self.connection.transaction():
                self.connection.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(role.name)))
                self.connection.execute(text.encode())
        except psycopg.Error:
            return False
        self.connection.execute("RESET ROLE")
        return True

    def see(self, oid: int, thing: Thing, viewer: Role) -> InventoryObject | None:
        """The object as the inventory of ``viewer`` has it, or None where it is out of that role's reach."""
        identity = self.connection.execute(
            "SELECT identity FROM pg_identify_object(%s::regclass, %s, 0)", [f"pg_catalog.{thing.catalog}", oid]
        ).fetchone()
        assert identity is not None
        return next(
            (o for o in read_inventory(self.connection, viewer).objects if o.ref.key == (thing.kind, identity[0])), None
        )

    def raw(self, oid: int, thing: Thing) -> tuple[str | None, list[str]]:
        """The ACL and the column ACLs as PostgreSQL stores them, order and all."""
        row = self.connection.execute(RAW_ACL, {"catalog": thing.catalog, "oid": oid}).fetchone()
        assert row is not None
        return row[0], row[1]

    def walk(self, seen: InventoryObject, way: StepPlan) -> None:
        """Run the statements of one way, as they are printed. A warning of PostgreSQL is a failure."""
        steps = [*way.pre, *([way.owner] if way.owner else []), *way.post]
        self.warnings.clear()
        for step in steps:
            text = statement(seen.ref, step, seen.detail)
            self.connection.execute(text.encode())
            assert not self.warnings, f"{text}: {self.warnings}"


@contextmanager
def world_database(server: Server) -> Iterator[World]:
    """The database and its roles for a file of tests."""
    with server.connect("postgres") as admin:
        for role in ROLES:
            admin.execute(sql.SQL("CREATE ROLE {}").format(sql.Identifier(role.name)))
        admin.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(DATABASE)))
        try:
            with server.connect(DATABASE) as connection:
                world = World(connection)
                connection.add_notice_handler(
                    lambda d: world.warnings.append(f"{d.severity} {d.sqlstate} {d.message_primary}")
                )
                yield world
        finally:
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(DATABASE)))
            for role in ROLES:
                admin.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(role.name)))
