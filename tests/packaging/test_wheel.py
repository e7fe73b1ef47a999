"""Somebody else's Alembic project uses our operations from an installed wheel, in a clean environment."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from qt001_cp.servers import Server
from qt001_cp.workflow.revisions import project_folder
from tests.packaging.conftest import run

pytestmark = pytest.mark.slow

DATABASE = "a foreign one"
INI = "[alembic]\nscript_location = %(here)s/migrations\n"
ENV = """\
from os import environ

import qt001_cp.ops
from alembic import context
from sqlalchemy import MetaData, create_engine

def run(**how):
    context.configure(target_metadata=MetaData(), include_name=lambda *_: False,
                      autogenerate_plugins=["alembic.autogenerate.*", "qt001_cp.drift"], **how)
    with context.begin_transaction():
        context.run_migrations()

if context.is_offline_mode():
    run(dialect_name="postgresql")
else:
    with create_engine("postgresql+psycopg://" + environ["WHERE"]).connect() as connection:
        run(connection=connection)
"""
REVISION = '''\
"""The books get an owner who cannot log in."""

from alembic import op

from qt001_cp.model.names import PUBLIC, ObjectRef, Role
from qt001_cp.model.steps import Grant, Revoke

revision, down_revision, branch_labels, depends_on = "one", None, None, None

BOOK = ObjectRef("table", 'public."bo""ok"', "public", 'bo"ok')
CLERK, KEEPER = Role("wheel_clerk"), Role("wheel_keeper")


def upgrade():
    op.revoke_privileges(BOOK, Revoke(CLERK, PUBLIC, ("INSERT",), None, False))
    op.transfer_ownership(BOOK, CLERK, KEEPER)
    op.grant_privileges(BOOK, Grant(KEEPER, CLERK, ("SELECT",), "title", False))


def downgrade():
    op.revoke_privileges(BOOK, Revoke(KEEPER, CLERK, ("SELECT",), "title", False))
    op.transfer_ownership(BOOK, KEEPER, CLERK)
    op.grant_privileges(BOOK, Grant(CLERK, PUBLIC, ("INSERT",), None, False))
'''
ESTATE = """
CREATE ROLE wheel_clerk; CREATE ROLE wheel_keeper;
CREATE TABLE public."bo""ok" (title text);
ALTER TABLE public."bo""ok" OWNER TO wheel_clerk;
GRANT INSERT ON public."bo""ok" TO PUBLIC;
"""


@pytest.fixture
def database(server: Server) -> Iterator[str]:
    with server.connect("postgres") as admin:
        admin.execute(f'CREATE DATABASE "{DATABASE}" TEMPLATE template0')
    with server.connect(DATABASE) as connection:
        connection.execute(ESTATE)
    yield DATABASE
    with server.connect("postgres") as admin:
        admin.execute(f'DROP DATABASE "{DATABASE}"')
        admin.execute("DROP ROLE wheel_clerk, wheel_keeper")


def test_somebody_elses_project_uses_the_operations(
    installed: Path, server: Server, database: str, tmp_path: Path
) -> None:
    versions = tmp_path / "migrations" / "versions"
    versions.mkdir(parents=True)
    (tmp_path / "alembic.ini").write_text(INI)
    (tmp_path / "migrations" / "env.py").write_text(ENV)
    (tmp_path / "migrations" / "script.py.mako").write_text("")
    (versions / "one.py").write_text(REVISION)
    where = f"/?host={server.host}&port={server.port}&user={server.superuser}&dbname={database.replace(' ', '%20')}"

    def alembic(*arguments: str) -> str:
        done = run(installed / "alembic", "-c", tmp_path / "alembic.ini", *arguments, WHERE=where)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    before = server.dump(database, "--exclude-table=public.alembic_version")
    printed = alembic("upgrade", "head", "--sql")
    assert 'ALTER TABLE "public"."bo""ok" OWNER TO "wheel_keeper";' in printed
    alembic("upgrade", "head")
    with server.connect(database) as connection:
        row = connection.execute(
            """SELECT relowner::regrole::text, has_table_privilege('wheel_clerk', oid, 'INSERT'),
                      has_column_privilege('wheel_clerk', oid, 'title', 'SELECT') FROM pg_class WHERE relname = 'bo"ok'"""
        ).fetchone()
    assert row == ("wheel_keeper", False, True)
    assert "No new upgrade operations" in alembic("check")
    alembic("downgrade", "base")
    assert server.dump(database, "--exclude-table=public.alembic_version") == before


def test_the_installed_program_carries_what_it_needs(installed: Path, tmp_path: Path) -> None:
    answer = run(installed / "qt001-cp", "--help")
    assert answer.returncode == 0 and "rehearse" in answer.stdout
    project = run(installed / "python", "-c", "from qt001_cp.workflow.revisions import project_folder as p; print(p())")
    folder = Path(project.stdout.strip())
    assert folder.name == "_project"
    printed = run(installed / "alembic", "-c", folder / "alembic.ini", "-x", f"policy={project_folder()}/qt001_cp/estate/policy.toml",
                   "upgrade", "base:fix7a", "--sql")  # fmt: skip
    assert printed.returncode == 0, printed.stderr
    assert "CREATE TABLE qt001_cp.document" in printed.stdout
