"""An estate that was made to break a cutover goes and comes back byte for byte, and nothing of it is left to the application."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from psycopg import sql

from benchmarks.record import made_record
from qt001_cp.errors import Qt001Error
from qt001_cp.model import kinds
from qt001_cp.rehearsal.behaviour.exercise import Behaviour
from qt001_cp.rehearsal.nogo.acl_denials import cases
from qt001_cp.rehearsal.nogo.runner import run_batch
from qt001_cp.rehearsal.run import ReferenceEstate, rehearse
from qt001_cp.rehearsal.scene import OPERATOR, Scene, drop_scene
from qt001_cp.servers import Server
from qt001_cp.workflow import revisions
from qt001_cp.workflow.seal import record_rehearsal
from tests.conftest import Library, Stage
from tests.cutover.support import sealed_with
from tests.kinds.conftest import audited, policy_with, rule
from tests.kinds.copies import differences, restored, worded

pytestmark = pytest.mark.slow

SQL = Path(__file__).with_name("nasty.sql")
ROLES = "SELECT rolname FROM pg_roles"
HOLDS = """
SELECT i.type || ' ' || i.identity FROM pg_shdepend d, pg_identify_object(d.classid, d.objid, d.objsubid) i
WHERE d.deptype IN ('o', 'a') AND d.refobjid = 'directus'::regrole
  AND d.dbid = (SELECT b.oid FROM pg_database b WHERE b.datname = current_database()) AND i.type <> 'default acl'
UNION ALL
SELECT 'routine ' || p.oid::regprocedure FROM pg_proc p WHERE p.pronamespace = '"a.b"'::regnamespace
  AND has_function_privilege('directus', p.oid, 'EXECUTE') AND p.proowner <> 10
