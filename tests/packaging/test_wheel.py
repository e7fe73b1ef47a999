"""Somebody else's Alembic project uses our operations from an installed wheel, in a clean environment."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from qt001_cp.servers import Server
from qt001_cp.workflow.revisions import project_folder
from tests.guides.guide import fenced
from tests.packaging.conftest import run

pytestmark = pytest.mark.slow

DATABASE = "a foreign one"
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
    """The files and the commands of docs/operations.md, as they are written."""
    ini, env, revision, commands = [block.body for block in fenced(project_folder() / "docs" / "operations.md")]
    assert len([line for line in env.splitlines() if line]) == 10
    versions = tmp_path / "migrations" / "versions"
    versions.mkdir(parents=True)
    (tmp_path / "alembic.ini").write_text(ini)
    (tmp_path / "migrations" / "env.py").write_text(env)
    (versions / "one.py").write_text(revision)
    where = f"postgresql+psycopg:///?host={server.host}&port={server.port}&user={server.superuser}&dbname={database.replace(' ', '%20')}"
    said, online, check, back = [line.partition("  #")[0].split()[1:] for line in commands.splitlines()[1:]]

    def alembic(arguments: list[str], where: str = where) -> str:
        done = run(installed / "alembic", *arguments, WHERE=where, cwd=tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    before = server.dump(database, "--exclude-table=public.alembic_version")
    printed = alembic(said, "postgresql+psycopg://nobody@127.0.0.1:1/none")
    assert 'ALTER TABLE "public"."bo""ok" OWNER TO "wheel_keeper";' in printed
    alembic(online)
    with server.connect(database) as connection:
        row = connection.execute(
            """SELECT relowner::regrole::text, has_table_privilege('wheel_clerk', oid, 'INSERT'),
                      has_column_privilege('wheel_clerk', oid, 'title', 'SELECT') FROM pg_class WHERE relname = 'bo"ok'"""
        ).fetchone()
    assert row == ("wheel_keeper", False, True)
    assert "No new upgrade operations" in alembic(check)
    alembic(back)
    assert server.dump(database, "--exclude-table=public.alembic_version") == before


def test_the_installed_program_carries_what_it_needs(installed: Path) -> None:
    answer = run(installed / "qt001-cp", "--help")
    assert answer.returncode == 0
    assert "rehearse" in answer.stdout
    project = run(installed / "python", "-c", "from qt001_cp.workflow.revisions import project_folder as p; print(p())")
    folder = Path(project.stdout.strip())
    assert folder.name == "_project"
    assert str(folder) == run(installed / "qt001-cp", "--project").stdout.strip()
    for name in ("docs/policy.md", "scripts/bootstrap.sql", "scripts/teardown.sql", "scripts/run-reviewed"):
        assert (folder / name).is_file()
    printed = run(
        installed / "alembic",
        "-c",
        folder / "alembic.ini",
        "-x",
        f"policy={project_folder()}/qt001_cp/estate/policy.toml",
        "upgrade",
        "base:fix7a",
        "--sql",
    )
    assert printed.returncode == 0, printed.stderr
    assert "CREATE TABLE qt001_cp.document" in printed.stdout
