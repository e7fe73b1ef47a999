"""One server a run and worker; a fresh copy of a prepared database a test."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

import psycopg
import pytest
from psycopg import sql

from qt001_cp.estate import QT001, Reference
from qt001_cp.model.manifest import ObjectManifest
from qt001_cp.policy_file import load_policy
from qt001_cp.rehearsal.nogo.families import at_fix7a, at_fix7c, demand_of
from qt001_cp.rehearsal.scene import AUTHOR, OPERATOR, Scene, drop_scene, hire, new_scene
from qt001_cp.rehearsal.transcript import Transcript
from qt001_cp.servers import Server, asked_for, open_server
from qt001_cp.servers.binaries import VARIABLE
from qt001_cp.workflow import revisions
from qt001_cp.workflow.bundle import OBJECT, Bundle, make_bundle
from qt001_cp.workflow.ledger import export
from qt001_cp.workflow.seal import propose, record_rehearsal, seal

MATRIX = (
    "analyse/test_core_list.py",
    "estate",
    "kinds",
    "roundtrip/test_roundtrip.py",
    "versions",
    "cutover/test_place.py",
    "operator/test_whole_way.py",
    "operator/test_managed.py",
)
"""Folders and files whose tests run on every major version: each of them gets the marker ``matrix``."""
LONG = {"15": ("succession/test_day_two.py",)}
"""What takes minutes gets the marker on this version alone; on the newest it runs with the tests marked slow."""
OF_THEIR_OWN = ("versions/test_moves.py", "versions/test_dump_and_back.py", "versions/test_rehearsed_there.py")
"""These start servers of several versions by themselves, wherever they run: once is enough."""
DATABASE = "directus_case"
"""The manifest names its database, so every test's database has this name, one after the other in its worker."""
RENEWED = 600.0
"""Seconds until the database of FIX7c is made anew. Nobody verifies it while it waits, and the policy's limit for that is 900."""


def pytest_report_header() -> str:
    """Which PostgreSQL the tests ask for."""
    return f"PostgreSQL: {asked_for()}"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--share",
        metavar="K/N",
        help="only the K-th of N shares of the tests; those of one function are in the same share",
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.option.share:
        chosen = set(_share(config.option.share, items))
        config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
        items[:] = [item for item in items if item in chosen]
    several = [Path(__file__).parent / name for name in (*MATRIX, *LONG.get(os.environ.get(VARIABLE, "").strip(), ()))]
    once = [Path(__file__).parent / name for name in OF_THEIR_OWN]
    for item in items:
        if item.path not in once and any(item.path.is_relative_to(path) for path in several):
            item.add_marker("matrix")


def _share(words: str, items: list[pytest.Item]) -> list[pytest.Item]:
    """Those of ``items`` in share ``words``, K/N, by the checksum of each function's name: the same on every machine."""
    number, _, shares = words.partition("/")
    if not (number.isdecimal() and shares.isdecimal() and 1 <= int(number) <= int(shares)):
        raise pytest.UsageError(f"--share {words}: expected K/N with 1 <= K <= N, as in --share 2/10")
    return [i for i in items if crc32(i.nodeid.partition("[")[0].encode()) % int(shares) == int(number) - 1]


def exported(scene: Scene, user: str = OPERATOR) -> str:
    """The ledger of a database as a file of now, which the downgrade to base asks for; its path."""
    path = Path(tempfile.mkdtemp(prefix="qt001-ledger-")) / "ledger.jsonl"
    with scene.connect(user) as opened:
        opened.execute("SET search_path = pg_catalog, pg_temp")  # as the product's own sessions have it
        export(opened, path)
    return str(path)


@dataclass
class Stage:
    """A database at one stage, with the author's bundle where there is one."""

    scene: Scene
    folder: Path
    bundle: Bundle | None = None

    @property
    def manifest_path(self) -> str:
        return str(self.folder / OBJECT)

    @property
    def manifest(self) -> ObjectManifest:
        assert self.bundle is not None
        return self.bundle.manifest

    @property
    def digest(self) -> str:
        return self.manifest.digest()

    def connect(self, user: str | None = None) -> psycopg.Connection:
        """As ``user``, or as the superuser. Autocommit."""
        return self.scene.connect(user)

    def upgrade(self, revision: str, **x: str) -> str:
        return revisions.upgrade(self.scene.dsn(OPERATOR), revision, **{"manifest": self.manifest_path, **x})

    def export(self) -> str:
        """The ledger as a file of today, which the downgrade to base asks for."""
        return exported(self.scene)

    def downgrade(self, revision: str, **x: str) -> str:
        if revision == "base" and "ledger" not in x:
            x["ledger"] = self.export()
        return revisions.downgrade(self.scene.dsn(OPERATOR), revision, **{"manifest": self.manifest_path, **x})


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    with open_server() as opened:
        yield opened


def adopt(stage: Stage) -> None:
    """A copy of a database has a copied ledger, which counts only when its operator has taken it for its own."""
    with stage.connect(OPERATOR) as operator:
        operator.execute("SELECT qt001_cp.adopt_ledger('a copy for a test')")


