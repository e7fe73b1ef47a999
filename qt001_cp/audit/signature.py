"""in-toto statements in a DSSE envelope with Ed25519.

Source: in-toto Attestation Framework, Statement v1; DSSE v1.0.2 (PAE, envelope); RFC 8032.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from qt001_cp.errors import FileProblem

STATEMENT: Final = "https://in-toto.io/Statement/v1"
PAYLOAD: Final = "application/vnd.in-toto+json"
AUDIT: Final = "https://qt001.example/attestation/audit/v1"
SIGN_OFF: Final = "https://qt001.example/attestation/sign-off/v1"
"""Predicate types: names, never fetched, under a domain that nobody can own (RFC 2606)."""


def statement(name: str, digest: str, predicate_type: str, predicate: dict[str, Any]) -> dict[str, Any]:
    """A Statement v1 about one subject, by its sha256."""
    return {
        "_type": STATEMENT,
        "subject": [{"name": name, "digest": {"sha256": digest}}],
        "predicateType": predicate_type,
        "predicate": predicate,
    }


def private_key(path: Path) -> Ed25519PrivateKey:
    """An unencrypted PKCS #8 key in PEM. Raises :class:`FileProblem`."""
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), None)
    except OSError as exc:
        raise FileProblem(f"{path}: cannot be read: {exc.strerror}", hint="openssl genpkey -algorithm ed25519") from exc
    except (ValueError, TypeError, UnsupportedAlgorithm) as exc:
        raise FileProblem(
            f"{path}: expected an Ed25519 private key in PEM, without a password: {exc}",
            hint="openssl genpkey -algorithm ed25519 -out key.pem",
        ) from exc
    if not isinstance(key, Ed25519PrivateKey):
        raise FileProblem(
            f"{path}: expected an Ed25519 key, found another kind",
            hint="openssl genpkey -algorithm ed25519 -out key.pem",
        )
    return key


def public_key(path: Path) -> Ed25519PublicKey:
    """A public key in PEM. Raises :class:`FileProblem`."""
    hint = "openssl pkey -in key.pem -pubout -out key.pub"
    try:
        key = serialization.load_pem_public_key(path.read_bytes())
    except OSError as exc:
        raise FileProblem(f"{path}: cannot be read: {exc.strerror}", hint=hint) from exc
    except (ValueError, UnsupportedAlgorithm) as exc:
        raise FileProblem(f"{path}: expected a public key in PEM: {exc}", hint=hint) from exc
    if not isinstance(key, Ed25519PublicKey):
        raise FileProblem(f"{path}: expected an Ed25519 key, found another kind", hint=hint)
    return key


def keyid(key: Ed25519PublicKey) -> str:
    """sha256 of the key's DER form: a hint, never what decides."""
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return hashlib.sha256(key.public_bytes(serialization.Encoding.DER, form)).hexdigest()


def pae(payload_type: str, payload: bytes) -> bytes:
    """DSSE's pre-authentication encoding."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)


def sign(document: dict[str, Any], key: Ed25519PrivateKey) -> dict[str, Any]:
    """The envelope."""
    payload = json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    signature = base64.b64encode(key.sign(pae(PAYLOAD, payload))).decode()
    return {
        "payload": base64.b64encode(payload).decode(),
        "payloadType": PAYLOAD,
        "signatures": [{"keyid": keyid(key.public_key()), "sig": signature}],
    }


def verify(envelope: Any, trusted: Iterable[Ed25519PublicKey]) -> tuple[dict[str, Any] | None, str]:
    """The statement that one of ``trusted`` has signed, or why there is none. Only the signed bytes are parsed."""
    try:
        if envelope["payloadType"] != PAYLOAD:
            return None, f"its payloadType is {envelope['payloadType']!r}, expected {PAYLOAD!r}"
        payload = base64.b64decode(envelope["payload"], validate=True)
        signatures = [base64.b64decode(s["sig"], validate=True) for s in envelope["signatures"]]
    except (KeyError, TypeError, binascii.Error) as exc:
        return None, f"it is no DSSE envelope: {exc!r}"
    signed = pae(PAYLOAD, payload)
    for key in trusted:
        for signature in signatures:
            try:
                key.verify(signature, signed)
            except InvalidSignature:
                continue
            document = json.loads(payload)
            if document.get("_type") != STATEMENT:
                return None, f"its statement is of type {document.get('_type')!r}, expected {STATEMENT!r}"
            return document, ""
    return None, "no trusted key has signed it"
