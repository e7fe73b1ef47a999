"""Envelopes: ours by securesystemslib, theirs by us, and none that was touched."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import CryptoSigner, SSlibKey

from qt001_cp.audit import signature
from qt001_cp.cli import main
from tests.audit.keys import write_keys
from tests.conftest import Stage
from tests.guides.guide import blocks

pytestmark = pytest.mark.slow

STATEMENT = signature.statement("object.json", "a" * 64, "https://qt001.example/x/v1", {"verdict": "signed", "ö": [1]})


@pytest.fixture
def key() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.generate()


def test_their_verifier_takes_our_envelope(key: Ed25519PrivateKey) -> None:
    envelope = Envelope.from_dict(signature.sign(STATEMENT, key))
    theirs = SSlibKey.from_crypto(key.public_key(), keyid=signature.keyid(key.public_key()))
    assert list(envelope.verify([theirs], 1)) == [theirs.keyid]
    stranger = SSlibKey.from_crypto(Ed25519PrivateKey.generate().public_key())
    with pytest.raises(VerificationError):
        envelope.verify([stranger], 1)


def test_our_verifier_takes_their_envelope(key: Ed25519PrivateKey) -> None:
    envelope = Envelope(json.dumps(STATEMENT).encode(), signature.PAYLOAD, {})
    envelope.sign(CryptoSigner(key))
    assert signature.verify(envelope.to_dict(), [key.public_key()]) == (STATEMENT, "")


def _payload(envelope: dict[str, Any]) -> None:
    body = base64.b64decode(envelope["payload"]).replace(b"signed", b"Signed")
    envelope["payload"] = base64.b64encode(body).decode()


TOUCHED: dict[str, Callable[[dict[str, Any]], object]] = {
    "another payload": _payload,
    "another payloadType": lambda e: e.update(payloadType="application/json"),
    "no signature": lambda e: e.update(signatures=[]),
    "a signature cut short": lambda e: e["signatures"][0].update(sig="AAAA"),
    "not base64": lambda e: e.update(payload="***"),
    "no envelope": lambda e: e.clear(),
}


@pytest.mark.parametrize("how", TOUCHED)
def test_a_touched_envelope_is_refused(key: Ed25519PrivateKey, how: str) -> None:
    envelope = signature.sign(STATEMENT, key)
    TOUCHED[how](envelope)
    document, why = signature.verify(envelope, [key.public_key()])
    assert document is None
    assert why


def test_another_key_counts_for_nothing_whatever_keyid_it_claims(key: Ed25519PrivateKey) -> None:
    stranger = Ed25519PrivateKey.generate()
    envelope = signature.sign(STATEMENT, stranger)
    envelope["signatures"][0]["keyid"] = signature.keyid(key.public_key())
    assert signature.verify(envelope, [key.public_key()])[0] is None


def _checked_elsewhere(path: Path, public: Path, folder: Path) -> str:
    """What the auditor's guide has: Python's standard library takes the envelope apart, openssl checks the signature."""
    (code,) = [b for b in blocks("auditor")["7. The signature, without this project"] if "openssl pkeyutl" in b]
    code = code.replace("sign-off.dsse.json", str(path)).replace("hana.pub", str(public))
    done = subprocess.run(["bash", "-e", "-c", code], cwd=folder, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


@pytest.mark.parametrize("wrong", ["nothing", "pae", "verify"])
def test_a_wrong_signature_of_ours_is_found_without_us(
    key: Ed25519PrivateKey, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, wrong: str
) -> None:
    """The audit cannot vouch for its own signatures: with a wrong encoding it signs and takes what nobody else does."""
    stranger = Ed25519PrivateKey.generate()
    _, public = write_keys(tmp_path, key)
    with monkeypatch.context() as patch:
        if wrong == "pae":
            patch.setattr(signature, "pae", lambda _kind, payload: payload)
        if wrong == "verify":
            patch.setattr(signature, "verify", lambda _envelope, _trusted: (STATEMENT, ""))
        made = signature.sign(STATEMENT, stranger if wrong == "verify" else key)
        assert signature.verify(made, [key.public_key()])[0] is not None
    (tmp_path / "e.json").write_text(json.dumps(made))
    said = _checked_elsewhere(tmp_path / "e.json", public, tmp_path)
    assert ("Signature Verified Successfully" in said) is (wrong == "nothing"), said
    assert ("Signature Verification Failure" in said) is (wrong != "nothing"), said


def test_the_audits_statement_is_signed_and_checked(
    at_fix7b_done: Stage, key: Ed25519PrivateKey, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    private, public = write_keys(tmp_path, key)
    dsn, out = at_fix7b_done.scene.dsn("postgres"), tmp_path / "audit.dsse.json"
    base = ["audit", "--database", dsn, "--manifest", at_fix7b_done.manifest_path]
    assert main([*base, "--key", str(private), "--out", str(out)]) == 0
    document, _ = signature.verify(json.loads(out.read_text()), [key.public_key()])
    assert document is not None
    assert document["predicate"]["passed"] is True
    assert document["subject"][0]["digest"]["sha256"] == at_fix7b_done.digest
    assert main([*base, "--envelope", str(out), "--trust", str(public)]) == 0
    other = tmp_path / "other"
    other.mkdir()
    _, stranger = write_keys(other, Ed25519PrivateKey.generate())
    capsys.readouterr()
    assert main([*base, "--envelope", str(out), "--trust", str(stranger)]) == 3
    assert "no trusted key has signed it" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("predicate", "subject", "words"),
    [
        ({"validUntil": "2020-01-01T00:00:00Z"}, None, "it expired"),
        ({"validUntil": 3}, None, "it is valid until 3, expected a time in UTC"),
        ({"verdict": "signed"}, None, "it is valid until None, expected a time in UTC"),
        ({"verdict": "perhaps"}, None, "its verdict is 'perhaps'"),
        ({"database": "elsewhere"}, None, "it is about database elsewhere, this is directus_case"),
        ({"verdict": "refused", "reason": "40 of 900"}, None, "it is a refusal: 40 of 900"),
        ({}, "b" * 64, "today's subject is"),
    ],
)
def test_what_is_signed_and_does_not_count(
    at_fix7b_done: Stage,
    key: Ed25519PrivateKey,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    predicate: dict[str, Any],
    subject: str | None,
    words: str,
) -> None:
    _, public = write_keys(tmp_path, key)
    document = signature.statement("x", subject or at_fix7b_done.digest, signature.SIGN_OFF, predicate)
    (tmp_path / "e.json").write_text(json.dumps(signature.sign(document, key)))
    assert (
        main(
            [
                "audit",
                "--database",
                at_fix7b_done.scene.dsn("postgres"),
                "--manifest",
                at_fix7b_done.manifest_path,
                "--envelope",
                str(tmp_path / "e.json"),
                "--trust",
                str(public),
            ]
        )
        == 3
    )
    assert words in capsys.readouterr().out


FORMS: dict[str, Any] = {
    "a signature in another alphabet": lambda e, k: {**e, "signatures": [{"sig": "Привет"}]},
    "a payload in another alphabet": lambda e, k: {**e, "payload": "Привет"},
    "signatures that are a text": lambda e, k: {**e, "signatures": "AAAA"},
    "a signature that is a number": lambda e, k: {**e, "signatures": [{"sig": 1}]},
    "a list": lambda e, k: [e],
    "null": lambda e, k: None,
    "what is signed is a list": lambda e, k: signature.sign([1], k),  # type: ignore[arg-type]
    "what is signed is a text": lambda e, k: signature.sign("x", k),  # type: ignore[arg-type]
    "the subject is a number": lambda e, k: signature.sign({**STATEMENT, "subject": 3}, k),
    "the subjects are texts": lambda e, k: signature.sign({**STATEMENT, "subject": ["x"]}, k),
    "the digest is a number": lambda e, k: signature.sign({**STATEMENT, "subject": [{"digest": {"sha256": 3}}]}, k),
    "no subject": lambda e, k: signature.sign({**STATEMENT, "subject": []}, k),
    "the predicate is a list": lambda e, k: signature.sign({**STATEMENT, "predicate": []}, k),
    "the predicate type is a list": lambda e, k: signature.sign({**STATEMENT, "predicateType": []}, k),
}


@pytest.mark.parametrize("how", FORMS)
def test_another_form_under_a_trusted_key_is_told(key: Ed25519PrivateKey, how: str) -> None:
    document, why = signature.verify(FORMS[how](signature.sign(STATEMENT, key), key), [key.public_key()])
    assert document is None
    assert why


def test_a_key_twice_in_what_is_signed_is_told(key: Ed25519PrivateKey) -> None:
    body = json.dumps(STATEMENT).replace('"verdict"', '"verdict": "refused", "verdict"').encode()
    sig = base64.b64encode(key.sign(signature.pae(signature.PAYLOAD, body))).decode()
    envelope = {
        "payload": base64.b64encode(body).decode(),
        "payloadType": signature.PAYLOAD,
        "signatures": [{"sig": sig}],
    }
    assert "twice" in signature.verify(envelope, [key.public_key()])[1]


AUDITS: dict[str, tuple[Any, str]] = {
    "another type": (lambda d: d.update(predicateType="https://example.com/lunch-menu/v1"), "https://example.com/lunch-menu/v1"),
    "it did not pass": (lambda d: d["predicate"].update(passed=False), "has not passed"),
    "a check did not pass": (lambda d: d["predicate"]["checks"][0].update(passed=False), "has not passed"),
    "no checks": (lambda d: d["predicate"].update(checks=[]), "has not passed"),
    "another stage": (lambda d: d["predicate"].update(stage="fix7a"), "it says stage fix7a, today it is fix7b"),
    "another manifest": (lambda d: d["subject"][0]["digest"].update(sha256="a" * 64), "today's object manifest is"),
}  # fmt: skip


def test_what_an_audit_s_envelope_says_is_checked(
    at_fix7b_done: Stage, key: Ed25519PrivateKey, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    private, public = write_keys(tmp_path, key)
    out = tmp_path / "audit.dsse.json"
    base = ["audit", "--database", at_fix7b_done.scene.dsn("postgres"), "--manifest", at_fix7b_done.manifest_path]
    assert main([*base, "--key", str(private), "--out", str(out)]) == 0
    statement = base64.b64decode(json.loads(out.read_bytes())["payload"])
    for how, (change, words) in AUDITS.items():
        document = json.loads(statement)
        change(document)
        out.write_text(json.dumps(signature.sign(document, key)))
        capsys.readouterr()
        assert main([*base, "--envelope", str(out), "--trust", str(public)]) == 3, how
        assert words in capsys.readouterr().out, how


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660])
def test_a_key_that_others_may_read_signs_nothing(
    key: Ed25519PrivateKey, mode: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    private, _ = write_keys(tmp_path, key)
    private.chmod(mode)
    out = tmp_path / "e.json"
    for words in (["audit", "--key", str(private), "--out", str(out)],
                  ["sign", "0" * 64, "--scope", "x", "--valid", "60", "--key", str(private), "--envelope", str(out)]):  # fmt: skip
        assert main([*words, "--database", "host=/nowhere"]) == 2
        said = capsys.readouterr().err
        assert f"found mode {mode:04o}" in said
        assert "chmod 600" in said
    assert not out.exists()
    private.chmod(0o600)
    assert signature.private_key(private)
