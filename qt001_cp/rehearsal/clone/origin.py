"""The origin of a rehearsal on a clone: makes the clone, as often as it is asked to, and says what it is worth."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import psycopg
from psycopg import sql

from qt001_cp.catalog.inventory import read_inventory
from qt001_cp.errors import DatabaseProblem, UsageError
from qt001_cp.model.canonical import Json
from qt001_cp.model.manifest import ObjectManifest
from qt001_cp.model.policy import Policy
from qt001_cp.model.versions import require_later
from qt001_cp.plan.difference import difference
from qt001_cp.rehearsal.clone.acl_order import reorder
from qt001_cp.rehearsal.clone.compare import Estate, compare, estate_of
from qt001_cp.rehearsal.clone.extensions import own_extensions
from qt001_cp.rehearsal.clone.loading import Failed, Loading, create_database, load, refuse
from qt001_cp.rehearsal.clone.members import put_back
from qt001_cp.rehearsal.clone.multirange import own_multiranges
from qt001_cp.rehearsal.clone.ownership import adopt
from qt001_cp.rehearsal.clone.report import CloneReport
from qt001_cp.rehearsal.clone.roles import Row, make_memberships, make_roles
from qt001_cp.rehearsal.clone.script import fitted
from qt001_cp.rehearsal.clone.tablespaces import make_tablespaces
from qt001_cp.rehearsal.scene import OPERATOR, PERSONS, Scene, staff
from qt001_cp.servers import Server

_HELPER = "qt001_renames_the_superuser"
ADMIN = "qt001_clone_admin"
"""The clone's only superuser beside the operator's login: no role of the source has its name."""
_PINNED = "-c search_path=pg_catalog,pg_temp -c statement_timeout=3600s"
_HOLDS = """
SELECT (SELECT count(*) FROM pg_catalog.pg_shdepend d JOIN pg_catalog.pg_roles r ON r.oid = d.refobjid
        WHERE r.rolname = %s AND d.deptype = 'o'),
       (SELECT count(*) FROM pg_catalog.pg_auth_members m JOIN pg_catalog.pg_roles r ON r.oid = m.roleid WHERE r.rolname = %s)
