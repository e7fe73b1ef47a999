"""An estate that was made to break a cutover goes and comes back byte for byte, and nothing of it is left to the application."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from psycopg import sql

from benchmarks.record import made_record
from qt001_cp.model import kinds
from qt001_cp.rehearsal.nogo.acl_denials import cases
from qt001_cp.rehearsal.nogo.runner import run_batch
from qt001_cp.rehearsal.scene import OPERATOR, drop_scene
from qt001_cp.workflow import revisions
from qt001_cp.workflow.seal import record_rehearsal
from tests.conftest import Library, Stage
from tests.cutover.support import sealed_with
from tests.kinds.conftest import audited, policy_with, rule

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
        policy_with(tmp_path, rules(stage.scene.server.version // 10000))
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
    before, roles = nasty.scene.dump("--create"), nasty.scene.server.dump_roles()
    nasty.scene.psql(revisions.upgrade_sql("fix7a", "fix7b", manifest=nasty.manifest_path))
    with nasty.connect() as connection:
        assert {row[0] for row in connection.execute(HOLDS)} - LEFT == set()
    assert audited(nasty) == []
    nasty.scene.psql(revisions.downgrade_sql("fix7b", "fix7a", manifest=nasty.manifest_path))
    assert nasty.scene.dump("--create") == before
    assert nasty.scene.server.dump_roles() == roles


def test_a_nasty_estate_is_refused_for_the_privilege_it_lacks(nasty: Stage) -> None:
    assert nasty.bundle is not None
    nasty.scene.psql(revisions.upgrade_sql("fix7a", "fix7b", manifest=nasty.manifest_path))
    with nasty.connect() as connection:
        tried = [c for c in cases(connection, nasty.bundle.manifest) if c.attack.role == "application"]
    outcomes = run_batch(nasty.scene, tried, "directus")
    assert [f"{o.case.name}: {o.sqlstate} {o.message}" for o in outcomes if not o.passed] == []
    assert len(outcomes) > 2000
