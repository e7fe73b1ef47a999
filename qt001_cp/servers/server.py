"""A running PostgreSQL and how to talk to it."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import psycopg
from psycopg import pq, sql
from psycopg.conninfo import make_conninfo

from qt001_cp.servers.dump import settled
from qt001_cp.servers.environment import without_pg
from qt001_cp.servers.errors import ServerError


def conninfo(
    host: str, port: int, dbname: str, user: str, password: str | None = None, extra: tuple[tuple[str, str], ...] = ()
) -> str:
    """A libpq connection string that the caller's PGHOSTADDR and PGOPTIONS do not bend."""
    given = {"hostaddr": "", "options": "", **dict(extra)}
    if password is not None:
        given["password"] = password
    return make_conninfo("", host=host, port=port, dbname=dbname, user=user, **given)


@dataclass(frozen=True)
class Server:
    """A server that is ours for the moment.

    ``bin`` holds psql, pg_dump and pg_dumpall, whatever the server is. ``version`` is its server_version_num.
    ``trusts``: every role with LOGIN gets in without a password. ``extra``: more libpq parameters (sslmode and so on).
    ``held``: whose rights it has on this machine, and what keeps it from more, in words; empty where nobody asked for that.
    ``pinned``: options of the superuser's sessions, against what a database of somebody else sets for every session.
    """

    host: str
    port: int
    superuser: str
    kind: Literal["embedded", "container", "dsn"]
    version: int
    bin: Path
    password: str | None = None
    trusts: bool = False
    extra: tuple[tuple[str, str], ...] = ()
    held: tuple[str, ...] = ()
    pinned: str = ""

    def conninfo(self, dbname: str, user: str | None = None) -> str:
        """A libpq connection string. ``user`` works where the server lets every login in (``trusts``)."""
        extra = (*self.extra, ("options", self.pinned)) if self._pins(user) else self.extra
        return conninfo(self.host, self.port, dbname, user or self.superuser, self.password, extra)

    def url(self, dbname: str, user: str | None = None) -> str:
        """The same for SQLAlchemy; a unix socket goes into the query."""
        from sqlalchemy import URL  # here, because the supervisor imports this module and has no use for it

        socket = self.host.startswith(("/", "@"))
        return URL.create(
            "postgresql+psycopg",
            username=user or self.superuser,
            password=self.password,
            database=dbname,
            host=None if socket else self.host,
            port=None if socket else self.port,
            query={**dict(self.extra), **({"host": self.host, "port": str(self.port)} if socket else {})},
        ).render_as_string(hide_password=False)

    def connect(self, dbname: str, user: str | None = None, autocommit: bool = True) -> psycopg.Connection:
        """Connect as ``user``: a login of its own, or the superuser's session with its authorization."""
        if self._lets_in(user):
            return psycopg.connect(self.conninfo(dbname, user), autocommit=autocommit)
        connection = psycopg.connect(self.conninfo(dbname), autocommit=True)
        try:
            connection.execute(sql.SQL("SET SESSION AUTHORIZATION {}").format(sql.Identifier(user or "")))
        except psycopg.Error:
            connection.close()
            raise
        connection.autocommit = autocommit
        return connection

    def env(self, dbname: str, user: str | None = None) -> dict[str, str]:
        """The environment for a client program: this server, and nothing that the caller's PG* variables say."""
        secret = {"PGPASSWORD": self.password} if self.password is not None else {}
        return {
            **without_pg(),
            **_variables(self.extra),
            **({"PGOPTIONS": self.pinned} if self._pins(user) else {}),
            **secret,
            "PGHOST": self.host,
            "PGPORT": str(self.port),
            "PGDATABASE": dbname,
            "PGUSER": user or self.superuser,
            "PGCLIENTENCODING": "UTF8",
        }

    def run(
        self,
        program: str,
        *args: str,
        dbname: str,
        user: str | None = None,
        stdin: str | None = None,
        check: bool = True,
    ) -> subprocess.CompletedProcess[str]:
        """Run psql, pg_dump or pg_dumpall. Raises :class:`ServerError` with its words when ``check`` and it failed."""
        if not self._lets_in(user):
            raise ServerError(
                f"this server lets {user} in with a password only", hint="psql() takes on the role instead"
            )
        done = subprocess.run(
            [str(self.bin / program), *args],
            input=stdin,
            env=self.env(dbname, user),
            text=True,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        if check and done.returncode != 0:
            raise ServerError(f"{program} {' '.join(args)} ended with {done.returncode}: {done.stderr.strip()}")
        return done

    def psql(
        self, text: str, *args: str, dbname: str, user: str | None = None, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run ``text`` through psql as ``user``, stopping at the first error, without anybody's psqlrc.

        An error is the server's message, detail and hint, without the stack of functions that it came through."""
        if user is not None and not self._lets_in(user):
            text = f'SET SESSION AUTHORIZATION "{user.replace(chr(34), chr(34) * 2)}";\n{text}'
            user = None
        return self.run(
            "psql",
            "-X",
            "-q",
            "-v",
            "ON_ERROR_STOP=1",
            "-v",
            "SHOW_CONTEXT=never",
            *args,
            "-f",
            "-",
            dbname=dbname,
            user=user,
            stdin=text,
            check=check,
        )

    def dump(self, dbname: str, *args: str) -> str:
        """``pg_dump`` of a database, without the random tokens of recent versions, settled (dump.py)."""
        return settled(self.run("pg_dump", "--restrict-key=qt001", *args, dbname=dbname).stdout)

    def dump_roles(self) -> str:
        """``pg_dumpall --roles-only``: attributes and memberships."""
        return self.run("pg_dumpall", "--restrict-key=qt001", "--roles-only", dbname="postgres").stdout

    def _pins(self, user: str | None) -> bool:
        return bool(self.pinned) and user in (None, self.superuser)

    def _lets_in(self, user: str | None) -> bool:
        return user is None or user == self.superuser or self.trusts


def _variables(extra: tuple[tuple[str, str], ...]) -> dict[str, str]:
    """libpq parameters as the environment variables that set them."""
    names = {o.keyword.decode(): o.envvar.decode() for o in pq.Conninfo.get_defaults() if o.envvar}
    return {names[name]: value for name, value in extra if name in names}
