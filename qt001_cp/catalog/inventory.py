"""The inventory: the estate of the application role as it is now, whole or as owners and ACLs alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import psycopg

from qt001_cp.catalog.rows import OBJECTS, OWNERS, Rows
from qt001_cp.catalog.sessions import snapshot
from qt001_cp.errors import DatabaseProblem
from qt001_cp.model.inventory import Inventory, InventoryObject, State
from qt001_cp.model.names import Role
from qt001_cp.model.versions import require_supported


def read_inventory(connection: psycopg.Connection, application: Role) -> Inventory:
    """The estate of ``application`` as it is now, in one snapshot, with the search path pinned to pg_catalog.

    Raises :class:`Refused` for an unsupported server, :class:`DatabaseProblem` where the role does not exist.
    """
    _supported(connection)
    with snapshot(connection, application, definitions=True) as reading:
        database = _database(reading.cursor, application)
        objects: list[InventoryObject] = reading.read(
            OBJECTS, definitions=True, using=lambda rows: list(map(Rows().object, rows))
        )
    objects.sort(key=lambda o: o.ref.key)
    return Inventory(database, connection.info.server_version, application, tuple(objects))


def read_owners(connection: psycopg.Connection, application: Role) -> Mapping[tuple[str, str], State]:
    """Owner, ACL and column ACLs of every object of the estate, by kind and identity; raises as :func:`read_inventory`."""
    _supported(connection)
    with snapshot(connection, application, definitions=False) as reading:
        _database(reading.cursor, application)
        return dict(reading.read(OWNERS, definitions=False, using=lambda rows: list(map(Rows().state, rows))))


def _supported(connection: psycopg.Connection) -> None:
    require_supported(connection.info.server_version, connection.info.parameter_status("server_version"))


def _database(cursor: psycopg.Cursor[Any], application: Role) -> str:
    """The name of the database. Raises :class:`DatabaseProblem` where the role does not exist."""
    cursor.execute(
        "SELECT pg_catalog.current_database(), count(*) FROM pg_catalog.pg_roles WHERE rolname = $1",
        [application.name],
    )
    row = cursor.fetchone()
    if row is None or row[1] == 0:
        raise DatabaseProblem(
            f"role {application.name}: expected the application role of the policy, found no such role",
            hint="name it in the policy: [roles] application = …",
        )
    return str(row[0])
