"""Rows between sealing and cutover: of frozen tables compared, of source tables noted."""

from __future__ import annotations

from pathlib import Path

import pytest

from qt001_cp.cli import main
from qt001_cp.errors import Refused
from qt001_cp.rehearsal.scene import OPERATOR
from tests.conftest import Stage
from tests.cutover.support import edited_policy, findings, refused, run, sealed_with

TABLE = "public.qt001_reviewer"
FROZEN = f'\n[[frozen]]\nidentity = "{TABLE}"\nreason = "who reviews is changed twice a year"\n\n[apply_path]'
FORGED = f"SET ROLE directus;\nUPDATE {TABLE} SET display_name = display_name || '!' WHERE id = (SELECT min(id) FROM {TABLE});\n"
MENDED = FORGED.replace("display_name || '!'", "rtrim(display_name, '!')")


@pytest.fixture
def frozen(at_base: Stage, tmp_path: Path) -> Stage:
    sealed_with(at_base, tmp_path, edited_policy(tmp_path, "\n[apply_path]", FROZEN))
    return at_base


def _content(stage: Stage) -> dict[str, dict[str, dict[str, str]]]:
    with stage.connect() as connection:
        row = connection.execute("SELECT detail -> 'content' FROM qt001_cp.v_event WHERE verb = 'cutover'").fetchone()
    assert row is not None
    return dict(row[0])


def _digest(stage: Stage, table: str, *before: str) -> str:
    with stage.connect() as connection, connection.transaction(force_rollback=True):
        for statement in before:
            connection.execute(statement.encode())
        query = f"SELECT (qt001_cp.content_digest(c.oid, c.relnamespace::regnamespace::name, c.relname)).digest FROM pg_class c WHERE c.oid = '{table}'::regclass"
        row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return str(row[0])


def test_rows_of_a_frozen_table_forged_after_sealing(frozen: Stage) -> None:
    run(frozen, FORGED)
    refused(frozen, "QT102", f"rows of table {TABLE}", "expected sha256", rehearsal="first")
    run(frozen, MENDED)
    assert not any("rows of" in what for _, what in findings(frozen, ""))


def test_rows_forged_at_the_last_moment(frozen: Stage) -> None:
    """After the preconditions have looked: the end of the cutover looks again, under its locks."""
    with frozen.connect() as connection:
        connection.execute(FORGED.partition(";\n")[2].encode())
        found = connection.execute(
            "SELECT sqlstate, object FROM qt001_cp.content_findings(%s, qt001_cp.content_now(%s))",
            [frozen.digest, frozen.digest],
        ).fetchall()
    assert found == [("QT102", f"rows of table {TABLE}")]


def test_frozen_table_that_stays_with_the_application(at_base: Stage, tmp_path: Path) -> None:
    policy = edited_policy(tmp_path, "\n[apply_path]", FROZEN.replace(TABLE, "public.articles"))
    with pytest.raises(Refused) as caught:
        sealed_with(at_base, tmp_path, policy)
    assert caught.value.sqlstate == "QT102"
    assert "frozen table public.articles" in str(caught.value)


def test_source_tables_leave_both_digests(at_recorded: Stage) -> None:
    run(at_recorded, "SET ROLE directus;\nUPDATE public.qt001_source_line SET quantity = quantity + 1;\n")
    at_recorded.upgrade("fix7b")
    content = _content(at_recorded)
    differing = [t for t, sealed in content["sealed"].items() if sealed["digest"] != content["cutover"][t]["digest"]]
    assert differing == ["public.qt001_source_line"]
    for moment in content.values():
        for table, said in moment.items():
            if table == "public.qt001_source":  # its index calls a function of its owner's
                assert "reading the table would run it" in said["problem"]
            else:
                assert len(said["digest"]) == 64


