"""Reports of the reference estate at each stage, made once."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from qt001_cp.cli import main
from qt001_cp.model.manifest import ObjectManifest
from qt001_cp.rehearsal.scene import OPERATOR, drop_scene
from qt001_cp.report.facts import Report
from qt001_cp.report.read import read_report
from tests.conftest import Library

STAGES = ("recorded", "fix7b", "fix7c")


@dataclass(frozen=True)
class Made:
    """A stage as the command printed it, with the facts and what the test's own SQL counted at that time."""

    facts: Report
    page: Path
    document: dict[str, Any]
    codes: tuple[int, int]
    oracle: dict[str, Any]


_ORACLE = """
SELECT jsonb_build_object(
    'stage', qt001_cp.stage(),
    'app_owned', (SELECT count(*) FROM pg_class c WHERE c.relowner = 'directus'::regrole AND c.relkind IN ('r', 'p')
                  AND c.relnamespace <> 'qt001_cp'::regnamespace),
    'control_owned', (SELECT count(*) FROM pg_class c WHERE c.relowner = 'qt001_cp_owner'::regrole AND c.relkind IN ('r', 'p')
                      AND c.relnamespace NOT IN (SELECT n.oid FROM pg_namespace n WHERE n.nspname LIKE 'qt001_cp%')),
    'objects', (SELECT jsonb_array_length(convert_from(d.body, 'UTF8')::jsonb -> 'objects') FROM qt001_cp.document d
                WHERE d.kind = 'qt001.manifest.object/1'),
    'transferred', (SELECT count(*) FROM qt001_cp.manifest_row m WHERE m.object ->> 'disposition' = 'transfer'),
    'head', (SELECT e.digest FROM qt001_cp.event e ORDER BY e.seq DESC LIMIT 1),
    'events', (SELECT count(*) FROM qt001_cp.event),
    'cases', (SELECT jsonb_object_agg(x.family, x.n) FROM (
        SELECT c ->> 'family' AS family, count(*) AS n FROM qt001_cp.document d, jsonb_array_elements(d.head -> 'cases') c
        WHERE d.kind = 'qt001.rehearsal/1' GROUP BY 1) x),
    'writer', has_function_privilege('directus', 'public.qt001_write(jsonb)', 'EXECUTE'),
    'status', has_table_privilege('directus', 'public.qt001_status', 'SELECT'),
    'status_insert', has_table_privilege('directus', 'public.qt001_status', 'INSERT'))
"""


@pytest.fixture(scope="session")
def reports(library: Library, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Made]:
    """A stage's report, made when first asked for."""
    made: dict[str, Made] = {}

    def ask(name: str) -> Made:
        if name not in made:
            made[name] = _make(library, name, tmp_path_factory.mktemp(name))
        return made[name]

    return ask


@pytest.fixture
def all_reports(reports: Callable[[str], Made]) -> dict[str, Made]:
    return {name: reports(name) for name in STAGES}


def _make(library: Library, name: str, folder: Path) -> Made:
    stage = library.copy(name)
    try:
        dsn = stage.scene.dsn(OPERATOR)
        page, document = folder / "report.html", folder / "report.json"
        codes = (
            main(["report", "--database", dsn, "--out", str(page)]),
            main(["report", "--database", dsn, "--format", "json", "--out", str(document)]),
        )
        with stage.connect() as reader, stage.connect(OPERATOR) as operator:
            oracle = reader.execute(_ORACLE).fetchone()
            assert oracle is not None
            if name == "fix7c":
                oracle[0]["gates"] = {
                    gate: (is_open, reason, mend)
                    for gate, is_open, reason, mend in reader.execute(
                        "SELECT gate, open, reason, mend FROM qt001_cp.v_fix7_gate"
                    )
                }
            facts = read_report(operator)
        return Made(facts, page, json.loads(document.read_text()), codes, oracle[0])
    finally:
        drop_scene(stage.scene)


@pytest.fixture(scope="session")
def at_large(library: Library) -> ObjectManifest:
    """The manifest of the reference estate with ten thousand curated views more."""
    library.copy("fix7a")
    assert library.bundle is not None
    manifest = library.bundle.manifest
    pattern = next(o for o in manifest.transferred if o.curated)
    more = tuple(
        replace(pattern, ref=replace(pattern.ref, identity=f"public.more_{i}", name=f"more_{i}")) for i in range(10_000)
    )
    return replace(manifest, objects=(*manifest.objects, *more))
