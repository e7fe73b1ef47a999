"""Loads a dump into a new database: every statement by a login that is no superuser; what it may not do is ours, or is not done.

A dump holds the source's own expressions: checks, domains, generated columns, indexes. Some of them are evaluated while it is
loaded, and a dump from a file may hold any statement at all. So two sessions take part. The loader's runs everything: it owns
what it makes, and inherits from every role of the clone. Ours, a superuser's, runs what is on a list of forms that evaluate
nothing (owners, grants, what only superusers may make), never for a role that is a superuser. What neither runs is told.

Source: PostgreSQL documentation, "CREATE …" pages (who may), "SET ROLE", pg_dump; foreigncmds.c (validators are called).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import psycopg
from psycopg import sql

from qt001_cp.errors import DatabaseProblem
from qt001_cp.rehearsal.clone.pieces import Piece, pieces
from qt001_cp.rehearsal.clone.report import CloneReport
from qt001_cp.rehearsal.clone.roles import Row, harmless_setting
from qt001_cp.servers import Server

LOADER: Final = "qt001_clone_loader"
LEFT_OVER: Final = "qt001_clone_owner"
_SECONDS: Final = 600
_ROLE = re.compile(r'role "(.+)" does not exist')
_PSQL = "psql"
_OFF = "off"
_MEANINGS = {
    _PSQL: "the text holds a command for psql, and those are not run",
    _OFF: "on a clone it is off: nothing that reaches beyond the database is made there",
    "42704": "it rests on something that the clone does not have",
    "42883": "it calls a function or operator that the clone does not have",
    "42P01": "it rests on a table or view that is not in the clone",
    "3F000": "its schema is not in the clone",
    "0A000": "the clone's server cannot do that; its version or its build differs",
    "58P01": "it needs a library that the clone's server does not have",
    "42601": "the text is cut off, or was made for another version of PostgreSQL",
    "42710": "the same thing stands in the dump twice",
    "42P07": "the same thing stands in the dump twice",
    "23503": "the rows contradict a foreign key: the dump is not of one moment",
    "42501": "only a superuser may do that, and on a clone none does it for the source",
}
_AFTER_ROWS: Final = frozenset({
    "CONSTRAINT", "CHECK CONSTRAINT", "FK CONSTRAINT", "INDEX", "INDEX ATTACH", "STATISTICS", "TRIGGER", "EVENT TRIGGER", "RULE",
    "POLICY", "ROW SECURITY", "PUBLICATION", "PUBLICATION TABLE", "PUBLICATION TABLES IN SCHEMA", "SUBSCRIPTION", "ACL", "DEFAULT ACL",
})  # fmt: skip  # what pg_dump puts after the rows
_NAME = r"[^ ]+"
_OWNED: Final = re.compile(
    rf"^ALTER (?:(?:TABLE|SEQUENCE|VIEW|MATERIALIZED VIEW|FOREIGN TABLE|SCHEMA|DATABASE|TYPE|DOMAIN|COLLATION|CONVERSION|STATISTICS"
    rf"|TEXT SEARCH (?:CONFIGURATION|DICTIONARY)|LARGE OBJECT|FOREIGN DATA WRAPPER|SERVER|PUBLICATION|(?:PROCEDURAL )?LANGUAGE)"
    rf" {_NAME}(?: \. {_NAME})?|(?:FUNCTION|PROCEDURE|AGGREGATE|OPERATOR|OPERATOR CLASS|OPERATOR FAMILY) [^;]*) OWNER TO {_NAME} ;$"
)
_OF_SUPERUSERS: Final = re.compile(r"^ALTER (?:FOREIGN DATA WRAPPER|PUBLICATION) ")
_GRANTED: Final = re.compile(
    rf"^(?:GRANT|REVOKE) [^;]* ON (?:(?:TABLE|SEQUENCE|SCHEMA|DATABASE|TYPE|DOMAIN|LANGUAGE|LARGE OBJECT|FOREIGN DATA WRAPPER"
    rf"|FOREIGN SERVER) [^;]*|(?:FUNCTION|PROCEDURE|ROUTINE) (?!PG_CATALOG |\"pg_catalog\" ){_NAME} \. {_NAME} \( [^();]*\) (?:TO|FROM) [^();]*) ;$"
)
_MADE_BY_US: Final = re.compile(
    r"^(?:CREATE EXTENSION|COMMENT ON EXTENSION|CREATE OPERATOR (?:CLASS|FAMILY)|ALTER OPERATOR FAMILY|CREATE CAST"
    r"|CREATE TEXT SEARCH (?:PARSER|TEMPLATE)|CREATE SERVER|CREATE PUBLICATION|ALTER PUBLICATION"
    r"|CREATE USER MAPPING|CREATE FOREIGN DATA WRAPPER(?!.* (?<!NO )VALIDATOR (?!PG_CATALOG \. POSTGRESQL_FDW_VALIDATOR )))\b"
)
_SETTING: Final = re.compile(
    rf"^ALTER (?:DATABASE {_NAME}|ROLE {_NAME} IN DATABASE {_NAME}) SET (?P<name>{_NAME}(?: \. {_NAME})*) (?:TO|=) "
)
_NOT_MADE: Final = re.compile(
    r"^(?:CREATE|ALTER|COMMENT ON) (?:SUBSCRIPTION|EVENT TRIGGER)\b|^CREATE (?:FUNCTION|PROCEDURE) .* LANGUAGE (?:C|INTERNAL|\"c\"|\"internal\") "
    r"|^CREATE (?:OR REPLACE )?(?:TRUSTED |PROCEDURAL )*LANGUAGE |^CREATE ACCESS METHOD |^CREATE USER MAPPING .*(?i:password_required)"
)
_BASE_TYPE: Final = re.compile(rf"^CREATE TYPE {_NAME}(?: \. {_NAME})? (?:;|\( INPUT )")
_TIMEOUTS: Final = re.compile(r"^SET (?:STATEMENT|LOCK|TRANSACTION|IDLE_IN_TRANSACTION_SESSION|IDLE_SESSION)_TIMEOUT ")
_BECOME: Final = re.compile(r"^SET SESSION AUTHORIZATION (.*?);$", re.IGNORECASE | re.DOTALL)
_TRANSACTION: Final = ("BEGIN ;", "COMMIT ;")


@dataclass(frozen=True)
class Failed:
    """One statement that the clone refused: its entry in the dump and PostgreSQL's answer."""

    entry: str
    line: int
    statement: str
    sqlstate: str
    message: str

    @property
    def meaning(self) -> str:
        return _MEANINGS.get(self.sqlstate, "it is not in the clone")

    @property
    def role(self) -> str | None:
        found = _ROLE.search(self.message) if self.sqlstate == "42704" else None
        return found[1] if found else None

    @property
    def off(self) -> bool:
        return self.sqlstate == _OFF


