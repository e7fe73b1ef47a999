"""The operator's pack: complete, of fixed bytes, about one manifest, and harmless to read."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import psycopg
import pytest

from qt001_cp.cli import main
from qt001_cp.emit.head import script_head
from qt001_cp.model.canonical import canonical_bytes
from qt001_cp.model.manifest import ObjectManifest
from qt001_cp.model.preconditions import FORWARD
from qt001_cp.review.sarif import analysis_sarif
from qt001_cp.workflow import revisions
from tests.conftest import Stage
from tests.review.sarif_schema import valid

HOSTILE = '<script>alert("1")</script>\n-- DROP TABLE x;\n| `b` <img src=x>'


def _pack(stage: Stage, out: Path, *more: str, code: int = 0) -> Path:
    assert main(["review", stage.manifest_path, "--out", str(out), *more]) == code
    return out


def _files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("QT001_DATABASE_URL", raising=False)


@pytest.mark.usefixtures("offline")
def test_the_same_inputs_give_the_same_bytes_and_no_server_is_asked(
    at_recorded: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(psycopg, "connect", lambda *_a, **_k: pytest.fail("a server was asked"))
        one = _files(_pack(at_recorded, tmp_path / "one"))
        assert one == _files(_pack(at_recorded, tmp_path / "deep" / "two"))
    sums = subprocess.run(["sha256sum", "--quiet", "-c", "SHA256SUMS"], cwd=tmp_path / "one", check=False)
    assert sums.returncode == 0
    assert set(one) - {"SHA256SUMS"} == {line.split("  ")[1] for line in one["SHA256SUMS"].decode().splitlines()}
    x = {"manifest": at_recorded.manifest_path}
    assert one["fix7b.sql"].decode() == revisions.upgrade_sql("fix7a", "fix7b", **x)
    assert one["fix7b-restore.sql"].decode() == revisions.downgrade_sql("fix7b", "fix7a", **x)
    assert one["fix7c.sql"].decode() == revisions.upgrade_sql("fix7b", "fix7c", **x)
    assert one["manifests/object.json"] == Path(at_recorded.manifest_path).read_bytes()
    text = one["index.md"].decode()
    assert "not known: no database was named" in text
    assert "not in this pack" in text
    for page in (text, one["index.html"].decode()):
        given = page.partition("Who could give it back")[2]
        assert re.search(r"intern(</span>)?: SELECT on table public.qt001\\?_case", given), given[:2000]
        assert re.search(r"reporting(</span>)?: .*, and \d+ more", given)
    valid((tmp_path / "one" / "analysis.sarif").read_text())


def test_the_pack_of_a_live_database_says_what_preflight_said(at_fix7a_sealed: Stage, tmp_path: Path) -> None:
    dsn = at_fix7a_sealed.scene.dsn("qt001_dba")
    with at_fix7a_sealed.connect() as reader, reader.transaction():
        reader.execute("LOCK TABLE public.qt001_source IN ACCESS SHARE MODE")
        out = _pack(at_fix7a_sealed, tmp_path / "pack", "--database", dsn, code=3)
    said = json.loads((out / "preflight.json").read_text())
    assert [f["sqlstate"] for f in said["findings"]] == ["QT105"]
    assert [h["relations"] for h in said["lock_holders"]] == [1]
    results = valid((out / "preflight.sarif").read_text())["runs"][0]["results"]
    assert [r["ruleId"] for r in results] == ["QT105"]
    html = (out / "index.html").read_text()
    assert "✗ no go" in html
    assert "the script would wait for it" in html
    assert "QT105" in html


@pytest.mark.usefixtures("offline")
def test_names_cannot_leave_their_place(at_recorded: Stage, tmp_path: Path) -> None:
    data = json.loads(Path(at_recorded.manifest_path).read_text())
    data["database"] = 'x\nDROP TABLE "y"; --'
    for o in data["objects"]:
        if o["disposition"] == "retain" or o["kind"] == "table":
            o["reason"] = HOSTILE
            o["identity"] = f"{o['identity']}{HOSTILE}"
    folder = tmp_path / "bundle"
    folder.mkdir()
    (folder / "object.json").write_bytes(canonical_bytes(data))
    assert main(["review", str(folder / "object.json"), "--out", str(tmp_path / "pack")]) == 0
    html = (tmp_path / "pack" / "index.html").read_text()
    assert "<script" not in html
    assert "<img" not in html
    assert "&lt;script&gt;" in html
    assert "default-src &#39;none&#39;" in html or "default-src 'none'" in html
    for name in ("index.md", "changes.md"):
        text = (tmp_path / "pack" / name).read_text()
        assert not re.search(r"(?<!\\)<(script|img)", text)
        assert "\n-- DROP" not in text
        assert "\nDROP" not in text
    manifest = ObjectManifest.from_bytes((folder / "object.json").read_bytes(), "it")
    for line in script_head(manifest, "forward").splitlines():
        assert line.startswith("--"), line


def test_the_head_of_the_script_is_the_table_of_preconditions(at_recorded: Stage) -> None:
    printed = revisions.upgrade_sql("fix7a", "fix7b", manifest=at_recorded.manifest_path)
    head = [line for line in printed.splitlines() if line.startswith("--")]
    for p in FORWARD:
        assert any(p.title in line and p.codes[0] in line for line in head), p
    assert any(at_recorded.digest in line for line in head)


@pytest.mark.usefixtures("offline")
def test_a_failed_rehearsal_is_told_everywhere(
    at_recorded: Stage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A rehearsal that a finding has ended leaves its folder; a pack made of it must not look as if it had passed."""
    digest = at_recorded.digest
    case = {
        "family": "denominator",
        "name": "shrink",
        "sqlstate": "QT102",
        "expected": ["QT102"],
        "message": "refused",
        "state_before": "a",
        "state_after": "a",
    }
    end = {"what": "the rehearsal came to its end", "passed": False, "found": "[QT106] cp.switch: found off"}
    folder = tmp_path / "rehearsal"
    folder.mkdir()
    (folder / "nogo.json").write_bytes(_record(digest, case))
    (folder / "transcript.json").write_bytes(
        canonical_bytes(
            {"schema": "qt001.transcript/1", "manifest": digest, "server": "x", "passed": False, "checks": [end]}
        )
    )
    out = _pack(at_recorded, tmp_path / "pack", "--rehearsal", str(folder), code=3)
    said = capsys.readouterr().out
    for text in (said, (out / "index.md").read_text(), (out / "index.html").read_text()):
        assert "failed" in text
        assert "cp.switch" in text.replace("\\", "")
        assert "ACL denials: no case was tried" in text
    _pack(at_recorded, tmp_path / "again", "--rehearsal", str(folder), "--format", "json", code=3)
    assert json.loads(capsys.readouterr().out)["rehearsal_passed"] is False
    case["sqlstate"] = "00000"
    (folder / "nogo.json").write_bytes(_record(digest, case))
    (folder / "transcript.json").unlink()
    out = _pack(at_recorded, tmp_path / "without", "--rehearsal", str(folder), code=3)
    assert "denominator: shrink: 00000" in (out / "index.md").read_text()


