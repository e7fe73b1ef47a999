"""A copy of a deployed database on a throw-away server of ours: its roles, all of the database with its ledger, marked as a rehearsal.

Other than a clone (:mod:`qt001_cp.rehearsal.clone`), which leaves the control plane out and runs nothing of its source as a
superuser, it is what a restore of a backup would be: a superuser runs the dump. So its server is one that is locked in, and
the dump has to be one's own.

Source: PostgreSQL documentation, pg_dump, pg_restore, pg_dumpall ("--roles-only").
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import psycopg

from qt001_cp import connecting
from qt001_cp.errors import DatabaseProblem, FileProblem, unreachable
from qt001_cp.model.roles import SCHEMA
from qt001_cp.model.versions import require_supported
from qt001_cp.policy_file import read_file
from qt001_cp.rehearsal.clone.dumpfile import is_archive, listed, read_dump
from qt001_cp.rehearsal.clone.origin import renamed
from qt001_cp.rehearsal.clone.pieces import pieces
from qt001_cp.rehearsal.clone.report import CloneReport
from qt001_cp.rehearsal.clone.role_script import read_roles
from qt001_cp.rehearsal.clone.script import named, without_notes
from qt001_cp.rehearsal.clone.source import READ_ONLY, dump_of
from qt001_cp.rehearsal.scene import Scene, bootstrap
from qt001_cp.servers import Server, ServerError
from qt001_cp.workflow.transferred import recorded_application, recorded_pair

Say = Callable[[str], None]
_BY_HAND: Final = "make the copy by hand, and see what the server says there: docs/changes.md, step 2"
_WHOLE: Final = "dump all of it, with its rows: pg_dump --create -Fc -f FILE DATABASE"
_ROLES: Final = "pg_dumpall --roles-only --no-role-passwords > roles.sql"
_DATABASE: Final = re.compile(r"^;\s+dbname: (.+)$", re.MULTILINE)
_VERSION: Final = re.compile(r"^;\s+Dumped from database version: (\d+)", re.MULTILINE)
_CUT_OFF: Final = "could not read from input file"
_SINCE_17: Final = 170000
"""An older server does not know transaction_timeout, which pg_restore sets first: there each statement is looked at."""
_TIMEOUT: Final = re.compile(r"^SET TRANSACTION_TIMEOUT ")
_SOURCE: Final = """
SELECT pg_catalog.current_database(), r.rolname, EXISTS (
    SELECT 1 FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = 'qt001_cp' AND c.relname = 'v_fix7_gate')
