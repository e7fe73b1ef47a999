"""A disposable database with the reference estate, the operator's bootstrap, and a login for each duty."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from qt001_cp.emit.quoting import identifier
from qt001_cp.estate import QT001, Reference
from qt001_cp.model.roles import DEFAULT, LEDGER_TABLES, SCHEMA, Pair
from qt001_cp.servers import Server, ServerError
from qt001_cp.workflow.revisions import project_folder

TEMPLATE = "qt001_estate_template"
PERSONS = {
    "qt001_dba": "dora.dba",
    "qt001_author": "tom.author",
    "qt001_verifier": "cron.verifier",
    "qt001_auditor": "hana.auditor",
    "qt001_scanner": "pg_cron.scanner",
}
DUTY = {
    "qt001_dba": "qt001_cp_operator",
    "qt001_author": "qt001_cp_author",
    "qt001_verifier": "qt001_cp_verifier",
    "qt001_auditor": "qt001_cp_auditor",
    "qt001_scanner": "qt001_cp_verifier",
}
OPERATOR, AUTHOR, VERIFIER, AUDITOR, SCANNER = PERSONS


_DOOR = """
SELECT r.rolcanlogin, r.rolconnlimit, d.datconnlimit, d.datacl::pg_catalog.text
FROM pg_catalog.pg_roles r, pg_catalog.pg_database d WHERE r.rolname = %s AND d.datname = %s
"""


@dataclass(frozen=True)
class Scene:
    """One database of a rehearsal. The operator's login is a superuser, as a DBA's is."""

    server: Server
    database: str
    application: str = "directus"
    public_only: str = "public_only"
    pair: Pair = DEFAULT

    @property
    def cast(self) -> dict[str, str]:
        """Who plays which role of a no-go case: its login; empty is the server's superuser."""
        return {
            "application": self.application,
            "public_only": self.public_only,
            "author": AUTHOR,
            "auditor": AUDITOR,
            "operator": OPERATOR,
            "verifier": VERIFIER,
            "superuser": "",
        }

    def connect(self, user: str | None = None) -> psycopg.Connection:
        """Connect as ``user``, in a session of its own. One that has no LOGIN, or no CONNECT on the database, is let in by the
        superuser's hand, for the moment of connecting: what it is refused then is refused by more than the door.
        """
        try:
            return self.server.connect(self.database, user)
        except psycopg.OperationalError:
            if not user or not self.server.trusts:
                raise
            with self.server.connect("postgres") as admin, _opened_door(admin, self.database, user):
                return self.server.connect(self.database, user)

    def dsn(self, user: str) -> str:
        return self.server.conninfo(self.database, user)

    def psql(self, text: str, *args: str, user: str = OPERATOR) -> str:
        """Run a script as ``user``; returns what psql said (notices included). Raises :class:`ServerError`."""
        done = self.server.psql(text, *args, dbname=self.database, user=user)
        return done.stdout + done.stderr

    def dump(self, *args: str) -> str:
        return self.server.dump(self.database, *args)

    def dump_without_ledger(self, *args: str) -> str:
        """The same without the rows of the ledger, which stay when a stage is taken back."""
        return self.dump(*args, *(f"--exclude-table-data={SCHEMA}.{table}" for table in LEDGER_TABLES))


@contextmanager
def _opened_door(admin: psycopg.Connection, database: str, user: str) -> Iterator[None]:
    """LOGIN and CONNECT for ``user``, and afterwards what was there before, to the letter."""
    row = admin.execute(_DOOR, [user, database]).fetchone()
    if row is None:
        raise ServerError(f"there is no role {user} in the rehearsal", hint="see which roles were cloned")
    logs_in, limit, connections, acl = row
    who, where = sql.Identifier(user), sql.Identifier(database)
    admin.execute(sql.SQL("ALTER ROLE {} LOGIN CONNECTION LIMIT -1").format(who))
    admin.execute(sql.SQL("ALTER DATABASE {} CONNECTION LIMIT -1").format(where))
    admin.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(where, who))
    try:
        yield
    finally:
        word = sql.SQL("LOGIN" if logs_in else "NOLOGIN")
        admin.execute(sql.SQL("ALTER ROLE {} {} CONNECTION LIMIT {}").format(who, word, sql.Literal(limit)))
        admin.execute(sql.SQL("ALTER DATABASE {} CONNECTION LIMIT {}").format(where, sql.Literal(connections)))
        admin.execute(sql.SQL("REVOKE CONNECT ON DATABASE {} FROM {}").format(where, who))
        # As it was: a REVOKE leaves an explicit ACL where there was none, and entries in another order.
        admin.execute(
            "UPDATE pg_catalog.pg_database SET datacl = %s::pg_catalog.aclitem[] WHERE datname = %s", [acl, database]
        )


