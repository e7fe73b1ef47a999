"""The inventory of an estate that its server's lock table is small for, and in two sessions that see one moment."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from qt001_cp.catalog import sessions
from qt001_cp.catalog.inventory import read_inventory, read_owners
from qt001_cp.model.names import Role
from qt001_cp.servers.binaries import wanted_major
from qt001_cp.servers.cluster import run_cluster
from qt001_cp.servers.pinned import WHEEL_MAJOR
from tests.conftest import Stage

APPLICATION = Role("directus")
RELATIONS = 2400
"""One in four is a table with two indexes, the others are views: each keeps a lock on the relation before it."""
SMALL = {
    "max_locks_per_transaction": "10",
    "max_connections": "20",
    "max_prepared_transactions": "0",
    "max_worker_processes": "0",
    "max_wal_senders": "0",
}


@pytest.fixture(scope="module")
def crowded() -> Iterator[psycopg.Connection]:
    """A superuser's session on a server with room for few locks, and many views in its database."""
    with run_cluster(wanted_major() or WHEEL_MAJOR, None, **SMALL) as answer:
        where = {"host": answer["host"], "port": str(answer["port"]), "user": answer["superuser"], "dbname": "postgres"}
        with psycopg.connect(psycopg.conninfo.make_conninfo(**where), autocommit=True) as connection:
            connection.execute("CREATE ROLE directus; CREATE SCHEMA a AUTHORIZATION directus; SET ROLE directus")
            for start in range(0, RELATIONS, 20):
                connection.execute("; ".join(map(_relation, range(start, start + 20))).encode())
            connection.execute(
                "CREATE FUNCTION a.sum() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT sum(id) FROM a.r1; END; RESET ROLE"
            )
            yield connection


def _relation(number: int) -> str:
    if number % 4:
        return f"CREATE VIEW a.r{number} AS SELECT id, amount FROM a.r{number - 1}"
    return f"CREATE TABLE a.r{number} (id int PRIMARY KEY, amount int UNIQUE CHECK (amount > 0))"


def test_a_small_lock_table_is_not_filled(crowded: psycopg.Connection) -> None:
    found = {o.ref.identity: o for o in read_inventory(crowded, APPLICATION).objects}
    wanted = {f"a.r{n}" for n in range(RELATIONS)}
    assert wanted <= found.keys()
    for number in range(RELATIONS):
        text = found[f"a.r{number}"].definition
        assert (f"FROM a.r{number - 1}" if number % 4 else f"constraint r{number}_pkey p ") in text
    assert "FROM a.r1" in found["a.sum()"].definition
    assert read_owners(crowded, APPLICATION).keys() == {o.ref.key for o in found.values()}


def test_in_one_part_it_would_be_filled(crowded: psycopg.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "parts", lambda _cursor, _room: [])
    with pytest.raises(psycopg.errors.OutOfMemory):
        read_inventory(crowded, APPLICATION)


def test_parts_leave_no_object_out_and_none_twice(at_base: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    with at_base.connect() as connection:
        whole = read_inventory(connection, APPLICATION)
        monkeypatch.setattr(sessions, "room_and_relations", lambda _: (1, 2))
        assert read_inventory(connection, APPLICATION) == whole


def test_two_sessions_see_one_moment(at_base: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """What another session commits after the first began, the second does not see either."""
    opened: list[psycopg.Connection] = []

    def beside(connection: psycopg.Connection) -> psycopg.Connection:
        with at_base.connect() as other:
            other.execute(
                f"CREATE TABLE late_{len(opened)} (); ALTER TABLE late_{len(opened)} OWNER TO directus".encode()
            )
        opened.append(psycopg.connect(connection.info.dsn, password=connection.info.password or None, autocommit=True))
        return opened[-1]

    with at_base.connect() as connection:
        whole = read_inventory(connection, APPLICATION)
        monkeypatch.setattr(sessions, "_TWO", 1)
        monkeypatch.setattr(sessions, "_beside", beside)
        assert read_inventory(connection, APPLICATION) == whole
        assert len(opened) == 1
        assert opened[0].closed
        assert len(read_inventory(connection, APPLICATION).objects) == len(whole.objects) + 1


def test_without_a_second_session_the_first_reads_all(at_base: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    refused = []

    def full(connection: psycopg.Connection) -> psycopg.Connection:
        refused.append(connection)
        raise psycopg.OperationalError("sorry, too many clients already")

    with at_base.connect() as connection:
        whole = read_inventory(connection, APPLICATION)
        monkeypatch.setattr(sessions, "_TWO", 1)
        monkeypatch.setattr(sessions, "_beside", full)
        assert read_inventory(connection, APPLICATION) == whole
        assert refused
        assert read_owners(connection, APPLICATION) == {o.ref.key: o.state for o in whole.objects}


def test_inside_a_transaction_of_the_caller_nothing_is_left_behind(at_base: Stage) -> None:
    with at_base.connect() as connection:
        outside = read_inventory(connection, APPLICATION)
        connection.execute("BEGIN")
        assert read_inventory(connection, APPLICATION) == outside
        row = connection.execute("SELECT current_setting('transaction_isolation')").fetchone()
        assert row == ("read committed",)
        connection.execute("ROLLBACK")
