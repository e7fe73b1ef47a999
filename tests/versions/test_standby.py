"""A hot standby answers what can be asked of it, says what it cannot, and is exact after its promotion."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
import pytest

from qt001_cp.cli import main
from qt001_cp.rehearsal.scene import AUDITOR, OPERATOR, SCANNER, VERIFIER, Scene, new_scene
from qt001_cp.servers import Server
from qt001_cp.servers.folders import bases, run_folder
from qt001_cp.servers.installation import server_user
from tests.acceptance.support import CALL
from tests.concurrency.support import until
from tests.faults.cluster import Cluster, cluster
from tests.faults.world import DATABASE, World

pytestmark = pytest.mark.slow


@dataclass
class Pair:
    """A primary at FIX7c and its hot standby, in step."""

    primary: World
    standby: Cluster

    @property
    def server(self) -> Server:
        return self.standby.server()

    def dsn(self, user: str) -> str:
        return self.server.conninfo(DATABASE, user)

    def in_step(self) -> None:
        """Wait until the standby has replayed all that the primary has written."""
        with self.primary.scene.connect() as primary, self.server.connect("postgres") as standby:
            row = primary.execute("SELECT pg_current_wal_lsn()").fetchone()
            assert row is not None
            replayed = "SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn"
            until("it is in step", lambda: standby.execute(replayed, row).fetchone() == (True,))


@contextmanager
def _standby(primary: Cluster) -> Iterator[Cluster]:
    """A copy of the stopped ``primary``, started as its hot standby: not every server comes with pg_basebackup."""
    with run_folder(bases(server_user())[0], server_user()) as folder:
        primary.stop()
        subprocess.run(["cp", "-a", str(primary.folder / "data"), str(folder / "data")], check=True)
        primary.start()
        (folder / "data" / "standby.signal").touch()
        with (folder / "data" / "postgresql.auto.conf").open("a") as file:
            file.write(f"primary_conninfo = 'host={primary.folder} port=5432 user=postgres'\n")
        made = Cluster(primary.binaries, folder, primary.identity)
        try:
            made.start()
            yield made
        finally:
            made.stop()


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    with cluster() as made:
        world = World(made, new_scene(made.server(), DATABASE), tmp_path_factory.mktemp("bundle"))
        world.bring("fix7c")
        with _standby(made) as standby:
            yield Pair(world, standby)


def _gates(server: Server) -> list[tuple[object, ...]]:
    with server.connect(DATABASE) as connection:
        return connection.execute("SELECT gate, open, reason FROM qt001_cp.v_fix7_gate ORDER BY ordinal").fetchall()


def _events(pair: Pair) -> int:
    with pair.server.connect(DATABASE) as connection:
        row = connection.execute("SELECT count(*) FROM qt001_cp.event").fetchone()
    assert row is not None
    return int(row[0])


@pytest.mark.parametrize(("verb", "user"), [("verify", VERIFIER), ("scan", SCANNER)])
def test_the_pair_looks_and_records_nothing(
    pair: Pair, verb: str, user: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = _events(pair)
    code = main([verb, "--format", "json", "--database", pair.dsn(user)])
    said = json.loads(capsys.readouterr().out)
    assert (code, said["recorded"]) == (3 if said["findings"] else 0, False)
    assert main([verb, "--database", pair.dsn(user)]) == code
    assert "not recorded: this server is a standby" in capsys.readouterr().out
    assert _events(pair) == before


def test_a_change_on_the_primary_is_found_on_the_standby(pair: Pair, capsys: pytest.CaptureFixture[str]) -> None:
    with pair.primary.scene.connect() as primary:
        primary.execute("GRANT UPDATE ON public.qt001_source TO directus")
    try:
        pair.in_step()
        for verb, user in (("verify", VERIFIER), ("scan", SCANNER), ("audit", "postgres")):
            assert main([verb, "--database", pair.dsn(user)]) == 3
            assert "public.qt001_source" in capsys.readouterr().out, verb
    finally:
        with pair.primary.scene.connect() as primary:
            primary.execute("REVOKE UPDATE ON public.qt001_source FROM directus")
        pair.in_step()


def test_what_only_reads_answers_as_on_the_primary(pair: Pair, capsys: pytest.CaptureFixture[str]) -> None:
    manifest = str(pair.primary.folder / "object.json")
    calls = (
        ["inventory", "--format", "json"],
        ["preflight", manifest, "--restore", "--format", "json"],
        ["evidence", "list", "--format", "json"],
        ["analyse", "--format", "json"],
        ["manifest", "verify", manifest],
        ["audit", "--format", "json"],
        ["report", "--format", "json"],
        ["drift", "--format", "json"],
    )
    for call in calls:
        answers = []
        for server in (pair.primary.scene.server, pair.server):
            code = main([*call, "--database", server.conninfo(DATABASE, OPERATOR)])
            answers.append((code, re.sub(r'"at": "[^"]*"', "", capsys.readouterr().out)))
        assert answers[0] == answers[1], call


def test_status_says_that_it_is_a_standby(pair: Pair, capsys: pytest.CaptureFixture[str]) -> None:
    main(["status", "--database", pair.dsn(OPERATOR)])
    assert "hot standby, as its primary was at " in capsys.readouterr().out
    main(["status", "--format", "json", "--database", pair.primary.scene.dsn(OPERATOR)])
    assert json.loads(capsys.readouterr().out)["standby"] is None
    assert _gates(pair.server) == _gates(pair.primary.scene.server)


def test_what_writes_is_refused_with_the_primary_named(pair: Pair, capsys: pytest.CaptureFixture[str]) -> None:
    with pair.server.connect(DATABASE) as connection:
        subject = connection.execute("SELECT qt001_cp.subject_digest()").fetchone()
    assert subject is not None
    code = main(["sign", str(subject[0]), "--scope", "all", "--valid", "60", "--database", pair.dsn(AUDITOR)])
    assert code == 1
    assert "this server is a standby: name the primary in the DSN" in capsys.readouterr().err


def test_the_writer_writes_nothing_there(pair: Pair) -> None:
    with pair.server.connect(DATABASE) as connection, pytest.raises(psycopg.Error) as refused:
        connection.execute(CALL)
    assert refused.value.sqlstate in ("QT301", "25006")


def _told_of_timeline(dsn: str, capsys: pytest.CaptureFixture[str]) -> list[dict[str, str]]:
    capsys.readouterr()
    main(["status", "--format", "json", "--database", dsn])
    return [row for row in json.loads(capsys.readouterr().out)["told"] if "timeline" in row["found"]]


def test_after_its_promotion_gates_and_ways_back_are_exact(pair: Pair, capsys: pytest.CaptureFixture[str]) -> None:
    """Last of all: from here on they are two databases. The sign-off goes on with the promoted one, which tells that it is another
    timeline, in status and audit."""
    with pair.primary.scene.connect() as primary:
        (subject,) = primary.execute("SELECT qt001_cp.subject_digest()").fetchone() or ("",)
    assert (
        main(["sign", subject, "--scope", "all", "--valid", "600", "--database", pair.primary.scene.dsn(AUDITOR)]) == 0
    )
    pair.in_step()
    assert _told_of_timeline(pair.dsn(OPERATOR), capsys) == []
    expected = _gates(pair.primary.scene.server)
    with pair.server.connect("postgres") as connection:
        assert connection.execute("SELECT pg_promote()").fetchone() == (True,)
    assert _gates(pair.server) == expected
    assert "sign_off_present" in {gate for gate, is_open, _ in expected if is_open}
    (told,) = _told_of_timeline(pair.dsn(OPERATOR), capsys)
    assert told["expected"].startswith("timeline 1, as when signed by ")
    assert told["found"] == "timeline 2: a standby was promoted, or a backup was restored to a point in time"
    assert _told_of_timeline(pair.primary.scene.dsn(OPERATOR), capsys) == []
    main(["audit", "--database", pair.dsn("postgres")])
    assert "was written on timeline 1 of the server's log, this is timeline 2" in capsys.readouterr().out
    promoted = World(pair.standby, Scene(pair.server, DATABASE), pair.primary.folder)
    for world in (pair.primary, promoted):
        for start, end in (("fix7c", "fix7b"), ("fix7b", "fix7a")):
            world.scene.psql(world.text(start, end))
    options = ("--exclude-schema=qt001_cp", "--no-unlogged-table-data")  # rows of unlogged tables are not replicated
    dumps = [world.scene.dump(*options) for world in (pair.primary, promoted)]
    assert dumps[0] == dumps[1]
