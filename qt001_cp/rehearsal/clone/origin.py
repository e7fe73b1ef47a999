"""The origin of a rehearsal on a clone: makes the clone, as often as it is asked to, and says what it is worth."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import psycopg
from psycopg import sql

from qt001_cp.catalog.inventory import read_inventory
from qt001_cp.errors import DatabaseProblem
from qt001_cp.model.canonical import Json
from qt001_cp.model.manifest import ObjectManifest
from qt001_cp.model.policy import Policy
from qt001_cp.plan.difference import difference
from qt001_cp.rehearsal.clone.acl_order import reorder
from qt001_cp.rehearsal.clone.compare import Estate, compare, estate_of
from qt001_cp.rehearsal.clone.loading import Failed, create_database, load, refuse
from qt001_cp.rehearsal.clone.multirange import own_multiranges
from qt001_cp.rehearsal.clone.report import CloneReport
from qt001_cp.rehearsal.clone.roles import Row, make_memberships, make_roles
from qt001_cp.rehearsal.clone.script import fitted
from qt001_cp.rehearsal.clone.tablespaces import make_tablespaces
from qt001_cp.rehearsal.scene import OPERATOR, PERSONS, Scene, staff
from qt001_cp.servers import Server

_HELPER = "qt001_renames_the_superuser"


@dataclass
class Clone:
    """An estate that can be made again and again on a disposable server.

    ``schema``, ``rows``: plain dumps. ``roles``, ``memberships``: rows of the source, or ``role_script`` of pg_dumpall.
    ``wanted``: the estate of the original, to compare with. ``manifest``: the one that is to be rehearsed.
    """

    database: str
    major: int
    policy: Policy
    policy_path: Path
    schema: str
    cloned: CloneReport
    rows: str = ""
    properties: Row | None = None
    roles: Sequence[Row] = ()
    memberships: Sequence[Row] = ()
    role_script: str = ""
    wanted: Estate | None = None
    manifest: ObjectManifest | None = None
    what: str = "the dump"
    _public_only: str = field(default="qt001_nogo_public", init=False)

    def prepare(self, server: Server) -> Server:
        """Make the roles, once a server; returns the server as the clone needs it: its superuser may have another name."""
        first = next((r["rolname"] for r in self.roles if r["bootstrap"]), server.superuser)
        server = _renamed(server, first) if first != server.superuser else server
        with server.connect("postgres") as connection:
            if self.role_script:
                self._run_roles(server)
            make_roles(connection, self.roles, self.cloned)
            make_memberships(connection, self.memberships, self.cloned)
            make_tablespaces(connection, self.properties["tablespaces"] if self.properties else (), self.cloned)
            taken = {r[0] for r in connection.execute("SELECT rolname FROM pg_catalog.pg_roles")}
        while self._public_only in taken:
            self._public_only += "_"
        for login in sorted(taken & set(PERSONS)):
            self.cloned.note(f"role {login} is the source's and plays a part in the rehearsal as well")
        return server

    def new_scene(self, server: Server) -> Scene:
        """A fresh clone with the bootstrap run, on a server that is prepared. Raises :class:`DatabaseProblem` where it does not load."""
        available = self._available(server)
        for _ in range(6):
            create_database(server, self.database, self.properties, self.cloned)
            text, missing = fitted(self.schema, server.version // 10000, available, self.cloned)
            failed = load(server, self.database, text)
            unknown = {f.role for f in failed if f.role}
            if not unknown:
                break
            self._invent(server, unknown)
            with server.connect("postgres") as connection:
                connection.execute(sql.SQL("DROP DATABASE {}").format(sql.Identifier(self.database)))
        self._told(failed, missing)
        if self.rows:
            rows, _ = fitted(self.rows, server.version // 10000, available, self.cloned)
            for f in load(server, self.database, rows):
                self.cloned.lack(f.entry, f"[{f.sqlstate}] {f.message}", "its rows are not in the clone")
        self._block(server)
        self._require_application(server)
        scene = Scene(server, self.database, self.policy.application.name, self._public_only)
        self._compare(scene)
        self._staffable(server)
        return staff(scene)

    def findings(self, manifest: ObjectManifest) -> Iterable[tuple[str, bool, str]]:
        if self.wanted is not None:
            differing = len([x for x in self.cloned.lacks.values() if "manifest of the original" in x.meaning])
            yield (
                "the clone is the estate of the original",
                differing == 0,
                f"{differing} object(s) differ" if differing else "",
            )
        if self.manifest is not None:
            same = manifest.body() == self.manifest.body()
            found = "" if same else "; ".join(difference(self.manifest, manifest)[:5]) or "other bytes"
            yield "the manifest of the clone is the one that was given", same, found

    def report(self) -> Json:
        return self.cloned.to_json()

    def _told(self, failed: Sequence[Failed], missing: Sequence[str]) -> None:
        if failed and not missing:
            refuse(failed[0], self.what)
        for f in failed:
            self.cloned.lack(f.entry, f"[{f.sqlstate}] {f.message}", f.meaning)

    def _run_roles(self, server: Server) -> None:
        """Roles and memberships as pg_dumpall --roles-only prints them; what is there already is no fault."""
        for f in load(server, "postgres", self.role_script):
            if f.sqlstate != "42710":
                self.cloned.lack(
                    f.statement, f"[{f.sqlstate}] {f.message}", "what is reached through it was not rehearsed"
                )
        self.cloned.note("roles and memberships from --roles, without passwords")

    def _invent(self, server: Server, names: Iterable[str | None]) -> None:
        with server.connect("postgres") as connection:
            for name in sorted(n for n in names if n):
                connection.execute(sql.SQL("CREATE ROLE {}").format(sql.Identifier(name)))
                self.cloned.lack(
                    f"role {name}",
                    "the dump names it, and no roles were given",
                    "made with no attribute and no membership: what is reached through those was not rehearsed."
                    " Give --roles FILE, of pg_dumpall --roles-only --no-role-passwords",
                )

    def _available(self, server: Server) -> frozenset[str]:
        with server.connect("postgres") as connection:
            return frozenset(r[0] for r in connection.execute("SELECT name FROM pg_catalog.pg_available_extensions"))

    def _block(self, server: Server) -> None:
        """A clone without rows has no row that says 'blocked': make one, and say that it was made."""
        if self.cloned.data:
            return
        with server.connect(self.database) as connection:
            connection.execute("SET session_replication_role = replica")
            for b in self.policy.blocked:
                try:
                    row = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.SQL(b["table"]))).fetchone()
                    if row == (0,) or f"made in {b['table']}" in " ".join(self.cloned.notes):
                        insert = sql.SQL("INSERT INTO {} ({}, {}) VALUES ({}, {})").format(
                            sql.SQL(b["table"]),
                            sql.Identifier(b["key_column"]),
                            sql.Identifier(b["state_column"]),
                            sql.Literal(b["key"]),
                            sql.Literal(b["blocked"]),
                        )
                        connection.execute(insert)
                        self.cloned.note(
                            f"the row {b['key']} = {b['blocked']} was made in {b['table']}, not cloned:"
                            " that writes are blocked in the original was not tried"
                        )
                except psycopg.Error as exc:
                    self.cloned.lack(
                        f"row {b['key']} of {b['table']}",
                        exc.diag.message_primary or str(exc),
                        "FIX7b of the clone may be refused with QT106: clone with --data",
                    )

    def _require_application(self, server: Server) -> None:
        name = self.policy.application.name
        with server.connect("postgres") as connection:
            if connection.execute("SELECT 1 FROM pg_catalog.pg_roles WHERE rolname = %s", [name]).fetchone() is None:
                raise DatabaseProblem(
                    f"the clone has no role {name}, which the policy names as the application role",
                    hint="name the right role in the policy, or give --roles FILE",
                )
            connection.execute(sql.SQL("ALTER ROLE {} LOGIN").format(sql.Identifier(name)))

    def _compare(self, scene: Scene) -> None:
        if self.wanted is not None:
            with scene.connect() as connection:
                found = read_inventory(connection, self.policy.application)
                if own_multiranges(connection, self.wanted, found):
                    found = read_inventory(connection, self.policy.application)
                    self.cloned.note(
                        "owner and ACL of multiranges, which a dump does not keep before 17, are the original's"
                    )
                if reorder(connection, self.wanted, found):
                    found = read_inventory(connection, self.policy.application)
                    self.cloned.note("the order of ACL entries, which a dump does not keep, is the original's")
            compare(self.wanted, estate_of(found), self.cloned)

    def _staffable(self, server: Server) -> None:
        with server.connect("postgres") as connection:
            there = {r[0] for r in connection.execute("SELECT rolname FROM pg_catalog.pg_roles")}
            for login in there & set(PERSONS):
                words = sql.SQL("LOGIN SUPERUSER" if login == OPERATOR else "LOGIN")
                connection.execute(sql.SQL("ALTER ROLE {} {}").format(sql.Identifier(login), words))


def _renamed(server: Server, name: str) -> Server:
    """The server with its first superuser called ``name``, as at the source: it is the grantor of much."""
    with server.connect("postgres") as connection:
        connection.execute(sql.SQL("CREATE ROLE {} SUPERUSER LOGIN").format(sql.Identifier(_HELPER)))
    with server.connect("postgres", _HELPER) as connection:
        rename = sql.SQL("ALTER ROLE {} RENAME TO {}").format(sql.Identifier(server.superuser), sql.Identifier(name))
        connection.execute(rename)
    server = replace(server, superuser=name)
    with server.connect("postgres") as connection:
        connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(_HELPER)))
    return server
