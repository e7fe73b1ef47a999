"""A deployed database in which nothing is a rehearsal: the change by its page's commands, by an operator without superuser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from qt001_cp.cli import main
from qt001_cp.rehearsal.scene import OPERATOR
from qt001_cp.workflow import revisions
from tests.acceptance.support import open_all
from tests.conftest import Stage
from tests.succession.support import COLUMN, accepted, answer, deployed, gates, marked, prepared

PLAIN = "qt001_change_dba"


@pytest.fixture
def operator(at_fix7c_done: Stage) -> Iterator[str]:
    """An operator without superuser, who is no member of the owner role either."""
    with at_fix7c_done.connect() as admin:
        admin.execute(f"CREATE ROLE {PLAIN} LOGIN; GRANT qt001_cp_operator TO {PLAIN}".encode())
        admin.execute(
            "INSERT INTO qt001_cp.person (login, person, duty) VALUES (%s, 'change.dba', 'operator')", [PLAIN]
        )
        yield at_fix7c_done.scene.dsn(PLAIN)
        admin.execute(f"DROP ROLE {PLAIN}".encode())


@pytest.mark.slow
def test_a_column_there_and_back(
    at_fix7c_done: Stage, operator: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Gates open, a change, gates open again by the next people's acts; back, and open again. The audit agrees each time."""
    stage = at_fix7c_done
    change = prepared(stage, tmp_path, "add_unit", *COLUMN)
    open_all(stage, test_authority=False)
    assert accepted(stage)
    change.sealed(operator)
    assert accepted(stage), "what is sealed and waits moves nothing"
    change.forward(operator)
    assert deployed(stage) == change.digest
    assert gates(stage) == {"scheduled_verifier_recent", "sign_off_present", "capability_evidence_real"}
    answer(stage)
    assert accepted(stage)
    audit = ["audit", "--database", stage.scene.dsn("postgres"), "--manifest"]
    assert main([*audit, str(change.where.out / "object.json")]) == 0, capsys.readouterr().out
    change.back(operator)
    assert deployed(stage) == stage.digest
    answer(stage)
    assert accepted(stage)
    assert main([*audit, stage.manifest_path]) == 0, capsys.readouterr().out


@pytest.mark.slow
def test_the_emergency_way_keeps_what_was_made(at_fix7c_done: Stage, operator: str, tmp_path: Path) -> None:
    """-x changes=keep runs no text of the team's; FIX7c and FIX7b go back from the deployed manifest, and forward again from it."""
    stage = at_fix7c_done
    born = ("CREATE TABLE public.qt001_unit (name text PRIMARY KEY);\nALTER TABLE public.qt001_setting ADD COLUMN unit text;\n"
            "GRANT UPDATE ON public.qt001_setting TO reporting;\n")  # fmt: skip
    back = ("REVOKE UPDATE ON public.qt001_setting FROM reporting;\nALTER TABLE public.qt001_setting DROP COLUMN unit;\n"
            "DROP TABLE public.qt001_unit;\n")  # fmt: skip
    change = prepared(stage, tmp_path, "add_unit", born, back)
    change.sealed(operator)
    change.forward(operator)
    manifest = str(change.where.out / "object.json")
    change.back(operator, changes="keep")
    assert deployed(stage) == change.digest
    assert gates(stage) <= {"scheduled_verifier_recent", "sign_off_present", "capability_evidence_real"}
    with marked(stage):
        for _ in range(2):
            revisions.downgrade(stage.scene.dsn(OPERATOR), "fix7b", manifest=manifest)
            revisions.upgrade(stage.scene.dsn(OPERATOR), "fix7c", manifest=manifest)
            assert deployed(stage) == change.digest
        revisions.downgrade(stage.scene.dsn(OPERATOR), "fix7a", manifest=manifest)
    with stage.connect() as admin:
        owner = "SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = %s::regclass"
        assert admin.execute(owner, ["public.qt001_unit"]).fetchone() == ("qt001_cp_owner",)
        assert admin.execute(owner, ["public.qt001_setting"]).fetchone() == ("directus",)
        held = "SELECT has_table_privilege('reporting', 'public.qt001_setting', 'UPDATE'), has_table_privilege('directus', 'public.qt001_unit', 'SELECT')"
        assert admin.execute(held).fetchone() == (False, False)