class Library:
    """Prepared databases of one estate, made when first asked for: base → fix7a (sealed) → recorded → fix7b → fix7c."""

    def __init__(self, server: Server, reference: Reference = QT001) -> None:
        self.server, self.reference = server, reference
        self.database = DATABASE if reference is QT001 else f"{reference.application}_case"
        self.folder = Path(tempfile.mkdtemp(prefix="qt001-bundle-"))
        self.bundle: Bundle | None = None
        self.made: dict[str, float] = {}

    def copy(self, name: str) -> Stage:
        self.make(name)
        self._create(self.database, self._template(name))
        scene = Scene(self.server, self.database, application=self.reference.application)
        if self.reference is not QT001:
            # This application creates in public; that a login looks for no names there is not copied with a database.
            hire(scene)
        stage = Stage(scene, self.folder, None if name == "base" else self.bundle)
        if name != "base":
            adopt(stage)
        return stage

    def make(self, name: str) -> None:
        if name in self.made and (name != "fix7c" or time.monotonic() - self.made[name] < RENEWED):
            return
        steps: dict[str, tuple[str | None, Callable[[Stage], object]]] = {
            "base": (None, lambda _: None),
            "fix7a": ("base", self._fix7a),
            "recorded": ("fix7a", self._record),
            "fix7b": ("recorded", lambda stage: stage.upgrade("fix7b")),
            "fix7c": ("fix7b", lambda stage: stage.upgrade("fix7c")),
        }
        before, work = steps[name]
        if before is None:
            scene = new_scene(self.server, self.database, reference=self.reference)
            stage = Stage(scene, self.folder)
        else:
            stage = self.copy(before)
            if before == "base":
                stage.bundle = None
        work(stage)
        self.keep(name)

    def keep(self, name: str) -> None:
        """The test's database as it is now, to be copied from here on."""
        template = sql.Identifier(self._template(name))
        with self.server.connect("postgres") as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(template))
            connection.execute(
                sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(self.database), template)
            )
        self.made[name] = time.monotonic()

    def forget(self, name: str) -> None:
        with self.server.connect("postgres") as connection:
            connection.execute(sql.SQL("DROP DATABASE {}").format(sql.Identifier(self._template(name))))
        del self.made[name]

    def _template(self, name: str) -> str:
        return f"template_{self.reference.name}_{name}"

    def _fix7a(self, stage: Stage) -> None:
        policy = self.reference.policy_path
        revisions.upgrade(stage.scene.dsn(OPERATOR), "fix7a", policy=str(policy))
        with stage.connect(AUTHOR) as author, stage.connect(OPERATOR) as operator:
            self.bundle = make_bundle(author, policy)
            self.bundle.write(self.folder)
            propose(author, self.bundle.manifest)
            seal(operator, self.bundle.manifest)

    def _record(self, stage: Stage) -> None:
        """A real no-go rehearsal of this manifest, on a second copy of the database; its record goes into this one."""
        assert self.bundle is not None
        demand = demand_of(load_policy(self.reference.policy_path))
        transcript = Transcript(manifest=self.bundle.manifest.digest(), server="test", apply_path=demand is not None)
        transcript.outcomes += at_fix7a(stage.scene, self.bundle.manifest)
        stage.upgrade("fix7b", rehearsal="first")
        stage.upgrade("fix7c")
        transcript.outcomes += at_fix7c(stage.scene, self.bundle.manifest, self.bundle.files, demand)
        self.record = transcript.record()
        drop_scene(stage.scene)
        self._create(self.database, self._template("fix7a"))
        adopt(stage)
        with stage.connect(OPERATOR) as operator:
            record_rehearsal(operator, self.record)

    def _create(self, database: str, template: str) -> None:
        """A copy, with the owner and the ACL of the database itself, which CREATE DATABASE does not copy."""
        files = " STRATEGY file_copy" if self.server.version >= 150000 else ""  # nothing of it goes through the WAL
        with self.server.connect("postgres") as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(database)))
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {}" + files).format(
                    sql.Identifier(database), sql.Identifier(template)
                )
            )
            owner = connection.execute(
                "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = %s", [template]
            ).fetchone()
            assert owner is not None
            connection.execute(
                sql.SQL("ALTER DATABASE {} OWNER TO {}").format(sql.Identifier(database), sql.Identifier(owner[0]))
            )
            connection.execute(
                "UPDATE pg_database SET datacl = (SELECT datacl FROM pg_database WHERE datname = %s) WHERE datname = %s",
                [template, database],
            )


@pytest.fixture(scope="session")
def library(server: Server) -> Library:
    return Library(server)


@pytest.fixture(scope="session")
def nogo_record(library: Library) -> bytes:
    """The record of the no-go rehearsal that the library made; of the session, so that it is made before a test's database."""
    library.make("recorded")
    return library.record


@pytest.fixture
def at_base(library: Library) -> Iterator[Stage]:
    """The estate with the bootstrap run, marked as a rehearsal; nothing of FIX7 deployed."""
    yield from _stage(library, "base")


@pytest.fixture
def at_fix7a_sealed(library: Library) -> Iterator[Stage]:
    """FIX7a deployed, the object manifest sealed, its restore script registered; no no-go record."""
    yield from _stage(library, "fix7a")


@pytest.fixture
def at_recorded(library: Library) -> Iterator[Stage]:
    """The same with a complete no-go record: FIX7b may run."""
    yield from _stage(library, "recorded")


@pytest.fixture
def at_fix7b_done(library: Library) -> Iterator[Stage]:
    """After FIX7b."""
    yield from _stage(library, "fix7b")


@pytest.fixture
def at_fix7c_done(library: Library) -> Iterator[Stage]:
    """After FIX7c: every gate open but verifier, sign-off and capability evidence."""
    yield from _stage(library, "fix7c")


def _stage(library: Library, name: str) -> Iterator[Stage]:
    stage = library.copy(name)
    yield stage
    drop_scene(stage.scene)
