"""Roles and memberships: read from the source by our own SQL in its snapshot, and made again on the clone."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from importlib import resources
from typing import Any, Final

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


OUTSIDE: Final = frozenset({
    "pg_execute_server_program", "pg_read_server_files", "pg_write_server_files", "pg_create_subscription",
})  # fmt: skip  # roles that lead out of the database
NO_SUPERUSER: Final = (
    "role {} is a superuser of the original and none on the clone: what it may do as one was not tried"
)
_FILES: Final = "before 16 it leads to the roles of files and programs, which nobody holds on a clone"
_LOADS: Final = re.compile(r"librar|preload|path$(?<!search_path)|program|command|session_authorization")
_LOGS: Final = re.compile(
    r"log_|track_|deadlock_timeout$|temp_file_limit$|auto_explain\.|pg_stat_statements\.|lo_compat_privileges$"
)


def text_of(name: str) -> str:
    """One of our SQL files."""
    return resources.files("qt001_cp.rehearsal.clone").joinpath("sql", name).read_text("utf-8")


def rows_of(connection: psycopg.Connection, name: str) -> list[Row]:
    with connection.cursor(row_factory=dict_row) as cursor:
        return list(cursor.execute(text_of(name).encode()))


def harmless_setting(connection: psycopg.Connection, name: str) -> bool:
    """Whether a setting of a role or a database does no more than any session could do for itself, or only writes a log."""
    if _LOADS.search(name):
        return False
    row = connection.execute("SELECT context FROM pg_catalog.pg_settings WHERE name = %s", [name]).fetchone()
    return (row is None and "." in name) or row == ("user",) or (row is not None and bool(_LOGS.match(name)))


def make_roles(connection: psycopg.Connection, roles: Sequence[Row], report: CloneReport) -> None:
    """Every role with its attributes, settings and comment; no password is known here, so none is set.

    None is a superuser: that is what the source's code would need to leave the clone. Before 16 a CREATEROLE could make
    itself a member of the roles of files and programs, so none has that either.
    """
    there = {r[0] for r in connection.execute("SELECT rolname FROM pg_catalog.pg_roles")}
    for role in roles:
        name = sql.Identifier(role["rolname"])
        if role["rolname"].startswith("pg_"):
            report.lack(f"role {role['rolname']}", "the name is PostgreSQL's own", "it is what initdb made")
            continue
        if role["rolname"] not in there:
            connection.execute(sql.SQL("CREATE ROLE {}").format(name))
        change = sql.SQL("ALTER ROLE {} {} CONNECTION LIMIT {}").format(
            name,
            sql.SQL(" ".join(_words(role, connection.info.server_version, report))),
            sql.Literal(role["rolconnlimit"]),
        )
        if role["valid_until"]:
            change += sql.SQL(" VALID UNTIL {}").format(sql.Literal(role["valid_until"]))
        connection.execute(change)
        if role["comment"] is not None:
            connection.execute(sql.SQL("COMMENT ON ROLE {} IS {}").format(name, sql.Literal(role["comment"])))
        settings = [s for s in role["settings"] if _made(connection, role["rolname"], s.partition("=")[0], report)]
        if settings:
            # As it stands in the catalog: ALTER ROLE … SET would quote lists anew.
            connection.execute(
                "DELETE FROM pg_catalog.pg_db_role_setting s USING pg_catalog.pg_roles r"
                " WHERE s.setdatabase = 0 AND s.setrole = r.oid AND r.rolname = %s",
                [role["rolname"]],
            )
            connection.execute(
                "INSERT INTO pg_catalog.pg_db_role_setting (setdatabase, setrole, setconfig)"
                " SELECT 0, r.oid, %s FROM pg_catalog.pg_roles r WHERE r.rolname = %s",
                [settings, role["rolname"]],
            )
    if roles:  # those of a dump are told by the file they come from, or one by one
        report.note(f"{len(roles)} roles cloned, without passwords")


def _words(role: Row, version: int, report: CloneReport) -> list[str]:
    """The attributes that a role has on the clone."""
    has = {key for key in _ATTRIBUTES if role[key]}
    if "rolsuper" in has:
        has -= {"rolsuper", "rolcreaterole", "rolreplication"}
        report.note(NO_SUPERUSER.format(role["rolname"]))
    elif version < 160000 and "rolcreaterole" in has:
        has -= {"rolcreaterole"}
        report.lack(f"CREATEROLE of {role['rolname']}", _FILES, "what it could do by it was not rehearsed")
    return [word if key in has else f"NO{word}" for key, word in _ATTRIBUTES.items()]


def _made(connection: psycopg.Connection, role: str, setting: str, report: CloneReport) -> bool:
    if harmless_setting(connection, setting.lower()):
        return True
    report.lack(f"setting {setting} of role {role}", "on a clone it is off", "sessions of that role begin without it")
    return False


def make_memberships(
    connection: psycopg.Connection, memberships: Sequence[Row], report: CloneReport, demoted: Collection[str] = ()
) -> None:
    """Every membership with its grantor and options. A grantor needs the admin option first, so some wait for others.

    ``demoted``: superusers of the source. They needed none, and since 16 they would here: what they granted we grant.
    """
    ours = demoted if connection.info.server_version >= 160000 else ()
    waiting = [{**row, "grantor": None} if row["grantor"] in ours else row for row in memberships]
    waiting = [row for row in waiting if not _leads_outside(row, report)]
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


def _leads_outside(row: Row, report: CloneReport) -> bool:
    if row["role"] not in OUTSIDE:
        return False
    why = "on a clone nobody reads or writes the server's files, runs programs or connects outward"
    report.lack(f"membership of {row['member']} in {row['role']}", why, "what is reached through it was not rehearsed")
    return True


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
