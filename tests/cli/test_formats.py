"""Findings for other programs: SARIF, and the text format of Prometheus."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from qt001_cp.cli import main
from qt001_cp.cli.output import print_table
from qt001_cp.rehearsal.scene import AUDITOR, AUTHOR, VERIFIER
from qt001_cp.review.prometheus import findings_prometheus
from tests.conftest import Stage
from tests.review.sarif_schema import valid


def _said(capsys: pytest.CaptureFixture[str], *arguments: str, code: int) -> str:
    assert main(arguments) == code
    return capsys.readouterr().out


_LABEL = r'[a-zA-Z_]\w*="(?:[^"\\\n]|\\["\\n])*"'
_EXPOSED = re.compile(rf"# HELP \w+ .+|# TYPE \w+ gauge|[a-zA-Z_:][\w:]*\{{{_LABEL}(?:,{_LABEL})*\}} \d+")
"""A line of Prometheus' text format, as far as ours go (documentation, "Exposition formats")."""


def test_verify_in_every_format(at_fix7c_done: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    dsn = at_fix7c_done.scene.dsn(VERIFIER)
    with at_fix7c_done.connect() as connection:
        connection.execute("GRANT SELECT ON public.qt001_source TO public_only")
    log = valid(_said(capsys, "verify", "--database", dsn, "--format", "sarif", code=3))
    places = [r["locations"][0]["logicalLocations"][0]["fullyQualifiedName"] for r in log["runs"][0]["results"]]
    assert "table public.qt001_source" in places
    text = _said(capsys, "verify", "--database", dsn, "--format", "prometheus", code=3)
    assert all(_EXPOSED.fullmatch(line) for line in text.splitlines())
    assert re.search(r'^qt001_findings\{database="directus_case",run="verify"\} [1-9]\d*$', text, re.MULTILINE)
    assert re.search(r"^qt001_run_timestamp_seconds\{.*\} \d{10}$", text, re.MULTILINE)


def test_no_finding_is_a_zero() -> None:
    text = findings_prometheus([], 'a "b"\n\\', "scan", 0)
    assert text.endswith("\n")
    assert all(_EXPOSED.fullmatch(line) for line in text[:-1].split("\n"))
    assert 'qt001_findings{database="a \\"b\\"\\n\\\\",run="scan"} 0\n' in text
    assert "qt001_findings_by_sqlstate{" not in text


def test_the_analysis_as_sarif(at_base: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    dsn = at_base.scene.dsn(AUTHOR)
    log = valid(_said(capsys, "analyse", "--database", dsn, "--format", "sarif", code=3))
    results = log["runs"][0]["results"]
    assert results
    assert {r["level"] for r in results} == {"error"}


def test_a_document_of_no_known_kind_and_a_validity_beyond_time(
    at_fix7c_done: Stage, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "x.json"
    path.write_text('{"schema":"x"}')
    assert main(["evidence", "import", str(path), "--database", at_fix7c_done.scene.dsn(AUTHOR)]) == 3
    assert "expected a known kind" in capsys.readouterr().err
    auditor = at_fix7c_done.scene.dsn(AUDITOR)
    for seconds in ("99999999999999", "-5"):
        assert main(["sign", "0" * 64, "--scope", "x", "--valid", seconds, "--database", auditor]) == 2
        assert "expected 1 to 2147483647 seconds" in capsys.readouterr().err


def test_an_empty_table_is_a_word(capsys: pytest.CaptureFixture[str]) -> None:
    print_table("evidence", ("digest", "kind"), [])
    assert capsys.readouterr().out == "evidence: none\n"
