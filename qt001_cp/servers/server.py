"""A running PostgreSQL and how to talk to it."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from qt001_cp.servers.errors import ServerError


@dataclass(frozen=True)
class Server:
    """A server that is ours for the moment. ``bin`` holds psql, pg_dump and pg_dumpall, whatever the server is."""

    host: str
    port: int
    superuser: str
    kind: Literal["embedded", "container", "dsn"]
    version: int
    bin: Path
    password: str | None = None
    trusts: bool = False

    def conninfo(self, dbname: str, user: str | None = None) -> str:
        """A libpq connection string. ``user`` works where the server lets every login in (``trusts``)."""
        given = {"password": self.password} if self.password is not None else {}
        return make_conninfo("", host=self.host, port=self.port, dbname=dbname, user=user or self.superuser, **given)

    def connect(self, dbname: str, user: str | None = None, *, autocommit: bool = True) -> psycopg.Connection:
        """Connect as ``user``: a login of its own, or the superuser's session with its authorization."""
        if user is None or user == self.superuser or self.trusts:
            return psycopg.connect(self.conninfo(dbname, user), autocommit=autocommit)
        connection = psycopg.connect(self.conninfo(dbname), autocommit=True)
        connection.execute(sql.SQL("SET SESSION AUTHORIZATION {}").format(sql.Identifier(user)))
        connection.autocommit = autocommit
        return connection

    def env(self, dbname: str, user: str | None = None) -> dict[str, str]:
        """The environment for a client program: this server, and nothing that the caller's PG* variables say."""
        clean = {k: v for k, v in os.environ.items() if not k.startswith("PG")}
        secret = {"PGPASSWORD": self.password} if self.password is not None else {}
        return {**clean, **secret, "PGHOST": self.host, "PGPORT": str(self.port), "PGDATABASE": dbname,
                "PGUSER": user or self.superuser, "PGCLIENTENCODING": "UTF8"}  # fmt: skip

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
        as_user = user if self.trusts else None
        done = subprocess.run(
            [str(self.bin / program), *args], input=stdin, env=self.env(dbname, as_user), text=True, capture_output=True,
            encoding="utf-8", check=False,
        )  # fmt: skip
        if check and done.returncode != 0:
            raise ServerError(f"{program} {' '.join(args)} ended with {done.returncode}: {done.stderr.strip()}")
        return done

    def psql(
        self, text: str, *args: str, dbname: str, user: str | None = None, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run ``text`` through psql as ``user``, stopping at the first error, without anybody's psqlrc."""
        if user is not None and user != self.superuser and not self.trusts:
            text = f'SET SESSION AUTHORIZATION "{user.replace(chr(34), chr(34) * 2)}";\n{text}'
        return self.run("psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", *args, "-f", "-", dbname=dbname, user=user,
                        stdin=text, check=check)  # fmt: skip

    def dump(self, dbname: str, *args: str) -> str:
        """``pg_dump`` of a database, without the random tokens of recent versions."""
        return self.run("pg_dump", "--restrict-key=qt001", *args, dbname=dbname).stdout

    def dump_roles(self) -> str:
        """``pg_dumpall --roles-only``: attributes and memberships."""
        return self.run("pg_dumpall", "--restrict-key=qt001", "--roles-only", dbname="postgres").stdout