def create_database(server: Server, name: str, properties: Row | None, report: CloneReport) -> None:
    """A new database with the encoding and, where this machine has it, the locale of the original."""
    wanted = [(properties["collate"], properties["ctype"])] if properties else []
    with server.connect("postgres") as connection:
        for collate, ctype in [*wanted, ("C", "C")]:
            create = sql.SQL(
                "CREATE DATABASE {} TEMPLATE template0 ENCODING {} LC_COLLATE {} LC_CTYPE {} CONNECTION LIMIT {}"
            ).format(
                sql.Identifier(name),
                sql.Literal(properties["encoding"] if properties else "UTF8"),
                sql.Literal(collate),
                sql.Literal(ctype),
                sql.Literal(properties["connections"] if properties else -1),
            )
            try:
                connection.execute(create)
                return
            except psycopg.Error as exc:
                if exc.sqlstate == "42P04":
                    raise DatabaseProblem(
                        f"database {name} exists on the clone's server",
                        hint="a clone needs a server of its own: leave --server out",
                    ) from exc
                if (collate, ctype) == ("C", "C"):
                    raise DatabaseProblem(f"the clone's database cannot be made: {str(exc).strip()}") from exc
                report.lack(
                    f"locale {collate} of the database",
                    exc.diag.message_primary or str(exc),
                    "the clone sorts in another order, and the definition of the database differs: the record of"
                    " this rehearsal is not about your manifest. Install that locale on this machine (locale -a"
                    " lists what it has)",
                )


