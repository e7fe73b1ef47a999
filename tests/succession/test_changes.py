"""What a change may be: the day-two changes of a deployed database, each there and back, and what each is not allowed to be."""

from __future__ import annotations

from pathlib import Path

import pytest

from qt001_cp import estate
from qt001_cp.errors import ManifestError, Refused
from qt001_cp.rehearsal.change import ChangeRehearsal, Where
from qt001_cp.rehearsal.scene import OPERATOR
from tests.acceptance.support import open_all
from tests.conftest import Stage
from tests.succession.support import accepted, answer, deployed, gates, marked, policy, prepared, write

WAITING = {"scheduled_verifier_recent", "sign_off_present", "capability_evidence_real"}
VIEW = (
    "CREATE VIEW public.qt001_setting_names WITH (security_barrier = true) AS SELECT key FROM public.qt001_setting;\n"
    "GRANT SELECT ON public.qt001_setting_names TO directus;\n",
    "DROP VIEW public.qt001_setting_names;\n",
)
NAMES = """
[[curated_view]]
identity = "public.qt001_setting_names"
reason = "the front page lists them"
"""
TABLE = (
    "CREATE TABLE public.qt001_unit (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL);\n"
    "CREATE FUNCTION public.qt001_unit_name(id bigint) RETURNS text LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp\n"
    "    AS $$ SELECT u.name FROM public.qt001_unit u WHERE u.id = $1 $$;\n"
    "REVOKE EXECUTE ON FUNCTION public.qt001_unit_name(bigint) FROM PUBLIC;\n"
    "GRANT EXECUTE ON FUNCTION public.qt001_unit_name(bigint) TO qt001_service;\n",
    "DROP FUNCTION public.qt001_unit_name(bigint);\nDROP TABLE public.qt001_unit;\n",
)


def with_view(folder: Path) -> Path:
    """The reference estate's policy, with one curated view more."""
    return policy(folder, NAMES)


def writer_of(stage: Stage) -> str:
    with stage.connect() as admin:
        row = admin.execute("SELECT pg_get_functiondef('public.qt001_write(jsonb)'::regprocedure)").fetchone()
    assert row is not None
    return str(row[0])


@pytest.mark.slow
def test_a_curated_view_added_and_revoked(at_fix7c_done: Stage, tmp_path: Path) -> None:
    """With another policy, which names it; without it nothing is given to the application. Evidence about what did not change is
    bound again."""
    stage, operator = at_fix7c_done, at_fix7c_done.scene.dsn(OPERATOR)
    ini = write(tmp_path / "no", "view_unnamed", *VIEW)
    with marked(stage), pytest.raises(Refused, match="only privileges that were there before") as unnamed:
        ChangeRehearsal(stage.scene, Where(ini, "view_unnamed", tmp_path / "no" / "out"), lambda _: None).run()
    assert unnamed.value.sqlstate == "QT103"
    added = prepared(stage, tmp_path, "view_added", *VIEW, policy=with_view(tmp_path))
    open_all(stage, test_authority=False)
    added.sealed(operator)
    added.forward(operator)
    with stage.connect("directus") as application:
        application.execute("SELECT key FROM public.qt001_setting_names")
    answer(stage)
    assert accepted(stage)
    revoked = prepared(stage, tmp_path, "view_revoked", VIEW[1], VIEW[0], policy=estate.policy_path())
    revoked.sealed(operator)
    with stage.connect("directus") as application:
        application.execute("BEGIN")
        application.execute("SELECT key FROM public.qt001_setting_names")
        with pytest.raises(Refused, match="no open transaction of the application") as busy:
            revoked.forward(operator)
        assert busy.value.sqlstate == "QT108"
        application.execute("ROLLBACK")
    revoked.forward(operator)
    answer(stage)
    assert accepted(stage)
    revoked.back(operator)
    assert deployed(stage) == added.digest
    added.back(operator)
    assert deployed(stage) == stage.digest
    answer(stage)
    assert accepted(stage)


@pytest.mark.slow
def test_a_new_writer_and_a_new_table(at_fix7c_done: Stage, tmp_path: Path) -> None:
    """One on top of the other. The evidence about the old writer does not count for the new one; our own downgrade takes both first."""
    stage, operator = at_fix7c_done, at_fix7c_done.scene.dsn(OPERATOR)
    base = stage.scene.dump("--schema-only")
    table = prepared(stage, tmp_path, "new_table", *TABLE)
    table.sealed(operator)
    table.forward(operator)
    now = writer_of(stage)
    writer = prepared(
        stage, tmp_path, "new_writer", f"{now.replace('BEGIN', 'BEGIN  -- as of today', 1)};\n", f"{now};\n"
    )
    writer.sealed(operator)
    writer.forward(operator)
    assert "as of today" in writer_of(stage)
    assert gates(stage) <= WAITING
    writer.back(operator)
    assert writer_of(stage) == now
    writer.forward(operator)
    writer.back(operator)
    table.back(operator)
    assert stage.scene.dump("--schema-only") == base
    assert deployed(stage) == stage.digest


@pytest.mark.slow
def test_evidence_about_another_apply_path(at_fix7c_done: Stage, tmp_path: Path) -> None:
    """A new version of the writer needs new evidence; a column elsewhere does not."""
    stage, operator = at_fix7c_done, at_fix7c_done.scene.dsn(OPERATOR)
    now = writer_of(stage)
    writer = prepared(
        stage, tmp_path, "new_writer", f"{now.replace('BEGIN', 'BEGIN  -- as of today', 1)};\n", f"{now};\n"
    )
    open_all(stage, test_authority=False)
    writer.sealed(operator)
    writer.forward(operator)
    answer(stage)
    assert gates(stage) == {"capability_evidence_real"}
    writer.back(operator)
    answer(stage)
    assert accepted(stage)


@pytest.mark.slow
def test_a_change_without_effect(at_fix7c_done: Stage, tmp_path: Path) -> None:
    ini = write(tmp_path / "changes", "nothing", "SELECT 1;\n", "SELECT 1;\n")
    with marked(at_fix7c_done), pytest.raises(ManifestError, match="changes something protected, found none"):
        ChangeRehearsal(at_fix7c_done.scene, Where(ini, "nothing", tmp_path / "out"), lambda _: None).run()


@pytest.mark.slow
def test_a_privilege_revoked_and_given_again(at_fix7c_done: Stage, tmp_path: Path) -> None:
    """The way back grants it again, and it comes last in the ACL: the same set, and the gates open there and back."""
    stage, operator = at_fix7c_done, at_fix7c_done.scene.dsn(OPERATOR)
    routine = "FUNCTION public.qt001_severity_rank(public.qt001_severity)"
    texts = (f"REVOKE EXECUTE ON {routine} FROM reporting;\n", f"GRANT EXECUTE ON {routine} TO reporting;\n")
    change = prepared(stage, tmp_path, "less_for_it", *texts)
    change.sealed(operator)
    change.forward(operator)
    answer(stage)
    change.back(operator)
    assert deployed(stage) == stage.digest
    answer(stage)
    with stage.connect() as admin:
        acl = "SELECT array_to_string(proacl, ' ') FROM pg_proc WHERE oid = 'public.qt001_severity_rank(public.qt001_severity)'::regprocedure"
        row = admin.execute(acl).fetchone()
    assert row is not None
    assert row[0].split()[-1].startswith("reporting="), "the order has changed, and nothing else"