"""


@dataclass
class Clone:
    """An estate that can be made again and again on a disposable server.

    ``schema``, ``rows``: plain dumps. ``roles``, ``memberships``: rows of the source, or as pg_dumpall printed them.
    ``wanted``: the estate of the original, to compare with. ``manifest``: the one that is to be rehearsed.
    ``members``: of extensions. ``moved_from``: the major version of the original, where the clone is made on a later one.
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
    wanted: Estate | None = None
    manifest: ObjectManifest | None = None
    what: str = "the dump"
    members: Sequence[Row] = ()
    moved_from: int | None = None
    _public_only: str = field(default="qt001_nogo_public", init=False)

    def on(self, major: int) -> Clone:
        """The same on a later major version: what the estate will be there, before the original's server moves.

        Raises :class:`UsageError` for an earlier one, and beside a manifest, which is for one major version.
        """
        require_later(major, self.major, self.what)
        if major == self.major:
            return self
        if self.manifest is not None:
            raise UsageError(
                f"--postgres {major}: expected no manifest, found one for PostgreSQL {self.major}",
                hint=f"leave --manifest out: this rehearsal writes the one of PostgreSQL {major}",
            )
        self.cloned.note(
            f"on PostgreSQL {major}, and the original is on {self.major}: what it will be there. Nothing is compared with the"
            " original, and the record is of the manifest that is written here"
        )
        return replace(self, major=major, moved_from=self.major)

    def prepare(self, server: Server) -> Server:
        """Make the roles, once a server; returns the server as the clone needs it: its superuser may have another name."""
        taken = {r["rolname"] for r in self.roles}
        admin = ADMIN
        while admin in taken:
            admin += "_"
        server = replace(renamed(server, admin), pinned=_PINNED)
        demoted = {r["rolname"] for r in self.roles if r["rolsuper"]}
        with server.connect("postgres") as connection:
            make_roles(connection, self.roles, self.cloned)
            make_memberships(connection, self.memberships, self.cloned, demoted)
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
            failed = load(server, self.database, text, lambda loading: self._fill(loading, server, available))
            unknown = {f.role for f in failed if f.role}
            if not unknown:
                break
            self._invent(server, unknown)
            with server.connect("postgres") as connection:
                connection.execute(sql.SQL("DROP DATABASE {}").format(sql.Identifier(self.database)))
        self._told(failed, missing)
        self._require_application(server)
        scene = Scene(server, self.database, self.policy.application.name, self._public_only, self.policy.pair)
        self._compare(scene)
        self._staffable(server)
        return staff(scene)

    def findings(self, manifest: ObjectManifest) -> Iterable[tuple[str, bool, str]]:
        if self.wanted is not None and self.moved_from is None:
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
        known = missing or any(f.off for f in failed)
        if failed and not known:
            refuse(failed[0], self.what)
        for f in failed:
            self.cloned.lack(f.entry, f"[{f.sqlstate}] {f.message}", f.meaning)

    def _fill(self, loading: Loading, server: Server, available: frozenset[str]) -> None:
        """The rows, before there is a trigger, a foreign key or an index; by the loader, as whom a check is evaluated."""
        if self.rows:
            rows, _ = fitted(self.rows, server.version // 10000, available, self.cloned)
            for f in loading.run_all(rows):
                self.cloned.lack(f.entry, f"[{f.sqlstate}] {f.message}", "its rows are not in the clone")
        if not self.cloned.data:
            self._block(loading.theirs)

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

    def _block(self, connection: psycopg.Connection) -> None:
        """A clone without rows has no row that says 'blocked': make one, and say that it was made."""
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
                if own_extensions(connection, self.wanted):
                    self.cloned.note("owners of extensions, which a dump does not keep, are the original's")
                if self._members(connection):
                    self.cloned.note(
                        "owners and initial privileges of members of extensions, which a dump does not keep, are the original's"
                    )
                found = read_inventory(connection, self.policy.application)
                if adopt(connection, self.wanted, found):
                    self._members(connection)  # initial privileges name the owner
                    found = read_inventory(connection, self.policy.application)
                    self.cloned.note("what is PostgreSQL's own belongs to the role that it belongs to in the original")
                if own_multiranges(connection, self.wanted, found):
                    found = read_inventory(connection, self.policy.application)
                    self.cloned.note(
                        "owner and ACL of multiranges, which a dump does not keep before 17, are the original's"
                    )
                if reorder(connection, self.wanted, found):
                    found = read_inventory(connection, self.policy.application)
                    self.cloned.note("the order of ACL entries, which a dump does not keep, is the original's")
            if self.moved_from is None:
                compare(self.wanted, estate_of(found), self.cloned)

    def _members(self, connection: psycopg.Connection) -> int:
        superusers = {r["rolname"] for r in self.roles if r["rolsuper"]}
        return put_back(connection, self.members, superusers, self.cloned)

    def _staffable(self, server: Server) -> None:
        """The parts of the rehearsal that the source has a login for are played by that. Raises :class:`DatabaseProblem`."""
        with server.connect(self.database) as connection:
            for login in PERSONS:
                if not connection.execute("SELECT 1 FROM pg_catalog.pg_roles WHERE rolname = %s", [login]).fetchone():
                    continue
                row = connection.execute(_HOLDS, [login, login]).fetchone()
                if login == OPERATOR and row != (0, 0):
                    raise DatabaseProblem(
                        f"role {login} plays the operator of a rehearsal, a superuser, and in this source it owns objects or has"
                        " members: its code would be a superuser's",
                        hint=f'rename it at the source: ALTER ROLE "{login}" RENAME TO …',
                    )
                words = sql.SQL("LOGIN SUPERUSER" if login == OPERATOR else "LOGIN")
                connection.execute(sql.SQL("ALTER ROLE {} {}").format(sql.Identifier(login), words))


def renamed(server: Server, name: str) -> Server:
    """The server with its first superuser called ``name``."""
    renamed = replace(server, superuser=name)
    with suppress(psycopg.OperationalError), renamed.connect("postgres"):
        return renamed  # an earlier clone on this server
    with server.connect("postgres") as connection:
        connection.execute(sql.SQL("CREATE ROLE {} SUPERUSER LOGIN").format(sql.Identifier(_HELPER)))
    with server.connect("postgres", _HELPER) as connection:
        rename = sql.SQL("ALTER ROLE {} RENAME TO {}").format(sql.Identifier(server.superuser), sql.Identifier(name))
        connection.execute(rename)
    with renamed.connect("postgres") as connection:
        connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(_HELPER)))
    return renamed