FROM pg_catalog.pg_roles r WHERE r.oid = 10
"""
"""The first superuser owns what the server itself has made. The view is there from FIX7c on, and seen by everybody."""


@dataclass(frozen=True)
class Original:
    """What a copy is made of. ``superuser``: the first one of its server; ``roles``: what pg_dumpall has printed; ``dump``: a file of
    pg_dump; ``what``: the same in words."""

    what: str
    database: str
    major: int
    superuser: str
    roles: str
    dump: Path


@contextmanager
def of_source(dsn: str, say: Say) -> Iterator[Original]:
    """Of a live database, in which nothing is written; its dump lies in a folder of our own as long as the block lasts.

    Raises :class:`DatabaseProblem` where the server does not answer, FIX7c is not deployed, or the login may not read all of it.
    """
    try:
        connection = connecting.connect(dsn, name="qt001-cp change prepare", options=READ_ONLY)
    except psycopg.Error as exc:
        raise unreachable(exc, "source") from exc
    with connection:
        require_supported(connection.info.server_version, connection.info.parameter_status("server_version"))
        row = connection.execute(_SOURCE.encode()).fetchone()
        assert row is not None
        database, superuser, deployed = row
        if not deployed:
            raise _not_deployed(f"database {database}")
        options, major = connecting.options_of(connection), connection.info.server_version // 10000
    with tempfile.TemporaryDirectory(prefix="qt001-copy-") as folder:  # mode 0700
        dump = Path(folder, "dump")
        say(f"database {database}: dumped")
        roles = dump_of("pg_dumpall", dsn, options, ["--roles-only", "--no-role-passwords"])
        dump_of("pg_dump", dsn, options, ["--create", "-Fc", "-f", str(dump)])
        yield Original(f"database {database}", database, major, superuser, roles, dump)


def of_dump(path: Path, roles: Path) -> Original:
    """Of a dump with its roles. Raises :class:`FileProblem` where it does not say of which database and version it is."""
    try:
        text = read_file(roles).decode()
    except UnicodeDecodeError as exc:
        raise FileProblem(f"{roles}: expected UTF-8, found another encoding", hint=_ROLES) from exc
    if not any(piece.text.startswith("CREATE ROLE ") for piece in pieces(text)):
        raise FileProblem(f"{roles}: expected roles, found no CREATE ROLE", hint=_ROLES)
    if is_archive(path):
        contents = listed(path)
        database, version = _DATABASE.search(contents), _VERSION.search(contents)
        name, major = database[1].strip() if database else None, int(version[1]) if version else None
    else:
        said = named(read_dump(path, data=True)[0])
        name, major = said.database, said.major
    if name is None or major is None:
        lacks = "which database it is of" if name is None else "which version of PostgreSQL it is of"
        raise FileProblem(f"{path}: expected a dump that says {lacks}, found one that does not", hint=_WHOLE)
    return Original(str(path), name, major, _first_superuser(text), text, path)


def _first_superuser(roles: str) -> str:
    """pg_dumpall does not tell which one it is: postgres, or the only one."""
    found = [r["rolname"] for r in read_roles(roles, CloneReport("")).roles.values() if r["rolsuper"]]
    return found[0] if len(found) == 1 else "postgres"


def make_copy(original: Original, server: Server, say: Say) -> Scene:
    """The copy, on a server of the same major version that nobody else uses. Raises :class:`DatabaseProblem`, :class:`FileProblem`."""
    server = renamed(server, original.superuser)
    _make_roles(original, server, say)
    say(f"{original.what}: restored")
    if is_archive(original.dump) and server.version >= _SINCE_17 and not _has_notes(original):
        _restore(original, server)
    else:
        _run(original, server)
    with server.connect("postgres") as admin:
        if (
            admin.execute("SELECT 1 FROM pg_catalog.pg_database WHERE datname = %s", [original.database]).fetchone()
            is None
        ):
            raise DatabaseProblem(
                f"{original.what}: expected database {original.database} in it, found none", hint=_WHOLE
            )
    with server.connect(original.database) as admin:
        _require_deployed(admin, original)
        application, pair = recorded_application(admin), recorded_pair(admin)
    assert application is not None
    off = server.version >= connecting.LOGIN_TRIGGERS
    bootstrap(
        replace(server, pinned="-c event_triggers=off") if off else server, original.database, rehearsal=True, pair=pair
    )
    return Scene(server, original.database, application=application.name, pair=pair)


def _has_notes(original: Original) -> bool:
    """Whether its server has noted something in it that no other takes: then it is restored statement by statement."""
    text, _ = read_dump(original.dump, data=False)
    return without_notes(text) != text


def _make_roles(original: Original, server: Server, say: Say) -> None:
    """Each statement for itself: what a server of ours cannot make is told, and whether it matters the rehearsal finds out."""
    ours = re.compile(
        rf"^(?:CREATE|ALTER) ROLE (?:{re.escape(original.superuser)}|\"{re.escape(original.superuser)}\")[ ;]"
    )
    with server.connect("postgres") as admin:
        for piece in pieces(original.roles):
            if piece.command or ours.match(piece.text):
                continue
            try:
                admin.execute(piece.text.encode())
            except psycopg.Error as exc:
                say(f"not made: {' '.join(piece.text.split())[:200]}: {exc.diag.message_primary or exc}")


def _restore(original: Original, server: Server) -> None:
    try:
        server.run("pg_restore", "--create", "--exit-on-error", "-d", "postgres", str(original.dump), dbname="postgres")
    except ServerError as exc:
        if _CUT_OFF in exc.message:
            said = f"{original.dump}: pg_restore cannot read it: {exc.message}"
            raise FileProblem(said, hint="the file may be cut off: make the dump anew") from exc
        raise DatabaseProblem(f"{original.what} does not restore: {exc.message}", hint=_BY_HAND) from exc


def _run(original: Original, server: Server) -> None:
    """A plain dump, or an archive as one, statement by statement; what it tells psql to do is not done."""
    text, _ = read_dump(original.dump, data=True)
    opened = server.connect("postgres")
    try:
        for piece in pieces(without_notes(text)):
            if piece.command:
                raise FileProblem(
                    f"{original.dump}, line {piece.line}: expected SQL, found a command for psql: {piece.text.strip()[:80]}",
                    hint=_WHOLE,
                )
            if _TIMEOUT.match(piece.shape):
                continue  # since 17; and how long it takes is ours to say
            if piece.rows is not None:
                with opened.cursor() as cursor, cursor.copy(piece.text.encode()) as copy:
                    copy.write(piece.rows)
                continue
            opened.execute(piece.text.encode())
            if piece.shape.startswith("CREATE DATABASE "):
                opened.close()
                opened = server.connect(original.database)
    except psycopg.Error as exc:
        said = f"line {piece.line}, {piece.entry}: {str(exc).strip()}"
        raise DatabaseProblem(f"{original.what} does not restore: {said}", hint=_BY_HAND) from exc
    finally:
        opened.close()


def _require_deployed(admin: psycopg.Connection, original: Original) -> None:
    row = admin.execute("SELECT pg_catalog.to_regprocedure('qt001_cp.stage()') IS NOT NULL").fetchone()
    events = row == (True,) and admin.execute("SELECT 1 FROM qt001_cp.event LIMIT 1").fetchone()
    if not events or admin.execute("SELECT qt001_cp.stage()").fetchone() != ("fix7c",):
        raise _not_deployed(original.what)


def _not_deployed(what: str) -> DatabaseProblem:
    return DatabaseProblem(
        f"{what}: expected FIX7c to be deployed there, with its ledger in schema {SCHEMA}, found it is not",
        hint=f"a change is prepared on a copy of what is deployed; {_WHOLE}",
    )
