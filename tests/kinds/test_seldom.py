"""Catalogs that most databases have nothing in are not asked there, and are wherever one row is.

Inside a transaction of the caller's every catalog is asked: that is what the shorter question is compared with.
"""

from __future__ import annotations

import psycopg
import pytest

from qt001_cp.catalog.inventory import read_inventory, read_owners
from qt001_cp.catalog.source import ALL, query, seldom
from qt001_cp.model.names import Role
from tests.conftest import Stage

APPLICATION = Role("directus")
BUILT_IN = {
    "language": "GRANT USAGE ON LANGUAGE sql TO directus",
    "text search configuration": "ALTER TEXT SEARCH CONFIGURATION pg_catalog.simple OWNER TO directus",
}
"""Of the server's own objects, what names the application."""


def _there(connection: psycopg.Connection) -> frozenset[str]:
    row = connection.execute(seldom().encode()).fetchone()
    assert row is not None
    return frozenset(row[0])


def _same_as_all(connection: psycopg.Connection) -> frozenset[tuple[str, str]]:
    found = read_inventory(connection, APPLICATION)
    owners = read_owners(connection, APPLICATION)
    with connection.transaction():
        assert read_inventory(connection, APPLICATION) == found
        assert read_owners(connection, APPLICATION) == owners
    assert owners == {o.ref.key: o.state for o in found.objects}
    return frozenset(owners)


def test_with_every_kind_every_catalog_is_asked(with_every_kind: Stage) -> None:
    """But for extensions: plpgsql is the only one there, and initdb's."""
    with with_every_kind.connect() as connection:
        assert _there(connection) == ALL - {"pg_extension"}
        _same_as_all(connection)


def test_where_nothing_is_nothing_is_asked(at_base: Stage) -> None:
    with at_base.connect() as connection:
        there = _there(connection)
        assert there < ALL
        assert len(query(there)) < len(query(ALL))
        _same_as_all(connection)


@pytest.mark.parametrize("kind", BUILT_IN)
def test_the_servers_own_are_asked_where_they_name_the_application(at_base: Stage, kind: str) -> None:
    with at_base.connect() as connection:
        before = {k for k, _ in _same_as_all(connection)}
        connection.execute(BUILT_IN[kind].encode())
        assert kind not in before
        assert kind in {k for k, _ in _same_as_all(connection)}
