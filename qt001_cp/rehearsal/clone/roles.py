"""Roles and memberships: read from the source by our own SQL in its snapshot, and made again on the clone."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import resources
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from qt001_cp.rehearsal.clone.report import CloneReport

Row = dict[str, Any]
_ATTRIBUTES = {
    "rolsuper": "SUPERUSER",
    "rolinherit": "INHERIT",
    "rolcreaterole": "CREATEROLE",
    "rolcreatedb": "CREATEDB",
    "rolcanlogin": "LOGIN",
    "rolreplication": "REPLICATION",
    "rolbypassrls": "BYPASSRLS",
}


def text_of(name: str) -> str:
    """One of our SQL files."""
    return resources.files("qt001_cp.rehearsal.clone").joinpath("sql", name).read_text("utf-8")


def rows_of(connection: psycopg.Connection, name: str) -> list[Row]:
    with connection.cursor(row_factory=dict_row) as cursor:
        return list(cursor.execute(text_of(name).encode()))


def make_roles(connection: psycopg.Connection, roles: Sequence[Row], report: CloneReport) -> None:
    """Every role with its attributes and settings; no password is known here, so none is set."""
    there = {r[0] for r in connection.execute("SELECT rolname FROM pg_catalog.pg_roles")}
    for role in roles:
        name = sql.Identifier(role["rolname"])
        if role["rolname"] not in there:
            connection.execute(sql.SQL("CREATE ROLE {}").format(name))
        words = [word if role[key] else f"NO{word}" for key, word in _ATTRIBUTES.items() if not role["bootstrap"]]
        change = sql.SQL("ALTER ROLE {} {} CONNECTION LIMIT {}").format(
            name, sql.SQL(" ".join(words)), sql.Literal(role["rolconnlimit"])
        )
        if role["valid_until"]:
            change += sql.SQL(" VALID UNTIL {}").format(sql.Literal(role["valid_until"]))
        connection.execute(change)
        if role["settings"]:
            # As it stands in the catalog: ALTER ROLE … SET would quote lists anew.
            connection.execute(
                "DELETE FROM pg_catalog.pg_db_role_setting s USING pg_catalog.pg_roles r"
                " WHERE s.setdatabase = 0 AND s.setrole = r.oid AND r.rolname = %s",
                [role["rolname"]],
            )
            connection.execute(
                "INSERT INTO pg_catalog.pg_db_role_setting (setdatabase, setrole, setconfig)"
                " SELECT 0, r.oid, %s FROM pg_catalog.pg_roles r WHERE r.rolname = %s",
                [role["settings"], role["rolname"]],
            )
    if roles:  # those of a dump are told by the file they come from, or one by one
        report.note(f"{len(roles)} roles cloned, without passwords")


def make_memberships(connection: psycopg.Connection, memberships: Sequence[Row], report: CloneReport) -> None:
    """Every membership with its grantor and options. A grantor needs the admin option first, so some wait for others."""
    waiting = list(memberships)
    while waiting:
        refused: list[tuple[Row, psycopg.Error]] = []
        for row in waiting:
            try:
                connection.execute(_grant(row, connection.info.server_version))
            except psycopg.Error as exc:
                refused.append((row, exc))
        if len(refused) == len(waiting):
            for row, error in refused:
                report.lack(
                    f"membership of {row['member']} in {row['role']}",
                    error.diag.message_primary or str(error),
                    "what is reached through it was not rehearsed",
                )
            return
        waiting = [row for row, _ in refused]


def _grant(row: Row, version: int) -> sql.Composed:
    options = ["ADMIN TRUE"] if row["admin_option"] else []
    if version < 160000:
        options = ["ADMIN OPTION"] if row["admin_option"] else []
    elif row["inherits"] is not None:
        options += [f"INHERIT {'TRUE' if row['inherits'] else 'FALSE'}", f"SET {'TRUE' if row['sets'] else 'FALSE'}"]
    made = sql.SQL("GRANT {} TO {}").format(sql.Identifier(row["role"]), sql.Identifier(row["member"]))
    if options:
        made += sql.SQL(" WITH " + ", ".join(options))
    if row["grantor"]:
        made += sql.SQL(" GRANTED BY {}").format(sql.Identifier(row["grantor"]))
    return made
