"""A distribution's server beside the pinned one of the same major: what either notes by itself (``pg_attver``, which Debian's 15.20
writes to each new column) is in no definition."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from psycopg import sql

from qt001_cp import estate
from qt001_cp.cli import main
from qt001_cp.rehearsal.clone.script import without_notes
from qt001_cp.rehearsal.scene import AUTHOR, OPERATOR, drop_scene, new_scene
from qt001_cp.servers import Server, ServerError, open_server
from qt001_cp.workflow import revisions
from qt001_cp.workflow.bundle import make_bundle
from qt001_cp.workflow.seal import propose, record_rehearsal, seal
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
    text = without_notes(text)  # which the distribution's own pg_dump leaves out
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


@pytest.mark.parametrize(
    ("statement", "without"),
    [
        ("ALTER TABLE ONLY public.t ALTER COLUMN a SET (pg_attver=22158968);\n", "\n"),
        ('ALTER TABLE ONLY public."a ; (b" ALTER COLUMN a SET (n_distinct=5, pg_attver=7);\n',
         'ALTER TABLE ONLY public."a ; (b" ALTER COLUMN a SET (n_distinct=5);\n'),
        ("ALTER TABLE ONLY public.t ALTER COLUMN a SET (n_distinct_inherited=-1);\n",) * 2,
        ("SELECT $$\nALTER TABLE ONLY public.t ALTER COLUMN a SET (pg_attver=7);\n$$;\n",) * 2,
    ],
)  # fmt: skip  # one statement a line
def test_what_a_server_has_noted_is_left_out_of_a_dump(statement: str, without: str) -> None:
    assert without_notes(statement) == without


@pytest.mark.slow
def test_a_database_of_the_distribution_is_rehearsed(pair: dict[str, Server], tmp_path: Path) -> None:
    """On a clone, which runs on the pinned server: the estate is the original's, so the record is too."""
    source = new_scene(pair["distribution"], "minor_rehearsed")
    policy, out = str(estate.policy_path()), str(tmp_path / "rehearsal")
    try:
        revisions.upgrade(source.dsn(OPERATOR), "fix7a", policy=policy)
        with source.connect(AUTHOR) as author, source.connect(OPERATOR) as operator:
            bundle = make_bundle(author, estate.policy_path())
            bundle.write(tmp_path / "bundle")
            propose(author, bundle.manifest)
            seal(operator, bundle.manifest)
        asked = ["--policy", policy, "--manifest", str(tmp_path / "bundle" / "object.json"), "--out", out, "--data"]
        assert main(["rehearse", "--source", source.dsn(source.server.superuser), *asked]) == 0
        with source.connect(OPERATOR) as operator:
            record_rehearsal(operator, Path(out, "nogo.json").read_bytes())
    finally:
        drop_scene(source)
