"""Which table the no-go family of unknown dependencies changes: one that the apply path reaches, whatever its shape."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from qt001_cp.rehearsal.nogo.dependency import Touched, touched
from tests.conftest import Stage

SOURCE, SETTING = "public.qt001_source", "public.qt001_setting"


def _touched(stage: Stage, *reached: str, sources: tuple[str, ...] = (SOURCE,)) -> Touched | None:
    sealed = stage.manifest
    manifest = replace(sealed, apply_path={**sealed.path, "source_tables": list(sources)})
    dependency = json.dumps({"objects": [["table", identity] for identity in reached]}).encode()
    with stage.connect() as connection:
        return touched(connection, manifest, dependency)


def test_a_source_table_that_the_apply_path_reaches(at_recorded: Stage) -> None:
    found = _touched(at_recorded, SETTING, SOURCE)
    assert found is not None
    assert found.table.ref.identity == SOURCE
    found = _touched(at_recorded, SETTING)  # the source table is listed for its rows only
    assert found is not None
    assert found.table.ref.identity == SETTING
    assert _touched(at_recorded) is None
    assert _touched(at_recorded, SOURCE, sources=()) is not None


@pytest.mark.parametrize("full", [False, True])
def test_a_partitioned_table(at_recorded: Stage, full: bool) -> None:
    with at_recorded.connect() as admin:
        admin.execute("ALTER TABLE public.qt001_setting RENAME TO plain")
        admin.execute("CREATE TABLE public.qt001_setting (at date) PARTITION BY RANGE (at)")
        if full:
            admin.execute("CREATE TABLE public.rest PARTITION OF public.qt001_setting DEFAULT")
        found = _touched(at_recorded, SETTING)
        assert found is not None
        assert (found.child is None) == full
        if found.child:
            admin.execute(f"CREATE TABLE public.nogo_child {found.child}")
