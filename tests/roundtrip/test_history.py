"""The frozen SQL is the live SQL, nobody edits it unseen, and Alembic's own commands behave."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

from qt001_cp.rehearsal.scene import Scene
from qt001_cp.sql.render import STAGES, render
from qt001_cp.workflow.revisions import project_folder
from tests.conftest import Stage
from tests.cutover.support import photograph, unchanged
from tests.roundtrip.alembic_cli import alembic, copy_project

VERSIONS = project_folder() / "alembic" / "versions"
_PIN = re.compile(r'^SUMS = "([0-9a-f]{64})"$', re.MULTILINE)


def _control_plane(scene: Scene) -> str:
    return scene.dump("--schema-only", "--schema", "qt001_cp", "--exclude-table", "qt001_cp.alembic_version")


def _run_live_sources(scene: Scene) -> None:
    text = "SET search_path = pg_catalog, pg_temp; SET check_function_bodies = off;\n"
    for stage in STAGES:
        for name, body in render(stage).items():
            if name == "zz_drop.sql":
                continue
            role = "RESET ROLE" if name.startswith("00_") else "SET ROLE qt001_cp_owner"
            text += f"{role};\n{body}\n"
    scene.psql(text)


@pytest.fixture
def of_history(at_fix7c_done: Stage) -> str:
    return _control_plane(at_fix7c_done.scene)


def test_live_sources_give_the_same_catalog(of_history: str, at_base: Stage) -> None:
    _run_live_sources(at_base.scene)
    at_base.scene.psql("SELECT qt001_cp.watch_begin()")
    assert of_history.count("CREATE FUNCTION") > 60
    assert _control_plane(at_base.scene) == of_history


def test_drop_scripts_take_it_all_away(at_base: Stage) -> None:
    before = _control_plane(at_base.scene)
    _run_live_sources(at_base.scene)
    at_base.scene.psql("SET ROLE qt001_cp_owner;\n" + "".join(render(s)["zz_drop.sql"] for s in reversed(STAGES)))
    assert _control_plane(at_base.scene) == before


@pytest.mark.parametrize("stage", STAGES)
def test_frozen_files_have_their_sums(stage: str) -> None:
    folder = VERSIONS / "sql" / stage
    sums = (folder / "SHA256SUMS").read_bytes()
    pin = _PIN.search(next(VERSIONS.glob(f"{stage}_*.py")).read_text("utf-8"))
    assert pin is not None
    assert pin[1] == hashlib.sha256(sums).hexdigest()
    listed = dict(reversed(line.split("  ")) for line in sums.decode().splitlines())
    assert set(listed) == {p.name for p in folder.iterdir()} - {"SHA256SUMS"}
    for name, digest in listed.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest, name


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the history, to be tampered with."""
    return copy_project(tmp_path)


def test_edited_frozen_file_is_refused(at_recorded: Stage, project: Path) -> None:
    file = project / "alembic" / "versions" / "sql" / "fix7b" / "10_segment.sql"
    file.write_text(file.read_text("utf-8") + "\nGRANT SELECT ON qt001_cp.event TO PUBLIC;\n", "utf-8")
    x = f"manifest={at_recorded.manifest_path}"
    with unchanged(at_recorded):
        done = alembic(at_recorded, "-x", x, "upgrade", "fix7b", folder=project)
    assert done.returncode != 0
    assert "10_segment.sql" in done.stdout
    assert "frozen file was edited" in done.stdout
    printed = alembic(None, "-x", x, "upgrade", "fix7a:fix7b", "--sql", folder=project)
    assert printed.returncode != 0
    assert "GRANT SELECT ON qt001_cp.event TO PUBLIC" not in printed.stdout
    assert "COMMIT" not in printed.stdout


def test_edited_sums_are_refused(project: Path) -> None:
    folder = project / "alembic" / "versions" / "sql" / "fix7a"
    body = b"SELECT 1;\n"
    old = hashlib.sha256((folder / "00_guard.sql").read_bytes()).hexdigest()
    (folder / "00_guard.sql").write_bytes(body)
    sums = folder / "SHA256SUMS"
    sums.write_text(sums.read_text("utf-8").replace(old, hashlib.sha256(body).hexdigest()), "utf-8")
    done = alembic(None, "downgrade", "fix7a:base", "--sql", folder=project)
    assert done.returncode != 0
    assert "SHA256SUMS" in done.stdout + done.stderr


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
