"""Contract, section 10 "Succession": the no-go record of a change is of what changed and its closure, and the fixed families."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from qt001_cp.cli import main
from qt001_cp.model.canonical import Json, canonical_bytes
from qt001_cp.model.nogo import FAMILIES
from qt001_cp.rehearsal.scene import OPERATOR
from tests.conftest import Stage
from tests.succession.support import COLUMN, Prepared, answer, deployed, gates, prepared
from tests.succession.test_changes import VIEW, WAITING, with_view, writer_of
from tests.succession.test_refusals import refused

SETTING, TOUCH, QUEUE = "table public.qt001_setting", "function public.qt001_touch()", "table public.qt001_queue"
"""A table, the function of its trigger, and a table that has nothing to do with them."""


def tried(record: Json) -> set[str]:
    return {case["object"] for case in record["cases"] if case.get("object")}


def record_of(change: Prepared) -> Json:
    record: Json = json.loads((change.where.out / "nogo.json").read_bytes())
    return record


def imported(change: Prepared, record: Json, folder: Path) -> None:
    """A record that somebody has changed, in the place of the change's own."""
    path = folder / "other.json"
    path.write_bytes(canonical_bytes({**record, "produced_at": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"}))
    assert main(["evidence", "import", str(path), "--rehearsal", "--database", change.stage.scene.dsn(OPERATOR)]) == 0


def without(record: Json, *objects: str) -> Json:
    return {**record, "cases": [case for case in record["cases"] if case.get("object") not in objects]}


@pytest.mark.slow
def test_the_record_is_of_what_changed_and_its_closure_and_the_fixed_families(
    at_fix7c_done: Stage, tmp_path: Path
) -> None:
    """Of a column: the table and its trigger function. Of a view: what it reads, too. Of a new writer: what it reaches."""
    stage = at_fix7c_done
    column = record_of(prepared(stage, tmp_path / "column", "add_unit", *COLUMN))
    assert tried(column) == {SETTING, TOUCH}
    assert {case["family"] for case in column["cases"]} == set(FAMILIES)
    view = record_of(prepared(stage, tmp_path / "view", "view_added", *VIEW, policy=with_view(tmp_path)))
    assert tried(view) == {SETTING, TOUCH, "view public.qt001_setting_names"}
    now = writer_of(stage)
    writer = prepared(
        stage, tmp_path / "writer", "new_writer", f"{now.replace('BEGIN', 'BEGIN  -- as of today', 1)};\n", f"{now};\n"
    )
    assert {QUEUE, "table public.qt001_write_log", "function public.qt001_write(pg_catalog.jsonb)"} <= tried(
        record_of(writer)
    )
    assert SETTING not in tried(record_of(writer))


LACKING: dict[str, Callable[[Json], Json]] = {
    SETTING: lambda record: without(record, SETTING),
    TOUCH: lambda record: without(record, TOUCH),
    f"{SETTING} as auditor": lambda record: {
        **record, "cases": [c for c in record["cases"] if (c.get("object"), c["role"]) != (SETTING, "auditor")]},
    "no-go family spoof_self_sign_stale": lambda record: {
        **record, "cases": [c for c in record["cases"] if c["family"] != "spoof_self_sign_stale"]},
}  # fmt: skip  # one that lacks something a line


@pytest.mark.slow
def test_a_record_that_lacks_some_of_it_is_refused(at_fix7c_done: Stage, tmp_path: Path) -> None:
    """What changed, what is around it, one of the four roles, a fixed family; and with all of it the change goes through."""
    stage = at_fix7c_done
    change = prepared(stage, tmp_path, "add_unit", *COLUMN)
    change.sealed(stage.scene.dsn(OPERATOR))
    for lacking, cut in LACKING.items():
        imported(change, cut(record_of(change)), tmp_path)
        with refused(stage, "QT105", lacking):
            change.forward(stage.scene.dsn(OPERATOR))
    imported(change, record_of(change), tmp_path)
    change.forward(stage.scene.dsn(OPERATOR))
    assert gates(stage) <= WAITING


@pytest.mark.slow
def test_for_the_rest_the_deployed_record_counts(at_fix7c_done: Stage, tmp_path: Path) -> None:
    """Only what it has tried, in vain, as what it is today; what no record has tried the next change tries, whatever it changes."""
    stage, operator = at_fix7c_done, at_fix7c_done.scene.dsn(OPERATOR)
    first = prepared(stage, tmp_path / "first", "add_unit", *COLUMN)
    first.sealed(operator)
    whole = last_record(stage, stage.digest)
    assert QUEUE in tried(whole)
    assert QUEUE not in tried(record_of(first))
    done = [{**case, "sqlstate": "00000"} if case.get("object") == QUEUE else case for case in whole["cases"]]
    for record in (without(whole, QUEUE), {**whole, "cases": done}):
        imported(first, record, tmp_path)
        with refused(stage, "QT105", QUEUE):
            first.forward(operator)
    with stage.connect(OPERATOR) as connection:
        connection.execute("SELECT qt001_cp.withdraw_manifest(%s, 'another')", [first.digest])
    second = prepared(stage, tmp_path / "second", "add_unit", *COLUMN)
    assert tried(record_of(second)) == {SETTING, TOUCH, QUEUE}
    second.sealed(operator)
    second.forward(operator)
    assert deployed(stage) == second.digest
    answer(stage)


def last_record(stage: Stage, digest: str) -> Json:
    with stage.connect() as admin:
        row = admin.execute("SELECT qt001_cp.record_of(%s)", [digest]).fetchone()
    assert row is not None
    record: Json = row[0]
    return record


@pytest.mark.slow
def test_who_owns_nothing_protected_decides_nothing_of_it(at_fix7c_done: Stage, tmp_path: Path) -> None:
    """A table of another team's that refers to what changed and to what did not ties neither to the other."""
    stage, operator = at_fix7c_done, at_fix7c_done.scene.dsn(OPERATOR)
    change = prepared(stage, tmp_path, "add_unit", *COLUMN)
    change.sealed(operator)
    change.forward(operator)
    with stage.connect() as admin:
        admin.execute(
            "CREATE SCHEMA beside; CREATE TABLE beside.note (key text REFERENCES public.qt001_setting, id bigint REFERENCES public.qt001_case);"
            " ALTER TABLE beside.note OWNER TO reporting"
        )
        assert admin.execute("SELECT * FROM qt001_cp.rehearsal_findings(%s)", [change.digest]).fetchall() == []
