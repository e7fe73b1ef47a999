"""Whatever is killed, at whatever statement: the database is entirely before or entirely after; a second run succeeds."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import psycopg
import pytest

from qt001_cp import estate
from qt001_cp.rehearsal.scene import AUTHOR, OPERATOR, Scene, drop_scene, new_scene
from qt001_cp.workflow import revisions
from qt001_cp.workflow.bundle import OBJECT, make_bundle
from qt001_cp.workflow.seal import propose, seal
from tests.concurrency.support import until
from tests.faults.cluster import Cluster, cluster

DATABASE = "directus_fault"
STAGES = ("base", "fix7a", "fix7b", "fix7c")
KILLS = ("client", "terminated", "backend", "server")
# Before the n-th statement of a kind, or ("text", line): when psql has sent everything up to that line.
TAGS = {
    "base→fix7a": [("CREATE FUNCTION", 1), ("CREATE TABLE", 3), ("CREATE VIEW", 1), ("CREATE TRIGGER", 2), ("REVOKE", 2), ("GRANT", 1)],
    "fix7a→fix7b": [
        ("REVOKE", 1), ("ALTER DEFAULT PRIVILEGES", 1), ("ALTER SCHEMA", 1), ("ALTER TYPE", 1), ("ALTER ROUTINE", 5),
        ("ALTER SEQUENCE", 12), ("ALTER TABLE", 20), ("ALTER VIEW", 20), ("GRANT", 2), ("CREATE TABLE", 1),
    ],
    "fix7b→fix7c": [("CREATE TABLE", 1), ("CREATE FUNCTION", 30), ("REVOKE", 3), ("GRANT", 2)],
    "fix7c→fix7b": [("CREATE FUNCTION", 1), ("GRANT", 1), ("DROP VIEW", 1), ("DROP FUNCTION", 5)],
    "fix7b→fix7a": [("ALTER VIEW", 20), ("ALTER TABLE", 10), ("ALTER ROUTINE", 3), ("GRANT", 3), ("DROP TABLE", 2)],
    "fix7a→base": [("DROP VIEW", 1), ("DROP TABLE", 2), ("DROP FUNCTION", 9)],
}  # fmt: skip
LINES = ("SET LOCAL row_security", "UPDATE qt001_cp.alembic_version", "INSERT INTO qt001_cp.alembic_version",
         "DELETE FROM qt001_cp.alembic_version", "COMMIT;")  # fmt: skip


@dataclass
class World:
    """One database, the cluster it lives in, and the author's bundle."""

    cluster: Cluster
    scene: Scene
    folder: Path
    outcomes: list[tuple[str, str]] = field(default_factory=list)

    def text(self, start: str, end: str) -> str:
        up = STAGES.index(end) > STAGES.index(start)
        lower = start if up else end
        x = {"lock_timeout": "5min", "statement_timeout": "10min"}
        if lower != "base":
            x["manifest"] = str(self.folder / OBJECT)
        elif up:
            x["policy"] = str(estate.policy_path())
        if (start, end) == ("fix7a", "fix7b"):
            x["rehearsal"] = "first"
        return (revisions.upgrade_sql if up else revisions.downgrade_sql)(start, end, **x)

    def photograph(self) -> tuple[str, str]:
        """Owners, ACLs, definitions, rows, the ledger and the version: all that pg_dump sees; and the roles."""
        return self.scene.dump("--create"), self.scene.server.dump_roles()

    def seal(self) -> None:
        with self.scene.connect(AUTHOR) as author, self.scene.connect(OPERATOR) as operator:
            bundle = make_bundle(author, estate.policy_path())
            bundle.write(self.folder)
            propose(author, bundle.manifest)
            seal(operator, bundle.manifest)

    def run(self, start: str, end: str) -> None:
        self.scene.psql(self.text(start, end))
        if end == "fix7a" and start == "base":
            self.seal()


@pytest.fixture(scope="module")
def killable() -> Iterator[Cluster]:
    with cluster() as made:
        made.start()
        yield made


@pytest.fixture
def world(killable: Cluster, tmp_path: Path) -> Iterator[World]:
    scene = new_scene(killable.server(), DATABASE)
    scene.server.psql((Path(__file__).parent / "hold.sql").read_text("utf-8"), dbname=DATABASE)
    yield World(killable, scene, tmp_path)
    drop_scene(scene)


@pytest.mark.slow
@pytest.mark.parametrize("way", TAGS)
def test_killed_at_a_statement(world: World, way: str) -> None:
    start, end = way.split("→")
    _bring(world, start)
    before = world.photograph()
    text = world.text(start, end)
    lines = [line for line in LINES if f"\n{line}" in text]
    points: list[tuple[str, int | None]] = [*TAGS[way], *((line, None) for line in lines)]
    for number, (point, nth) in enumerate(points):
        kill = KILLS[(number + list(TAGS).index(way)) % len(KILLS)]
        if nth is None:
            _sent_up_to(world, text, point, kill)
        else:
            _held_at(world, text, point, nth, kill)
        assert world.photograph() == before, f"{way}: {kill} killed at {point} {nth or ''}"
    world.scene.psql(text)
    after = world.photograph()
    assert after[0] != before[0]
    assert _version(world) == (None if end == "base" else end)


