"""The commands of docs/operator.md, "Without superuser", as they are written, by an administrator who is none."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from qt001_cp.servers import Server, open_server
from qt001_cp.workflow.revisions import project_folder
from tests.guides.guide import blocks, checkout, fenced, run

pytestmark = pytest.mark.slow

_VARIABLES = """
export PATH="$PWD/.venv/bin:$PATH"
HOST=db.example:5432
CLUSTER="postgresql://postgres@$HOST/postgres"
ADMIN="postgresql://postgres@$HOST/directus_rehearsal"
OPERATOR="postgresql://dora@$HOST/directus_rehearsal"
AUTHOR="postgresql://tom@$HOST/directus_rehearsal"
POLICY=qt001_cp/estate/policy.toml
OFF="-c event_triggers=off"
"""
# What the page asks of the administrator before it begins.
_ADMINISTRATOR = """
psql -X -q -v ON_ERROR_STOP=1 -d "$ADMIN" <<'SQL'
CREATE ROLE admin LOGIN CREATEROLE CREATEDB;
GRANT CREATE ON DATABASE directus_rehearsal TO admin;
GRANT directus, reporting TO admin WITH ADMIN TRUE, INHERIT FALSE, SET FALSE;
SQL
SUPERUSER=$ADMIN
"""
# The grant above makes the database another one than the reference estate, so no record is about it: this is a rehearsal.
_MARK = 'psql -X -q -v ON_ERROR_STOP=1 -v rehearsal=yes -d "$SUPERUSER" -f scripts/bootstrap.sql'
_PRINT = """
alembic -x manifest=bundle/object.json -x rehearsal=first upgrade fix7a:fix7b --sql > fix7b.sql
alembic -x manifest=bundle/object.json downgrade fix7b:fix7a --sql > fix7b-restore.sql
"""
_RUN = 'psql -X -v ON_ERROR_STOP=1 -d "$OPERATOR" -f {0}.sql > {0}.log 2>&1; echo "psql: $?"; tail -n 3 {0}.log'


@pytest.fixture
def own_server() -> Iterator[Server]:
    with open_server() as opened:
        if not opened.trusts or opened.version < 180000:
            pytest.skip(
                "the page's statements are those of 18, its logins have no password: a server of our own is needed"
            )
        yield opened


def _section(guide: str, number: str) -> list[str]:
    (found,) = [code for heading, code in blocks(guide).items() if heading.startswith(f"{number}. ")]
    return found


def test_the_page_runs_as_written(own_server: Server, tmp_path: Path) -> None:
    page = [b for b in fenced(project_folder() / "docs" / "operator.md") if b.heading == "Without superuser"]
    bootstrap, fix7a, preflights = (b.body for b in page if b.language == "sh")
    logins, lend, taken, powers, back, after = (
        f"psql -X -q -v ON_ERROR_STOP=1 -d \"$ADMIN\" <<'SQL'\n{b.body}SQL" for b in page if b.language == "sql"
    )
    forward, restore = preflights.splitlines()
    script = [
        _VARIABLES, *_section("operator", "0"), _ADMINISTRATOR, bootstrap, _MARK, logins,
        lend, fix7a, taken, _section("author", "3")[0], *_section("operator", "5"),
        "echo '@@ asked'", forward, "echo '@@ given'", powers, forward, _PRINT, _RUN.format("fix7b"), back,
        "echo '@@ taken'", powers, restore, _RUN.format("fix7b-restore"), back, after,
    ]  # fmt: skip  # one turn a line
    said, failed = run(script, own_server, checkout(tmp_path))
    # The first two lack the no-go record, which is made elsewhere; the first also the powers, and says which.
    assert [(f.code, f.command) for f in failed] == [(3, forward), (3, forward)], said
    asked = said.partition("@@ asked")[2].partition("@@ given")[0]
    given = said.partition("@@ given")[2].partition("@@ taken")[0]
    for statement in powers.splitlines()[1:-1]:
        assert statement.partition("  ")[0].strip() in asked, said
        assert statement.partition("  ")[0].strip() not in given, said
    assert said.count("psql: 0") == 2, said
