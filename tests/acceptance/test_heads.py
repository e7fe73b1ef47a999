"""A chain that a superuser rewrote is sound in itself; a head that was kept elsewhere shows it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from qt001_cp.cli import main
from qt001_cp.rehearsal.scene import SCANNER, VERIFIER
from tests.conftest import Stage

_UNGUARDED = "ALTER TABLE qt001_cp.event {0} TRIGGER append_only"


def test_a_rewritten_tail(at_fix7c_done: Stage, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    heads = tmp_path / "heads"

    def run(verb: str, code: int, *more: str) -> list[dict[str, str]]:
        login = VERIFIER if verb == "verify" else SCANNER
        assert main([verb, "--database", at_fix7c_done.scene.dsn(login), "--format", "json", *more]) == code
        findings: list[dict[str, str]] = json.loads(capsys.readouterr().out)["findings"]
        return findings

    assert run("verify", 0, "--keep-head", str(heads)) == []
    assert run("scan", 0, "--keep-head", str(heads)) == []
    assert len(heads.read_text().splitlines()) == 2
    with at_fix7c_done.connect() as superuser:
        superuser.execute(_UNGUARDED.format("DISABLE"))
        superuser.execute("DELETE FROM qt001_cp.event WHERE verb = 'scanned'")
        superuser.execute(_UNGUARDED.format("ENABLE ALWAYS"))
    assert run("verify", 0) == []  # the chain is sound, from inside
    (finding,) = run("verify", 3, "--head", str(heads))
    assert finding["object"].endswith("of the chain")
    assert finding["expected"].startswith("digest ")
    kept = heads.read_text()
    assert len(run("verify", 3, "--keep-head", str(heads))) == 1
    assert heads.read_text() == kept  # nothing is appended to a chain that is not the same


@pytest.mark.parametrize(
    ("text", "words"), [("no head\n", "line 1: expected time|number|digest"), (None, "no such file")]
)
def test_a_file_that_holds_no_heads(
    at_fix7c_done: Stage, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str | None, words: str
) -> None:
    heads = tmp_path / "heads"
    if text is not None:
        heads.write_text(text)
    with at_fix7c_done.connect() as connection:
        before = connection.execute("SELECT count(*) FROM qt001_cp.event").fetchone()
    assert main(["verify", "--database", at_fix7c_done.scene.dsn(VERIFIER), "--head", str(heads)]) == 2
    assert words in capsys.readouterr().err
    with at_fix7c_done.connect() as connection:
        assert connection.execute("SELECT count(*) FROM qt001_cp.event").fetchone() == before
