"""Whatever a person hands over, the answer is words and an exit code; never a traceback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from qt001_cp import estate
from qt001_cp.cli import main
from qt001_cp.model.canonical import canonical_bytes
from tests.conftest import Stage
from tests.model.small_estate import manifest

ROOT = Path(__file__).parents[2]
FILES = {
    "empty": b"",
    "not text": bytes(range(256)),
    "in UTF-16": '{"schema": "x"}'.encode("utf-16"),
    "an array": b"[1]",
    "nested too deep": b'{"schema":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "half a character": b'{"schema":"\\ud800"}',
    "a number of 5000 digits": b'{"schema":' + b"1" * 5000 + b"}",
    "not a number": b'{"schema":NaN}',
    "another document": b'{"schema":"qt001.manifest.readiness/1"}',
}
EDITS: dict[str, Callable[[dict[str, Any]], object]] = {
    "objects: a number": lambda d: d.update(objects=1),
    "objects: texts": lambda d: d.update(objects=["x"]),
    "policy: a text": lambda d: d.update(policy="x"),
    "policy: empty": lambda d: d.update(policy={}),
    "application: a number": lambda d: d.update(application=1),
    "repoint: a text": lambda d: d.update(repoint="x"),
    "before: null": lambda d: d["objects"][0].update(before=None),
    "before.owner: null": lambda d: d["objects"][0]["before"].update(owner=None),
    "before.acl: a text": lambda d: d["objects"][0]["before"].update(acl="x"),
    "before.acl: too short": lambda d: d["objects"][0]["before"].update(acl=[["a"]]),
    "before.columns: an object": lambda d: d["objects"][0]["before"].update(columns={"a": 1}),
    "args: a number": lambda d: d["objects"][0].update(args=1),
    "detail: a text": lambda d: d["objects"][0].update(detail="x"),
    "ways: a list": lambda d: d["objects"][0].update(ways=[]),
    "ways: null": lambda d: d["objects"][0].update(ways=None),
    "ways.forward.pre: an unknown step": lambda d: d["objects"][0]["ways"]["forward"].update(pre=[{"do": "x"}]),
}


def test_the_manifest_itself_is_fine(tmp_path: Path) -> None:
    file = tmp_path / "object.json"
    file.write_bytes(manifest().body())
    assert main(["manifest", "show", str(file)]) == 0


@pytest.mark.parametrize("verb", [["manifest", "show"], ["manifest", "verify"]], ids=" ".join)
@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_no_manifest(
    verb: list[str], name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "object.json"
    file.write_bytes(FILES[name])
    assert main([*verb, str(file)]) in (1, 2)
    assert capsys.readouterr().err.startswith("qt001-cp: ")


@pytest.mark.parametrize("name", EDITS)
def test_a_manifest_with_a_wrong_field(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = json.loads(manifest().body())
    EDITS[name](document)
    file = tmp_path / "object.json"
    file.write_bytes(canonical_bytes(document))
    assert main(["manifest", "show", str(file)]) in (1, 2)
    assert capsys.readouterr().err.startswith("qt001-cp: ")


@pytest.mark.parametrize(
    "dsn", ["not a connection string", "postgresql://[bad", "host=/nowhere dbname=x", "postgresql://u:p@127.0.0.1:1/x"]
)
def test_a_server_that_is_not_there(dsn: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inventory", "--database", dsn]) == 1
    said = capsys.readouterr().err
    assert "could not be reached" in said
    assert "hint: " in said


def test_a_database_or_login_that_is_not_there(at_base: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    server = at_base.scene.server
    for dsn in (server.conninfo("nowhere"), server.conninfo(at_base.scene.database, "nobody")):
        assert main(["inventory", "--database", dsn]) == 1
        assert "does not exist" in capsys.readouterr().err


def test_the_application_has_no_business_here(at_fix7a_sealed: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    dsn = at_fix7a_sealed.scene.dsn("directus")
    for verb in (["status"], ["evidence", "list"], ["preflight", at_fix7a_sealed.manifest_path]):
        assert main([*verb, "--database", dsn]) in (1, 3)
        assert "permission denied for schema qt001_cp" in capsys.readouterr().err


@pytest.mark.parametrize(
    "verb", ["verify", "bind x y", "sign x --scope s --valid 1", "evidence import {file}", "manifest seal {object}"]
)
def test_a_verb_that_changes_never_picks_a_database(
    verb: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("QT001_DATABASE_URL", raising=False)
    for name, body in (("file", b'{"schema":"x"}'), ("object", manifest().body())):
        (tmp_path / name).write_bytes(body)
    words = [w.format(file=tmp_path / "file", object=tmp_path / "object") for w in verb.split()]
    assert main(words) == 2
    assert "has to be named" in capsys.readouterr().err


def test_analyse_of_something_unknown_is_told(at_base: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    only = "public.nothing()"
    assert main(["analyse", "--only", only, "--database", at_base.scene.dsn("qt001_author")]) != 0
    assert only in capsys.readouterr().err


PROCESS = (
    (["manifest", "show", "nothing.json"], 2),
    (["manifest", "diff", "object.json", "edited.json"], 1),
    (["inventory", "--policy", "policy.toml"], 2),
    (["status", "--database", "postgresql://nobody@127.0.0.1:1/x"], 1),
    (["sign", "x", "--database", "x"], 2),
    (["rehearse", "--out", "."], 2),
)


@pytest.mark.parametrize(("words", "code"), PROCESS, ids=lambda v: " ".join(v) if isinstance(v, list) else str(v))
def test_as_a_process(words: list[str], code: int, tmp_path: Path) -> None:
    body = manifest().body()
    (tmp_path / "object.json").write_bytes(body)
    (tmp_path / "edited.json").write_bytes(body.replace(b'"transfer"', b'"retain" ', 1))
    (tmp_path / "policy.toml").write_text(
        estate.policy_path().read_text("utf-8").replace("[verifier]", "[veryfier]"), "utf-8"
    )
    done = subprocess.run(
        [sys.executable, "-m", "qt001_cp", *words],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert done.stderr.startswith("qt001-cp: ")
