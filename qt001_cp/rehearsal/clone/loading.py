"""Loads the script into a new database; a statement that fails is told with what it means."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass

import psycopg
from psycopg import sql

from qt001_cp.errors import DatabaseProblem
from qt001_cp.rehearsal.clone.report import CloneReport
from qt001_cp.rehearsal.clone.roles import Row
from qt001_cp.servers import Server

_ERROR = re.compile(r"^psql:[^\n]*?:(\d+): (?:ERROR|FATAL):  (\w{5}): (.*)$", re.MULTILINE)
_COMMAND = re.compile(r"^psql:[^\n]*?:(\d+): error: (.*)$", re.MULTILINE)
_OURS = re.compile(r"^\\(?:restrict|unrestrict|connect|encoding)\b.*$", re.MULTILINE)
_TITLE = re.compile(r"^-- (?:Data for )?Name: (.*?); Type: (.*?); Schema: (.*?); Owner:")
_ROLE = re.compile(r'role "(.+)" does not exist')
_PSQL = "psql"
_MEANINGS = {
    _PSQL: "the text holds a command for psql, and those are not run",
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
}


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


def load(server: Server, name: str, text: str) -> list[Failed]:
    """Run the script to its end; returns what failed, in order.

    In psql's restricted mode with a key that nobody knows: names and bodies come from a database that is not trusted, a
    file from anywhere, and a command such as backslash-exclamation mark would run here. The dump's own commands only
    say where we are already.
    """
    key = secrets.token_hex(16)
    text = f"\\restrict {key}\n{_OURS.sub('', text)}\n\\unrestrict {key}\n"
    done = server.psql(text, "-v", "ON_ERROR_STOP=0", "-v", "VERBOSITY=verbose", dbname=name, check=False)
    lines = text.splitlines()
    refused = [_failed(lines, int(m[1]), _PSQL, m[2]) for m in _COMMAND.finditer(done.stderr)]
    return refused + [_failed(lines, int(m[1]), m[2], m[3]) for m in _ERROR.finditer(done.stderr)]


def refuse(failed: Failed, what: str) -> None:
    """Raise :class:`DatabaseProblem` for the first statement that failed."""
    raise DatabaseProblem(
        f"{what} does not load: line {failed.line}, {failed.entry}: [{failed.sqlstate}] {failed.message}; that means:"
        f" {failed.meaning}\n  {failed.statement}",
        hint="make the dump anew: pg_dump --create --schema-only, with pg_dump of the server's version or a newer one",
    )


def _failed(lines: list[str], number: int, sqlstate: str, message: str) -> Failed:
    entry = "a statement before the first object"
    for line in reversed(lines[:number]):
        if title := _TITLE.match(line):
            schema = "" if title[3] == "-" else f"{title[3]}."
            entry = f"{title[2].lower()} {schema}{title[1]}"
            break
    # psql tells the last line of a statement; it begins after a blank line or a comment.
    first = number
    while first > 1 and lines[first - 2].strip() and not lines[first - 2].startswith("--"):
        first -= 1
    statement = " ".join(line.strip() for line in lines[first - 1 : number])
    return Failed(entry, number - 1, statement[:200], sqlstate, message)
