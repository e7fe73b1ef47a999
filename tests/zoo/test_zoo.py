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
from tests.guides.guide import blocks, checkout, run
from tests.zoo.application import ZOO, Application, Running
from tests.zoo.cached import NotToBeHadError

pytestmark = [pytest.mark.zoo, pytest.mark.slow]

_OWNED = """
SELECT i.type, i.identity FROM pg_shdepend d CROSS JOIN LATERAL pg_identify_object(d.classid, d.objid, 0) i
WHERE d.refobjid = %s::regrole AND d.deptype = 'o'
  AND d.dbid IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
  AND i.type <> 'toast table'
  AND NOT (d.classid = 'pg_type'::regclass AND EXISTS (SELECT FROM pg_type t WHERE t.oid = d.objid AND (t.typrelid <> 0 OR t.typelem <> 0)))
  AND NOT EXISTS (SELECT FROM pg_depend m WHERE m.classid = d.classid AND m.objid = d.objid AND m.deptype = 'e')
"""


CHANGED = "mlflow"
"""The application whose log is changed while it is protected."""
FORWARD = """
qt001-cp change new noted
echo "ALTER TABLE {log} ADD COLUMN qt001_note text DEFAULT '-';" > changes/noted.forward.sql
echo "ALTER TABLE {log} DROP COLUMN qt001_note;" > changes/noted.back.sql
qt001-cp change prepare noted --source "$ADMIN"
qt001-cp change propose changes/noted --database "$AUTHOR"
qt001-cp manifest seal changes/noted/object.json --database "$OPERATOR"
qt001-cp evidence import changes/noted/nogo.json --rehearsal --database "$OPERATOR"
alembic -c changes/alembic.ini -x manifest=changes/noted/object.json upgrade fix7c:noted --sql > noted.sql
alembic -c changes/alembic.ini -x manifest=changes/noted/object.json downgrade noted:changes@base --sql > noted-back.sql
psql -X -q -v ON_ERROR_STOP=1 -d "$OPERATOR" -f noted.sql > noted.log 2>&1; echo "psql: $?"
"""
BACK = 'psql -X -q -v ON_ERROR_STOP=1 -d "$OPERATOR" -f noted-back.sql > noted-back.log 2>&1; echo "psql: $?"'


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


class Page:
    """The blocks of a page of the zoo, and those of docs/log.md that it refers to, in one folder and with its own variables."""

    def __init__(self, running: Running, folder: Path) -> None:
        self.running, self.folder = running, checkout(folder)
        self.own, self.common = blocks(f"log-{running.application}"), blocks("log")

    def commands(self, script: str) -> str:
        """Runs commands with the page's own variables; none may end with an error."""
        said, failed = run([*self.own[""], script], self.running.server, self.folder)
        assert failed == [], said
        return said

    def section(self, number: str) -> str:
        """Runs the page's own section of that number, or else the one of docs/log.md; nothing may end with an error."""
        found = [b for part in (self.own, self.common) for h, b in part.items() if h.startswith(f"{number}. ") and b]
        assert found, f"no section {number}"
        said, failed = run([*self.own[""], *found[0]], self.running.server, self.folder)
        assert failed == [], said
        return said


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
        _day_two(page)

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


def _day_two(page: Page) -> None:
    """A column more in the log of a real application, by a change, while it goes on working; and back."""
    running = page.running
    before = running.dump()
    made = page.commands(FORWARD.replace("{log}", running.application.log))
    assert "PASSED" in made, made
    assert made.count("psql: 0") == 1, made
    grown = running.entries()
    running.run(running.application.work)
    assert running.entries() > grown
    assert page.commands(BACK).count("psql: 0") == 1
    running.run(running.application.work)
    assert running.dump() == before


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