def build_template(server: Server, reference: Reference = QT001) -> str:
    """The estate as its application leaves it, once a server; every scene is a copy. Logins belong to the cluster.

    Returns the name of the template.
    """
    template = TEMPLATE if reference is QT001 else f"{TEMPLATE}_{reference.name}"
    with server.connect("postgres") as connection:
        _create_login(connection, reference.application)
        if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [template]).fetchone():
            return template
        create = sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE template0 ENCODING 'UTF8'")
        connection.execute(create.format(sql.Identifier(template), sql.Identifier(reference.application)))
    for file in reference.files():
        server.psql(file.read_text("utf-8"), dbname=template)
    return template


def new_scene(
    server: Server, database: str, *, rehearsal: bool = True, reference: Reference = QT001, pair: Pair = DEFAULT
) -> Scene:
    """A fresh copy of the estate with the bootstrap run, marked as a rehearsal unless told otherwise."""
    template = build_template(server, reference)
    with server.connect("postgres") as connection:
        if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database]).fetchone():
            raise ServerError(
                f"database {database} exists on that server; a rehearsal that was cut off may have left it",
                hint=f"look at it, then: DROP DATABASE {identifier(database)};",
            )
        create = sql.SQL(
            "CREATE DATABASE {} OWNER {} TEMPLATE {} STRATEGY file_copy"
            if server.version >= 150000
            else "CREATE DATABASE {} OWNER {} TEMPLATE {}"
        )
        connection.execute(
            create.format(sql.Identifier(database), sql.Identifier(reference.application), sql.Identifier(template))
        )
    return staff(Scene(server, database, application=reference.application, pair=pair), rehearsal=rehearsal)


def staff(scene: Scene, *, rehearsal: bool = True) -> Scene:
    """Run the bootstrap in the scene's database, and give each duty a login of its own."""
    bootstrap(scene.server, scene.database, rehearsal=rehearsal, pair=scene.pair)
    hire(scene)
    return scene


def hire(scene: Scene) -> None:
    """A login of its own for each duty, and one without any, where they are not there yet."""
    with scene.connect() as connection:
        for login, person in PERSONS.items():
            _create_login(connection, login, superuser=login == OPERATOR)
            grant = sql.SQL("GRANT {} TO {}").format(sql.Identifier(DUTY[login]), sql.Identifier(login))
            connection.execute(grant)
            # Where the application may go on creating, no session of a duty looks for names.
            path = sql.SQL("ALTER ROLE {} IN DATABASE {} SET search_path = ''")
            connection.execute(path.format(sql.Identifier(login), sql.Identifier(scene.database)))
            duty = DUTY[login].removeprefix("qt001_cp_")
            connection.execute(
                "INSERT INTO qt001_cp.person (login, person, duty) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
                [login, person, duty],
            )
        _create_login(connection, scene.public_only)


def bootstrap(server: Server, database: str, *, rehearsal: bool, pair: Pair = DEFAULT) -> str:
    """What psql said."""
    text = (_scripts() / "bootstrap.sql").read_text("utf-8")
    return _run(server, database, text, f"rehearsal={'yes' if rehearsal else 'no'}", pair)


def teardown(server: Server, database: str, *, roles: bool = False, pair: Pair = DEFAULT) -> str:
    """What psql said."""
    text = (_scripts() / "teardown.sql").read_text("utf-8")
    return _run(server, database, text, f"roles={'yes' if roles else 'no'}", pair)


def _run(server: Server, database: str, text: str, setting: str, pair: Pair) -> str:
    done = server.psql(text, "-v", setting, *pair.psql.split(), dbname=database)
    return done.stdout + done.stderr


def drop_scene(scene: Scene) -> None:
    with scene.server.connect("postgres") as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(scene.database)))


def _scripts() -> Path:
    return project_folder() / "scripts"


def _create_login(connection: psycopg.Connection, name: str, *, superuser: bool = False) -> None:
    if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [name]).fetchone() is None:
        kind = sql.SQL("SUPERUSER" if superuser else "NOSUPERUSER")
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN {}").format(sql.Identifier(name), kind))