def _record(digest: str, *cases: dict[str, Any]) -> bytes:
    return canonical_bytes({"schema": "qt001.rehearsal/1", "manifest": digest, "server": "x", "producer": {"name": "x"},
                            "produced_at": "2026-01-01T00:00:00Z", "cases": list(cases)})  # fmt: skip


@pytest.mark.usefixtures("offline")
def test_what_is_about_another_manifest_is_refused_and_nothing_is_left(
    at_recorded: Stage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "nogo.json").write_bytes(_record("0" * 64))
    assert main(["review", at_recorded.manifest_path, "--rehearsal", str(other), "--out", str(tmp_path / "pack")]) == 2
    assert "expected a rehearsal of manifest" in capsys.readouterr().err
    (other / "nogo.json").write_bytes(_record(at_recorded.digest).replace(b'"cases":[],', b""))
    assert main(["review", at_recorded.manifest_path, "--rehearsal", str(other), "--out", str(tmp_path / "pack")]) == 1
    assert '"cases" is a required property' in capsys.readouterr().err
    assert not (tmp_path / "pack").exists()
    assert [p.name for p in tmp_path.iterdir()] == ["other"]
    (tmp_path / "pack").mkdir()
    (tmp_path / "pack" / "mine").touch()
    assert main(["review", at_recorded.manifest_path, "--out", str(tmp_path / "pack")]) == 2
    assert "is there already" in capsys.readouterr().err
    assert [p.name for p in (tmp_path / "pack").iterdir()] == ["mine"]


def test_what_the_analysis_cannot_know_is_a_result() -> None:
    unknown = [{"rule": "dynamic-sql-opaque", "line": 3, "detail": "EXECUTE q"}]
    log = analysis_sarif([{"kind": "function", "identity": "a.b()", "unknown": unknown}], "0" * 64)
    run = valid(json.dumps(log))["runs"][0]
    assert run["results"][0]["locations"][0]["logicalLocations"][0]["fullyQualifiedName"] == "function a.b()"
    assert run["tool"]["driver"]["rules"][run["results"][0]["ruleIndex"]]["id"] == "dynamic-sql-opaque"
