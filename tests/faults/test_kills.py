"""Whatever is killed, at whatever statement: the database is entirely before or entirely after; a second run succeeds.

QT001_TEST_SWEEP=all kills the client, the session, the backend and the server at the first, middle and last statement of
every kind; without it a sample of them takes turns.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from qt001_cp.rehearsal.scene import drop_scene, new_scene
from tests.faults.cluster import Cluster, cluster
from tests.faults.stops import AT_COMMIT, LEDGER, Point, before_line, killed_at, statement
from tests.faults.world import DATABASE, STAGES, World

ALL = os.environ.get("QT001_TEST_SWEEP") == "all"
KILLS = ("server", "backend", "client", "terminated")
UP = list(pairwise(STAGES))
WAYS = {f"{a}-{b}": (a, b) for a, b in (*UP, *((b, a) for a, b in reversed(UP)))}
LINES = (
    "UPDATE qt001_cp.alembic_version",
    "INSERT INTO qt001_cp.alembic_version",
    "DELETE FROM qt001_cp.alembic_version",
    "COMMIT;",
)
SAMPLE = {
    "base-fix7a": {
        "COMMENT",
        "CREATE FUNCTION",
        "CREATE INDEX",
        "CREATE TABLE",
        "CREATE TRIGGER",
        "CREATE TYPE",
        "CREATE VIEW",
    },
    "fix7a-fix7b": {
        "ALTER DEFAULT PRIVILEGES",
        "ALTER FUNCTION",
        "ALTER MATERIALIZED VIEW",
        "ALTER ROUTINE",
        "ALTER SCHEMA",
        "ALTER SEQUENCE",
        "ALTER TABLE",
        "ALTER TYPE",
        "ALTER VIEW",
        "GRANT",
        "REVOKE",
    },
    "fix7b-fix7c": {"CREATE FUNCTION", "CREATE SCHEMA"},
    "fix7c-fix7b": {"CREATE FUNCTION", "DROP FUNCTION", "DROP SCHEMA", "DROP TRIGGER", "DROP VIEW"},
    "fix7b-fix7a": {"ALTER DEFAULT PRIVILEGES", "ALTER PROCEDURE", "ALTER VIEW", "GRANT"},
    "fix7a-base": {"DROP FUNCTION", "DROP TABLE", "DROP TYPE"},
}
"""Together every kind of statement that any way has."""


@pytest.fixture(scope="module")
def killable() -> Iterator[Cluster]:
    with cluster() as made:
        yield made


@pytest.fixture
def world(killable: Cluster, tmp_path: Path) -> Iterator[World]:
    killable.revive()
    scene = new_scene(killable.server(), DATABASE)
    scene.server.psql((Path(__file__).parent / "hold.sql").read_text("utf-8"), dbname=DATABASE)
    # A crash empties unlogged tables, whoever runs what: it has been here before the first photograph.
    killable.kill()
    killable.start()
    yield World(killable, scene, tmp_path)
    killable.revive()
    drop_scene(scene)


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_killed_at_each_kind_of_statement(world: World, way: str) -> None:
    """Killed before its COMMIT it is entirely before; the script that was killed so often then runs to its end."""
    start, end = WAYS[way]
    world.bring(start)
    text = world.text(start, end)
    tags = Counter(world.statements(text))
    assert SAMPLE[way] <= set(tags) <= set().union(*SAMPLE.values()), tags
    before = world.photograph()
    for kill, point in _chosen(way, text, tags):
        killed_at(world, text, point, kill)
        assert world.photograph() == before, f"{way}: {kill} killed at {point}"
    world.scene.psql(text)
    after = world.photograph()
    assert after.dump != before.dump
    assert after.roles == before.roles
    assert world.version() == (None if end == "base" else end)


@pytest.mark.slow
@pytest.mark.parametrize("kill", KILLS if ALL else ("server", "client"))
def test_killed_in_its_commit(world: World, kill: str) -> None:
    """What has been committed and not been answered is entirely after; a second run says so and changes nothing."""
    world.bring("fix7a")
    ways = (("fix7a", "fix7b"), ("fix7b", "fix7a")) if ALL or kill == "server" else (("fix7a", "fix7b"),)
    for start, end in ways:
        text = world.text(start, end)
        killed_at(world, text, AT_COMMIT, kill)
        assert world.version() == end
        after = world.photograph()
        again = world.scene.server.psql(text, "-v", "VERBOSITY=verbose", dbname=DATABASE, user="qt001_dba", check=False)
        assert again.returncode == 3, again.stderr
        assert "ERROR:  QT122:" in again.stderr, again.stderr
        assert world.photograph() == after
    if len(ways) == 1:
        world.scene.psql(world.text("fix7b", "fix7a"))
    assert world.version() == "fix7a"


def _chosen(way: str, text: str, tags: Counter[str]) -> Iterator[tuple[str, Point]]:
    """(what is killed, where): all of them, or each point once with another kill from way to way."""
    guards = re.findall(r"^DO \$qt001\$ BEGIN PERFORM qt001_cp\.[^(]+", text, re.MULTILINE)
    points = [before_line(line) for line in (*(guards if ALL else guards[-1:]), *LINES) if f"\n{line}" in text]
    if way in ("fix7a-fix7b", "fix7b-fix7c"):
        points.append(LEDGER)
    for tag, times in sorted(tags.items()):
        if not ALL and tag not in SAMPLE[way]:
            continue
        nths = {1, (times + 1) // 2, times} if ALL else {(times + 1) // 2}
        points += [statement(tag, nth) for nth in sorted(nths)]
    for number, point in enumerate(points):
        turn = (number + list(WAYS).index(way)) % len(KILLS)
        for kill in KILLS if ALL else KILLS[turn : turn + 1]:
            yield kill, point
