"""A distribution's server beside the pinned one of the same major: what either notes by itself (``pg_attver``, which Debian's 15.20
writes to each new column) is in no definition."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from psycopg import sql

from qt001_cp.servers import Server, ServerError, open_server
from tests.faults.cluster import cluster
from tests.kinds.copies import differences, worded
from tests.kinds.test_definitions import HOSTILE
from tests.versions.moves import UPGRADES, upgradable

MAJOR = UPGRADES[0][0]
ROLES = "CREATE ROLE directus LOGIN; CREATE ROLE reporting; CREATE ROLE intern;"
TABLES = """
CREATE TABLE public.later (a int DEFAULT 1, b varchar(9) CHECK (b IN ('x', 'y')));
ALTER TABLE public.later ADD COLUMN c int NOT NULL DEFAULT 7, OWNER TO directus;
"""


@pytest.fixture(scope="module")
def pair() -> Iterator[dict[str, Server]]:
    """The distribution's, and the one that is pinned."""
    try:
        with cluster(upgradable(MAJOR)) as made, open_server("embedded", major=MAJOR) as pinned:
            yield {"distribution": made.server(), "pinned": pinned}
    except ServerError as exc:
        pytest.skip(exc.message)


@contextmanager
def _database(server: Server, name: str) -> Iterator[None]:
    with server.connect("postgres") as admin:
        admin.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))
    try:
        yield
    finally:
        with server.connect("postgres") as admin:
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def _restore(there: Server, name: str, here: Server, other: str) -> None:
    text = here.dump(other).replace("SET transaction_timeout = 0;\n", "", 1)  # pg_dump is the wheel's 18
    there.psql(f"SET check_function_bodies = off;\n{text}", dbname=name)


@pytest.mark.parametrize("first", ["distribution", "pinned"])
def test_no_definition_differs_there_and_back(pair: dict[str, Server], first: str) -> None:
    one = pair[first]
    (other,) = [server for name, server in pair.items() if name != first]
    for server in pair.values():
        with server.connect("postgres") as admin:
            if not admin.execute("SELECT 1 FROM pg_roles WHERE rolname = 'directus'").fetchone():
                admin.execute(ROLES)
    with _database(one, "minor_first"), _database(other, "minor_second"), _database(one, "minor_third"):
        one.psql(HOSTILE + TABLES, dbname="minor_first")
        before = worded(one, "minor_first")
        assert len(before) > 20
        _restore(other, "minor_second", one, "minor_first")
        assert differences(before, worded(other, "minor_second")) == {}
        _restore(one, "minor_third", other, "minor_second")
        assert differences(before, worded(one, "minor_third")) == {}
