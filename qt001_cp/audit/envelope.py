"""A signed statement against the chain: by whom, about what, until when, and whether it is still the last answer.

What it says is checked, not only who has signed it: a trusted key may also have signed something else.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from qt001_cp.audit import signature
from qt001_cp.audit.check import Check
from qt001_cp.errors import FileProblem

_SAID: Final = (("verdict", "verb"), ("signer", "actor"))
_DETAILS: Final = (
    ("scope", "scope"),
    ("validUntil", "valid_until"),
    ("reason", "reason"),
    ("system", "system"),
    ("timeline", "timeline"),
)
"""What a sign-off says, and where the event has it."""
_SECONDS: Final = "%Y-%m-%dT%H:%M:%SZ"
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z", re.ASCII)


@dataclass(frozen=True)
class Today:
    """What a statement is held against. ``digest``: of the object manifest; ``subject``: None before FIX7c; ``system``: the cluster's
    identifier, None where it cannot be read."""

    database: str
    stage: str
    digest: str
    subject: str | None
    events: Sequence[Mapping[str, Any]]
    system: str | None = None


def envelope(path: Path, trusted: Iterable[Path], today: Today) -> Check:
    """An envelope: signed by a trusted key, of a type that is ours, about this database today. A sign-off is not expired, no
    refusal, says what its event in the chain says, and is the last answer there; an audit has passed. Raises :class:`FileProblem`."""
    check = Check(f"envelope {path.name}", 1)
    try:
        received = json.loads(path.read_bytes())
    except OSError as exc:
        raise FileProblem(f"{path}: cannot be read: {exc.strerror}", hint="name the envelope's file") from exc
    except (ValueError, RecursionError) as exc:
        check.faults.append(f"it is not JSON: {exc}")
        return check
    document, why = signature.verify(received, [signature.public_key(p) for p in trusted])
    if document is None:
        check.faults.append(why)
        return check
    predicate, about = document["predicate"], [s["digest"]["sha256"] for s in document["subject"]]
    if predicate.get("database") != today.database:
        check.faults.append(f"it is about database {predicate.get('database')}, this is {today.database}")
    _of_system(check, predicate, today.system)
    if document["predicateType"] == signature.SIGN_OFF:
        check.faults += _sign_off(predicate, about, today)
    elif document["predicateType"] == signature.AUDIT:
        check.faults += _audit(predicate, about, today)
    else:
        check.faults.append(f"its predicate type is {document['predicateType']!r}, expected {signature.SIGN_OFF!r} or"
                            f" {signature.AUDIT!r}")  # fmt: skip
    return check


def _of_system(check: Check, predicate: Mapping[str, Any], here: str | None) -> None:
    """Whether it is about a database of this cluster: another one may have the same name, and a copy of the ledger."""
    said = predicate.get("system", "")
    if said is None or here is None:
        where = "where it was signed" if said is None else "by this login"
        check.notes.append(f"the identifier of the cluster could not be read {where}: not compared")
    elif said != here:
        check.faults.append(f"it is about a database of cluster {said or '(it names none)'}, this is cluster {here}")


def _sign_off(predicate: Mapping[str, Any], about: list[str], today: Today) -> Iterator[str]:
    yield from _subject(about, today.subject, "subject")
    verdict = predicate.get("verdict")
    if verdict == "refused":
        yield f"it is a refusal: {predicate.get('reason')}"
    elif verdict != "signed":
        yield f"its verdict is {verdict!r}, expected 'signed' or 'refused'"
    until = predicate.get("validUntil")
    if verdict == "signed" or until is not None:
        yield from _valid(until)
    # A refusal stands, whatever it is about, until somebody signs after it.
    yield from _answered(
        predicate,
        [e for e in today.events if e["verb"] == "refused" or (e["verb"] == "signed" and e["subject"] in about)],
        today.events[-1]["epoch"] if today.events else None,
    )


def _valid(until: object) -> Iterator[str]:
    if not isinstance(until, str) or not _TIME.fullmatch(until):
        yield f"it is valid until {until!r}, expected a time in UTC"
    elif until < datetime.now(UTC).strftime(_SECONDS):
        yield f"it expired at {until}"


def _audit(predicate: Mapping[str, Any], about: list[str], today: Today) -> Iterator[str]:
    yield from _subject(about, today.digest, "object manifest")
    for said, value in (("stage", today.stage), ("subject", today.subject)):
        if predicate.get(said) != value:
            yield f"it says {said} {predicate.get(said)}, today it is {value}"
    checks = predicate.get("checks")
    whole = isinstance(checks, list) and checks and all(isinstance(c, dict) and c.get("passed") is True for c in checks)
    if predicate.get("passed") is not True or not whole:
        yield "it is an audit that has not passed"


def _subject(about: list[str], wanted: str | None, what: str) -> Iterator[str]:
    if wanted not in about:
        yield f"it is about {', '.join(about)}, today's {what} is {wanted or 'none: FIX7c is not deployed'}"


def _answered(predicate: Mapping[str, Any], answers: list[Mapping[str, Any]], epoch: int | None) -> Iterator[str]:
    """``answers``: the sign-offs of this subject and all refusals, the last one last; ``epoch``: the ledger's."""
    event = next((e for e in answers if e["digest"] == predicate.get("event")), None)
    if event is None or event is not answers[-1]:
        yield f"its event {predicate.get('event')} is not the last answer for this subject in the chain"
    if event is None:
        return
    if event["epoch"] != epoch:
        yield f"its event is of epoch {event['epoch']}, the ledger is in epoch {epoch}: a stage was entered or taken back since"
    recorded = {said: event[key] for said, key in _SAID} | {said: event["detail"].get(key) for said, key in _DETAILS}
    recorded["at"] = event["at"].astimezone(UTC).strftime(_SECONDS)
    for said, value in recorded.items():
        if predicate.get(said) != value:
            yield f"it says {said} {predicate.get(said)}, the chain says {value}"