@pytest.mark.slow
@pytest.mark.parametrize("kill", KILLS)
def test_killed_as_it_commits(world: World, kill: str) -> None:
    """COMMIT has been sent and nobody has waited for the answer: before or after, nothing in between; the rest succeeds."""
    _bring(world, "fix7a")
    before = world.photograph()
    seen = set()
    for start, end in (("fix7a", "fix7b"), ("fix7b", "fix7a")):
        text = world.text(start, end)
        with _psql(world) as (psql, pid):
            assert psql.stdin is not None
            psql.stdin.write(text)
            psql.stdin.close()
            until("it comes to its last statement", lambda pid=pid: _says(world, pid, "alembic_version", "COMMIT"))
            _kill(world, psql, pid, kill)
        _settled(world)
        where = _version(world)
        assert where in (start, end)
        seen.add(where)
        if where == start:
            world.scene.psql(text)
        assert _version(world) == end
    assert world.photograph() == before
    assert seen


def _bring(world: World, stage: str) -> None:
    for start, end in pairwise(STAGES):
        if STAGES.index(end) <= STAGES.index(stage):
            world.run(start, end)


def _held_at(world: World, text: str, tag: str, nth: int, kill: str) -> None:
    """Kill while the script is held before its ``nth`` statement with ``tag``."""
    with world.scene.connect() as holder:
        holder.execute("INSERT INTO hold.at VALUES (%s, %s)", [tag, nth])
        holder.execute("SELECT pg_advisory_lock(42)")
        with _psql(world) as (psql, pid):
            assert psql.stdin is not None
            psql.stdin.write(text)
            psql.stdin.close()
            until(f"the script comes to {tag} {nth}", lambda: _held(world, pid, psql))
            _kill(world, psql, pid, kill)
            if kill in ("client", "terminated"):
                # The backend of a client that is gone goes on until it wants to answer.
                holder.execute("SELECT pg_advisory_unlock(42)")
    _settled(world)
    with world.scene.connect() as connection:
        connection.execute("DELETE FROM hold.at")


def _sent_up_to(world: World, text: str, line: str, kill: str) -> None:
    """Kill when everything before the last ``line`` has been run, and the transaction is open."""
    with _psql(world) as (psql, pid):
        assert psql.stdin is not None and psql.stdout is not None
        psql.stdin.write(text[: text.rindex(f"\n{line}")] + "\n\\echo here\n")
        psql.stdin.flush()
        said = ""
        while "here\n" not in said:
            read = psql.stdout.readline()
            assert read, f"psql ended: {said}"
            said += read
        _kill(world, psql, pid, kill)
    _settled(world)


@contextmanager
def _psql(world: World) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """psql, connected, and the process id of its backend."""
    server = world.scene.server
    psql = subprocess.Popen(
        [str(server.bin / "psql"), "-X", "-q", "-At", "-v", "ON_ERROR_STOP=1", "-f", "-"], text=True, stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env={**server.env(DATABASE, OPERATOR), "PGAPPNAME": "running"},
    )  # fmt: skip
    assert psql.stdin is not None and psql.stdout is not None
    psql.stdin.write("SELECT pg_backend_pid();\n")
    psql.stdin.flush()
    try:
        yield psql, int(psql.stdout.readline())
    finally:
        psql.kill()
        psql.wait()
        psql.stdout.close()


def _kill(world: World, psql: subprocess.Popen[str], pid: int, kill: str) -> None:
    if kill == "client":
        psql.kill()
    elif kill == "terminated":
        with world.scene.connect() as connection:
            connection.execute("SELECT pg_terminate_backend(%s)", [pid])
    elif kill == "backend":
        os.kill(pid, signal.SIGKILL)
    else:
        world.cluster.kill()
        world.cluster.start()


def _held(world: World, pid: int, psql: subprocess.Popen[str]) -> bool:
    if psql.poll() is not None:
        assert psql.stdout is not None
        pytest.fail(f"the script ended before: {psql.stdout.read()}")
    with world.scene.connect() as connection:
        query = "SELECT EXISTS (SELECT 1 FROM pg_locks WHERE pid = %s AND locktype = 'advisory' AND NOT granted)"
        return connection.execute(query, [pid]).fetchone() == (True,)


def _says(world: World, pid: int, *words: str) -> bool:
    with world.scene.connect() as connection:
        row = connection.execute("SELECT query FROM pg_stat_activity WHERE pid = %s", [pid]).fetchone()
    return row is None or any(word in row[0] for word in words)


def _settled(world: World) -> None:
    """The server answers, and nothing of the script is left in it."""

    def nobody() -> bool:
        try:
            with world.scene.connect() as connection:
                query = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'running'"
                return connection.execute(query).fetchone() == (0,)
        except psycopg.OperationalError:
            return False

    until("the script's session is gone", nobody)


def _version(world: World) -> str | None:
    with world.scene.connect() as connection:
        if connection.execute("SELECT to_regclass('qt001_cp.alembic_version') IS NULL").fetchone() == (True,):
            return None
        row = connection.execute("SELECT version_num FROM qt001_cp.alembic_version").fetchone()
    return None if row is None else str(row[0])
