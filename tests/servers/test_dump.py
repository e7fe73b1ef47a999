"""Two dumps of the same catalogs are the same text."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from psycopg import sql

from qt001_cp.servers import Server
from qt001_cp.servers.dump import as_sets

ROLES = ("qt001_dump_a", 'qt001 dump "b", c', "qt001_dump_d")
DATABASE = "qt001_dump"


@pytest.fixture
def policed(server: Server) -> Iterator[Server]:
    names = [sql.Identifier(role) for role in ROLES]
    with server.connect("postgres") as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))
        for name in names:
            connection.execute(sql.SQL("CREATE ROLE {}").format(name))
    with server.connect(DATABASE) as connection:
        connection.execute("CREATE TABLE public.t (a int)")
        listed = sql.SQL(", ").join(names)
        connection.execute(
            sql.SQL('CREATE POLICY "p TO x, y" ON t AS RESTRICTIVE FOR UPDATE TO {} USING (a = 1)').format(listed)
        )
    yield server
    with server.connect("postgres") as connection:
        connection.execute(sql.SQL("DROP DATABASE {}").format(sql.Identifier(DATABASE)))
        connection.execute(sql.SQL("DROP ROLE {}").format(sql.SQL(", ").join(names)))


def move(server: Server) -> None:
    """Alters the first of the roles until pg_authid no longer holds it first: a snapshot meanwhile lets no room be used again."""
    listed = "SELECT array_agg(rolname ORDER BY ctid) FROM pg_authid WHERE rolname = ANY(%s)"
    with server.connect("postgres") as holder, server.connect("postgres") as connection, holder.transaction():
        holder.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        first = holder.execute(listed, [list(ROLES)]).fetchone()
        assert first is not None
        for limit in range(1000):
            connection.execute(
                sql.SQL("ALTER ROLE {} CONNECTION LIMIT {}").format(sql.Identifier(first[0][0]), sql.Literal(limit))
            )
            if connection.execute(listed, [list(ROLES)]).fetchone() != first:
                return
    raise AssertionError(f"expected pg_authid to hold {first[0][0]} in another place after 1000 changes")


def test_a_changed_role_does_not_move_the_policies_that_name_it(policed: Server) -> None:
    before = policed.dump(DATABASE)
    raw = policed.run("pg_dump", "--restrict-key=qt001", dbname=DATABASE).stdout
    move(policed)
    moved = policed.run("pg_dump", "--restrict-key=qt001", dbname=DATABASE).stdout
    assert moved != raw, "what this is about: an ALTER ROLE moves its row, and pg_dump's list with it"
    assert policed.dump(DATABASE) == before
    policies = re.findall("CREATE POLICY.*", before)
    assert policies == [
        'CREATE POLICY "p TO x, y" ON public.t AS RESTRICTIVE FOR UPDATE TO "qt001 dump ""b"", c", qt001_dump_a, qt001_dump_d'
        " USING ((a = 1));"
    ]


def test_privileges_are_a_set() -> None:
    """What is revoked and granted again comes last; another object's lines stay where they are."""
    one = "GRANT SELECT ON TABLE public.a TO x;\nGRANT UPDATE ON TABLE public.a TO w;\n\n--\nGRANT SELECT ON TABLE public.b TO a;\n"
    other = "GRANT UPDATE ON TABLE public.a TO w;\nGRANT SELECT ON TABLE public.a TO x;\n\n--\nGRANT SELECT ON TABLE public.b TO a;\n"
    less = other.replace("GRANT SELECT ON TABLE public.a TO x;\n", "")
    assert as_sets(one) == as_sets(other)
    assert as_sets(less) != as_sets(one)
    assert as_sets(one).splitlines()[-1] == "GRANT SELECT ON TABLE public.b TO a;"
