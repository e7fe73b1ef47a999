"""What a release is made of: the difference between two copies of the SQL, and what refuses to be one."""

from __future__ import annotations

from pathlib import Path

import pytest

from qt001_cp.errors import FileProblem
from qt001_cp.sql.build import BASE, newest, structures, whole
from qt001_cp.sql.difference import difference, statements
from tests.release.product import RELEASE, copied, mended, written_by_hand

ONE = "CREATE FUNCTION qt001_cp.one(a int) RETURNS int\nLANGUAGE sql IMMUTABLE\nAS $one$ SELECT a; $one$;\n"
TWO = "-- Why.\nCREATE FUNCTION qt001_cp.two() RETURNS int\nLANGUAGE sql\nAS $two$ SELECT 'a;'';b'::text; -- no; end\n$two$;\n"
VIEW = "CREATE VIEW qt001_cp.v_one AS\nSELECT 1 AS one;\n"
GRANT = "GRANT EXECUTE ON FUNCTION qt001_cp.one(int) TO qt001_cp_author;\n"


def files(*texts: str, grants: str = GRANT) -> dict[str, str]:
    return {"fix7c/50_it.sql": "\n".join(texts), "fix7c/90_grant.sql": grants, "fix7c/zz_drop.sql": "DROP IT;\n"}


def test_every_statement_of_ours_is_told_apart() -> None:
    for name, text in whole(newest()).items():
        found = list(statements(text))
        assert all(each.endswith(";") and text.count(each) >= 1 for each in found), name
        assert not difference({name: text}, {name: text}).by_hand


def test_a_body_is_replaced_and_keeps_who_may_call_it() -> None:
    made = difference(files(ONE, TWO), files(ONE.replace("SELECT a", "SELECT a + 1"), TWO))
    assert made.sql == ONE.replace("CREATE", "CREATE OR REPLACE").replace("SELECT a", "SELECT a + 1")
    assert made.by_hand == ()


def test_another_head_is_another_routine() -> None:
    """CREATE OR REPLACE takes no other arguments, nor another result; the grants come again."""
    new = ONE.replace("a int", "a int, b int").replace("SELECT a", "SELECT b")
    assert difference(files(ONE), files(new)).sql == f"DROP FUNCTION qt001_cp.one;\n\n{new}\n{GRANT}"


def test_what_is_gone_goes_last_and_views_before_routines() -> None:
    made = difference(files(ONE, TWO, VIEW), files(TWO.replace("a;", "c;")))
    assert made.sql.splitlines()[0] == "CREATE OR REPLACE FUNCTION qt001_cp.two() RETURNS int"
    assert made.sql.endswith("DROP VIEW qt001_cp.v_one;\n\nDROP FUNCTION qt001_cp.one;\n")
    assert dict(made.counts) == {"replaced": 1, "made": 0, "dropped": 2}


def test_grants_alone_are_a_difference() -> None:
    other = GRANT.replace("author", "auditor")
    assert difference(files(ONE), files(ONE, grants=other)).sql == other


def test_comments_between_statements_are_none() -> None:
    assert difference(files(ONE, TWO), files(ONE, TWO.replace("-- Why.", "-- Because."))).sql == ""


def test_what_is_no_routine_is_written_by_hand() -> None:
    made = difference(files(ONE), files(ONE, "CREATE TABLE qt001_cp.it ();\n"))
    assert (made.sql, made.by_hand) == ("", ("CREATE TABLE qt001_cp.it ();",))


def test_two_of_one_name_are_refused() -> None:
    with pytest.raises(FileProblem, match="made twice"):
        difference(files(ONE, ONE.replace("a int", "a text")), files(ONE))


def test_nothing_is_begun_before_something_is_released(tmp_path: Path) -> None:
    product = copied(tmp_path, release="")
    done = product.tried("scripts/release.py", "--next", "1.1.0")
    assert (done.returncode, "scripts/release VERSION first" in done.stderr) == (1, True)


def test_a_change_that_no_revision_brings_is_named(tmp_path: Path) -> None:
    product = copied(tmp_path)
    assert product.tried("scripts/release.py", "--check").returncode == 0
    mended(product)
    done = product.tried("scripts/release.py", "--check")
    assert done.returncode == 1
    assert f"50_gate.sql: {BASE} has another text" in done.stdout


def test_another_bootstrap_than_the_released_one_is_named(tmp_path: Path) -> None:
    """A database that is deployed has been made by that one, and is compared with it."""
    product = copied(tmp_path)
    product.edit("qt001_cp/sql/structure.json", structures()["base"], "0" * 64)
    done = product.tried("scripts/release.py", "--check")
    assert (done.returncode, "schema qt001_cp at base: expected digest" in done.stdout) == (1, True)


def test_a_release_that_does_not_lead_there_or_back_is_refused(tmp_path: Path) -> None:
    """On a server: what is lacking by hand, a way back that leaves something, a freezing under another version."""
    product = copied(tmp_path)
    mended(product)
    product.run("scripts/release.py", "--next", "1.1.0")
    done = product.tried("-m", "qt001_cp.sql.structure")
    assert (done.returncode, "CREATE TABLE qt001_cp.lingering" in done.stderr) == (1, True)
    written_by_hand(product)
    by_hand = product.folder / "qt001_cp" / "sql" / "by_hand"
    back = (by_hand / "back.sql").read_text("utf-8")
    (by_hand / "back.sql").write_text("SELECT 1;\n", "utf-8")
    done = product.tried("-m", "qt001_cp.sql.structure")
    assert (done.returncode, f"release {RELEASE}, back: expected" in done.stderr) == (1, True), done.stderr
    (by_hand / "back.sql").write_text(back, "utf-8")
    forward = (by_hand / "forward.sql").read_text("utf-8")
    (by_hand / "forward.sql").write_text(f"{forward}ALTER TABLE qt001_cp.lingering ADD more int;\n", "utf-8")
    done = product.tried("-m", "qt001_cp.sql.structure")
    assert (done.returncode, f"release {RELEASE}, forward: expected" in done.stderr) == (1, True), done.stderr
    done = product.tried("scripts/release.py", "1.2.0")
    assert (done.returncode, RELEASE in done.stderr) == (1, True)
