"""What a server, a login or an ACL has been made to be: said first, with what ends it, and nothing is done."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from qt001_cp import estate
from qt001_cp.errors import Refused
from qt001_cp.project import project_folder
from qt001_cp.servers import Server, ServerError
from qt001_cp.workflow import revisions
from tests.conftest import Stage
from tests.cutover.support import sealed_with

LATIN = "latin_case"


@pytest.fixture
def latin(server: Server) -> Iterator[str]:
    with server.connect("postgres") as connection:
        connection.execute(
            f"CREATE DATABASE {LATIN} TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'".encode()
        )
    yield LATIN
    with server.connect("postgres") as connection:
        connection.execute(f"DROP DATABASE {LATIN} WITH (FORCE)".encode())


@pytest.mark.parametrize("what", ["the bootstrap", "FIX7a"])
def test_another_encoding_is_refused_before_anything_is_made(server: Server, latin: str, what: str) -> None:
    text = (
        (project_folder() / "scripts" / "bootstrap.sql").read_text("utf-8")
        if what == "the bootstrap"
        else revisions.upgrade_sql("base", "fix7a", policy=str(estate.policy_path()))
    )
    before, roles = server.dump(latin), server.dump_roles()
    with pytest.raises(ServerError, match=r"QT120: .* refused: expected .*UTF8, found .*LATIN1"):
        server.psql(text, "-v", "VERBOSITY=verbose", dbname=latin)
    assert (server.dump(latin), server.dump_roles()) == (before, roles)


def test_the_first_guard_is_ascii() -> None:
    """Of a file for a database in another encoding: what is read before the guard has refused."""
    assert (project_folder() / "scripts" / "bootstrap.sql").read_text("utf-8").isascii()
    text = revisions.upgrade_sql("base", "fix7a", policy=str(estate.policy_path()))
    guard, end, _ = text.partition("\n$guard$;\n")
    assert end
    assert guard.isascii()


def test_a_grantor_that_is_gone_is_refused_when_sealed(at_base: Stage, tmp_path: Path) -> None:
    with at_base.connect() as connection:
        connection.execute("CREATE ROLE ghost")
        connection.execute("GRANT SELECT ON public.qt001_source TO ghost WITH GRANT OPTION")
        connection.execute("SET ROLE ghost; GRANT SELECT ON public.qt001_source TO intern; RESET ROLE")
        connection.execute("SET allow_system_table_mods = on")
        connection.execute("DELETE FROM pg_authid WHERE rolname = 'ghost'")
    with pytest.raises(Refused, match=r"role unknown \(OID=\d+\): expected a role of the cluster") as caught:
        sealed_with(at_base, tmp_path, estate.policy_path())
    assert caught.value.sqlstate == "QT102"
    assert "table public.qt001_source" in (caught.value.hint or "")
