"""A database in use with two changes of the team's on it: a release comes, a change after it, and all of it goes back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from qt001_cp.project import project_folder
from qt001_cp.rehearsal.scene import AUTHOR, OPERATOR
from qt001_cp.sql.build import build
from tests.acceptance.support import open_all
from tests.conftest import Stage
from tests.release.product import RELEASE, Product
from tests.release.test_release import WAITING, control_plane, lent, outside, psql, refused
from tests.succession.support import COLUMN, accepted, answer, deployed, gates, marked, prepared

MORE = (
    "ALTER TABLE public.qt001_setting ADD COLUMN note text;\n",
    "ALTER TABLE public.qt001_setting DROP COLUMN note;\n",
)
THIRD = (
    "ALTER TABLE public.qt001_setting ADD COLUMN third int;\n",
    "ALTER TABLE public.qt001_setting DROP COLUMN third;\n",
)


def rows(stage: Stage) -> set[str]:
    with stage.connect() as admin:
        return {str(r[0]) for r in admin.execute("SELECT version_num FROM qt001_cp.alembic_version").fetchall()}


def third(stage: Stage, operator: str, product: Product, folder: Path) -> list[str]:
    """A change of the team's that is written, prepared and sealed with the new release; the arguments of its scripts."""
    product.cli("change", "new", "add_third", "--folder", str(folder))
    for way, text in zip(("forward", "back"), THIRD, strict=True):
        (folder / f"add_third.{way}.sql").write_text(text, "utf-8")
    with marked(stage):
        product.cli(
            "change", "prepare", "add_third", "--folder", str(folder), "--database", stage.scene.dsn("postgres")
        )
    out = folder / "add_third"
    product.cli("change", "propose", str(out), "--database", stage.scene.dsn(AUTHOR))
    product.cli("manifest", "seal", str(out / "object.json"), "--database", operator)
    product.cli("evidence", "import", str(out / "nogo.json"), "--rehearsal", "--database", operator)
    return ["-x", f"manifest={out / 'object.json'}"]


@pytest.mark.slow
def test_a_release_beside_two_changes(at_fix7c_done: Stage, operator: str, product: Product, tmp_path: Path) -> None:
    """By an operator without superuser; the database is no rehearsal but where something is tried."""
    stage, folder = at_fix7c_done, tmp_path / "changes"
    first = prepared(stage, tmp_path, "add_unit", *COLUMN)
    open_all(stage, test_authority=False)
    first.sealed(operator)
    first.forward(operator)
    second = prepared(stage, tmp_path, "add_more", *MORE)
    second.sealed(operator)
    second.forward(operator)
    answer(stage)
    assert accepted(stage)
    before, around = control_plane(stage), outside(stage)

    ini = folder / "alembic.ini"
    ini.write_text(ini.read_text("utf-8").replace(f"{project_folder()}/", f"{product.folder}/"), "utf-8")
    forward = product.alembic("upgrade", f"add_more:{RELEASE}", "--sql", ini=ini)
    with lent(stage):
        refused(stage, product.alembic("upgrade", f"fix7c:{RELEASE}", "--sql"), "QT112", RELEASE)
        psql(stage, forward)
    assert rows(stage) == {"add_more", RELEASE}
    assert (gates(stage), deployed(stage), outside(stage)) == (WAITING, second.digest, around)
    answer(stage)
    assert accepted(stage)
    audit = ["audit", "--database", stage.scene.dsn("postgres"), "--manifest"]
    product.cli(*audit, str(second.where.out / "object.json"))
    status = json.loads(product.tried("-m", "qt001_cp", "status", "--format", "json", "--database", operator).stdout)
    assert (status["build"], status["revision"], status["stage"]) == (product.build(), RELEASE, "fix7c")
    assert f"of release {RELEASE}\n" in product.cli("status", "--database", operator)
    product.cli("report", "--database", stage.scene.dsn("postgres"), "--out", str(tmp_path / "report.html"))
    assert f"{RELEASE} is in force" in (tmp_path / "report.html").read_text("utf-8")

    given = third(stage, operator, product, folder)
    psql(stage, product.alembic(*given, "upgrade", f"add_more,{RELEASE}:add_third", "--sql", ini=ini))
    assert rows(stage) == {"add_third", RELEASE}
    assert gates(stage) == WAITING
    assert set(product.alembic("current", ini=ini, url=operator).split()) == {"add_third", RELEASE, "(head)"}
    psql(stage, product.alembic(*given, "downgrade", f"add_third,{RELEASE}:add_more", "--sql", ini=ini))
    assert (rows(stage), deployed(stage)) == ({"add_more", RELEASE}, second.digest)

    with lent(stage):
        psql(stage, product.alembic("downgrade", f"add_more,{RELEASE}:fix7c", "--sql", ini=ini))
    assert rows(stage) == {"add_more"}
    assert (control_plane(stage), outside(stage), deployed(stage)) == (before, around, second.digest)
    with stage.connect() as admin:
        assert admin.execute("SELECT qt001_cp.build()").fetchone() == (build(),)
    answer(stage)
    assert accepted(stage)
    product.cli(*audit, str(second.where.out / "object.json"))
    second.back(operator)
    first.back(operator)
    assert (rows(stage), deployed(stage)) == ({"fix7c"}, stage.digest)


@pytest.mark.slow
def test_a_change_of_before_goes_back_after_the_release(
    at_fix7c_done: Stage, operator: str, product: Product, tmp_path: Path
) -> None:
    """Whichever went first: the change that is older than the release, and then all the rest by one command, kept and taken back."""
    stage, folder = at_fix7c_done, tmp_path / "changes"
    first = prepared(stage, tmp_path, "add_unit", *COLUMN)
    first.sealed(operator)
    first.forward(operator)
    ini = folder / "alembic.ini"
    ini.write_text(ini.read_text("utf-8").replace(f"{project_folder()}/", f"{product.folder}/"), "utf-8")
    given = ["-x", f"manifest={first.where.out / 'object.json'}"]
    back = product.alembic(*given, "downgrade", f"add_unit,{RELEASE}:changes@base", "--sql", ini=ini)
    refused(stage, back, "QT126", build(), product.build())
    with lent(stage):
        psql(stage, product.alembic("upgrade", f"add_unit:{RELEASE}", "--sql", ini=ini))
    refused(stage, product.alembic(*given, "downgrade", "add_unit:changes@base", "--sql", ini=ini), "QT126")
    psql(stage, back)
    assert (rows(stage), deployed(stage)) == ({RELEASE}, stage.digest)
    psql(stage, product.alembic(*given, "upgrade", f"{RELEASE}:add_unit", "--sql", ini=ini))
    assert rows(stage) == {"add_unit", RELEASE}
    with marked(stage):
        url = stage.scene.dsn(OPERATOR)
        product.alembic(*given, "-x", "changes=keep", "downgrade", "fix7b", ini=ini, url=url)
        assert rows(stage) == {"fix7b"}
        product.alembic(*given, "upgrade", RELEASE, url=url)
    assert (rows(stage), deployed(stage)) == ({RELEASE}, first.digest)