def test_preflight_says_what_was_sealed(frozen: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    digest = _digest(frozen, TABLE)
    main(["preflight", frozen.manifest_path, "--database", frozen.scene.dsn(OPERATOR)])
    assert f"{TABLE} sha256 {digest} (frozen)" in capsys.readouterr().out


def test_first_record_counts(frozen: Stage) -> None:
    run(frozen, FORGED)
    with frozen.connect(OPERATOR) as operator, pytest.raises(Exception, match="a record") as caught:
        operator.execute("SELECT qt001_cp.record_content(%s, qt001_cp.content_now(%s))", [frozen.digest] * 2)
    assert getattr(caught.value, "sqlstate", "") == "QT204"


ATTACKS = {
    "a cast of the row to text": (
        f"CREATE FUNCTION public.zz({TABLE}) RETURNS text LANGUAGE plpgsql AS 'BEGIN RAISE ''ran''; END'",
        f"CREATE CAST ({TABLE} AS text) WITH FUNCTION public.zz({TABLE})",
    ),
    "a function called format": (
        "CREATE FUNCTION public.format(text, record) RETURNS text LANGUAGE plpgsql AS 'BEGIN RAISE ''ran''; END'",
        "SET LOCAL search_path = public, pg_catalog",
    ),
    "other words for dates": ("SET LOCAL datestyle = 'German, DMY'", "SET LOCAL timezone = 'Asia/Tokyo'"),
    "another order of rows": (f"UPDATE {TABLE} SET id = id WHERE id = (SELECT min(id) FROM {TABLE})",),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_digest_runs_nothing_of_the_application_and_is_the_rows_alone(at_fix7a_sealed: Stage, attack: str) -> None:
    assert _digest(at_fix7a_sealed, TABLE, *ATTACKS[attack]) == _digest(at_fix7a_sealed, TABLE)


def test_every_row_counts(at_fix7a_sealed: Stage) -> None:
    """Also a second one that is alike, in a table with a column that is called like our alias."""
    made = ("CREATE TABLE public.zz (entry text, line int)", "INSERT INTO public.zz VALUES ('a', 1)")
    once = _digest_of_new(at_fix7a_sealed, *made)
    twice = _digest_of_new(at_fix7a_sealed, *made, made[1])
    thrice = _digest_of_new(at_fix7a_sealed, *made, made[1], made[1])
    assert len({once, twice, thrice, _digest_of_new(at_fix7a_sealed, made[0])}) == 4


def _digest_of_new(stage: Stage, *statements: str) -> str:
    with stage.connect() as connection, connection.transaction(force_rollback=True):
        for statement in statements:
            connection.execute(statement.encode())
        row = connection.execute(
            "SELECT (qt001_cp.content_digest('public.zz'::regclass, 'public', 'zz')).digest"
        ).fetchone()
    assert row is not None
    return str(row[0])


def test_another_relation_in_its_place(at_fix7a_sealed: Stage) -> None:
    with at_fix7a_sealed.connect() as connection:
        row = connection.execute(
            "SELECT problem FROM qt001_cp.content_digest('public.qt001_case'::regclass, 'public', 'qt001_reviewer')"
        ).fetchone()
    assert row == ("another relation in its place",)


PLANTED = """
CREATE FUNCTION public.articles_planted(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS
$$BEGIN IF current_setting('is_superuser') = 'on' THEN RAISE EXCEPTION 'planted code ran'; END IF; RETURN $1; END$$;
"""
READ = """
SELECT (qt001_cp.content_digest(c.oid, c.relnamespace::regnamespace::name, c.relname)).problem
FROM pg_class c WHERE c.oid = %s::regclass
"""


@pytest.mark.parametrize(
    ("table", "planted"),
    [
        ("public.plain", "CREATE INDEX ON public.plain ((public.articles_planted(1)))"),
        ("public.plain", "CREATE INDEX ON public.plain (id) WHERE public.articles_planted(1) = id"),
        ("public.plain", "CREATE STATISTICS public.planted ON (id + public.articles_planted(1)), id FROM public.plain"),
        ("public.parted", "CREATE INDEX ON public.part ((public.articles_planted(1)))"),
        ("public.keyed", "CREATE TABLE public.keyed (id int) PARTITION BY RANGE ((id + public.articles_planted(1)))"),
    ],
)
def test_reading_rows_runs_nothing_that_was_planted(at_fix7a_sealed: Stage, table: str, planted: str) -> None:
    run(
        at_fix7a_sealed,
        f"SET ROLE directus;{PLANTED}CREATE TABLE public.plain (id int);\n"
        "CREATE TABLE public.parted (id int) PARTITION BY RANGE (id);\n"
        f"CREATE TABLE public.part PARTITION OF public.parted FOR VALUES FROM (0) TO (9);\n{planted};\n",
    )
    with at_fix7a_sealed.connect() as superuser:
        row = superuser.execute(READ, [table]).fetchone()
    assert row is not None
    assert "reading the table would run it" in str(row[0])
