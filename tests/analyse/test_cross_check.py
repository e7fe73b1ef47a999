"""plpgsql_check as a second opinion, where the server has it: ``QT001_POSTGRES_BIN_15=/usr/lib/postgresql/15/bin``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from qt001_cp.analyse.rules import ALL_RULES, CROSS_CHECK
from qt001_cp.catalog.cross_check import read_cross_check
from qt001_cp.catalog.inventory import read_inventory
from qt001_cp.catalog.names import read_names
from qt001_cp.catalog.reach import read_reach
from qt001_cp.cli import main
from qt001_cp.errors import DatabaseProblem
from qt001_cp.model.names import Role
from qt001_cp.plan.analysis import Analyses, analyse_estate, cross_checked
from qt001_cp.rehearsal.scene import OPERATOR, new_scene
from qt001_cp.servers import Server, open_server
from tests.conftest import Stage

_FOUND = max(Path("/usr/lib/postgresql").glob("*/lib/plpgsql_check.so"), default=None, key=lambda p: int(p.parts[4]))


def _checked(connection: psycopg.Connection, seen: dict[tuple[str, str], frozenset[tuple[str, str]]]) -> Analyses:
    objects = read_inventory(connection, Role("directus")).objects
    found = analyse_estate(objects, read_names(connection))
    return cross_checked(found, {key: others for key, others in seen.items() if key in found}, read_reach(connection))


@pytest.fixture(scope="module")
def checking() -> Iterator[Server]:
    """Debian's newest PostgreSQL with the extension; skipped where either is missing."""
    if _FOUND is None:
        pytest.skip("no plpgsql_check here: apt-get install postgresql-15-plpgsql-check")
    major = int(_FOUND.parts[4])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(f"QT001_POSTGRES_BIN_{major}", str(_FOUND.parents[1] / "bin"))
        with open_server("embedded", major=major) as server:
            yield server


def test_the_estate_has_nothing_that_plpgsql_check_sees_and_we_do_not(checking: Server) -> None:
    scene = new_scene(checking, "directus_checked")
    with scene.connect() as connection:
        connection.execute("CREATE EXTENSION plpgsql_check SCHEMA pg_catalog")
        wanted = {o.ref.key for o in read_inventory(connection, Role("directus")).objects}
        seen = dict(read_cross_check(connection, wanted))
        assert sum(len(others) for others in seen.values()) >= 30
        checked = _checked(connection, seen)
    differing = {key: [u.detail for u in a.unknown if u.rule == CROSS_CHECK] for key, a in checked.items()}
    assert {key: each for key, each in differing.items() if each} == {}


def test_a_superuser_outside_of_a_rehearsal_is_refused(checking: Server) -> None:
    scene = new_scene(checking, "directus_live", rehearsal=False)
    with scene.connect() as connection:
        connection.execute("CREATE EXTENSION plpgsql_check SCHEMA pg_catalog")
        with pytest.raises(DatabaseProblem, match="not as a superuser"):
            read_cross_check(connection, set())
    with scene.connect("directus") as application:
        assert len(read_cross_check(application, {("function", "public.qt001_write(pg_catalog.jsonb)")})) == 1


def test_what_only_plpgsql_check_sees_is_a_finding(at_base: Stage) -> None:
    writer = ("function", "public.qt001_touch()")
    with at_base.connect() as connection:
        checked = _checked(connection, {writer: frozenset({("table", "public.qt001_note")})})
    assert [(u.rule, u.detail) for u in checked[writer].unknown] == [(CROSS_CHECK, "table public.qt001_note")]
    assert CROSS_CHECK in ALL_RULES


def test_without_the_extension_the_command_says_so(at_base: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["analyse", "--cross-check", "--database", at_base.scene.dsn(OPERATOR)]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert "has no extension plpgsql_check" in said.err
    assert "CREATE EXTENSION plpgsql_check" in said.err
