"""Who the application role is, before anything is read of it: a superuser cannot be contained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import psycopg

from qt001_cp.emit import quoting
from qt001_cp.errors import Findings
from qt001_cp.model.names import Role

_WHO: Final = """
SELECT rolsuper, oid OPERATOR(pg_catalog.=) 10::pg_catalog.oid FROM pg_catalog.pg_roles
WHERE rolname OPERATOR(pg_catalog.=) %s::pg_catalog.text
"""
"""10: the role that initdb made, ``BOOTSTRAP_SUPERUSERID`` of the sources."""
NO_WAY: Final = "superuser: no privilege that is taken from it binds it, and precondition 8 of FIX7b refuses it (QT108)"


@dataclass(frozen=True)
class Superuser:
    """An application role that is one. ``first``: the role that initdb made, whose estate is the server itself."""

    first: bool
    message: str
    hint: str


def superuser(connection: psycopg.Connection, application: Role) -> Superuser | None:
    """What to say first, and what to type; None where it is none."""
    row = connection.execute(_WHO, [application.name]).fetchone()
    if row is None or not row[0]:
        return None
    role = quoting.role(application)
    if row[1]:
        return Superuser(
            True,
            f"role {application.name}: expected the login of an application, found the first superuser, which initdb made; it owns"
            f" the server's own catalogs and stays a {NO_WAY}",
            f"give the application a login of its own, as another superuser: ALTER ROLE {role} RENAME TO postgres; CREATE ROLE {role}"
            " LOGIN; then ALTER … OWNER TO it what is the application's (its database, schemas, tables and routines), and begin again",
        )
    return Superuser(
        False,
        f"role {application.name}: expected the login of an application without superuser, found a {NO_WAY}",
        f"ALTER ROLE {role} NOSUPERUSER;  and see what the application then cannot do",
    )


def require_no_superuser(connection: psycopg.Connection, application: Role, *, first_only: bool = False) -> None:
    """Raises :class:`Findings` for a superuser; with ``first_only`` for the one that initdb made, whose estate is the server's."""
    found = superuser(connection, application)
    if found is not None and (found.first or not first_only):
        raise Findings(found.message, hint=found.hint)
