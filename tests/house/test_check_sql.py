"""scripts/check_sql.py finds what its three rules forbid, wherever it stands, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts import check_sql

_FUNCTION = """CREATE FUNCTION qt001_cp.sample(wanted name) RETURNS SETOF name
LANGUAGE {language} STABLE
AS $sample$
{body}
$sample$;
"""


def _sql(body: str) -> str:
    return _FUNCTION.format(language="sql", body=body)


def _plpgsql(body: str) -> str:
    return _FUNCTION.format(language="plpgsql", body=f"BEGIN\n{body}\nEND")


def _found(text: str) -> list[tuple[int, str]]:
    return [(finding.line, finding.what.split(":")[0]) for finding in check_sql.check(text)]


ALIASES = {
    "of a table": ("SELECT r.rolname FROM pg_roles r;", [(1, "alias r")]),
    "of a table, with AS": ("SELECT 1\nFROM pg_roles AS r;", [(2, "alias r")]),
    "of a subquery": ("SELECT 1 FROM (SELECT 1) x;", [(1, "alias x")]),
    "of a function and its columns": (
        "SELECT 1 FROM unnest('{}'::int[]) WITH ORDINALITY x(v, number);", [(1, "alias v"), (1, "alias x")],
    ),
    "of a CTE": ("WITH w AS (SELECT 1) SELECT 1 FROM w;", [(1, "alias w")]),
    "of a result": ("SELECT 1 AS a;", [(1, "alias a")]),
    "of an updated table": ("UPDATE qt001_cp.run t SET complete = true;", [(1, "alias t")]),
    "in a view": ("CREATE VIEW v AS SELECT e.seq FROM qt001_cp.event e;", [(1, "alias e")]),
    "in a body in SQL": (_sql("SELECT wanted\nFROM pg_roles r"), [(5, "alias r")]),
    "in a statement of PL/pgSQL": (_plpgsql("    RETURN QUERY\n    SELECT r.rolname FROM pg_roles r;"), [(6, "alias r")]),
    "in an expression of PL/pgSQL": (
        _plpgsql("    IF EXISTS (SELECT 1\n               FROM pg_roles r) THEN\n        RETURN;\n    END IF;"), [(6, "alias r")],
    ),
    "in a block": ("DO $$\nBEGIN\n    PERFORM 1 FROM pg_roles r;\nEND\n$$;", [(3, "alias r")]),
    "before a placeholder": ("SELECT 1 FROM pg_roles r WHERE r.oid BETWEEN {bounds};", [(1, "alias r")]),
    "in the query of a driver": ("SELECT r.oid FROM {catalog} r WHERE r.oid = %s", [(1, "alias r")]),
    "before a command of psql": ("\\set x 1\nSELECT r.oid FROM pg_roles r WHERE r.rolname = :'x'\n\\gset\n", [(2, "alias r")]),
    "where no parser helps": (_plpgsql("    {fragment}\n    PERFORM r.oid FROM pg_roles AS r {more} {and_more};"), [(6, "alias r")]),
}  # fmt: skip


@pytest.mark.parametrize("case", ALIASES)
def test_an_alias_of_one_letter_is_found(case: str) -> None:
    text, found = ALIASES[case]
    assert sorted(set(_found(text))) == found


@pytest.mark.parametrize(
    "text",
    [
        "SELECT role.rolname AS name FROM pg_roles role JOIN pg_database base ON base.datdba = role.oid;",
        _sql("WITH member AS (SELECT role.oid FROM pg_roles role) SELECT wanted FROM member"),
        _plpgsql(
            "    -- r is not an alias, nor is 'FROM pg_roles r' in a string.\n    RAISE NOTICE 'FROM pg_roles r';"
        ),
        "\\if :{?rehearsal}\n\\else\n\\set rehearsal no\n\\endif\nSELECT 'x' AS name \\g /dev/null\n",
        "INSERT INTO qt001_cp.sample (a, b) VALUES (1, 2);",
        "SELECT 1 WHERE 1 BETWEEN {supported_bounds} AND 'a' = ANY ('{names}');",
    ],
)
def test_nothing_is_found_where_nothing_is(text: str) -> None:
    assert _found(text) == []


def test_a_line_of_more_than_100_columns_is_found() -> None:
    comment = "-- " + "é" * 97
    assert len(comment) == 100
    assert _found(comment) == []
    assert _found("SELECT 1;\n" + comment + "x\n") == [(2, "101 columns, at most 100")]


def _long(first: str = "") -> str:
    return _sql(first + "\n".join(["SELECT wanted"] + ["UNION ALL SELECT wanted"] * (76 - first.count("\n"))))


def test_a_function_of_more_than_80_lines_is_found() -> None:
    assert _found(_long().replace("\nUNION ALL SELECT wanted", "", 1)) == []
    longer = "SELECT 1;\n" + _long("SELECT wanted UNION ALL\n")
    assert _found(longer) == [(2, "qt001_cp.sample has 81 lines, at most 80")]
    block = "DO $$\nBEGIN\n" + "    PERFORM 1;\n" * 80 + "END\n$$;"
    assert _found(block) == [(1, "DO has 84 lines, at most 80")]


def test_a_long_function_says_why_in_its_first_comment() -> None:
    for reason in ("-- long: one list.\n", "-- What it is.\n-- long: one list.\n"):
        assert _found(_long(reason + "SELECT wanted UNION ALL\n")) == []
    for without in ("-- long:\n", "SELECT wanted UNION ALL\n-- long: too late.\n", "-- It is long: yes.\n"):
        assert [what for _, what in _found(_long(without + "SELECT wanted UNION ALL\n"))] != []


def test_it_prints_the_file_and_the_line_and_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad, good = tmp_path / "bad.sql", tmp_path / "good.sql"
    bad.write_text("SELECT 1\nFROM pg_roles r;\n")
    good.write_text("SELECT 1 FROM pg_roles;\n")
    assert check_sql.main([str(good)]) == 0
    assert capsys.readouterr().out == ""
    assert check_sql.main([str(good), str(bad)]) == 1
    assert capsys.readouterr().out == f"{bad}:2: alias r: one letter; name what its rows are\n"


def test_a_file_is_left_out_only_while_it_has_findings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(check_sql, "ROOT", tmp_path)
    monkeypatch.setattr(check_sql, "CHECKED", ("*.sql",))
    monkeypatch.setattr(check_sql, "NOT_YET", {"later.sql": "rewritten next"})
    (tmp_path / "later.sql").write_text("SELECT 1 FROM pg_roles r;\n")
    assert check_sql.main([]) == 0
    (tmp_path / "later.sql").write_text("SELECT 1 FROM pg_roles;\n")
    assert check_sql.main([]) == 1
    assert "later.sql:1: clean: take it off the list NOT_YET" in capsys.readouterr().out


def test_every_list_of_files_names_some() -> None:
    assert all(any(check_sql.ROOT.glob(pattern)) for pattern in check_sql.CHECKED)
    assert all((check_sql.ROOT / name).is_file() for name in check_sql.NOT_YET)