Hands = psycopg.Connection
Rows = Callable[["Loading"], None]


def load(server: Server, name: str, text: str, between: Rows | None = None) -> list[Failed]:
    """Run the dump to its end; returns what failed, in order. ``between``: puts rows in, before what would look at them."""
    with _loader(server, name), server.connect(name) as ours, server.connect(name, LOADER) as theirs:
        ours.execute("SELECT pg_catalog.set_config('search_path', '', false)")
        theirs.execute(f"SET statement_timeout = '{_SECONDS}s'".encode())
        loading = Loading(ours, theirs)
        put = between is None
        for piece in pieces(text):
            if not put and between is not None and piece.type in _AFTER_ROWS:
                put = True
                between(loading)
            loading.run(piece)
        if not put and between is not None:
            between(loading)
        return loading.failed


@contextmanager
def _loader(server: Server, name: str) -> Iterator[None]:
    """The loader's login, for the length of one loading: owner of the database, a member of every role that is no superuser."""
    with server.connect("postgres") as connection:
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN NOSUPERUSER BYPASSRLS").format(sql.Identifier(LOADER)))
        roles = connection.execute(
            "SELECT rolname FROM pg_catalog.pg_roles WHERE NOT rolsuper AND rolname <> %s"
            " AND (rolname !~ '^pg_' OR rolname IN ('pg_read_all_data', 'pg_write_all_data'))",
            [LOADER],
        ).fetchall()
        more = " WITH INHERIT TRUE, SET TRUE" if server.version >= 160000 else ""
        for (role,) in roles:
            connection.execute(sql.SQL("GRANT {} TO {}" + more).format(sql.Identifier(role), sql.Identifier(LOADER)))
        give = sql.SQL("ALTER DATABASE {} OWNER TO {}")
        connection.execute(give.format(sql.Identifier(name), sql.Identifier(LOADER)))
    try:
        yield
    finally:
        with server.connect(name) as connection:
            _dismiss(connection)


def _dismiss(connection: Hands) -> None:
    """What the dump names no owner for goes to a role that is nobody; the loader's login goes."""
    owns = connection.execute(
        "SELECT count(*) FROM pg_catalog.pg_shdepend d JOIN pg_catalog.pg_roles r ON r.oid = d.refobjid"
        " WHERE r.rolname = %s AND d.deptype = 'o'",
        [LOADER],
    ).fetchone()
    if owns != (0,):
        there = connection.execute("SELECT 1 FROM pg_catalog.pg_roles WHERE rolname = %s", [LEFT_OVER]).fetchone()
        if there is None:
            connection.execute(sql.SQL("CREATE ROLE {}").format(sql.Identifier(LEFT_OVER)))
        give = sql.SQL("REASSIGN OWNED BY {} TO {}")
        connection.execute(give.format(sql.Identifier(LOADER), sql.Identifier(LEFT_OVER)))
    connection.execute(sql.SQL("DROP OWNED BY {}").format(sql.Identifier(LOADER)))
    connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(LOADER)))


