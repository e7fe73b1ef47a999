"""Each page "protecting the log of …" as it is written, on the real application: inventory, policy, rehearsal, cutover, its daily
work, its next migration, and back.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from qt001_cp.catalog.inventory import read_inventory
from qt001_cp.model.names import Role
from qt001_cp.servers import Server, open_server
from tests.zoo.application import ZOO, Application, Running
from tests.zoo.cached import NotToBeHadError
from tests.zoo.day_two import CHANGED, day_two
from tests.zoo.page import Page

pytestmark = [pytest.mark.zoo, pytest.mark.slow]

_OWNED = """
SELECT i.type, i.identity FROM pg_shdepend d CROSS JOIN LATERAL pg_identify_object(d.classid, d.objid, 0) i
WHERE d.refobjid = %s::regrole AND d.deptype = 'o'
  AND d.dbid IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
  AND i.type <> 'toast table'
  AND NOT (d.classid = 'pg_type'::regclass AND EXISTS (SELECT FROM pg_type t WHERE t.oid = d.objid AND (t.typrelid <> 0 OR t.typelem <> 0)))
  AND NOT EXISTS (SELECT FROM pg_depend m WHERE m.classid = d.classid AND m.objid = d.objid AND m.deptype = 'e')
"""


@pytest.fixture
def own_server() -> Iterator[Server]:
    with open_server() as opened:
        if not opened.trusts:
            pytest.skip("the guides' logins have no password: a server of our own is needed")
        yield opened


@pytest.fixture(params=ZOO, ids=str)
def running(request: pytest.FixtureRequest, own_server: Server, tmp_path: Path) -> Running:
    application: Application = request.param
    try:
        home = application.home()
        if application.later is not None:
            application.later()
    except NotToBeHadError as exc:
        pytest.skip(f"{application} cannot be had here: {exc}")
    made = Running(application, home, own_server, tmp_path)
    for command in application.first:
        made.run(command)
    made.run(application.work)
    return made


def test_the_log_of(running: Running, tmp_path: Path) -> None:
    application, page = running.application, Page(running, tmp_path)
    first = running.dump()
    _inventory_misses_nothing(running)
    asked = page.section("1")
    assert "undecided" not in asked.replace(" 0 undecided", ""), asked
    assert "for you to write" not in asked, asked
    assert "[QT" not in asked, asked
    rehearsed = page.section("2")
    assert "rehearsal PASSED" in rehearsed, rehearsed
    assert "not cloned" not in rehearsed.replace("data not cloned", ""), rehearsed
    prepared = page.section("3")
    assert "· 6 apply and readiness are blocked" in prepared, prepared
    before = running.dump()

    assert page.section("4").count("psql: 0") == 2
    grown = running.entries()
    running.run(application.work)
    assert running.entries() > grown, "its daily work goes into the log"
    refused = page.section("5")
    assert refused.count("permission denied") + refused.count("must be owner") >= 4, refused
    unmigrated = running.dump()
    running.next()
    assert running.dump() != unmigrated, "its next migration does something"
    watched = page.section("6")
    assert "closed" not in watched, watched
    if application.name == CHANGED:
        day_two(page)

    assert page.section("7").count("psql: 0") == 2
    running.run(application.work)
    running.run(application.back)
    assert running.dump() == before
    if "8. The schema back" in page.own:
        page.section("8")
        with running.server.connect(application.name) as admin:
            admin.execute(f"REVOKE CREATE ON SCHEMA public FROM {application.name}")
            for login in ("dora", "tom", "vera", "sven", "hana"):
                admin.execute(f"ALTER ROLE {login} IN DATABASE {application.name} RESET search_path".encode())
        assert _but_public(running.dump()) == _but_public(first)


def _but_public(dump: str) -> list[str]:
    """A GRANT that is taken back leaves the ACL of schema public written out."""
    return [line for line in dump.splitlines() if "ON SCHEMA public" not in line and line.strip()]


def _inventory_misses_nothing(running: Running) -> None:
    name = running.application.name
    with running.server.connect(name) as admin:
        found = {o.ref.key for o in read_inventory(admin, Role(name)).objects}
        owned = {(row[0], row[1]) for row in admin.execute(_OWNED, [name]).fetchall()}
        assert len(owned) > 20
        assert {key for key in owned - found if key[0] != "index"} == set()
        extensions = {
            row[0] for row in admin.execute("SELECT extname FROM pg_extension WHERE extowner = %s::regrole", [name])
        }
    assert extensions == ({running.application.extension} if running.application.extension else set())
