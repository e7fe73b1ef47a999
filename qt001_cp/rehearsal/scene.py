"""A disposable database with the reference estate, the operator's bootstrap, and a login for each duty."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from qt001_cp import estate
from qt001_cp.emit.quoting import identifier
from qt001_cp.servers import Server, ServerError
from qt001_cp.workflow.revisions import project_folder

TEMPLATE = "qt001_estate_template"
PERSONS = {
    "qt001_dba": "Dora, database administrator",
    "qt001_author": "Tom, author (T1)",
    "qt001_verifier": "cron, verifier",
    "qt001_auditor": "Hana, auditor (Hat 2)",
    "qt001_scanner": "pg_cron, scanner",
}
DUTY = {
    "qt001_dba": "qt001_cp_operator",
    "qt001_author": "qt001_cp_author",
    "qt001_verifier": "qt001_cp_verifier",
    "qt001_auditor": "qt001_cp_auditor",
    "qt001_scanner": "qt001_cp_verifier",
}
OPERATOR, AUTHOR, VERIFIER, AUDITOR, SCANNER = PERSONS


@dataclass(frozen=True)
class Scene:
    """One database of a rehearsal. The operator's login is a superuser, as a DBA's is."""

    server: Server
    database: str
    application: str = "directus"
    public_only: str = "public_only"

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
        """Connect as ``user``. A login that has no CONNECT on the database gets in all the same, by the superuser's hand:
        what it is refused then is refused by more than the door.
        """
        try:
            return self.server.connect(self.database, user)
        except psycopg.OperationalError:
            if not user:
                raise
            connection = self.server.connect(self.database)
            connection.execute(sql.SQL("SET SESSION AUTHORIZATION {}").format(sql.Identifier(user)))
            return connection

    def dsn(self, user: str) -> str:
        return self.server.conninfo(self.database, user)

    def psql(self, text: str, *args: str, user: str = OPERATOR) -> str:
        """Run a script as ``user``; returns what psql said (notices included). Raises :class:`ServerError`."""
        done = self.server.psql(text, *args, dbname=self.database, user=user)
        return done.stdout + done.stderr

    def dump(self, *args: str) -> str:
        return self.server.dump(self.database, *args)


def build_template(server: Server) -> None:
    """The estate as Directus leaves it, once a server; every scene is a copy. Logins belong to the cluster."""
    application = "directus"
    with server.connect("postgres") as connection:
        _create_login(connection, application)
        if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [TEMPLATE]).fetchone():
            return
        create = sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE template0 ENCODING 'UTF8'")
        connection.execute(create.format(sql.Identifier(TEMPLATE), sql.Identifier(application)))
    for file in estate.files():
        server.psql(file.read_text("utf-8"), dbname=TEMPLATE)


def new_scene(server: Server, database: str, *, rehearsal: bool = True) -> Scene:
    """A fresh copy of the estate with the bootstrap run, marked as a rehearsal unless told otherwise."""
    build_template(server)
    with server.connect("postgres") as connection:
        if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database]).fetchone():
            raise ServerError(
                f"database {database} exists on that server; a rehearsal that was cut off may have left it",
                hint=f"look at it, then: DROP DATABASE {identifier(database)};",
            )
        create = sql.SQL(
            "CREATE DATABASE {} OWNER directus TEMPLATE {} STRATEGY file_copy"
            if server.version >= 150000
            else "CREATE DATABASE {} OWNER directus TEMPLATE {}"
        )
        connection.execute(create.format(sql.Identifier(database), sql.Identifier(TEMPLATE)))
    return staff(Scene(server, database), rehearsal=rehearsal)


def staff(scene: Scene, *, rehearsal: bool = True) -> Scene:
    """Run the bootstrap in the scene's database, and give each duty a login of its own."""
    bootstrap(scene.server, scene.database, rehearsal=rehearsal)
    with scene.connect() as connection:
        for login, person in PERSONS.items():
            _create_login(connection, login, superuser=login == OPERATOR)
            grant = sql.SQL("GRANT {} TO {}").format(sql.Identifier(DUTY[login]), sql.Identifier(login))
            connection.execute(grant)
            connection.execute("INSERT INTO qt001_cp.person (login, person) VALUES (%s, %s)", [login, person])
        _create_login(connection, scene.public_only)
    return scene


def bootstrap(server: Server, database: str, *, rehearsal: bool) -> None:
    text = (_scripts() / "bootstrap.sql").read_text("utf-8")
    server.psql(text, "-v", f"rehearsal={'yes' if rehearsal else 'no'}", dbname=database)


def teardown(server: Server, database: str, *, roles: bool = False) -> None:
    text = (_scripts() / "teardown.sql").read_text("utf-8")
    server.psql(text, "-v", f"roles={'yes' if roles else 'no'}", dbname=database)


def drop_scene(scene: Scene) -> None:
    with scene.server.connect("postgres") as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(scene.database)))


def _scripts() -> Path:
    return project_folder() / "scripts"


def _create_login(connection: psycopg.Connection, name: str, *, superuser: bool = False) -> None:
    if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [name]).fetchone() is None:
        kind = sql.SQL("SUPERUSER" if superuser else "NOSUPERUSER")
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN {}").format(sql.Identifier(name), kind))
