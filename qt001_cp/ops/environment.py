"""What ``alembic/env.py`` runs, online and offline. Our errors become Alembic's, so nobody sees a traceback."""

from __future__ import annotations

import os
from logging.config import fileConfig
from typing import Any

import psycopg
from alembic import context
from alembic.ddl.postgresql import PostgresqlImpl
from alembic.util import CommandError
from sqlalchemy import Column, MetaData, String, Table, create_engine, pool
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError

import qt001_cp.ops  # noqa: F401 - registers the operations
from qt001_cp.errors import MEMBERSHIP_HINT, Qt001Error, UsageError, unreachable
from qt001_cp.model.roles import SCHEMA
from qt001_cp.model.versions import require_supported
from qt001_cp.ops import drift
from qt001_cp.ops.arguments import arguments
from qt001_cp.ops.session import pin
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
    # Each stage is a transaction of its own, however many are run at once. Before PostgreSQL 18 an SQL function that ran in
    # a transaction goes on using its plan there, and would look for the ledger's segment that the stage before has dropped.
    "transaction_per_migration": True,
    "autogenerate_plugins": ["alembic.autogenerate.*", drift.PLUGIN],
}


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
        raise CommandError(str(exc)) from exc
    except DBAPIError as exc:
        raise CommandError(_server_said(exc.orig)) from exc
    except psycopg.Error as exc:
        raise CommandError(str(unreachable(exc))) from exc


def _offline() -> None:
    context.configure(dialect_name="postgresql", as_sql=True, literal_binds=True, **_OPTIONS)
    with context.begin_transaction():
        context.run_migrations()


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
    dsn = dsn.replace("postgresql+psycopg://", "postgresql://", 1)
    engine = create_engine("postgresql+psycopg://", creator=lambda: _connect(dsn), poolclass=pool.NullPool)
    with engine.connect() as connection:
        _migrate(connection)


def _connect(dsn: str) -> psycopg.Connection:
    connection = psycopg.connect(dsn, application_name="qt001-cp alembic")
    try:
        require_supported(connection.info.server_version, connection.info.parameter_status("server_version"))
        pin(connection)
    except (Qt001Error, psycopg.Error):
        connection.close()
        raise
    connection.add_notice_handler(lambda d: context.config.print_stdout("%s: %s", d.severity, d.message_primary))
    return connection


def _migrate(connection: Connection) -> None:
    context.configure(connection=connection, **_OPTIONS)
    with context.begin_transaction():
        context.run_migrations()


def _server_said(error: BaseException | None) -> str:
    if not isinstance(error, psycopg.Error) or error.diag.message_primary is None:
        return str(unreachable(error)) if isinstance(error, Exception) else f"the server could not be reached: {error}"
    parts = [f"[{error.sqlstate}] {error.diag.message_primary}"]
    if error.diag.message_detail:
        parts.append(error.diag.message_detail)
    if error.diag.message_hint:
        parts.append(f"hint: {error.diag.message_hint}")
    elif error.sqlstate == "3F000":
        parts.append(f"hint: the operator's bootstrap comes first: {bootstrap()}")
    elif error.sqlstate == "42501":
        parts.append(f"hint: {MEMBERSHIP_HINT}")
    return "\n  ".join(parts)
