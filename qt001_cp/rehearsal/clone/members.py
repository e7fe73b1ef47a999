"""Gives members of extensions the owner and the initial privileges of the original: a dump takes both for granted.

Members belong to whoever ran the script, but for a trusted language, which belongs to whoever made the extension. Initial privileges
are what the script has left, or what held when ALTER EXTENSION … ADD took the object in: pg_init_privs has them, and pg_dump says only
what has changed since. Source: PostgreSQL documentation, "pg_init_privs", "ALTER EXTENSION", "CREATE EXTENSION".
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final

import psycopg
from psycopg import sql

from qt001_cp.rehearsal.clone.report import CloneReport
from qt001_cp.rehearsal.clone.roles import Row, rows_of

QUERY: Final = "members.sql"
_GRANTED: Final = {"AGGREGATE": "FUNCTION", "VIEW": "TABLE", "MATERIALIZED VIEW": "TABLE", "FOREIGN TABLE": "TABLE"}
"""What GRANT calls them."""


def put_back(
    connection: psycopg.Connection, wanted: Iterable[Row], superusers: Collection[str], report: CloneReport
) -> int:
    """As a superuser of a disposable server; returns how many it was. What cannot be put right is told.

    ``superusers``: those of the original, who are none here; what belongs to one of them stays ours. For other privileges a
    member is taken out of its extension, given what it had when the original took it in, and taken in again.
    """
    theirs = {_key(row): row for row in wanted}
    changed = 0
    for row in rows_of(connection, QUERY):
        original = theirs.get(_key(row))
        if original is None:
            continue
        other_owner = original["owner"] not in (*superusers, row["owner"])
        if not other_owner and original["initial"] == row["initial"]:
            continue
        try:
            with connection.transaction():
                _put_back(connection, original, row, other_owner=other_owner)
            changed += 1
        except psycopg.Error as exc:
            what = f"owner and initial privileges of {row['noun'].lower()} {row['identity']}"
            report.lack(what, exc.diag.message_primary or str(exc), "a member of an extension has others in the clone")
    return changed


def _put_back(connection: psycopg.Connection, original: Row, found: Row, *, other_owner: bool) -> None:
    """Raises :class:`psycopg.Error`."""
    if other_owner:
        give = sql.SQL(f"ALTER {_noun(found)} {found['identity']} OWNER TO {{}}")
        connection.execute(give.format(sql.Identifier(original["owner"])))
        found = {**found, "owner": original["owner"]}
    if original["initial"] != found["initial"]:
        if original["passed_on"]:
            raise psycopg.NotSupportedError("some of them were granted by another role than its owner")
        _again(connection, original, found)


def _key(row: Row) -> tuple[str, str, str]:
    return row["extension"], row["noun"], row["identity"]


def _noun(row: Row) -> str:
    return str(row["noun"]).replace("-", " ")


def _again(connection: psycopg.Connection, original: Row, found: Row) -> None:
    member = _noun(original)
    on = sql.SQL(f"{_GRANTED.get(member, member)} {original['identity']}")
    held = {str(g[0]): g[0] for each in (original, found) for g in (*each["initial"], *each["today"])}
    for word, grants in (("DROP", original["initial"]), ("ADD", original["today"])):
        again = sql.SQL(f"ALTER EXTENSION {{}} {word} {member} {original['identity']}")
        connection.execute(again.format(sql.Identifier(original["extension"])))
        for who in held.values():
            connection.execute(sql.SQL("REVOKE ALL ON {} FROM {}").format(on, _name(who, found)))
        for grantee, privilege, grantable in grants:
            option = sql.SQL(" WITH GRANT OPTION" if grantable and grantee != "owner" else "")
            grant = sql.SQL("GRANT {} ON {} TO {}{}")
            connection.execute(grant.format(sql.SQL(privilege), on, _name(grantee, found), option))


def _name(grantee: str | list[str], found: Row) -> sql.Composable:
    """As the query says it: ``owner``, ``PUBLIC``, or a list of one role."""
    if isinstance(grantee, list):
        return sql.Identifier(grantee[0])
    return sql.SQL("PUBLIC") if grantee == "PUBLIC" else sql.Identifier(found["owner"])
