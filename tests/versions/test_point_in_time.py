"""A backup of the files, restored to a point in time: in the middle of a cutover, and before an auditor's refusal.

From a point inside a transaction one goes on; from a point in a deployed life all the way back. That it is another timeline is told.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from qt001_cp import estate
from qt001_cp.cli import main
from qt001_cp.rehearsal.scene import AUDITOR, VERIFIER, Scene, drop_scene
from qt001_cp.servers.folders import bases, run_folder
from qt001_cp.servers.installation import server_user
from tests.cluster.place import STEPS, Place, made, verdict
from tests.concurrency.support import until
from tests.faults.cluster import Cluster, cluster

pytestmark = pytest.mark.slow
DATABASE = "directus_point"
ARCHIVE = "../archive"
ARCHIVING = {"archive_mode": "on", "archive_command": f"mkdir -p {ARCHIVE} && cp %p {ARCHIVE}/%f"}
WITHIN, SIGNED = "within the cutover", "signed"
_BEGIN = {
    False: "SELECT pg_start_backup('files', true, false)",
    True: "SELECT pg_backup_start('files', true)",
}
_END = {
    False: "SELECT labelfile FROM pg_stop_backup(false)",
    True: "SELECT labelfile FROM pg_backup_stop()",
}
"""By whether it is 15 or later."""


@dataclass
class Life:
    """A database whose log is archived, and what it said of itself at each point."""

    place: Place
    cluster: Cluster
    backup: Path
    heads: Path
    targets: dict[str, dict[str, str]] = field(default_factory=dict)
    said: dict[str, dict[str, Any]] = field(default_factory=dict)
    dumps: dict[str, str] = field(default_factory=dict)

    @contextmanager
    def restored(self, point: str) -> Iterator[Place]:
        """The files of the backup, brought forward to ``point``, on a server of their own."""
        with run_folder(bases(server_user())[0], server_user()) as folder:
            subprocess.run(["cp", "-a", str(self.backup), str(folder / "data")], check=True)
            command = {"restore_command": f"cp {self.cluster.folder / 'archive'}/%f %p"}
            asked = command | {"recovery_target_action": "promote"} | self.targets[point]
            other = Cluster(self.cluster.binaries, folder, self.cluster.identity, more=asked)
            try:
                other.start()
                server = other.server()
                scene = replace(self.place.scene, server=server)
                until("it is promoted", lambda: _one(scene, "SELECT pg_is_in_recovery()") == "False")
                yield replace(self.place, stage=replace(self.place.stage, scene=scene))
            finally:
                other.stop()


def _one(scene: Scene, question: str) -> str:
    with scene.connect() as connection:
        return str((connection.execute(question.encode()).fetchone() or ("",))[0])


def _back_up(made: Cluster, to: Path) -> None:
    """Of the files of the running server, as an administrator's tool makes it."""
    server = made.server()
    later = server.version >= 150000
    with server.connect("postgres") as session:
        session.execute(_BEGIN[later].encode())
        subprocess.run(["cp", "-a", str(made.folder / "data"), str(to)], check=True)
        (label,) = session.execute(_END[later].encode()).fetchone() or ("",)
    (to / "postmaster.pid").unlink()
    for name, text in (("backup_label", label), ("recovery.signal", "")):
        (to / name).write_text(text)
        shutil.chown(to / name, to.owner(), to.group())


def _owners_and_definitions(scene: Scene) -> str:
    return scene.dump("--create", "--schema-only", "--exclude-schema=qt001_cp")


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Life]:
    with ExitStack() as stack:
        running = stack.enter_context(cluster(None, **ARCHIVING))
        place = made(running.server(), DATABASE, estate.QT001)
        for step in ("bootstrap", "FIX7a", "seal"):
            STEPS[step](place)
        now = Life(place, running, running.folder / "backup", tmp_path_factory.mktemp("heads") / "heads")
        _back_up(running, now.backup)
        _live(now)
        yield now
        drop_scene(place.scene)


def _live(life: Life) -> None:
    """Cutover, deployment, sign-off, and then the auditor's refusal; each point kept."""
    place, scene = life.place, life.place.scene
    life.said[WITHIN], life.dumps[WITHIN] = verdict(scene), _owners_and_definitions(scene)
    begun = _one(scene, "SELECT pg_current_wal_insert_lsn()")
    STEPS["FIX7b"](place)
    middle = f"SELECT '{begun}'::pg_lsn + (pg_current_wal_insert_lsn() - '{begun}'::pg_lsn) / 2"
    life.targets[WITHIN] = {"recovery_target_lsn": _one(scene, middle)}
    STEPS["FIX7c"](place)
    STEPS["sign"](place)
    life.said[SIGNED], life.dumps[SIGNED] = verdict(scene), _owners_and_definitions(scene)
    assert life.said[SIGNED]["accepted"]
    _one(scene, "SELECT pg_create_restore_point('signed')")
    life.targets[SIGNED] = {"recovery_target_name": "signed"}
    with scene.connect(AUDITOR) as auditor:
        auditor.execute("SELECT qt001_cp.refuse_sign_off(qt001_cp.subject_digest(), 'not like this')")
    assert main(["verify", "--database", scene.dsn(VERIFIER), "--keep-head", str(life.heads)]) == 0
    assert not verdict(scene)["accepted"]
    last = _one(scene, "SELECT pg_walfile_name(pg_switch_wal())")
    until(
        "all of it is archived",
        lambda: _one(scene, "SELECT coalesce(last_archived_wal, '') FROM pg_stat_archiver") >= last,
    )


def test_a_point_inside_the_cutover_is_before_it_and_one_goes_on(life: Life) -> None:
    with life.restored(WITHIN) as place:
        assert verdict(place.scene) == life.said[WITHIN]
        assert _owners_and_definitions(place.scene) == life.dumps[WITHIN]
        for step in ("FIX7b", "FIX7c", "sign"):
            STEPS[step](place)
        assert verdict(place.scene)["accepted"]


def test_a_point_before_the_refusal_says_which_it_is(life: Life, capsys: pytest.CaptureFixture[str]) -> None:
    """The sign-off is there and the refusal is not; the timeline and a head that was kept elsewhere say so."""
    with life.restored(SIGNED) as place:
        scene = place.scene
        said = verdict(scene)
        assert said["gates"] == life.said[SIGNED]["gates"]
        assert said["accepted"]
        (told,) = [row for row in said["told"] if "timeline" in row["found"]]
        assert told["expected"].startswith("timeline 1, as when signed by ")
        assert told["found"] == "timeline 2: a standby was promoted, or a backup was restored to a point in time"
        capsys.readouterr()
        audit = ["audit", "--database", scene.dsn(scene.server.superuser), "--manifest", place.stage.manifest_path]
        assert main(audit) == 0
        assert "was written on timeline 1 of the server's log, this is timeline 2" in capsys.readouterr().out
        assert main([*audit, "--head", str(life.heads)]) == 3
        assert "kept elsewhere, is not in the chain" in capsys.readouterr().out


def test_from_a_restored_life_all_ways_back_are_exact(life: Life) -> None:
    with life.restored(SIGNED) as place:
        assert _owners_and_definitions(place.scene) == life.dumps[SIGNED]
        for step in ("FIX7c back", "FIX7b back"):
            STEPS[step](place)
        assert _owners_and_definitions(place.scene) == life.dumps[WITHIN]
        STEPS["base"](place)
