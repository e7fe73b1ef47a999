"""What a dump makes of an estate when it is restored: another database of the same server, read as the first one is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

from psycopg import sql

from qt001_cp.catalog.inventory import read_inventory
from qt001_cp.model.inventory import Inventory
from qt001_cp.model.names import Role
from qt001_cp.servers import Server

Worded: TypeAlias = dict[tuple[str, str], tuple[str, str | None, Any]]
SHARED = ("database", "tablespace", "subscription")
"""Of the server, or named by it: one that is restored beside the first is another."""


@contextmanager
def restored(server: Server, dumped: str, name: str) -> Iterator[str]:
    """A database of that name with what the dump of the other one holds."""
    target = sql.Identifier(name)
    with server.connect("postgres") as connection:
        connection.execute(sql.SQL("CREATE DATABASE {} OWNER directus TEMPLATE template0").format(target))
    try:
        text = server.dump(dumped, "--no-subscriptions")
        if server.version < 170000:  # pg_dump is the wheel's 18, and sets what older servers do not know
            text = text.replace("SET transaction_timeout = 0;\n", "", 1)
        server.psql(f"SET check_function_bodies = off;\n{text}", dbname=name)
        yield name
    finally:
        with server.connect("postgres") as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(target))


def worded(server: Server, database: str) -> Worded:
    """Definition, storage and state of every object of the estate, by kind and identity."""
    apart = server.version < 170000  # there no dump says who owns the multirange of a range
    with server.connect(database) as connection:
        inventory: Inventory = read_inventory(connection, Role("directus"))
    return {
        o.ref.key: (o.definition, o.storage, o.state.as_owned_by(o.state.owner).owner)
        for o in inventory.objects
        if o.ref.kind not in SHARED and not (apart and o.definition.startswith("type m "))
    }


def differences(one: Worded, other: Worded) -> dict[tuple[str, str], tuple[object, object]]:
    return {key: (one.get(key), other.get(key)) for key in one.keys() | other.keys() if one.get(key) != other.get(key)}