class Loading:
    """One loading under way. ``ours`` is a superuser's session, ``theirs`` the loader's."""

    def __init__(self, ours: Hands, theirs: Hands) -> None:
        self.ours, self.theirs = ours, theirs
        self.failed: list[Failed] = []
        self._acting = False

    def run_all(self, text: str) -> list[Failed]:
        """More statements between; what fails of them is returned and does not count as the dump's."""
        before, self.failed = self.failed, []
        for piece in pieces(text):
            self.run(piece)
        failed, self.failed = self.failed, before
        return failed

    def run(self, piece: Piece) -> None:
        if piece.command:
            self._fail(piece, _PSQL, "commands for psql are not run")
        elif _TIMEOUTS.match(piece.shape) or piece.shape in _TRANSACTION:
            return  # the time is ours to set, and each statement stands for itself
        elif _NOT_MADE.match(piece.shape) or _BASE_TYPE.match(piece.shape):
            self._fail(piece, _OFF, "not made on a clone")
        else:
            try:
                self._do(piece)
            except psycopg.Error as exc:
                self._fail(piece, exc.sqlstate or "no answer", exc.diag.message_primary or str(exc))

    def _do(self, piece: Piece) -> None:
        setting = _SETTING.match(piece.shape)
        if found := _BECOME.match(piece.text):
            self._acting = found[1].strip().upper() != "DEFAULT"
            self.theirs.execute(f"SET ROLE {found[1]}".encode() if self._acting else b"RESET ROLE")
        elif piece.shape == "RESET SESSION AUTHORIZATION ;":
            self._acting = False
            self.theirs.execute("RESET ROLE")
        elif setting:
            name = setting["name"].replace(" ", "").replace('"', "").lower()
            if harmless_setting(self.ours, name):
                self.ours.execute(piece.text.encode())
            else:
                self._fail(piece, _OFF, f"setting {name} is not made on a clone")
        elif _OWNED.match(piece.shape):
            self._own(piece)
        elif (_GRANTED.match(piece.shape) and not self._acting) or _MADE_BY_US.match(piece.shape):
            self.ours.execute(piece.text.encode())
        elif piece.shape.startswith("SELECT PG_CATALOG . LO_OPEN "):
            self.theirs.execute("BEGIN")  # a large object stays open to the end of the transaction
            self.theirs.execute(piece.text.encode())
        elif piece.shape.startswith("SELECT PG_CATALOG . LO_CLOSE "):
            self.theirs.execute(piece.text.encode())
            self.theirs.execute("COMMIT")
        elif piece.rows is not None:
            with self.theirs.cursor() as cursor, cursor.copy(piece.text.encode()) as copy:
                copy.write(piece.rows)
        else:
            self.theirs.execute(piece.text.encode())

    def _own(self, piece: Piece) -> None:
        """ALTER … OWNER evaluates nothing; a superuser does it, since the new owner may lack CREATE on the schema."""
        name = _last_name(piece.text)
        row = self.ours.execute("SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = %s", [name]).fetchone()
        if row == (True,):
            self._fail(piece, _OFF, f"role {name} is the clone's own superuser: nothing of the source becomes its")
            return
        try:
            self.ours.execute(piece.text.encode())
        except psycopg.errors.InsufficientPrivilege:
            if not _OF_SUPERUSERS.match(piece.shape):
                raise
            with as_superuser(self.ours, name):
                self.ours.execute(piece.text.encode())

    def _fail(self, piece: Piece, sqlstate: str, message: str) -> None:
        statement = " ".join(line.strip() for line in piece.text.splitlines())[:200]
        self.failed.append(Failed(piece.entry, piece.line, statement, sqlstate, message))


@contextmanager
def as_superuser(connection: Hands, role: str) -> Iterator[None]:
    """For one statement of ours: a foreign-data wrapper, or a publication of all tables, is given to superusers only.

    In one transaction, so that nobody ever sees the role so.
    """
    with connection.transaction():
        connection.execute(sql.SQL("ALTER ROLE {} SUPERUSER").format(sql.Identifier(role)))
        yield
        connection.execute(sql.SQL("ALTER ROLE {} NOSUPERUSER").format(sql.Identifier(role)))


def refuse(failed: Failed, what: str) -> None:
    """Raise :class:`DatabaseProblem` for the first statement that failed."""
    raise DatabaseProblem(
        f"{what} does not load: line {failed.line}, {failed.entry}: [{failed.sqlstate}] {failed.message}; that means:"
        f" {failed.meaning}\n  {failed.statement}",
        hint="make the dump anew: pg_dump --create --schema-only, with pg_dump of the server's version or a newer one",
    )


def _last_name(text: str) -> str:
    found = re.search(r'("(?:[^"]|"")*"|[\w$]+)\s*;?\s*$', text)
    return _plain(found[1]) if found else ""


def _plain(name: str) -> str:
    return name[1:-1].replace('""', '"') if name.startswith('"') else name
