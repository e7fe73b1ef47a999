"""The live source: one read-only transaction whose snapshot pg_dump shares. Nothing is ever written there."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from qt001_cp import connecting
from qt001_cp.catalog.application import require_no_superuser
from qt001_cp.catalog.inventory import read_inventory
from qt001_cp.errors import DatabaseProblem, unreachable
from qt001_cp.model.inventory import Inventory
from qt001_cp.model.names import Role
from qt001_cp.model.roles import SCHEMA
from qt001_cp.model.versions import require_supported
from qt001_cp.rehearsal.clone.members import QUERY as MEMBERS
from qt001_cp.rehearsal.clone.roles import Row, rows_of
from qt001_cp.servers.wheel import programs

READ_ONLY = "-c default_transaction_read_only=on"


@dataclass(frozen=True)
class Read:
    """All that was read from the source, of one moment."""

    origin: str
    version: int
    properties: Row
    roles: Sequence[Row]
    memberships: Sequence[Row]
    inventory: Inventory
    schema: str
    rows: str
    refused_rows: str
    members: Sequence[Row]


def read_source(dsn: str, application: Role, blocked: Sequence[str], *, data: bool) -> Read:
    """Read schema, roles and memberships; with ``data`` all rows, otherwise those of the tables ``blocked``.

    Raises :class:`DatabaseProblem` where the server does not answer or the login may not read what a clone needs.
    """
    with _snapshot(dsn) as (connection, snapshot):
        properties = rows_of(connection, "properties.sql")[0]
        _readable(connection, properties)
        require_no_superuser(connection, application)
        inventory = read_inventory(connection, application)
        roles, memberships = rows_of(connection, "roles.sql"), rows_of(connection, "memberships.sql")
        members = rows_of(connection, MEMBERS)
        base = ["--create", f"--exclude-schema={SCHEMA}", f"--snapshot={snapshot}"]
        if not data:
            base.append("--schema-only")
        options = connecting.options_of(connection)
        schema = dump_of("pg_dump", dsn, options, base)
        rows = refused = ""
        if not data and blocked:  # without a table named, pg_dump takes the rows of all
            only = [f"--table={name}" for name in dict.fromkeys(blocked)]
            more = ["--data-only", f"--snapshot={snapshot}"]
            try:
                rows = dump_of("pg_dump", dsn, options, [*more, *only])
            except DatabaseProblem as exc:
                refused = exc.message
        info = connection.info
        origin = f"database {info.dbname} on {info.host}:{info.port}, PostgreSQL {info.server_version // 10000}"
        return Read(
            origin, info.server_version, properties, roles, memberships, inventory, schema, rows, refused, members
        )


@contextmanager
def _snapshot(dsn: str) -> Iterator[tuple[psycopg.Connection, str]]:
    try:
        connection = connecting.connect(dsn, name="qt001-cp rehearse", options=READ_ONLY)
    except psycopg.Error as exc:
        raise unreachable(exc, "source") from exc
    with connection:
        require_supported(connection.info.server_version, connection.info.parameter_status("server_version"))
        connection.read_only = True
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.autocommit = False
        row = connection.execute("SELECT pg_catalog.pg_export_snapshot()").fetchone()
        assert row is not None
        try:
            yield connection, str(row[0])
        finally:
            connection.rollback()


def _readable(connection: psycopg.Connection, properties: Row) -> None:
    if properties["cut_over"]:
        raise DatabaseProblem(
            "the source has had its cutover: the control plane's owner owns relations outside schema qt001_cp",
            hint="a rehearsal starts from an estate that is still the application's: rehearse before FIX7b",
        )
    if properties["unreadable"]:
        names = ", ".join(properties["unreadable"][:5])
        raise DatabaseProblem(
            f"{connection.info.user} may not read {len(properties['unreadable'])} table(s): {names}; pg_dump locks what it"
            " dumps, and that needs SELECT, also for the schema alone",
            hint=f'GRANT pg_read_all_data TO "{connection.info.user}"; -- or name another login in --source',
        )


def dump_of(program: str, dsn: str, options: str, arguments: Sequence[str]) -> str:
    """pg_dump or pg_dumpall of the source, with the options of our own session. What is secret in the DSN is in no argument: those show in
    the list of processes. There is a variable for the password; that of a key goes by a file that nobody else can read."""
    given = {**conninfo_to_dict(dsn.replace("postgresql+psycopg://", "postgresql://", 1)), "options": options}
    password, of_key = given.pop("password", None), given.pop("sslpassword", None)
    more = {"PGPASSWORD": str(password)} if password is not None else {}
    with tempfile.TemporaryDirectory(prefix="qt001-source-") as folder:  # mode 0700
        if of_key is not None and "service" not in given:
            service = Path(folder, "service")
            service.write_text(f"[source]\nsslpassword={of_key}\n", "utf-8")
            given["service"], more["PGSERVICEFILE"] = "source", str(service)
        done = subprocess.run(
            [str(Path(programs()) / program), *arguments, "-d", make_conninfo("", **given)],
            check=False,
            env={**os.environ, **more, "PGCLIENTENCODING": "UTF8"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
        )
    if done.returncode != 0:
        raise DatabaseProblem(
            f"{program} of the source ended with {done.returncode}: {done.stderr.decode(errors='replace').strip()}",
            hint="the login has to see what it dumps: pg_read_all_data; with --data also rows under row level security",
        )
    return done.stdout.decode()  # as it is: text mode would turn CRLF in a body into LF
