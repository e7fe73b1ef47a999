"""The ledger outlives what is taken back; before base takes it away somebody has it as a file, up to its last event."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
import rfc8785

from qt001_cp import estate
from qt001_cp.cli import main
from qt001_cp.errors import FileProblem, ManifestError, Refused
from qt001_cp.rehearsal.scene import AUDITOR, AUTHOR, OPERATOR
from qt001_cp.workflow import revisions
from tests.conftest import Stage, exported
from tests.cutover.support import refused_in_psql, unchanged

_GUARDED = "ALTER TABLE qt001_cp.event ENABLE ALWAYS TRIGGER append_only"
_UNGUARDED = "ALTER TABLE qt001_cp.event DISABLE TRIGGER append_only"


def _verbs(stage: Stage) -> list[tuple[str, int]]:
    with stage.connect() as connection:
        return connection.execute("SELECT verb, epoch FROM qt001_cp.v_event ORDER BY seq").fetchall()


def _edited(path: str, change: Callable[[list[bytes]], list[bytes]]) -> str:
    other = Path(path).with_name("edited.jsonl")
    other.write_bytes(b"".join(change(Path(path).read_bytes().splitlines(keepends=True))))
    return str(other)


def _readiness(stage: Stage) -> bytes:
    """A document that the author may propose any time."""
    assert stage.bundle is not None
    return stage.bundle.files["readiness.json"]


def _another_actor(lines: list[bytes]) -> list[bytes]:
    return [lines[0], lines[1].replace(b'"actor":"qt001_dba"', b'"actor":"qt001_abd"'), *lines[2:]]


EDITS: dict[str, tuple[Callable[[list[bytes]], list[bytes]], str]] = {
    "an event says something else": (_another_actor, "event 1"),
    "an event is missing": (lambda lines: [*lines[:2], *lines[3:]], "event 2"),
    "the last one is missing": (lambda lines: lines[:-1], "as its first line says"),
    "it is cut off in a line": (lambda lines: [*lines[:-1], lines[-1][:40]], "line"),
    "it is empty": (lambda _: [], "line 1"),
    "only its first line is there": (lambda lines: lines[:1], "as its first line says"),
    "it is another document": (lambda lines: [b'{"schema":"qt001.policy/1"}\n', *lines[1:]], "line 1"),
}


def test_a_way_back_is_an_event_and_takes_none_away(at_fix7c_done: Stage) -> None:
    before = _verbs(at_fix7c_done)
    deployed = before[-1][1] if before else 0
    said = at_fix7c_done.downgrade("fix7b") + at_fix7c_done.downgrade("fix7a")
    after = _verbs(at_fix7c_done)
    assert after == [*before, ("undeployed", deployed + 1), ("restored", deployed + 2)]
    with at_fix7c_done.connect() as connection:
        digests = connection.execute("SELECT digest FROM qt001_cp.v_event ORDER BY seq DESC LIMIT 2").fetchall()
        assert connection.execute("SELECT qt001_cp.stage(), qt001_cp.epoch()").fetchone() == ("fix7a", deployed + 2)
        assert connection.execute("SELECT * FROM qt001_cp.ledger_findings()").fetchall() == []
    assert f"FIX7c is taken back; the ledger has it as event {digests[1][0]}" in said
    assert f"FIX7b is taken back; the ledger has it as event {digests[0][0]}" in said


def test_a_stage_is_entered_from_the_one_beside_it(at_fix7b_done: Stage) -> None:
    """Of the events that open an epoch two may follow a cutover. The others are refused, whoever writes them."""
    said: dict[str, str | None] = {}
    with at_fix7b_done.connect() as ledger:
        ledger.execute("SET ROLE qt001_cp_ledger")
        for verb in ("cutover", "deployed", "undeployed", "restored"):
            insert = f"INSERT INTO qt001_cp.event (verb, subject, detail) VALUES ('{verb}', '', '{{}}')"
            try:
                with ledger.transaction(force_rollback=True):
                    ledger.execute(insert.encode())
                said[verb] = None
            except psycopg.Error as refused:
                said[verb] = refused.sqlstate
    assert said == {"cutover": "QT204", "deployed": None, "undeployed": "QT204", "restored": None}


def test_base_is_refused_without_an_export(at_fix7a_sealed: Stage) -> None:
    with unchanged(at_fix7a_sealed), pytest.raises(Refused, match="expected an export of the ledger") as refused:
        revisions.downgrade(at_fix7a_sealed.scene.dsn(OPERATOR), "base")
    assert refused.value.sqlstate == "QT209"
    assert "qt001-cp ledger export --out ledger.jsonl" in str(refused.value.hint)
    with pytest.raises(Refused, match="QT209"):
        revisions.downgrade_sql("fix7a", "base")


def test_base_is_refused_with_an_export_of_yesterday(at_fix7a_sealed: Stage) -> None:
    """The server compares, whoever printed the file: an event has come since."""
    old = at_fix7a_sealed.export()
    text = revisions.downgrade_sql("fix7a", "base", ledger=old)
    with at_fix7a_sealed.connect(AUTHOR) as author:
        author.execute("SELECT qt001_cp.propose_manifest(%s)", [_readiness(at_fix7a_sealed)])
    with unchanged(at_fix7a_sealed), pytest.raises(Refused, match="one that ends with digest") as refused:
        at_fix7a_sealed.downgrade("base", ledger=old)
    assert refused.value.sqlstate == "QT209"
    refused_in_psql(at_fix7a_sealed, text, "QT209", "qt001-cp ledger export --out ledger.jsonl")
    nothing = text.replace(json.loads(Path(old).read_bytes().splitlines()[0])["head"], "")
    refused_in_psql(at_fix7a_sealed, nothing, "QT209")
    left_out = "\n".join(line for line in text.splitlines() if "require_export" not in line or "ARRAY" in line)
    refused_in_psql(at_fix7a_sealed, left_out, "QT112", "require_export")


def test_one_command_takes_all_stages_back(at_fix7c_done: Stage) -> None:
    """Behind the export stand the two ways back of that command, and nothing else."""
    at_fix7c_done.downgrade("base", ledger=at_fix7c_done.export())
    with at_fix7c_done.connect() as connection:
        assert connection.execute("SELECT to_regclass('qt001_cp.event')").fetchone() == (None,)


def test_what_was_said_between_the_ways_back_is_in_the_export(at_fix7c_done: Stage) -> None:
    old = at_fix7c_done.export()
    at_fix7c_done.downgrade("fix7b", ledger=old)
    with at_fix7c_done.connect(AUTHOR) as author:
        author.execute("SELECT qt001_cp.propose_manifest(%s)", [_readiness(at_fix7c_done)])
    at_fix7c_done.downgrade("fix7a", ledger=old)
    with unchanged(at_fix7c_done), pytest.raises(Refused, match="QT209"):
        at_fix7c_done.downgrade("base", ledger=old)
    at_fix7c_done.downgrade("base", ledger=at_fix7c_done.export())


def test_a_file_that_is_no_whole_ledger(at_fix7a_sealed: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    whole = at_fix7a_sealed.export()
    for what, (change, words) in EDITS.items():
        other = _edited(whole, change)
        with pytest.raises(ManifestError, match=words):
            revisions.downgrade_sql("fix7a", "base", ledger=other)
        assert main(["audit", "--ledger", other]) == 3, what
        assert "✗ exported ledger edited.jsonl" in capsys.readouterr().out, what


def test_no_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(FileProblem):
        revisions.downgrade_sql("fix7a", "base", ledger=str(tmp_path / "none"))
    assert main(["audit", "--ledger", str(tmp_path / "none")]) == 2
    assert "cannot be read" in capsys.readouterr().err


def test_what_is_exported(at_fix7a_sealed: Stage, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every event, as it is hashed, recomputed here; and the verb says what it wrote, to people and to programs."""
    path, database = tmp_path / "ledger.jsonl", ["--database", at_fix7a_sealed.scene.dsn(AUDITOR)]
    assert main(["ledger", "export", "--out", str(path), *database, "--format", "json"]) == 0
    said = json.loads(capsys.readouterr().out)
    first, *lines = [json.loads(line) for line in path.read_bytes().splitlines()]
    with at_fix7a_sealed.connect() as connection:
        rows = connection.execute(
            "SELECT seq, verb, actor::text, prev, digest FROM qt001_cp.event ORDER BY seq"
        ).fetchall()
        instance = connection.execute("SELECT qt001_cp.instance()").fetchone()
    assert [
        (e["event"]["seq"], e["event"]["verb"], e["event"]["actor"], e["event"]["prev"], e["digest"]) for e in lines
    ] == rows
    assert [hashlib.sha256(rfc8785.dumps(e["event"])).hexdigest() for e in lines] == [row[4] for row in rows]
    assert (first["schema"], first["events"], first["head"], first["instance"]) == (
        "qt001.ledger/1", len(rows), rows[-1][4], (instance or ({},))[0])  # fmt: skip
    assert said == {"schema": "qt001.ledger-export/1", "file": str(path), "database": at_fix7a_sealed.scene.database,
                    "events": len(rows), "head": rows[-1][4]}  # fmt: skip
    assert main(["ledger", "export", "--out", str(path), *database]) == 0
    assert f"{len(rows)} events of database" in capsys.readouterr().out
    assert main(["audit", "--ledger", str(path), "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["schema"] == "qt001.ledger-audit/1"
    assert main(["audit", "--ledger", str(path), "--head", str(path)]) == 2
    assert "--head asks for a database" in capsys.readouterr().err


def test_an_export_against_the_database(at_fix7a_sealed: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    """It has to begin with all of the file's events: rewritten consistently, or cut, the chain is sound by itself."""
    stage = at_fix7a_sealed

    def audited(path: str) -> str:
        main(["audit", "--ledger", path, "--database", stage.scene.dsn(AUDITOR)])
        out = capsys.readouterr().out
        return "\n".join(
            line for line in out.splitlines() if "exported ledger" in line or "event " in line or "first" in line
        )

    old = stage.export()
    with stage.connect(AUTHOR) as author:
        author.execute("SELECT qt001_cp.propose_manifest(%s)", [_readiness(stage)])
    assert audited(old).startswith("  ✓ exported ledger ledger.jsonl (")
    new = stage.export()
    with stage.connect() as superuser:
        superuser.execute(_UNGUARDED.encode())
        superuser.execute("DELETE FROM qt001_cp.event WHERE seq = (SELECT max(seq) FROM qt001_cp.event)")
        superuser.execute(_GUARDED.encode())
    assert "✓" in audited(old)
    assert "the database no such event" in audited(new)
    stage.downgrade("base")
    revisions.upgrade(stage.scene.dsn(OPERATOR), "fix7a", policy=str(estate.policy_path()))
    assert main(["audit", "--ledger", old]) == 0
    capsys.readouterr()


def test_a_broken_chain_is_not_exported(
    at_fix7a_sealed: Stage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "ledger.jsonl"
    path.write_text("what was there")
    with at_fix7a_sealed.connect() as superuser:
        superuser.execute(_UNGUARDED.encode())
        superuser.execute("UPDATE qt001_cp.event SET subject = 'x' WHERE seq = 2")
        superuser.execute(_GUARDED.encode())
    assert main(["ledger", "export", "--out", str(path), "--database", at_fix7a_sealed.scene.dsn(OPERATOR)]) == 1
    assert "event 2: expected digest" in capsys.readouterr().err
    assert path.read_text() == "what was there"
    with pytest.raises(ManifestError, match="event 2"):
        exported(at_fix7a_sealed.scene)
