"""An operator's login without superuser: what it is given, and the way through the stages as that login."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
import pytest
from psycopg import sql

from qt001_cp.emit.script import statement_steps
from qt001_cp.model.manifest import ObjectManifest
from qt001_cp.ops.directives import (
    ApplyManifestOp,
    BeginScriptOp,
    EndScriptOp,
    GuardOp,
    ScriptSettingsOp,
)
from qt001_cp.plan.order import Direction
from qt001_cp.rehearsal.scene import Scene, drop_scene
from tests.conftest import Stage

LOGIN = "qt001_plain_operator"
POWERS = (
    "directus INHERIT",
    "directus SET",
    "qt001_cp_owner INHERIT",
    "qt001_cp_owner SET",
    "reporting INHERIT",
    "reporting SET",
    "CREATEDB",
)
"""What the reference estate asks of a login that is no superuser. Before PostgreSQL 16 a membership has no options."""


@dataclass(frozen=True)
class Finding:
    sqlstate: str
    object: str
    expected: str
    found: str
    mend: str


def options(stage: Stage) -> bool:
    """Whether memberships have the options INHERIT and SET."""
    return stage.scene.server.version >= 160000


def public_to_application(scene: Scene) -> None:
    """Before PostgreSQL 15 schema public belongs to a superuser: whoever made the database gives it to the application."""
    if scene.server.version < 150000:
        with scene.connect() as connection:
            connection.execute("ALTER SCHEMA public OWNER TO directus")


def needs_15(stage: Stage) -> None:
    if stage.scene.server.version < 150000:
        drop_scene(stage.scene)
        pytest.skip(
            "schema public of the prepared databases belongs to a superuser; see test_schema_public_of_a_superuser"
        )


@contextmanager
def plain_operator(stage: Stage, powers: Sequence[str] = ()) -> Iterator[str]:
    """The login with the operator's duty and ``powers``; gone afterwards, as the roles belong to the whole server."""
    with stage.connect() as admin:
        admin.execute(f"DROP ROLE IF EXISTS {LOGIN}")
        admin.execute(f"CREATE ROLE {LOGIN} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE")
        admin.execute(f"GRANT qt001_cp_operator TO {LOGIN}")
        admin.execute(
            "INSERT INTO qt001_cp.person (login, person, duty) VALUES (%s, 'plain.operator', 'operator') ON CONFLICT DO NOTHING",
            [LOGIN],
        )
        for power in powers:
            give(admin, power, options(stage))
    try:
        yield LOGIN
    finally:
        with stage.connect() as admin:
            admin.execute(f"DROP ROLE {LOGIN}")


def give(admin: psycopg.Connection, power: str, with_options: bool) -> None:
    role, _, option = power.partition(" ")
    if power == "CREATEDB":
        admin.execute(f"ALTER ROLE {LOGIN} CREATEDB")
    elif with_options:
        row = admin.execute(
            "SELECT 1 FROM pg_auth_members WHERE roleid = %s::regrole AND member = %s::regrole", [role, LOGIN]
        ).fetchone()
        other = {"SET": "INHERIT", "INHERIT": "SET"}[option]
        more = "" if row else f", {other} FALSE"
        admin.execute(f"GRANT {role} TO {LOGIN} WITH {option} TRUE{more}")
    else:
        admin.execute(f"GRANT {role} TO {LOGIN}")


def take(admin: psycopg.Connection, power: str, with_options: bool) -> None:
    role, _, option = power.partition(" ")
    if power == "CREATEDB":
        admin.execute(f"ALTER ROLE {LOGIN} NOCREATEDB")
    elif with_options:
        admin.execute(f"GRANT {role} TO {LOGIN} WITH {option} FALSE")
    else:
        admin.execute(f"REVOKE {role} FROM {LOGIN}")


@contextmanager
def rolled_back(stage: Stage) -> Iterator[psycopg.Connection]:
    """A superuser's transaction of which nothing stays; :func:`act` makes it the operator's for a while."""
    with stage.connect() as connection, connection.transaction(force_rollback=True):
        yield connection


def _status(connection: psycopg.Connection) -> psycopg.pq.TransactionStatus:
    return connection.info.transaction_status


@contextmanager
def act(connection: psycopg.Connection) -> Iterator[None]:
    """As the operator's login: session_user too, and with its powers alone."""
    assert _status(connection) == psycopg.pq.TransactionStatus.INTRANS
    connection.execute(f"SET LOCAL SESSION AUTHORIZATION {LOGIN}")
    try:
        yield
    finally:
        if _status(connection) != psycopg.pq.TransactionStatus.INERROR:
            connection.execute("RESET ROLE")
            connection.execute("RESET SESSION AUTHORIZATION")


def power_findings(connection: psycopg.Connection, manifest: ObjectManifest, direction: Direction) -> list[Finding]:
    with act(connection):
        rows = connection.execute(
            "SELECT * FROM qt001_cp.operator_power_findings(%s, %s)", [manifest.digest(), direction]
        ).fetchall()
    return [Finding(*row) for row in rows]


def statements(connection: psycopg.Connection, manifest: ObjectManifest, direction: Direction) -> None:
    """The script of one direction without what asks whether it may run: what PostgreSQL itself allows."""
    script, revision = _script(direction)
    blocks = [text for text in ApplyManifestOp(manifest, direction).sql() if "require_statements" in text]
    plain = [_CHECK.sub("", text) for text in blocks]
    _run(
        connection,
        [
            *ScriptSettingsOp().sql(),
            *BeginScriptOp(script, revision, pair=manifest.pair).sql(),
            *plain,
            "UPDATE qt001_cp.alembic_version SET version_num = version_num",
        ],
    )


def whole(connection: psycopg.Connection, manifest: ObjectManifest, direction: Direction) -> None:
    """The script of one direction with its preconditions and postconditions."""
    digest, first = manifest.digest(), direction == "forward"
    script, revision = _script(direction)
    names = ("cutover_begin", "cutover_end") if first else ("restore_begin", "restore_end")
    steps = (names[0], *statement_steps(manifest, "forward" if first else "restore"), names[1])
    begin = GuardOp("cutover_begin", digest, True) if first else GuardOp("restore_begin", digest)
    end = GuardOp("cutover_end", digest, True) if first else GuardOp("restore_end", digest)
    _run(
        connection,
        [
            *ScriptSettingsOp().sql(),
            *BeginScriptOp(script, revision, pair=manifest.pair).sql(),
            *begin.sql(),
            *ApplyManifestOp(manifest, direction).sql(),
            *end.sql(),
            *EndScriptOp(script, revision, steps).sql(),
            f"UPDATE qt001_cp.alembic_version SET version_num = '{revision}'",
        ],
    )


_CHECK = re.compile(r"^PERFORM qt001_cp\.require_statements\(.*\n", re.MULTILINE)


def _script(direction: Direction) -> tuple[str, str]:
    return ("upgrade fix7b", "fix7b") if direction == "forward" else ("downgrade fix7b", "fix7a")


def _run(connection: psycopg.Connection, texts: Sequence[str]) -> None:
    for text in texts:
        connection.execute(sql.SQL(text))
