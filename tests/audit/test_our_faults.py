"""Each of our own modules is made wrong, and so is the database's check of it: the audit does not trust either."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from qt001_cp import estate
from qt001_cp.catalog.inventory import read_inventory
from qt001_cp.cli import main
from qt001_cp.model.inventory import Inventory
from qt001_cp.model.names import QualifiedName
from qt001_cp.plan.order import ordered
from qt001_cp.rehearsal.scene import AUTHOR, OPERATOR
from qt001_cp.workflow import revisions
from qt001_cp.workflow.bundle import OBJECT, make_bundle
from qt001_cp.workflow.seal import propose, seal
from tests.conftest import Stage

# Every refusal of the control plane goes through raise_first; documents, statements and the restore script have one of their own.
BLIND = """
CREATE OR REPLACE FUNCTION qt001_cp.raise_first(what text, findings jsonb) RETURNS void LANGUAGE sql AS 'SELECT';
CREATE OR REPLACE FUNCTION qt001_cp.require_statements(manifest text, direction text, query text, first_number bigint, last_number bigint)
    RETURNS void LANGUAGE sql AS 'SELECT';
CREATE OR REPLACE FUNCTION qt001_cp.require_last_statement(manifest text, direction text, done bigint) RETURNS void LANGUAGE sql AS 'SELECT';
CREATE OR REPLACE FUNCTION qt001_cp.register_restore(manifest text, restore_sha256 text) RETURNS text LANGUAGE sql SECURITY DEFINER
    AS $$SELECT qt001_cp.record_event('restore_registered', manifest, jsonb_build_object('sha256', restore_sha256))$$;
CREATE OR REPLACE FUNCTION qt001_cp.stamp_document() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.kind := convert_from(NEW.body, 'UTF8')::jsonb ->> 'schema';
    NEW.head := qt001_cp.head_of(convert_from(NEW.body, 'UTF8')::jsonb);
    NEW.recorded_at := clock_timestamp();
    NEW.recorded_by := session_user;
    RETURN NEW;
END $$;
CREATE OR REPLACE FUNCTION qt001_cp.require_run(script text) RETURNS void LANGUAGE sql AS 'SELECT';
CREATE OR REPLACE FUNCTION qt001_cp.note_run_step(step text) RETURNS void LANGUAGE sql AS 'SELECT';
CREATE OR REPLACE FUNCTION qt001_cp.finish_run(script text, steps text[], structure text) RETURNS void LANGUAGE sql AS 'SELECT';
CREATE OR REPLACE FUNCTION qt001_cp.end_run(script text, steps text[], structure text) RETURNS void LANGUAGE sql AS 'SELECT';
CREATE OR REPLACE FUNCTION qt001_cp.refuse_incomplete_run() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE OR REPLACE FUNCTION qt001_cp.refuse_version_without_run() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    DELETE FROM qt001_cp.run;
    RETURN NULL;
END $$;
"""
Patch = Callable[[pytest.MonkeyPatch], object]


def _wrong_plan(patch: pytest.MonkeyPatch) -> None:
    from qt001_cp.plan import generate, step_plans

    patch.setattr(step_plans, "_planned", step_plans._planned.__wrapped__)  # without what it remembers of sound plans
    patch.setattr(step_plans, "_removals", lambda _simulation, _wish: [])
    patch.setattr(generate, "left", lambda _state, _application: {})  # the planner's own look at what is left


def _missed_kind(patch: pytest.MonkeyPatch) -> None:
    from qt001_cp.workflow import bundle

    def read(*args: Any) -> Inventory:
        inventory = real(*args)
        kept = tuple(o for o in inventory.objects if o.ref.kind not in ("materialized view", "aggregate"))
        return dataclasses.replace(inventory, objects=kept)

    real = read_inventory
    patch.setattr(bundle, "read_inventory", read)


def _wrong_order(patch: pytest.MonkeyPatch) -> None:
    from qt001_cp.emit import script

    real = ordered
    patch.setattr(script, "ordered", lambda manifest, direction: real(manifest, direction)[:-3])


def _wrong_quoting(patch: pytest.MonkeyPatch) -> None:
    """Quoting that loses what follows a quote in a name addresses another table, one that exists."""
    from qt001_cp.emit import quoting

    real = quoting.qualified

    def wrong(name: QualifiedName) -> str:
        return real(name).replace('"qt001 Ledger"', '"qt001_setting"')

    patch.setattr("qt001_cp.emit.statements.qualified", wrong)


# The module and its fault: (whether it was wrong for the author, or only in the run), the patch, the check, the words.
FAULTS: dict[str, tuple[bool, Patch, str, str]] = {
    "plan/step_plans takes nothing away": (
        True,
        _wrong_plan,
        "after-state against the contract",
        "function public.qt001_is_ready(): EXECUTE for PUBLIC from qt001_cp_owner stays, and it belongs to the apply path",
    ),
    "catalog/inventory misses two kinds": (
        True,
        _missed_kind,
        "what the application role's objects touch",
        "materialized view public.qt001_source_statistics: it depends on table public.qt001_source, which is transferred",
    ),
    "emit/statements drops the last statements": (
        False,
        _wrong_order,
        "owners and ACLs",
        "expected SELECT for directus from qt001_cp_owner, not found",
    ),
    "emit/quoting addresses another object": (False, _wrong_quoting, "pg_dump", "OWNER TO directus"),
}


def sealed(stage: Stage, folder: Path, then: Callable[[], object] = lambda: None) -> Path:
    """FIX7a with its refusals taken out, ``then`` the author's bundle sealed; the path of its object manifest."""
    revisions.upgrade(stage.scene.dsn(OPERATOR), "fix7a", policy=str(estate.policy_path()))
    with stage.connect() as superuser:
        superuser.execute(BLIND)
    then()
    with stage.connect(AUTHOR) as author, stage.connect(OPERATOR) as operator:
        bundle = make_bundle(author, estate.policy_path())
        bundle.write(folder)
        propose(author, bundle.manifest)
        seal(operator, bundle.manifest)
    return folder / OBJECT


def faults_of(said: str, check: str) -> Sequence[str]:
    return [f for c in json.loads(said)["checks"] if check in c["name"] for f in c["faults"]]


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_a_wrong_module_is_found(
    at_base: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], fault: str
) -> None:
    author, wrong, check, words = FAULTS[fault]
    with monkeypatch.context() as patch:
        if author:
            wrong(patch)
        path = sealed(at_base, tmp_path)
        if not author:
            wrong(patch)
        revisions.upgrade(at_base.scene.dsn(OPERATOR), "fix7b", manifest=str(path), rehearsal="first")
    capsys.readouterr()
    code = main(["audit", "--database", at_base.scene.dsn("postgres"), "--manifest", str(path), "--format", "json"])
    said = capsys.readouterr().out
    assert code == 3, said
    assert any(words in f for f in faults_of(said, check)), said
