"""One database from the empty server to the sealed manifest, and a fresh copy of it for every run that is timed."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from psycopg import sql

from benchmarks import estate
from benchmarks.child import Child, run_child
from benchmarks.record import made_record
from qt001_cp.model.manifest import ObjectManifest
from qt001_cp.policy_file import read_file
from qt001_cp.rehearsal.scene import AUTHOR, OPERATOR, Scene, new_scene
from qt001_cp.servers import Server
from qt001_cp.workflow import revisions
from qt001_cp.workflow.bundle import OBJECT
from qt001_cp.workflow.seal import propose, record_rehearsal, seal

DATABASE = "directus_bench"
SEALED = "bench_sealed"
NO_LIMIT = "6h"
FORWARD, RESTORE = "forward.sql", "restore.sql"
_WARM = "SELECT oid::regclass FROM pg_class WHERE relkind = 'r' AND relnamespace IN ('pg_catalog'::regnamespace, 'qt001_cp'::regnamespace)"


@dataclass
class Stage:
    """The folder with everything printed, and how long each step on the way took."""

    server: Server
    folder: Path
    objects: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    children: dict[str, Child] = field(default_factory=dict)

    @property
    def scene(self) -> Scene:
        return Scene(self.server, DATABASE)

    @property
    def policy(self) -> Path:
        return self.folder / estate.POLICY

    @property
    def manifest_path(self) -> Path:
        return self.folder / "bundle" / OBJECT

    def manifest(self) -> ObjectManifest:
        return ObjectManifest.from_bytes(read_file(self.manifest_path), str(self.manifest_path))

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        start = time.monotonic()
        yield
        self.seconds[name] = time.monotonic() - start
        print(f"  {name}: {self.seconds[name]:.2f} s", file=sys.stderr, flush=True)

    def vacuum(self) -> None:
        with self.scene.connect() as connection:
            connection.execute("VACUUM (ANALYZE)")
            connection.execute("CHECKPOINT")


def make_estate(server: Server, folder: Path, objects: int) -> Stage:
    """The estate with the bootstrap run, nothing of FIX7 deployed."""
    stage = Stage(server, folder)
    estate.write_policy(folder)
    with stage.step("make the estate"):
        new_scene(server, DATABASE)
        with stage.scene.connect() as connection:
            stage.objects = estate.fill(connection, objects)
        stage.vacuum()
    return stage


def make_sealed(stage: Stage) -> None:
    """FIX7a, generate, propose, seal, a made-up no-go record; both scripts printed; the database set aside."""
    with stage.step("FIX7a"):
        revisions.upgrade(stage.scene.dsn(OPERATOR), "fix7a", policy=str(stage.policy), statement_timeout=NO_LIMIT)
    arguments = [
        "--policy",
        str(stage.policy),
        "--out",
        str(stage.folder / "bundle"),
        "--database",
        stage.scene.dsn(AUTHOR),
    ]
    with stage.step("manifest generate"):
        stage.children["manifest generate"] = run_child("qt001_cp", "manifest", "generate", *arguments)
    manifest = stage.manifest()
    with stage.scene.connect(AUTHOR) as author, stage.scene.connect(OPERATOR) as operator:
        with stage.step("propose"):
            propose(author, manifest)
        with stage.step("seal, register the restore script"):
            seal(operator, manifest)
        with stage.step("record the no-go cases"):
            record_rehearsal(operator, made_record(manifest))
    for name, verb, steps in ((FORWARD, "upgrade", "fix7a:fix7b"), (RESTORE, "downgrade", "fix7b:fix7a")):
        with stage.step(f"alembic {verb} {steps} --sql"), (stage.folder / name).open("wb") as out:
            x = ["-x", f"manifest={stage.manifest_path}", "-x", f"statement_timeout={NO_LIMIT}"]
            ini = str(revisions.project_folder() / "alembic.ini")
            stage.children[f"alembic {verb} --sql"] = run_child(
                "alembic", "-c", ini, *x, verb, steps, "--sql", stdout=out
            )
    stage.vacuum()
    with stage.server.connect("postgres") as connection:
        connection.execute(f"ALTER DATABASE {DATABASE} RENAME TO {SEALED}")


def fresh(stage: Stage) -> Scene:
    """A copy of the sealed database, with the owner and the ACL of the database itself; the last copy goes.

    Its catalogs have been read once: those of a database in use are in the server's memory.
    """
    with stage.server.connect("postgres") as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
        connection.execute(
            f"CREATE DATABASE {DATABASE} OWNER {estate.APPLICATION} TEMPLATE {SEALED} STRATEGY file_copy"
        )
        connection.execute(
            "UPDATE pg_database SET datacl = (SELECT datacl FROM pg_database WHERE datname = %s) WHERE datname = %s",
            [SEALED, DATABASE],
        )
        connection.execute("CHECKPOINT")
    with stage.scene.connect() as warm:
        for table in warm.execute(_WARM).fetchall():
            warm.execute(f"SELECT count(*) FROM {table[0]}".encode())
    return stage.scene


def drop_all(server: Server) -> None:
    with server.connect("postgres") as connection:
        for name in (DATABASE, SEALED):
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def scalar(connection: psycopg.Connection, query: str, *args: object) -> float:
    row = connection.execute(query.encode(), args or None).fetchone()
    assert row is not None
    return float(row[0])
