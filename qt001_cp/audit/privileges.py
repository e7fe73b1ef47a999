"""The audit's own list of the privileges on tables and views, and what they let the application role do.

It is no copy of another list of the project: ``tests/audit/test_privileges.py`` holds the two equal.
Source: PostgreSQL documentation, "Privileges" (5.8), table 5.2.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import psycopg

from qt001_cp.audit.check import Check
from qt001_cp.audit.control import Pair
from qt001_cp.audit.live import Live
from qt001_cp.audit.queries import rows

SINCE: Final = {
    "INSERT": 0, "SELECT": 0, "UPDATE": 0, "DELETE": 0, "TRUNCATE": 0, "REFERENCES": 0, "TRIGGER": 0, "MAINTAIN": 17,
}  # fmt: skip
"""Each privilege, and the major version that brought it."""
ON_COLUMNS: Final = ("INSERT", "SELECT", "UPDATE", "REFERENCES")
_BEYOND: Final = ("qt001_cp_", "pg_")
"""How the names of the duties and the server's own roles begin, and those of owner and ledger role where nobody gives them others."""


def known(server_version: int) -> list[str]:
    """The privileges that this server knows; the name of another one would be an error there."""
    return [privilege for privilege, since in SINCE.items() if since * 10000 <= server_version]


def effective(connection: psycopg.Connection, role: str, relations: Iterable[int]) -> list[dict[str, Any]]:
    """A row for each privilege that it has: ``oid``, ``privilege``, ``column`` (None: on the whole)."""
    asked = known(connection.info.server_version)
    return rows(connection, "effective_privileges.sql", role, list(ON_COLUMNS), asked, list(relations))


def roles(connection: psycopg.Connection, application: str, pair: Pair) -> Check:
    """The application role gets around no ACL: by an attribute, or as a member of the new owner, a duty, or the server's own."""
    check = Check("roles of the application")
    for role in rows(connection, "application_roles.sql", application):
        check.looked_at += 1
        if role["name"] == application:
            check.faults += [f"{application} has {attribute}" for attribute in role["attributes"]]
        elif role["attributes"] or role["name"].startswith(_BEYOND) or role["name"] in pair:
            having = f", which has {', '.join(role['attributes'])}" if role["attributes"] else ""
            check.faults.append(f"{application} is a member of {role['name']}{having}")
    return check


def members(connection: psycopg.Connection, manifest: Mapping[str, Any], live: Mapping[Any, Live]) -> Check:
    """Who can become the application has no other role's place that holds something on a transferred object."""
    check, application = Check("who can become the application"), manifest["application"]
    held: dict[str, list[str]] = {}
    for o in manifest["objects"]:
        found = live.get((o["kind"], o["identity"]))
        if o["disposition"] == "transfer" and found is not None:
            for entry in set().union(found.acl, *found.columns.values()):
                held.setdefault(str(entry[1]), []).append(f"{entry[2]} on {o['kind']} {o['identity']}")
    check.looked_at = len(held)
    for row in rows(connection, "application_members.sql", application):
        if row["role"] in held:
            found_words = held[row["role"]]
            more = f" and {len(found_words) - 1} more" if len(found_words) > 1 else ""
            check.faults.append(
                f"{row['member']} can become {application}, and {row['role']}, which has {min(found_words)}{more}"
            )
    return check
