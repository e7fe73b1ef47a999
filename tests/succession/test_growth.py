"""Partitions that came and went while FIX7c was in force, on the way back: what is there goes with its table, by an operator without superuser."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest

from qt001_cp import estate
from qt001_cp.cli import main
from qt001_cp.emit.script import restore_digest
from qt001_cp.errors import ManifestError, PolicyError, Refused
from qt001_cp.model.policy import policy_from_data
from qt001_cp.rehearsal.scene import OPERATOR
from qt001_cp.workflow import revisions
from qt001_cp.workflow.bundle import make_bundle
from tests.acceptance.support import open_all
from tests.conftest import Library, Stage
from tests.cutover.support import refused_in_psql
from tests.succession.support import COLUMN, PLAIN, accepted, answer, deployed, marked, policy, prepared

TABLE = "qt001_data.measurement"


def grown(stage: Stage) -> None:
    """What a job has done, and once a person: one made, one dropped, one detached."""
    with stage.connect(PLAIN) as job, stage.connect() as admin:
        job.execute(
            f"SELECT qt001_cp.add_partition('{TABLE}', '{TABLE}_2030', '{{2030-01-01}}', '{{2031-01-01}}')".encode()
        )
        job.execute(f"SELECT qt001_cp.drop_partition('{TABLE}_2025')".encode())
        admin.execute(f"SET ROLE qt001_cp_owner; ALTER TABLE {TABLE} DETACH PARTITION {TABLE}_2026".encode())


def acls(stage: Stage) -> list[tuple[object, ...]]:
    with stage.connect() as admin:
        return admin.execute(
            "SELECT c.relname, c.relispartition, pg_get_userbyid(c.relowner), (SELECT array_agg(e::text ORDER BY e::text) FROM"
            " aclexplode(coalesce(c.relacl, acldefault('r', c.relowner))) e) FROM pg_class c"
            " WHERE relnamespace = 'qt001_data'::regnamespace AND relkind IN ('r', 'p') ORDER BY 1"
        ).fetchall()


@pytest.mark.usefixtures("operator")
def test_the_way_back_takes_what_is_there(at_fix7c_done: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    """As if nothing had been cut over, and the application had made and dropped them itself. The audit agrees before and after."""
    stage = at_fix7c_done
    found = {name: rest for name, *rest in acls(stage)}
    grown(stage)
    with marked(stage):
        audit = ["audit", "--database", stage.scene.dsn("postgres"), "--manifest", stage.manifest_path]
        assert main(audit) == 0, capsys.readouterr().out
        said = capsys.readouterr().out
        assert "qt001_data.measurement_2030: a partition that came since" in said
        assert "qt001_data.measurement_2025: a partition that is gone" in said
        assert main(["preflight", stage.manifest_path, "--restore", "--database", stage.scene.dsn(OPERATOR)]) == 3
        assert re.findall(r"\[QT\d+\] (\w+)", capsys.readouterr().out) == ["stage"], (
            "FIX7c goes first, and nothing else is in the way"
        )
        stage.downgrade("fix7b")
        stage.upgrade("fix7c")
        stage.downgrade("fix7a")
    now = {name: rest for name, *rest in acls(stage)}
    assert "measurement_2025" not in now
    assert now["measurement_2030"] == [True, "directus", now["measurement"][2]]
    assert now["measurement_2026"][:2] == [False, "directus"]
    assert {n: r[1] for n, r in now.items() if n in found} == dict.fromkeys(now.keys() & found.keys(), "directus")


@pytest.mark.usefixtures("operator")
def test_a_restore_without_its_partitions_is_refused(at_fix7c_done: Stage) -> None:
    """A script without the step that takes partitions along ends in a refusal, and leaves everything where it was."""
    stage = at_fix7c_done
    grown(stage)
    with marked(stage):
        stage.downgrade("fix7b")
        before = acls(stage)
        text = revisions.downgrade_sql("fix7b", "fix7a", manifest=stage.manifest_path)
        lines = text.splitlines()
        step = 'qt001_cp."follow_partitions"('
        assert sum(step in line for line in lines) == 1
        cut = "\n".join(line for line in lines if step not in line) + "\n"
        refused_in_psql(stage, cut, "QT110", "measurement_2026")
        assert acls(stage) == before


@pytest.mark.slow
def test_a_change_beside_partitions_that_come_and_go(at_fix7c_done: Stage, operator: str, tmp_path: Path) -> None:
    """A successor names neither what came nor that something is gone; partitions may come between its preparation and its script."""
    stage = at_fix7c_done
    grown(stage)
    change = prepared(stage, tmp_path, "add_unit", *COLUMN)
    names = {o.ref.name for o in change.manifest.objects}
    assert "measurement_2030" not in names
    assert {"measurement_2025", "measurement_2026"} <= names
    with stage.connect(PLAIN) as job:
        job.execute(
            f"SELECT qt001_cp.add_partition('{TABLE}', '{TABLE}_2031', '{{2031-01-01}}', '{{2032-01-01}}')".encode()
        )
    open_all(stage, test_authority=False)
    change.sealed(operator)
    change.forward(operator)
    answer(stage)
    assert accepted(stage)
    with stage.connect(PLAIN) as job:
        job.execute(f"SELECT qt001_cp.drop_partition('{TABLE}_2030')".encode())
    change.back(operator)
    assert deployed(stage) == stage.digest
    answer(stage)
    assert accepted(stage)


def test_the_restore_script_names_no_partition_that_may_be_gone(library: Library) -> None:
    stage = library.copy("fix7a")
    assert stage.bundle is not None
    lines = [
        line for line in stage.bundle.files["restore.statements.sql"].decode().splitlines() if "measurement_2" in line
    ]
    assert lines == []
    assert len(restore_digest(stage.manifest)) == 64


GROWTH = {"table": TABLE, "schema": "qt001_data", "name": "measurement_*", "reason": "test"}
WRONG = (
    ({**GROWTH, "table": "public.page_views"}, "expected a table that a rule transfers, found public.page_views"),
    ({**GROWTH, "name": "*"}, "expected partitions of it alone, found table qt001_data."),
)


@pytest.mark.parametrize(("growth", "said"), WRONG)
def test_a_policy_that_lets_something_else_grow_is_refused(
    at_fix7a_sealed: Stage, tmp_path: Path, growth: dict[str, str], said: str
) -> None:
    changed = _policy(tmp_path, [growth])
    with at_fix7a_sealed.connect() as admin, pytest.raises((PolicyError, ManifestError), match="growth") as caught:
        make_bundle(admin, changed)
    assert said in caught.value.message


def _policy(folder: Path, growth: list[dict[str, str]]) -> Path:
    text = estate.policy_path().read_text("utf-8")
    start = text.index("[[growth]]")
    end = text.index("[apply_path]", start)
    made = "".join("[[growth]]\n" + "".join(f"{k} = {json.dumps(v)}\n" for k, v in g.items()) + "\n" for g in growth)
    path = folder / "policy.toml"
    path.write_text(text[:start] + made + text[end:], "utf-8")
    policy_from_data(tomllib.loads(path.read_text("utf-8")), "policy")
    for part in ("repoint", "sql"):
        source = estate.policy_path().parent / part
        if source.is_dir() and not (folder / part).exists():
            (folder / part).symlink_to(source)
    return path


GREW = """
[[growth]]
table = "qt001_data.visit"
schema = "qt001_data"
name = "visit_*"
reason = "a partition a month"
"""
VISIT = (
    "CREATE TABLE qt001_data.visit (at date NOT NULL, actor text NOT NULL) PARTITION BY RANGE (at);\n"
    "CREATE TABLE qt001_data.visit_2031 PARTITION OF qt001_data.visit FOR VALUES FROM ('2031-01-01') TO ('2032-01-01');\n",
    "DROP TABLE qt001_data.visit;\n",
)


@pytest.mark.slow
def test_what_a_change_makes_grows_at_once(at_fix7c_done: Stage, operator: str, tmp_path: Path) -> None:
    """By the policy that the change is prepared with; its way back takes what came since, and another change ends the growth."""
    stage = at_fix7c_done
    change = prepared(stage, tmp_path, "visits", *VISIT, policy=policy(tmp_path, GREW))
    open_all(stage, test_authority=False)
    change.sealed(operator)
    change.forward(operator)
    answer(stage)
    with stage.connect(PLAIN) as job:
        for year in ("2032", "2033"):
            made = ["qt001_data.visit", f"qt001_data.visit_{year}", [f"{year}-01-01"], [f"{int(year) + 1}-01-01"]]
            job.execute("SELECT qt001_cp.add_partition(%s, %s, %s, %s)", made)
        job.execute("SELECT qt001_cp.drop_partition('qt001_data.visit_2031')")
    assert accepted(stage)
    change.back(operator)
    assert deployed(stage) == stage.digest
    answer(stage)
    assert accepted(stage)


@pytest.mark.slow
def test_what_a_change_makes_and_cannot_grow_is_refused(at_fix7c_done: Stage, tmp_path: Path) -> None:
    """A table without partitions: by the rehearsal, which makes it."""
    stage = at_fix7c_done
    grows, plain = policy(tmp_path, GREW), "CREATE TABLE qt001_data.visit (at date);\n"
    with pytest.raises(Refused, match=r"growth of qt001_data\.visit: expected a partitioned table") as whole:
        prepared(stage, tmp_path, "visits", plain, VISIT[1], policy=grows)
    assert whole.value.sqlstate == "QT206"
    assert deployed(stage) == stage.digest
