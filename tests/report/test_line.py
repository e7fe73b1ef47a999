"""What the report says of successors: each deployed manifest with its change, and what does not fit together is never told as good."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from qt001_cp.cli import main
from qt001_cp.model.canonical import Json
from qt001_cp.rehearsal.scene import OPERATOR
from qt001_cp.workflow import revisions
from tests.conftest import Stage
from tests.report.browser import browser
from tests.succession.support import COLUMN, Prepared, answer, marked, prepared

_EVENTS = """
SELECT seq, epoch, actor::text FROM qt001_cp.event
WHERE verb IN ('cutover', 'deployed', 'succeeded', 'kept', 'undeployed', 'restored') ORDER BY seq
"""
_FORGE = "INSERT INTO qt001_cp.event (verb, subject, detail) VALUES (%s, %s, %s)"


def _report(stage: Stage, folder: Path, *, code: int = 3) -> tuple[Json, str]:
    """The facts, and the page."""
    dsn, facts, page = stage.scene.dsn(OPERATOR), folder / "facts.json", folder / "report.html"
    assert main(["report", "--database", dsn, "--format", "json", "--out", str(facts)]) == code
    assert main(["report", "--database", dsn, "--out", str(page)]) == code
    return json.loads(facts.read_text()), page.read_text()


def _audit(stage: Stage, change: Prepared, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """What the audit has to say of the line."""
    capsys.readouterr()
    main(["audit", "--database", stage.scene.dsn("postgres"), "--manifest", str(change.where.out / "object.json"), "--format", "json"])  # fmt: skip
    document = json.loads(capsys.readouterr().out)
    return [f for c in document["checks"] if c["name"] == "the line of successors" for f in c["faults"]]


@pytest.mark.slow
def test_every_deployed_manifest_is_told_with_its_change(at_fix7c_done: Stage, tmp_path: Path) -> None:
    """Made, taken back, made again, kept, and FIX7c back from the successor: what is deployed now is what the database compares with."""
    stage, operator = at_fix7c_done, at_fix7c_done.scene.dsn(OPERATOR)
    change = prepared(stage, tmp_path, "add_unit", *COLUMN)
    change.sealed(operator)
    before, _ = _report(stage, tmp_path)
    assert [m["manifest"] for m in before["line"]["links"]] == [stage.digest]
    rehearsed = [d["way"] for d in before["line"]["deployments"]]
    assert rehearsed == ["cutover", "deployed", "forward", "back"], "the rehearsal was in this very database"
    change.forward(operator)
    facts, page = _report(stage, tmp_path)
    assert facts["head"]["manifest"] == change.digest
    assert facts["head"]["manifest_state"] == "deployed"
    assert facts["drift"] == []
    assert [(m["manifest"], m["predecessor"], m["change"]) for m in facts["line"]["links"]] == [
        (stage.digest, None, None),
        (change.digest, stage.digest, "add_unit"),
    ]
    assert "Deployed now:" in page
    assert f"<code>{change.digest}</code>, which change <b" in page
    change.back(operator)
    facts, page = _report(stage, tmp_path)
    assert [m["manifest"] for m in facts["line"]["links"]] == [stage.digest]
    assert "made for the cutover, since" in page
    change.forward(operator)
    change.back(operator, changes="keep")
    with marked(stage):
        revisions.downgrade(operator, "fix7b", manifest=str(change.where.out / "object.json"))
    facts, _ = _report(stage, tmp_path, code=0)
    assert facts["head"]["manifest"] == change.digest
    told = [(d["way"], d["manifest"], d["change"]) for d in facts["line"]["deployments"][len(rehearsed) :]]
    successor, cutover = (change.digest, "add_unit"), (stage.digest, "add_unit")
    assert told == [
        ("forward", *successor),
        ("back", *cutover),
        ("forward", *successor),
        ("kept", *successor),
        ("undeployed", change.digest, None),
    ]
    with stage.connect() as admin:
        events = admin.execute(_EVENTS).fetchall()
    found = [(d["event"]["seq"], d["event"]["epoch"], d["event"]["actor"]) for d in facts["line"]["deployments"]]
    assert found == events
    assert facts["line"]["findings"] == []


@pytest.mark.slow
def test_a_line_that_does_not_fit_is_not_told_as_good(
    at_fix7c_done: Stage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Events that a superuser writes by himself, with a chain that is whole, and a document that is gone. What the audit finds, the
    report finds too, and says so in its first line."""
    stage, operator = at_fix7c_done, at_fix7c_done.scene.dsn(OPERATOR)
    change = prepared(stage, tmp_path, "add_unit", *COLUMN)
    change.sealed(operator)
    change.forward(operator)
    answer(stage)
    facts, _ = _report(stage, tmp_path)
    assert facts["line"]["findings"] == []
    assert _audit(stage, change, capsys) == []
    assert change.manifest.succession is not None
    document = change.manifest.succession["change"]
    forged: list[tuple[str, str, Json, str]] = [
        ("succeeded", change.digest, {"direction": "forward"}, f"manifest {change.digest} in the place of {change.digest}"),
        ("succeeded", stage.digest, {"direction": "forward"}, f"manifest {stage.digest} in the place of {change.digest}"),
        ("kept", document, {"object_manifest": stage.digest}, f"change {document} of manifest {stage.digest}"),
    ]  # fmt: skip  # one case a line
    for verb, subject, detail, words in forged:
        with stage.connect() as admin:
            admin.autocommit = False
            admin.execute(_FORGE, [verb, subject, json.dumps(detail)])
            admin.commit()
        facts, page = _report(stage, tmp_path)
        assert facts["head"]["chain_findings"] == [], "the chain alone does not tell"
        assert words in " ".join(f["found"] for f in facts["line"]["findings"]), (verb, facts["line"]["findings"])
        assert not facts["in_order"]
        assert "The line of deployed manifests does not fit together" in page
        assert verb == "kept" or _audit(stage, change, capsys)
    with stage.connect() as admin:
        admin.execute("ALTER TABLE qt001_cp.document DISABLE TRIGGER USER")
        admin.execute("DELETE FROM qt001_cp.document WHERE digest = %s", [document])
        admin.execute("ALTER TABLE qt001_cp.document ENABLE ALWAYS TRIGGER append_only")
        admin.execute("ALTER TABLE qt001_cp.document ENABLE ALWAYS TRIGGER never_truncated")
        admin.execute("ALTER TABLE qt001_cp.document ENABLE ALWAYS TRIGGER stamp")
        admin.execute(_FORGE, ["succeeded", change.digest, json.dumps({"direction": "forward"})])
    facts, page = _report(stage, tmp_path)
    assert [f["expected"] for f in facts["line"]["findings"] if f["object"] == f"manifest {change.digest}"] == ["the document of its change"]  # fmt: skip
    assert "which a change brings that the ledger lacks" in page
    assert any("is not in this database" in f for f in _audit(stage, change, capsys))


@pytest.mark.slow
def test_the_line_on_a_phone(at_fix7c_done: Stage, tmp_path: Path) -> None:
    stage, operator = at_fix7c_done, at_fix7c_done.scene.dsn(OPERATOR)
    change = prepared(stage, tmp_path, "a_change_with_a_name_that_is_lon", *COLUMN)
    change.sealed(operator)
    change.forward(operator)
    _report(stage, tmp_path)
    wide = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
    with browser(tmp_path / "profile") as chromium:
        for width in (360, 1280):
            chromium.open(tmp_path / "report.html", width=width)
            assert chromium.run(wide) == 0, width
