"""The SQL of the stages: made and taken away, frozen by a release; and Alembic's own commands behave."""

from __future__ import annotations

import datetime
import importlib.util
import shutil
from pathlib import Path
from types import ModuleType

import pytest

from qt001_cp.errors import FileProblem
from qt001_cp.project import project_folder
from qt001_cp.rehearsal.scene import Scene
from qt001_cp.sql.build import DROP, build, frozen, stage_files, structures
from qt001_cp.sql.render import STAGES, render
from qt001_cp.sql.structure import measured
from qt001_cp.workflow import revisions
from tests.conftest import Stage
from tests.cutover.support import photograph, refused_in_psql, unchanged
from tests.roundtrip.alembic_cli import alembic, copy_project

pytestmark = pytest.mark.slow


def _control_plane(scene: Scene) -> str:
    return scene.dump("--schema-only", "--schema", "qt001_cp")


def _run_files(scene: Scene) -> None:
    text = "SET search_path = pg_catalog, pg_temp; SET check_function_bodies = off; SET ROLE qt001_cp_ledger;\n"
    for stage in STAGES:
        files = (body for name, body in stage_files(stage).items() if name not in ("00_guard.sql", DROP))
        text += "".join(files)
    scene.psql(text)


def test_drop_scripts_take_it_all_away(at_base: Stage) -> None:
    before = _control_plane(at_base.scene)
    _run_files(at_base.scene)
    drops = [stage_files(stage)[DROP] for stage in reversed(STAGES)]
    at_base.scene.psql("SET ROLE qt001_cp_ledger;\n" + "".join(drops))
    assert _control_plane(at_base.scene) == before


def test_structures_are_those_of_this_sql(at_base: Stage) -> None:
    """They are stored: a script is printed without a server. ``python -m qt001_cp.sql.structure`` makes them anew."""
    with at_base.connect() as connection:
        assert measured(connection) == structures()


@pytest.fixture
def released(tmp_path: Path) -> Path:
    """A copy of the project, as after a first release."""
    folder = copy_project(tmp_path)
    for name in ("CHANGELOG.md", "pyproject.toml"):
        shutil.copy(project_folder() / name, folder)
    _release().release("1.0.0", folder, datetime.date(2027, 1, 31))
    return folder


def _release() -> ModuleType:
    """scripts/release.py, which is no part of the package."""
    spec = importlib.util.spec_from_file_location("release", project_folder() / "scripts" / "release.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_release_freezes_pins_and_dates(released: Path) -> None:
    assert "## [Unreleased]\n\n## [1.0.0] - 2027-01-31\n" in (released / "CHANGELOG.md").read_text("utf-8")
    assert 'version = "1.0.0"' in (released / "pyproject.toml").read_text("utf-8")
    for stage in STAGES:
        assert frozen(released / "alembic" / "versions" / "sql" / stage) == render(stage)
    assert _release().check(released) == []


@pytest.mark.parametrize("name", ["fix7a/14_export.sql", "fix7a/SHA256SUMS"])
def test_a_change_of_what_a_release_froze_is_refused(released: Path, name: str) -> None:
    file = released / "alembic" / "versions" / "sql" / name
    file.write_text(file.read_text("utf-8") + "\nGRANT SELECT ON qt001_cp.event TO PUBLIC;\n", "utf-8")
    assert any(name.partition("/")[2] in fault for fault in _release().check(released))
    with pytest.raises(FileProblem, match=r"was edited|cannot be read"):
        frozen(file.parent)


def test_a_released_stage_is_not_released_again(released: Path) -> None:
    before = (released / "alembic" / "versions" / "sql" / "RELEASED").read_text("utf-8")
    _release().release("1.0.1", released, datetime.date(2027, 2, 1))
    assert (released / "alembic" / "versions" / "sql" / "RELEASED").read_text("utf-8") == before


def test_a_script_of_another_build_is_refused(at_recorded: Stage) -> None:
    text = revisions.upgrade_sql("fix7a", "fix7b", manifest=at_recorded.manifest_path)
    assert text.count(build()) == 1
    refused_in_psql(at_recorded, text.replace(build(), "0" * 64), "QT126", "0" * 64, build())


def test_history_and_current(at_fix7b_done: Stage) -> None:
    history = alembic(None, "history")
    assert history.returncode == 0, history.stderr
    lines = [line.split(",")[0] for line in history.stdout.splitlines()]
    assert lines == ["fix7b -> fix7c (head)", "fix7a -> fix7b", "<base> -> fix7a"]
    current = alembic(at_fix7b_done, "current")
    assert (current.returncode, current.stdout.strip()) == (0, "fix7b")


def test_check_is_clean(at_fix7b_done: Stage) -> None:
    done = alembic(at_fix7b_done, "-x", f"manifest={at_fix7b_done.manifest_path}", "upgrade", "fix7c")
    assert done.returncode == 0, done.stdout
    with unchanged(at_fix7b_done):
        done = alembic(at_fix7b_done, "check")
    assert done.returncode == 0, done.stdout
    assert "No new upgrade operations" in done.stdout


def test_check_names_what_has_drifted(at_fix7c_done: Stage) -> None:
    with at_fix7c_done.connect() as connection:
        connection.execute("GRANT SELECT ON public.qt001_source TO public_only")
    done = alembic(at_fix7c_done, "check")
    assert done.returncode != 0
    assert "table public.qt001_source" in done.stdout


ERRORS = {
    "no manifest": (["upgrade", "fix7b"], "manifest"),
    "no manifest, printed": (["upgrade", "fix7a:fix7b", "--sql"], "manifest"),
    "no such file": (["-x", "manifest=/nonexistent/object.json", "upgrade", "fix7b"], "/nonexistent/object.json"),
    "no manifest at all in the file": (["-x", "manifest=/dev/null", "upgrade", "fix7b"], "/dev/null"),
    "an unknown argument": (["-x", "manifset=x", "upgrade", "fix7b"], "manifset"),
    "an unknown revision": (["upgrade", "fix7d"], "fix7d"),
    "a value nobody knows": (["-x", "manifest={}", "-x", "rehearsal=second", "upgrade", "fix7b"], "second"),
}


@pytest.mark.parametrize("way", ERRORS)
def test_errors_are_for_people(at_fix7a_sealed: Stage, way: str) -> None:
    arguments, named = ERRORS[way]
    before = photograph(at_fix7a_sealed)
    done = alembic(at_fix7a_sealed, *(a.replace("{}", at_fix7a_sealed.manifest_path) for a in arguments))
    assert done.returncode != 0
    said = done.stderr if "--sql" in arguments else done.stdout
    assert named in said
    assert "FAILED" in said
    assert photograph(at_fix7a_sealed) == before


@pytest.mark.parametrize("url", ["", "postgresql://nobody@/nothing?host=/nonexistent", "not a connection string"])
def test_wrong_database(url: str) -> None:
    done = alembic(None, "current", url=url)
    assert done.returncode != 0
    assert "FAILED" in done.stdout
    assert ("QT001_DATABASE_URL" in done.stdout) == (url == "")
