"""A signed statement against the chain: by whom, about what, until when, and whether it is still the last answer."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from qt001_cp.audit import signature
from qt001_cp.audit.check import Check
from qt001_cp.errors import FileProblem

_SAID: Final = (("verdict", "verb"), ("signer", "actor"))
_DETAILS: Final = (("scope", "scope"), ("validUntil", "valid_until"), ("reason", "reason"))
"""What a sign-off says, and where the event has it."""


def envelope(path: Path, trusted: Iterable[Path], subject: str, events: list[dict[str, Any]]) -> Check:
    """An envelope: signed by a trusted key, about today's subject, not expired, not a refusal; a sign-off says what its event
    in the chain says, and is the last answer there. Raises :class:`FileProblem`."""
    check = Check(f"envelope {path.name}", 1)
    try:
        received = json.loads(path.read_bytes())
    except OSError as exc:
        raise FileProblem(f"{path}: cannot be read: {exc.strerror}", hint="name the envelope's file") from exc
    except ValueError as exc:
        check.faults.append(f"it is not JSON: {exc}")
        return check
    document, why = signature.verify(received, [signature.public_key(p) for p in trusted])
    if document is None:
        check.faults.append(why)
        return check
    about = [s.get("digest", {}).get("sha256") for s in document.get("subject", [])]
    if subject not in about:
        check.faults.append(f"it is about {', '.join(map(str, about)) or 'nothing'}, today's subject is {subject}")
    predicate = document.get("predicate", {})
    until = predicate.get("validUntil")
    if until is not None and until < datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"):
        check.faults.append(f"it expired at {until}")
    if predicate.get("verdict") == "refused":
        check.faults.append(f"it is a refusal: {predicate.get('reason')}")
    if document.get("predicateType") == signature.SIGN_OFF:
        check.faults += _answered(
            predicate, [e for e in events if e["verb"] in ("signed", "refused") and e["subject"] in about]
        )
    return check


def _answered(predicate: Mapping[str, Any], answers: list[dict[str, Any]]) -> Iterable[str]:
    """``answers``: the events of this subject, the last one last."""
    event = next((e for e in answers if e["digest"] == predicate.get("event")), None)
    if event is None or event is not answers[-1]:
        yield f"its event {predicate.get('event')} is not the last answer for this subject in the chain"
    if event is None:
        return
    recorded = {said: event[key] for said, key in _SAID} | {said: event["detail"].get(key) for said, key in _DETAILS}
    for said, value in recorded.items():
        if predicate.get(said) != value:
            yield f"it says {said} {predicate.get(said)}, the chain says {value}"
