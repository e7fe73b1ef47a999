"""A sign-off leaves the database as a signed statement, and the audit holds it against the chain."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from qt001_cp.audit.envelope import Today, envelope
from qt001_cp.audit.place import read_place
from qt001_cp.audit.queries import rows
from qt001_cp.cli import main, signing
from qt001_cp.rehearsal.scene import AUDITOR
from tests.audit.keys import write_keys
from tests.conftest import DATABASE, Stage

pytestmark = pytest.mark.slow


def test_an_answer_outside_the_database(
    at_fix7c_done: Stage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stage = at_fix7c_done
    private, public = write_keys(tmp_path, Ed25519PrivateKey.generate())
    with stage.connect() as connection:
        (subject,) = connection.execute("SELECT qt001_cp.subject_digest()").fetchone() or ("",)
    dsn = stage.scene.dsn(AUDITOR)
    signed, refused = tmp_path / "signed.dsse.json", tmp_path / "refused.dsse.json"

    def sign(subject: str, out: Path, *words: str) -> int:
        return main(["sign", subject, *words, "--key", str(private), "--envelope", str(out), "--database", dsn])

    def audit(out: Path) -> str:
        capsys.readouterr()
        code = main(
            [
                "audit",
                "--database",
                stage.scene.dsn("postgres"),
                "--manifest",
                stage.manifest_path,
                "--envelope",
                str(out),
                "--trust",
                str(public),
            ]
        )
        return f"{code} {capsys.readouterr().out}"

    # The database refuses: nothing is signed, and no file stays.
    assert sign("0" * 64, signed, "--scope", "x", "--valid", "600") == 3
    assert "[QT303]" in capsys.readouterr().err
    assert not signed.exists()
    assert sign(subject, signed, "--scope", "until the review", "--valid", "600") == 0
    predicate = json.loads(base64.b64decode(json.loads(signed.read_text())["payload"]))["predicate"]
    assert (predicate["verdict"], predicate["signer"], predicate["scope"]) == ("signed", AUDITOR, "until the review")
    with stage.connect() as connection:
        assert (predicate["system"],) == connection.execute(
            "SELECT system_identifier::text FROM pg_control_system()"
        ).fetchone()
    assert predicate["timeline"] == 1
    assert audit(signed).startswith("0 ")
    # A file that is there is never written over.
    assert sign(subject, signed, "--scope", "x", "--valid", "600") == 2
    assert "cannot be made" in capsys.readouterr().err
    # A refusal is signed too; then the sign-off before it is no longer the last answer.
    assert sign(subject, refused, "--refuse", "--reason", "40 of 900 sheets") == 0
    assert "it is a refusal: 40 of 900 sheets" in audit(refused)
    assert "is not the last answer" in audit(signed)


# What is wrong in the statement that leaves the database: (the fault, how, the words).
FAULTS = {
    "cli/signing signs another digest": (lambda d: d["subject"][0]["digest"].update(sha256="e" * 64), "it is about eeee"),
    "cli/signing signs a longer validity": (
        lambda d: d["predicate"].update(validUntil="2999-01-01T00:00:00Z"), "it says validUntil 2999-01-01T00:00:00Z, the chain says"),
    "cli/signing signs a wider scope": (lambda d: d["predicate"].update(scope="everything"), "it says scope everything, the chain says until the review"),
    "cli/signing names another signer": (lambda d: d["predicate"].update(signer="qt001_author"), f"it says signer qt001_author, the chain says {AUDITOR}"),
    "cli/signing names another event": (lambda d: d["predicate"].update(event="d" * 64), "its event dddd"),
    "cli/signing names another database": (lambda d: d["predicate"].update(database="elsewhere"), "it is about database elsewhere"),
    "cli/signing names another cluster": (lambda d: d["predicate"].update(system="7"), "it is about a database of cluster 7, this is cluster"),
    "cli/signing names no cluster": (lambda d: d["predicate"].pop("system"), "it is about a database of cluster (it names none)"),
    "cli/signing names another timeline": (lambda d: d["predicate"].update(timeline=7), "it says timeline 7, the chain says 1"),
    "cli/signing signs another time": (lambda d: d["predicate"].update(at="2020-01-01T00:00:00Z"), "it says at 2020-01-01T00:00:00Z"),
    "cli/signing calls a refusal a sign-off": (lambda d: d["predicate"].update(verdict="signed"), "it says verdict signed, the chain says refused"),
}  # fmt: skip  # one case a line


def test_a_wrong_statement_is_found(
    at_fix7c_done: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    private, public = write_keys(tmp_path, Ed25519PrivateKey.generate())
    with at_fix7c_done.connect() as connection:
        (subject,) = connection.execute("SELECT qt001_cp.subject_digest()").fetchone() or ("",)
    real, dsn = signing._statement, at_fix7c_done.scene.dsn(AUDITOR)
    for number, (fault, (wrong, words)) in enumerate(FAULTS.items()):
        out = tmp_path / f"{number}.dsse.json"

        def statement(opened: Any, event: str, about: str, wrong: Any = wrong) -> dict[str, Any]:
            document = real(opened, event, about)
            wrong(document)
            return document

        answer = (
            ["--refuse", "--reason", "no"] if "refusal" in fault else ["--scope", "until the review", "--valid", "600"]
        )
        with monkeypatch.context() as patch:
            patch.setattr(signing, "_statement", statement)
            assert (
                main(["sign", subject, *answer, "--key", str(private), "--envelope", str(out), "--database", dsn]) == 0
            )
        capsys.readouterr()
        with at_fix7c_done.connect() as connection:
            events, here = rows(connection, "events.sql"), read_place(connection).system
        found = envelope(out, [public], Today(DATABASE, "fix7c", at_fix7c_done.digest, subject, events, here)).faults
        assert any(words in f for f in found), (fault, found)
    assert (
        main(
            [
                "audit",
                "--database",
                at_fix7c_done.scene.dsn("postgres"),
                "--manifest",
                at_fix7c_done.manifest_path,
                "--envelope",
                str(out),
                "--trust",
                str(public),
            ]
        )
        == 3
    )
    assert words in capsys.readouterr().out


def test_where_the_cluster_cannot_be_read_it_is_said(
    at_fix7c_done: Stage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody but superusers may ask for the identifier: the statement has none, the audit says what it did not compare, and status,
    gates and audit answer."""
    stage, (private, public) = at_fix7c_done, write_keys(tmp_path, Ed25519PrivateKey.generate())
    with stage.connect() as connection:
        connection.execute("REVOKE EXECUTE ON FUNCTION pg_control_system(), pg_control_checkpoint() FROM PUBLIC")
        connection.execute(f"GRANT pg_read_all_data TO {AUDITOR}")
        (subject,) = connection.execute("SELECT qt001_cp.subject_digest()").fetchone() or ("",)
    out, dsn = tmp_path / "signed.dsse.json", stage.scene.dsn(AUDITOR)
    try:
        sign = ["sign", subject, "--scope", "x", "--valid", "600", "--key", str(private), "--envelope", str(out)]
        assert main([*sign, "--database", dsn]) == 0
        assert json.loads(base64.b64decode(json.loads(out.read_text())["payload"]))["predicate"]["system"] is None
        capsys.readouterr()
        audit = ["audit", "--database", dsn, "--manifest", stage.manifest_path]
        assert main([*audit, "--envelope", str(out), "--trust", str(public)]) == 0
        assert (
            "note: the identifier of the cluster could not be read where it was signed: not compared"
            in capsys.readouterr().out
        )
        assert main(["status", "--database", dsn]) == 3
    finally:
        with stage.connect() as connection:
            connection.execute(f"REVOKE pg_read_all_data FROM {AUDITOR}")


def test_key_and_envelope_belong_together(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    words = ["sign", "0" * 64, "--scope", "x", "--valid", "60", "--database", "host=/nowhere"]
    assert main([*words, "--envelope", str(tmp_path / "e")]) == 2
    assert "belong together" in capsys.readouterr().err
    assert main([*words, "--key", str(tmp_path / "none"), "--envelope", str(tmp_path / "e")]) != 0
    assert "openssl genpkey" in capsys.readouterr().err
