"""The connection of a verb: the database that is named, or an embedded server with the reference estate."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from qt001_cp import connecting, estate
from qt001_cp.errors import DatabaseProblem, UsageError, unreachable
from qt001_cp.model.versions import require_supported
from qt001_cp.project import without_fix7a
from qt001_cp.rehearsal.scene import OPERATOR, new_scene
from qt001_cp.servers import open_server
from qt001_cp.workflow import revisions
from qt001_cp.workflow.ledger import has_fix7a


def add_database(parser: argparse._ActionsContainer) -> None:
    parser.add_argument(
        "--database",
        metavar="DSN",
        type=dsn,
        default=os.environ.get("QT001_DATABASE_URL") or None,
        help="libpq URI or connection string; default QT001_DATABASE_URL, else an embedded server with the reference estate",
    )


def dsn(text: str) -> str:
    """An option's value. An empty one is a shell variable that is not set, and never means the reference estate."""
    if not text.strip():
        raise argparse.ArgumentTypeError("it is empty: is the shell variable set that it came from?")
    return text


@contextmanager
def connection(arguments: argparse.Namespace, *, needs_fix7a: bool = False) -> Iterator[psycopg.Connection]:
    """An autocommit connection. Raises :class:`DatabaseProblem` where the server does not answer,
    :class:`Refused` where it is of a version that this release does not support.
    """
    if arguments.database:
        with _connect(arguments.database) as opened:
            require_supported(opened.info.server_version, opened.info.parameter_status("server_version"))
            if needs_fix7a:
                require_fix7a(opened)
            with _writable(opened):
                yield opened
        return
    print("no database is named: an embedded server with the reference estate", file=sys.stderr)
    with open_server() as server:
        scene = new_scene(server, "directus_estate")
        if needs_fix7a:
            revisions.upgrade(scene.dsn(OPERATOR), "fix7a", policy=str(estate.policy_path()))
        with scene.connect(OPERATOR) as opened:
            yield opened


@contextmanager
def _writable(opened: psycopg.Connection) -> Iterator[None]:
    """Where a database is read-only by a setting: what to type."""
    try:
        yield
    except (psycopg.Error, DatabaseProblem) as exc:
        cause = exc if isinstance(exc, psycopg.Error) else exc.__cause__
        if not isinstance(cause, psycopg.errors.ReadOnlySqlTransaction):
            raise
        said = f"database {opened.info.dbname}: expected one that may be written to, found it read-only: {cause.diag.message_primary}"
        raise DatabaseProblem(said, hint=connecting.read_only_hint(opened)) from exc


def named(arguments: argparse.Namespace, otherwise: str = "this verb changes a database, so it has to be named") -> str:
    """The DSN, for verbs that change or judge a database and never pick one themselves. Raises :class:`UsageError`."""
    if not arguments.database:
        raise UsageError(otherwise, hint="--database DSN, or set QT001_DATABASE_URL")
    return str(arguments.database)


def require_fix7a(opened: psycopg.Connection) -> None:
    if not has_fix7a(opened):
        raise without_fix7a(opened.info.dbname, opened.info.server_version)


def _connect(dsn: str) -> psycopg.Connection:
    try:
        return connecting.connect(dsn, name="qt001-cp")
    except psycopg.Error as exc:
        raise unreachable(exc) from exc
