"""What has another name than when the manifest was sealed: one cause, with the statement, and no raw error from any question."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from qt001_cp.cli import main
from qt001_cp.errors import EXIT_FINDINGS
from qt001_cp.rehearsal.scene import AUDITOR, OPERATOR, SCANNER, VERIFIER
from tests.acceptance.attempt import Attempt
from tests.conftest import Stage
from tests.cutover.support import cluster

RENAMED = {
    "the application": ("ALTER ROLE directus RENAME TO cms", "role directus", "ALTER ROLE cms RENAME TO directus;"),
    "a third role": ("ALTER ROLE reporting RENAME TO bi", "role reporting", "ALTER ROLE bi RENAME TO reporting;"),
    "the owner role": (
        "ALTER ROLE qt001_cp_owner RENAME TO keeper",
        "role qt001_cp_owner",
        "ALTER ROLE keeper RENAME TO qt001_cp_owner;",
    ),
    "a schema": (
        "ALTER SCHEMA qt001_data RENAME TO elsewhere",
        "schema qt001_data",
        "ALTER SCHEMA elsewhere RENAME TO qt001_data;",
    ),
}
ASKED = "SELECT object, mend FROM qt001_cp.gate_findings() GROUP BY object, mend"


@pytest.mark.parametrize("what", RENAMED)
def test_a_name_that_is_gone_is_told_with_what_gives_it_back(attempt: Attempt, what: str) -> None:
    statement, named, mend = RENAMED[what]
    attempt.run(statement)
    assert attempt.connection.execute(ASKED).fetchall() == [(named, mend)]
    assert attempt.connection.execute("SELECT bool_or(open) FROM qt001_cp.v_fix7_gate").fetchone() == (False,)
    assert attempt.connection.execute("SELECT object FROM qt001_cp.drift()").fetchall() == [(named,)]
    refusal = attempt.gateway()
    assert refusal.sqlstate == "QT301", (str(refusal), refusal.diag.context)
    attempt.run(mend)
    assert attempt.connection.execute(ASKED).fetchall() == []


@pytest.mark.parametrize("what", ["the application", "a third role", "a schema"])
def test_the_verifier_says_so_too(attempt: Attempt, what: str) -> None:
    statement, named, _ = RENAMED[what]
    attempt.run(statement)
    found = attempt.run("SELECT qt001_cp.verify()", user=VERIFIER)
    assert {f["object"] for f in found} == {named}
    scanned = attempt.run("SELECT qt001_cp.scan()", user=SCANNER)
    assert what != "the application" or [f["object"] for f in scanned] == [named]


@pytest.mark.parametrize("what", RENAMED)
def test_acceptance_is_one_row_that_says_no(attempt: Attempt, what: str) -> None:
    attempt.run(RENAMED[what][0])
    row = attempt.connection.execute("SELECT accepted FROM qt001_cp.v_fix7_acceptance").fetchone()
    assert row == (False,)


def test_in_another_cluster_a_name_is_unknown(attempt: Attempt) -> None:
    """Numbers of roles say nothing there."""
    attempt.run("ALTER TABLE qt001_cp.event DISABLE TRIGGER USER")
    attempt.run(
        "UPDATE qt001_cp.event SET detail = jsonb_set(detail, '{names,cluster}', '\"1\"') WHERE verb = 'sealed'"
    )
    attempt.run("ALTER ROLE directus RENAME TO cms")
    row = attempt.connection.execute(
        "SELECT object, found FROM qt001_cp.name_findings(qt001_cp.deployed_manifest())"
    ).fetchall()
    assert row == [("role directus", "no role of this name")]


def test_a_role_that_has_the_name_of_another_is_not_taken_for_it(attempt: Attempt) -> None:
    attempt.run("ALTER ROLE reporting RENAME TO bi")
    attempt.run("CREATE ROLE reporting")
    assert attempt.connection.execute(ASKED).fetchall() == [("role reporting", "ALTER ROLE bi RENAME TO reporting;")]


def test_nobody_else_is_asked(attempt: Attempt) -> None:
    attempt.run("CREATE ROLE stranger")
    attempt.run("ALTER ROLE stranger RENAME TO friend")
    assert attempt.connection.execute(ASKED).fetchall() == []
    with pytest.raises(psycopg.Error, match="does not exist"):
        attempt.run("ALTER ROLE stranger RENAME TO friend")


@pytest.mark.parametrize("what", RENAMED)
def test_who_looks_from_outside_is_told_too(
    opened: Stage, capsys: pytest.CaptureFixture[str], tmp_path: Path, what: str
) -> None:
    """The audit, which computes it on its own, and what asks for the estate of a role that is not there."""
    statement, named, mend = RENAMED[what]
    operator = opened.scene.dsn(OPERATOR)
    asked = ["audit", "--database", opened.scene.dsn(AUDITOR), "--manifest", str(opened.manifest_path)]
    with cluster(opened, statement + ";\n", mend + "\n"):
        assert main(asked) == EXIT_FINDINGS
        audited = capsys.readouterr().out
        others = {}
        for verb in (["inventory"], ["report", "--out", str(tmp_path / "report.html")]):
            code = main([*verb, "--database", operator])
            others[verb[0]] = (code, capsys.readouterr().err)
    assert "✗ the names that the manifest uses" in audited
    assert f"{named}: it is called" in audited
    assert mend.replace('"', "") in audited.replace('"', "")
    for asking, (code, said) in others.items():
        if what in ("the application", "the owner role"):
            assert code == 1, asking
            assert f"{named}: expected the role of this name" in said
            assert mend in said.replace(chr(34), "")
    assert main(asked) in (0, EXIT_FINDINGS)
    assert "✓ the names that the manifest uses" in capsys.readouterr().out
