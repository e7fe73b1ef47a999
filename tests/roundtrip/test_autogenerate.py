"""``alembic check`` and ``--autogenerate``: drift from the sealed manifest becomes operations that mend it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Stage
from tests.roundtrip.alembic_cli import alembic, copy_project

# What somebody does by hand after FIX7c, and what the operations say of it.
DRIFT = {
    "GRANT SELECT ON public.qt001_source TO public_only": r"revoke_privileges\(.*public\.qt001_source.*public_only",
    "GRANT UPDATE (title) ON public.qt001_source TO intern WITH GRANT OPTION": r"revoke_privileges\(.*column='title'.*grantable=True",
    "REVOKE SELECT ON public.qt001_setting FROM intern": r"grant_privileges\(.*public\.qt001_setting.*'intern'",
    "ALTER TABLE public.qt001_import_batch OWNER TO reporting": r"transfer_ownership\(.*'reporting'.*'qt001_cp_owner'",
    "GRANT CREATE ON SCHEMA qt001_data TO PUBLIC": r"revoke_privileges\(.*qt001_data.*Public\(\)",
    'GRANT EXECUTE ON FUNCTION public.qt001_write(jsonb) TO "odd ""role"': r"revoke_privileges\(.*qt001_write.*odd \"role",
}


def _drift(stage: Stage) -> list[tuple[object, ...]]:
    with stage.connect() as connection:
        return connection.execute("SELECT object, aspect FROM qt001_cp.drift() ORDER BY 1").fetchall()


@pytest.fixture
def odd_role(at_fix7c_done: Stage) -> Iterator[None]:
    with at_fix7c_done.connect() as connection:
        connection.execute('CREATE ROLE "odd ""role"')
    yield
    with at_fix7c_done.connect() as connection:
        connection.execute('DROP OWNED BY "odd ""role"; DROP ROLE "odd ""role"')


@pytest.mark.usefixtures("odd_role")
def test_a_generated_revision_mends_the_drift_and_takes_itself_back(at_fix7c_done: Stage, tmp_path: Path) -> None:
    assert _drift(at_fix7c_done) == []
    with at_fix7c_done.connect() as connection:
        for statement in DRIFT:
            connection.execute(statement)
    drifted = _drift(at_fix7c_done)
    assert len(drifted) >= len(DRIFT)
    folder = copy_project(tmp_path)
    told = alembic(at_fix7c_done, "check", folder=folder)
    assert told.returncode != 0
    assert "transfer_ownership" in told.stdout
    assert "table public.qt001_import_batch" in told.stdout
    made = alembic(at_fix7c_done, "revision", "--autogenerate", "-m", "mend", folder=folder)
    assert made.returncode == 0, made.stdout
    (revision,) = (folder / "alembic" / "versions").glob("*_mend.py")
    text = revision.read_text()
    upgrade = text[text.index("def upgrade") : text.index("def downgrade")]
    for statement, expected in DRIFT.items():
        assert re.search(expected, upgrade), (statement, upgrade)
    done = alembic(at_fix7c_done, "upgrade", "head", folder=folder)
    assert done.returncode == 0, done.stdout
    assert _drift(at_fix7c_done) == []
    assert "No new upgrade operations" in alembic(at_fix7c_done, "check", folder=folder).stdout
    done = alembic(at_fix7c_done, "downgrade", "-1", folder=folder)
    assert done.returncode == 0, done.stdout
    assert _drift(at_fix7c_done) == drifted


def test_what_no_statement_mends_is_told_and_refuses_to_run(at_fix7c_done: Stage, tmp_path: Path) -> None:
    with at_fix7c_done.connect() as connection:
        connection.execute("ALTER TABLE public.qt001_source DISABLE TRIGGER qt001_source_guard")
    folder = copy_project(tmp_path)
    made = alembic(at_fix7c_done, "revision", "--autogenerate", "-m", "mend", folder=folder)
    assert made.returncode == 0, made.stdout
    (revision,) = (folder / "alembic" / "versions").glob("*_mend.py")
    assert "op.drift('table public.qt001_source', 'definition " in revision.read_text()
    drifted = _drift(at_fix7c_done)
    done = alembic(at_fix7c_done, "upgrade", "head", folder=folder)
    assert done.returncode != 0
    assert "no statement of this project mends it" in done.stdout + done.stderr
    assert _drift(at_fix7c_done) == drifted
