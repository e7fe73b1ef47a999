"""A deployed database in which nothing is a rehearsal: the change by its page's commands, by an operator without superuser."""

from __future__ import annotations

from pathlib import Path

import pytest

from qt001_cp import estate
from qt001_cp.cli import main
from qt001_cp.errors import Refused
from qt001_cp.rehearsal.scene import AUTHOR, OPERATOR
from qt001_cp.workflow import revisions
from qt001_cp.workflow.bundle import make_bundle
from qt001_cp.workflow.seal import propose, seal
from tests.acceptance.support import open_all
from tests.conftest import Stage
from tests.succession.support import COLUMN, accepted, answer, deployed, gates, marked, prepared, schema


@pytest.mark.slow
def test_the_downgrade_undoes_a_succession_exactly(
    at_fix7c_done: Stage, operator: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Gates open, a change, gates open again by the next people's acts; back, and open again. The audit agrees each time."""
    stage = at_fix7c_done
    base = schema(stage)
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
    assert (deployed(stage), schema(stage)) == (stage.digest, base)
    answer(stage)
    assert accepted(stage)
    assert main([*audit, stage.manifest_path]) == 0, capsys.readouterr().out


@pytest.mark.slow
def test_the_emergency_way_runs_no_statement_of_the_team_and_records_kept(
    at_fix7c_done: Stage, operator: str, tmp_path: Path
) -> None:
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
    with stage.connect() as admin:
        kept = "SELECT subject = qt001_cp.change_of(%s), detail ->> 'object_manifest' FROM qt001_cp.event WHERE verb = 'kept'"
        assert admin.execute(kept, [change.digest]).fetchall() == [(True, change.digest)]
        admin.execute("SELECT unit FROM public.qt001_setting; SELECT name FROM public.qt001_unit")
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


@pytest.mark.slow
def test_going_forward_again_needs_a_manifest_that_names_what_was_kept(
    at_fix7c_done: Stage, operator: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A new object manifest names the kept changes: what was born is the owner's before and after, and goes nowhere on the way back."""
    stage = at_fix7c_done
    born = ("CREATE TABLE public.qt001_unit (name text PRIMARY KEY);\nCREATE VIEW public.unit_names AS SELECT name FROM public.qt001_unit;\n"
            "ALTER TABLE public.qt001_setting ADD COLUMN unit text;\n")  # fmt: skip
    back = "ALTER TABLE public.qt001_setting DROP COLUMN unit;\nDROP VIEW public.unit_names;\nDROP TABLE public.qt001_unit;\n"
    change = prepared(stage, tmp_path, "add_unit", born, back)
    change.sealed(operator)
    change.forward(operator)
    change.back(operator, changes="keep")
    manifest = str(change.where.out / "object.json")
    with marked(stage):
        revisions.downgrade(stage.scene.dsn(OPERATOR), "fix7a", manifest=manifest)
        kept = schema(stage)
        with pytest.raises(Refused) as old:
            revisions.upgrade(stage.scene.dsn(OPERATOR), "fix7b", manifest=stage.manifest_path)
        assert old.value.sqlstate == "QT101"
        assert f"hint: Use the manifest that is sealed: {change.digest}" in str(old.value)
        with stage.connect(AUTHOR) as author, stage.connect(OPERATOR) as dba:
            bundle = make_bundle(author, estate.policy_path())
            found = {str(o.ref): o for o in bundle.manifest.objects}
            for name in ("table public.qt001_unit", "view public.unit_names"):
                assert (found[name].before, found[name].plans) == (found[name].after, {})
            bundle.write(tmp_path / "again")
            propose(author, bundle.manifest)
            waiting = (
                "SELECT digest FROM qt001_cp.v_manifest WHERE kind = 'qt001.manifest.object/1' AND state = 'sealed'"
            )
            for (waits,) in dba.execute(waiting).fetchall():
                withdraw = [
                    "manifest",
                    "withdraw",
                    waits,
                    "--reason",
                    "another one",
                    "--database",
                    stage.scene.dsn(OPERATOR),
                ]
                assert main(withdraw) == 0
            seal(dba, bundle.manifest)
        again = str(tmp_path / "again" / "object.json")
        revisions.upgrade(stage.scene.dsn(OPERATOR), "fix7b", manifest=again, rehearsal="first")
        revisions.upgrade(stage.scene.dsn(OPERATOR), "fix7c", manifest=again)
        assert deployed(stage) == bundle.manifest.digest()
        assert gates(stage) == {
            "object_manifest_sealed",
            "scheduled_verifier_recent",
            "sign_off_present",
            "capability_evidence_real",
        }
        audit = ["audit", "--database", stage.scene.dsn("postgres"), "--manifest", again]
        assert main(audit) == 0, capsys.readouterr().out
        revisions.downgrade(stage.scene.dsn(OPERATOR), "fix7a", manifest=again)
    assert schema(stage) == kept


@pytest.mark.slow
def test_forward_again_by_the_manifest_of_the_kept_change(
    at_fix7c_done: Stage, operator: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It names what was kept: the cutover compares all of it. Gates and audit agree, and the next change comes and goes."""
    stage = at_fix7c_done
    change = prepared(stage, tmp_path / "one", "add_unit", *COLUMN)
    change.sealed(operator)
    change.forward(operator)
    there = schema(stage)
    change.back(operator, changes="keep")
    manifest = str(change.where.out / "object.json")
    with marked(stage):
        revisions.downgrade(stage.scene.dsn(OPERATOR), "fix7a", manifest=manifest)
        revisions.upgrade(stage.scene.dsn(OPERATOR), "fix7b", manifest=manifest)
        revisions.upgrade(stage.scene.dsn(OPERATOR), "fix7c", manifest=manifest)
    assert (deployed(stage), schema(stage)) == (change.digest, there)
    assert gates(stage) <= {"scheduled_verifier_recent", "sign_off_present", "capability_evidence_real"}
    audit = ["audit", "--database", stage.scene.dsn("postgres"), "--manifest", manifest]
    assert main(audit) == 0, capsys.readouterr().out
    born = ("CREATE TABLE public.qt001_unit (name text PRIMARY KEY);\n", "DROP TABLE public.qt001_unit;\n")
    second = prepared(stage, tmp_path / "two", "new_table", *born)
    second.sealed(operator)
    second.forward(operator)
    second.back(operator)
    assert (deployed(stage), schema(stage)) == (change.digest, there)


HEIR = """
[[rule]]
kind = "table"
schema = "public"
name = "qt001_unit"
disposition = "transfer"
reason = "units; where FIX7 goes back for good they are the reporting team's"
back_to = "reporting"
"""


@pytest.mark.slow
def test_what_is_born_goes_to_the_owner_that_the_succession_names(
    at_fix7c_done: Stage, operator: str, tmp_path: Path
) -> None:
    """Where FIX7b goes back with a kept change; the owner of the database is not the only choice, and never the application's by itself."""
    stage = at_fix7c_done
    text = estate.policy_path().read_text("utf-8")
    policy = tmp_path / "policy.toml"
    policy.write_text(text.replace("[[rule]]", f"{HEIR}\n[[rule]]", 1), "utf-8")
    born = "CREATE TABLE public.qt001_unit (id int GENERATED ALWAYS AS IDENTITY, name text PRIMARY KEY);\n"
    change = prepared(stage, tmp_path, "add_unit", born, "DROP TABLE public.qt001_unit;\n", policy)
    change.sealed(operator)
    change.forward(operator)
    manifest = str(change.where.out / "object.json")
    assert main(["audit", "--database", stage.scene.dsn("postgres"), "--manifest", manifest]) == 0
    change.back(operator, changes="keep")
    with marked(stage):
        revisions.downgrade(stage.scene.dsn(OPERATOR), "fix7a", manifest=manifest)
    with stage.connect() as admin:
        owners = "SELECT relname, pg_get_userbyid(relowner) FROM pg_class WHERE relname IN ('qt001_unit', 'qt001_unit_id_seq') ORDER BY 1"
        assert admin.execute(owners).fetchall() == [("qt001_unit", "reporting"), ("qt001_unit_id_seq", "reporting")]
