"""What ``alembic/env.py`` runs, online and offline. Our errors become Alembic's, so nobody sees a traceback."""

from __future__ import annotations

import io
import os
import sys
from logging.config import fileConfig
from typing import Any, Final

import psycopg
from alembic import context
from alembic.ddl.postgresql import PostgresqlImpl
from alembic.util import CommandError
from sqlalchemy import Column, MetaData, String, Table, create_engine, pool
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError

import qt001_cp.ops  # noqa: F401 - registers the operations
from qt001_cp import connecting
from qt001_cp.errors import DatabaseProblem, Qt001Error, UsageError, hint_of, unreachable
from qt001_cp.model.roles import SCHEMA
from qt001_cp.model.shown import lines, visible
from qt001_cp.model.versions import require_supported
from qt001_cp.ops import drift
from qt001_cp.ops.arguments import arguments
from qt001_cp.project import bootstrap


class _VersionTable(Table):
    """Alembic's version table. The bootstrap makes it, with the trigger that guards it; it stays when all else is gone."""

    inherit_cache = False

    def create(self, *_: Any, **__: Any) -> None:
        """Nothing: FIX7a refuses a database without it, and names the bootstrap."""


class _Impl(PostgresqlImpl):
    __dialect__ = "postgresql"

    def version_table_impl(self, *, version_table: str, version_table_schema: str | None, **_: Any) -> Table:
        return _VersionTable(
            version_table,
            MetaData(),
            Column("version_num", String(32), primary_key=True),
            schema=version_table_schema,
        )


_OPTIONS: dict[str, Any] = {
    # An empty MetaData and no name let in: autogenerate compares the sealed manifest, never the application's tables.
    "target_metadata": MetaData(),
    "include_name": lambda *_: False,
    "version_table_schema": SCHEMA,
    # Each stage is a transaction of its own, however many are run at once: its script asks for one.
    "transaction_per_migration": True,
    "autogenerate_plugins": ["alembic.autogenerate.*", drift.PLUGIN],
}


_ALEMBIC_FAILED: Final = 255


def run() -> None:
    """Run the migrations that the command line asks for."""
    if context.config.config_file_name is not None and not context.config.attributes.get("quiet"):
        fileConfig(context.config.config_file_name, disable_existing_loggers=False)
    try:
        arguments()
        if context.is_offline_mode():
            _offline()
        else:
            _online()
    except Qt001Error as exc:
        raise _failed(lines(exc)) from exc
    except DBAPIError as exc:
        raise _failed(_server_said(exc.orig)) from exc
    except psycopg.Error as exc:
        raise _failed(lines(unreachable(exc))) from exc


def _failed(message: str) -> BaseException:
    """Alembic's error. Alembic prints it to standard output: where that is to become a file of SQL, we say it ourselves."""
    if not context.is_offline_mode() or context.config.attributes.get("quiet"):
        return CommandError(message)
    print(f"FAILED: {message}", file=sys.stderr)
    return SystemExit(_ALEMBIC_FAILED)


def _offline() -> None:
    """All of the script or nothing, in UTF-8 whatever the locale: the script says so to the server."""
    made = io.StringIO()
    context.configure(
        dialect_name="postgresql", as_sql=True, literal_binds=True, output_buffer=made, **_starting_from(), **_OPTIONS
    )
    with context.begin_transaction():
        context.run_migrations()
    out = context.config.output_buffer
    if out is not None:
        out.write(made.getvalue())
    elif isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.flush()
        sys.stdout.buffer.write(made.getvalue().encode())
    else:
        print(made.getvalue(), end="")


def _starting_from() -> dict[str, Any]:
    """Beside a change of the team's stands a release of ours: ``upgrade add_unit,fix7c_1_1_0:add_more``, the rows of the version
    table. Alembic itself takes one."""
    start = context.get_starting_revision_argument()
    return {"starting_rev": start.split(",")} if isinstance(start, str) and "," in start else {}


def _online() -> None:
    given: Connection | None = context.config.attributes.get("connection")
    if given is not None:
        _migrate(given)
        return
    dsn = arguments().get("database") or os.environ.get("QT001_DATABASE_URL")
    if not dsn:
        raise UsageError(
            "no database is named", hint="alembic -x database=postgresql://… upgrade …, or set QT001_DATABASE_URL"
        )
    named = dsn
    engine = create_engine("postgresql+psycopg://", creator=lambda: _connect(named), poolclass=pool.NullPool)
    try:
        with engine.connect() as connection:
            _migrate(connection)
    except DBAPIError as exc:
        if not isinstance(exc.orig, psycopg.errors.ReadOnlySqlTransaction):
            raise
        with connecting.connect(named, name="qt001-cp alembic") as asked:
            said = f"database {asked.info.dbname}: expected one that may be written to, found it read-only: {exc.orig.diag.message_primary}"
            raise DatabaseProblem(said, hint=connecting.read_only_hint(asked)) from exc


def _connect(dsn: str) -> psycopg.Connection:
    connection = connecting.connect(dsn, name="qt001-cp alembic", autocommit=False)
    try:
        require_supported(connection.info.server_version, connection.info.parameter_status("server_version"))
    except Qt001Error:
        connection.close()
        raise
    connection.add_notice_handler(
        lambda d: context.config.print_stdout("%s: %s", d.severity, visible(d.message_primary))
    )
    return connection


def _migrate(connection: Connection) -> None:
    context.configure(connection=connection, **_OPTIONS)
    with context.begin_transaction():
        context.run_migrations()


def _server_said(error: BaseException | None) -> str:
    if not isinstance(error, psycopg.Error) or error.diag.message_primary is None:
        return (
            lines(unreachable(error)) if isinstance(error, Exception) else f"the server could not be reached: {error}"
        )
    parts = [f"[{error.sqlstate}] {visible(error.diag.message_primary)}"]
    if error.diag.message_detail:
        parts.append(lines(error.diag.message_detail))
    if error.diag.message_hint:
        parts.append(f"hint: {lines(error.diag.message_hint)}")
    elif error.sqlstate == "3F000":
        parts.append(f"hint: the operator's bootstrap comes first: {bootstrap()}")
    elif hint := hint_of(error.sqlstate):
        parts.append(f"hint: {hint}")
    return "\n  ".join(parts)
