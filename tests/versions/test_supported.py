"""PostgreSQL 14 to 18 and no other: the guards refuse in SQL, the programs say it first and in words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from qt001_cp import estate
from qt001_cp.cli import main
from qt001_cp.errors import Refused
from qt001_cp.model import versions
from qt001_cp.rehearsal.run import rehearse
from qt001_cp.rehearsal.scene import OPERATOR
from qt001_cp.servers import ServerError
from qt001_cp.sql import render
from qt001_cp.sql.build import stage_files
from qt001_cp.workflow import revisions
from qt001_cp.workflow.revisions import project_folder
from tests.conftest import Stage
from tests.cutover.support import unchanged


def other_majors(stage: Stage) -> range:
    """Bounds that leave out the server we have, so that it is the unsupported one."""
    return range(stage.scene.server.version // 10000 + 1, 99)


@contextmanager
def untouched(stage: Stage) -> Iterator[None]:
    """Nothing of the database and of the roles moves (before FIX7a there are no functions to photograph more with)."""

    def seen() -> tuple[str, str]:
        return stage.scene.dump("--create"), stage.scene.server.dump_roles()

    before = seen()
    yield
    assert seen() == before


@pytest.fixture
def strange(at_base: Stage, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """A server that is too old for this release, as its programs know it."""
    monkeypatch.setattr(versions, "SUPPORTED", other_majors(at_base))
    return at_base


def test_findings_by_version(at_fix7a_sealed: Stage) -> None:
    asked = {
        90600: True,
        130023: True,
        139999: True,
        140000: False,
        140023: False,
        150000: False,
        160014: False,
        170010: False,
        180006: False,
        189999: False,
        190000: True,
        200001: True,
        None: True,
    }
    with at_fix7a_sealed.connect(OPERATOR) as operator:
        for number, refused in asked.items():
            rows = operator.execute(
                "SELECT sqlstate, expected FROM qt001_cp.version_findings(%s::int)", [number]
            ).fetchall()
            assert rows == ([("QT120", "PostgreSQL 14 to 18")] if refused else []), number


def test_every_stage_asks_the_function(at_fix7a_sealed: Stage) -> None:
    """The place's finding is that function's: with another answer in its place, FIX7b is refused."""
    with at_fix7a_sealed.connect() as superuser:
        superuser.execute(
            "CREATE OR REPLACE FUNCTION qt001_cp.version_findings(version_num int) RETURNS TABLE (sqlstate text, object text,"
            " expected text, found text, mend text) LANGUAGE sql IMMUTABLE AS"
            " $$SELECT 'QT120', 'server', 'PostgreSQL 14 to 18', 'PostgreSQL ' || version_num, 'Use a supported server.'$$"
        )
    number = at_fix7a_sealed.scene.server.version
    with unchanged(at_fix7a_sealed), pytest.raises(Refused, match=f"found PostgreSQL {number}") as caught:
        at_fix7a_sealed.upgrade("fix7b", rehearsal="first")
    assert caught.value.sqlstate == "QT120"


@pytest.fixture
def other_bounds(at_base: Stage, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The SQL rendered with bounds that leave out this server."""
    monkeypatch.setattr(render, "SUPPORTED", other_majors(at_base))
    stage_files.cache_clear()
    yield
    stage_files.cache_clear()


@pytest.mark.parametrize("way", ["online", "psql"])
@pytest.mark.usefixtures("other_bounds")
def test_fix7a_refuses_in_sql(at_base: Stage, way: str) -> None:
    """The refusal is the script's own."""
    policy = str(estate.policy_path())
    with untouched(at_base):
        if way == "online":
            with pytest.raises(Refused) as refusal:
                revisions.upgrade(at_base.scene.dsn(OPERATOR), "fix7a", policy=policy)
            assert refusal.value.sqlstate == "QT120"
            said = str(refusal.value)
        else:
            with pytest.raises(ServerError) as caught:
                at_base.scene.psql(revisions.upgrade_sql("base", "fix7a", policy=policy), "-v", "VERBOSITY=verbose")
            said = str(caught.value)
            assert "ERROR:  QT120:" in said
    assert f"FIX7a refused: expected PostgreSQL {other_majors(at_base).start} to 98" in said


def test_bootstrap_refuses_in_sql(at_base: Stage) -> None:
    text = (project_folder() / "scripts" / "bootstrap.sql").read_text("utf-8")
    bounds = f"BETWEEN {versions.SUPPORTED.start}0000 AND {versions.SUPPORTED.stop - 1}9999"
    assert text.count(bounds) == 1
    text = text.replace(bounds, f"BETWEEN {other_majors(at_base).start}0000 AND 989999")
    with untouched(at_base), pytest.raises(ServerError, match="QT120: bootstrap refused: expected PostgreSQL 14 to 18"):
        at_base.scene.psql(text, "-v", "VERBOSITY=verbose", "-v", "rehearsal=yes")


def test_alembic_says_it_first(strange: Stage) -> None:
    with untouched(strange), pytest.raises(Refused, match="nothing was done") as caught:
        strange.upgrade("fix7a", policy=str(estate.policy_path()))
    assert caught.value.sqlstate == "QT120"
    with untouched(strange), pytest.raises(Refused, match="expected PostgreSQL"):
        revisions.downgrade(strange.scene.dsn(OPERATOR), "base")


@pytest.mark.parametrize("verb", [["status"], ["inventory", "--policy", str(estate.policy_path())], ["verify"]])
def test_the_command_line_says_it_first(strange: Stage, verb: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with untouched(strange):
        assert main([*verb, "--database", strange.scene.dsn(OPERATOR)]) == Refused.exit_code
    said = capsys.readouterr()
    assert "[QT120]" in said.err
    assert "docs/versions.md" in said.err
    assert "Traceback" not in said.out + said.err


def test_a_rehearsal_says_it_first(strange: Stage, tmp_path: Path) -> None:
    with untouched(strange), pytest.raises(Refused, match="expected PostgreSQL"):
        rehearse(strange.scene.server, tmp_path / "out", print)
    assert not (tmp_path / "out").exists()