UNION ALL
SELECT 'relation ' || c.oid::regclass FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname !~ '^pg_|^qt001_cp$|^information_schema$'
  AND (has_table_privilege('directus', c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')
       OR has_any_column_privilege('directus', c.oid, 'SELECT, INSERT, UPDATE, REFERENCES'))
"""
"""What the server's own notes and answers say that the application has; curated views and what is retained are named below."""
LEFT = {
    "view public.qt001_status",
    "view public.qt001_source_register",
    'view public."qt001 open cases"',
    "relation qt001_status",
    "relation qt001_source_register",
    'relation "qt001 open cases"',
    "function public.articles_count(pg_catalog.text)",
    'foreign-data wrapper "fdw ""x"',
}


def rules(server_major: int) -> str:
    """Everything goes, but for what nobody can own or understand."""
    text = [
        '[[rule]]\nidentity = "public.articles_count(pg_catalog.text)"\ndisposition = "retain"\nreason = "dynamic SQL"\n',
        '[[rule]]\nkind = "function"\nname = "lh"\ndisposition = "retain"\nreason = "written in C, a superuser\'s"\n',
    ]
    for kind in kinds.KINDS:
        keep = {"database": "CONNECT", "schema": "USAGE", "language": "USAGE"}.get(kind.key, "")
        text.append(rule(kind.key, 'name = "*"', "retain" if kind.refusal(server_major) else "transfer", keep))
    return "\n".join(text)


@pytest.fixture
def nasty(library: Library, tmp_path: Path) -> Iterator[Stage]:
    stage = library.copy("base")
    stage.folder = tmp_path
    with stage.connect() as connection:
        before = {row[0] for row in connection.execute(ROLES)}
    try:
        names = ("--set=app=directus", f"--set=db={stage.scene.database}")
        stage.scene.server.psql(SQL.read_text("utf-8"), *names, dbname=stage.scene.database)
        with stage.connect() as connection:
            made = sorted({row[0] for row in connection.execute(ROLES)} - before)
        policy_with(tmp_path, rules(stage.scene.server.version // 10000), "postgres", *made)
        sealed_with(stage, tmp_path, tmp_path / "policy.toml")
        assert stage.bundle is not None
        with stage.connect(OPERATOR) as operator:
            record_rehearsal(operator, made_record(stage.bundle.manifest))
        yield stage
    finally:
        drop_scene(stage.scene)
        with stage.scene.server.connect("postgres") as connection:
            made = sorted({row[0] for row in connection.execute(ROLES)} - before)
            connection.execute(sql.SQL("DROP ROLE {}").format(sql.SQL(", ").join(map(sql.Identifier, made))))


def test_a_nasty_estate_goes_and_comes_back(nasty: Stage) -> None:
    before, roles = nasty.scene.dump_without_ledger("--create"), nasty.scene.server.dump_roles()
    nasty.scene.psql(revisions.upgrade_sql("fix7a", "fix7b", manifest=nasty.manifest_path))
    with nasty.connect() as connection:
        assert {row[0] for row in connection.execute(HOLDS)} - LEFT == set()
    assert audited(nasty) == []
    nasty.scene.psql(revisions.downgrade_sql("fix7b", "fix7a", manifest=nasty.manifest_path))
    assert nasty.scene.dump_without_ledger("--create") == before
    assert nasty.scene.server.dump_roles() == roles


def test_a_nasty_estate_is_refused_for_the_privilege_it_lacks(nasty: Stage) -> None:
    assert nasty.bundle is not None
    nasty.scene.psql(revisions.upgrade_sql("fix7a", "fix7b", manifest=nasty.manifest_path))
    with nasty.connect() as connection:
        tried = [c for c in cases(connection, nasty.bundle.manifest) if c.attack.role == "application"]
    outcomes = run_batch(nasty.scene, tried, "directus")
    assert [f"{o.case.name}: {o.sqlstate} {o.message}" for o in outcomes if not o.passed] == []
    assert len(outcomes) > 2000


def test_everybody_can_do_in_a_nasty_estate_what_the_manifest_leaves(nasty: Stage) -> None:
    behaviour = Behaviour(nasty.scene)
    nasty.scene.psql(revisions.upgrade_sql("fix7a", "fix7b", manifest=nasty.manifest_path))
    found = behaviour.differences(behaviour.answers())
    assert [str(d) for d in found if not d.intended] == []
    assert found
    nasty.scene.psql(revisions.downgrade_sql("fix7b", "fix7a", manifest=nasty.manifest_path))
    assert behaviour.differences(behaviour.answers()) == []


def test_no_definition_differs_after_a_dump_and_a_dump_of_it(nasty: Stage) -> None:
    server, first = nasty.scene.server, nasty.scene.database
    before = worded(server, first)
    with restored(server, first, "nasty_second") as second:
        assert differences(before, worded(server, second)) == {}
        with restored(server, second, "nasty_third") as third:
            assert differences(before, worded(server, third)) == {}


class _Nasty(ReferenceEstate):
    """The same where a rehearsal makes its own databases, one after the other; ``roles`` are the server's, and go between them."""

    def __init__(self, server: Server, folder: Path) -> None:
        super().__init__()
        self.roles: list[str] = []
        scene = super().new_scene(server)
        before = _roles(server)
        self._fill(scene)
        self.roles = sorted(_roles(server) - before)
        drop_scene(scene)
        self.policy_path = policy_with(folder, rules(server.version // 10000), "postgres", *self.roles)

    def new_scene(self, server: Server) -> Scene:
        self.drop_roles(server)
        scene = super().new_scene(server)
        self._fill(scene)
        return scene

    def drop_roles(self, server: Server) -> None:
        there = sorted(_roles(server) & set(self.roles))
        if there:
            with server.connect("postgres") as connection:
                connection.execute(sql.SQL("DROP ROLE {}").format(sql.SQL(", ").join(map(sql.Identifier, there))))

    @staticmethod
    def _fill(scene: Scene) -> None:
        names = ("--set=app=directus", f"--set=db={scene.database}")
        scene.server.psql(SQL.read_text("utf-8"), *names, dbname=scene.database)


def _roles(server: Server) -> set[str]:
    with server.connect("postgres") as connection:
        return {row[0] for row in connection.execute(ROLES)}


def test_a_nasty_estate_is_rehearsed(server: Server, tmp_path: Path) -> None:
    """The whole rehearsal, as anybody runs it: stages, every no-go family, what everybody can do, scanner and verifier, both ways."""
    origin = _Nasty(server, tmp_path)
    try:
        transcript = rehearse(server, tmp_path / "out", lambda _: None, origin)
    finally:
        with suppress(Qt001Error):
            drop_scene(Scene(server, "directus_rehearsal"))
        origin.drop_roles(server)
    assert [f"{c.what}: {c.found}" for c in transcript.checks if not c.passed] == []
    assert [f"{o.case.name}: {o.sqlstate} {o.message}" for o in transcript.outcomes if not o.passed] == []
    assert transcript.passed
    tried = dict(transcript.not_exercised)
    assert transcript.exercised > len(tried) > 0
    assert all(tried.values())
    assert {loss.role for loss in transcript.losses} >= {"directus", "PUBLIC"}
