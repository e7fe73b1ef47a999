"""Two databases: one after FIX7c with every gate open, and a copy of it from before FIX7c, whose writer asks nobody."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from psycopg import sql

from benchmarks.guarded import estate
from benchmarks.record import made_record
from qt001_cp.model.canonical import digest
from qt001_cp.rehearsal.nogo.capability import evidence
from qt001_cp.rehearsal.scene import AUDITOR, AUTHOR, DUTY, OPERATOR, PERSONS, SCANNER, VERIFIER, Scene, bootstrap
from qt001_cp.servers import Server
from qt001_cp.workflow import revisions
from qt001_cp.workflow.bundle import make_bundle
from qt001_cp.workflow.seal import propose, record_rehearsal, seal


@dataclass(frozen=True)
class Pair:
    """Both databases; ``objects``: how many are protected."""

    guarded: Scene
    plain: Scene
    objects: int


def make_pair(server: Server, folder: Path, objects: int) -> Pair:
    """Everything anew. Nothing was rehearsed and nobody signed: a benchmark's database only."""
    guarded, copy = f"directus_guarded_{objects}", f"directus_plain_{objects}"
    policy = estate.write_policy(folder)
    scene, plain = Scene(server, guarded), Scene(server, copy)
    with server.connect("postgres") as connection:
        for name in (guarded, copy):
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
        for login in ("directus", estate.SERVICE, *PERSONS):
            if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [login]).fetchone() is None:
                kind = "SUPERUSER" if login == OPERATOR else "NOSUPERUSER"
                connection.execute(f"CREATE ROLE {login} LOGIN {kind}")
        connection.execute(f"CREATE DATABASE {guarded} OWNER directus TEMPLATE template0 ENCODING 'UTF8'")
    server.psql("ALTER SCHEMA public OWNER TO directus;\n" + estate.script(objects), dbname=guarded)
    bootstrap(server, guarded, rehearsal=True)
    with scene.connect() as admin:
        for login, person in PERSONS.items():
            admin.execute(f"GRANT {DUTY[login]} TO {login}")
            admin.execute(
                "INSERT INTO qt001_cp.person (login, person, duty) VALUES (%s, %s, %s)",
                [login, person, DUTY[login].removeprefix("qt001_cp_")],
            )
    revisions.upgrade(scene.dsn(OPERATOR), "fix7a", policy=str(policy))
    with scene.connect(AUTHOR) as author, scene.connect(OPERATOR) as operator:
        bundle = make_bundle(author, policy)
        path = bundle.write(folder / "bundle")
        propose(author, bundle.manifest)
        seal(operator, bundle.manifest)
        record_rehearsal(operator, made_record(bundle.manifest))
    revisions.upgrade(scene.dsn(OPERATOR), "fix7b", manifest=str(path))
    with server.connect("postgres") as connection:
        connection.execute(f"CREATE DATABASE {copy} TEMPLATE {guarded}")
    revisions.upgrade(scene.dsn(OPERATOR), "fix7c", manifest=str(path))
    with scene.connect(AUTHOR) as author:
        body = evidence(
            bundle.manifest, "drill", "qt001-test-authority", **{"class": "test", "environment": "rehearsal"}
        )
        author.execute("SELECT qt001_cp.import_evidence(%s)", [body])
        author.execute("SELECT qt001_cp.bind_evidence(%s, 'drill')", [digest(body)])
    with scene.connect(VERIFIER) as verifier:
        verifier.execute("SELECT qt001_cp.verify()")
    with scene.connect(SCANNER) as scanner:
        scanner.execute("SELECT qt001_cp.scan()")
    sign(scene)
    for each in (scene, plain):
        with each.connect() as admin:
            admin.execute("VACUUM (ANALYZE)")
    return Pair(scene, plain, len(bundle.manifest.transferred))


def sign(scene: Scene) -> None:
    """The auditor signs the subject as it is now."""
    with scene.connect(AUDITOR) as auditor:
        auditor.execute("SELECT qt001_cp.sign_off(qt001_cp.subject_digest(), 'benchmark', 80000)")
