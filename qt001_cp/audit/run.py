"""The whole re-check of one database, in one read-only snapshot."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import psycopg

from qt001_cp.audit import derived, dump, estate, ledger, signature
from qt001_cp.audit.check import Check
from qt001_cp.audit.live import read_live
from qt001_cp.audit.queries import rows
from qt001_cp.errors import DatabaseProblem, FileProblem

OBJECT: Final = "qt001.manifest.object/"
# A gate, and the checks of the audit whose faults it should have found.
_CLAIMS: Final = {
    "owners_and_acls_exact": ("owners and ACLs against the manifest", "pg_dump: owners and grants"),
    "inventory_exact": ("what the application role owns",),
    "application_role_contained": ("what the application role may do to transferred relations",),
    "ledger_intact": ("documents", "chain of events", "triggers of the ledger"),
}


@dataclass(frozen=True)
class Outside:
    """What the auditor brings. ``manifest``: the file's bytes; ``heads``: digests kept elsewhere;
    ``envelopes`` and ``trusted``: signed statements, and the public keys that count."""

    manifest: bytes | None = None
    heads: tuple[str, ...] = ()
    envelopes: tuple[Path, ...] = ()
    trusted: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Report:
    """What was seen. ``digest``: of the object manifest that the audit is about."""

    database: str
    digest: str
    stage: str
    subject: str | None
    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        return all(c.passed for c in self.checks)

    def predicate(self) -> dict[str, Any]:
        return {"database": self.database, "stage": self.stage, "subject": self.subject, "passed": self.passed,
                "at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), "checks": [c.to_json() for c in self.checks]}  # fmt: skip


def audit(dsn: str, outside: Outside, pg_dump: Path, env: Mapping[str, str]) -> Report:
    """Look at everything. Raises :class:`DatabaseProblem` where the server or the control plane is not there."""
    try:
        with psycopg.connect(dsn, application_name="qt001-cp audit", connect_timeout=10) as connection:
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            connection.execute("SET LOCAL search_path = pg_catalog, pg_temp")
            connection.execute("SET LOCAL row_security = off")
            return _audit(connection, dsn, outside, pg_dump, env)
    except psycopg.OperationalError as exc:
        raise DatabaseProblem(f"the server could not be reached: {str(exc).strip()}",
                              hint="check the connection: psql 'DSN' -c 'SELECT 1'") from exc  # fmt: skip


def _audit(connection: psycopg.Connection, dsn: str, outside: Outside, pg_dump: Path, env: Mapping[str, str]) -> Report:
    there = connection.execute(
        "SELECT pg_catalog.to_regclass('qt001_cp.event') IS NOT NULL, pg_catalog.current_database()"
    ).fetchone()
    if there is None or not there[0]:
        raise DatabaseProblem(f"FIX7a is not deployed in database {there[1] if there else '?'}: nothing to audit",
                              hint="psql -f scripts/bootstrap.sql, then alembic -x policy=FILE upgrade fix7a")  # fmt: skip
    snapshot = str(connection.execute("SELECT pg_catalog.pg_export_snapshot()").fetchone()[0])  # type: ignore[index]
    documents, found = ledger.documents(connection)
    chain, events = ledger.chain(connection, list(outside.heads))
    stage = estate.stage_of(events)
    digest = _manifest_of(events, found)
    manifest = found.get(digest)
    if manifest is None:
        raise DatabaseProblem("no object manifest is sealed in this database: nothing to audit",
                              hint="qt001-cp manifest seal object.json --database …")  # fmt: skip
    live = read_live(connection)
    checks = [documents, chain, ledger.triggers(connection), _given(outside, digest),
              derived.after_states(manifest), estate.owners_and_acls(manifest, live, stage), estate.denominator(manifest, live)]  # fmt: skip
    if stage != "fix7a":
        checks.append(estate.held(connection, manifest, live, stage))
    text, why = dump.read_dump(pg_dump, dsn, snapshot, env)
    checks.append(dump.dumped(manifest, text, stage) if text is not None
                  else Check("pg_dump: owners and grants", unseen=f"{why} (GRANT pg_read_all_data TO the auditor's login)"))  # fmt: skip
    subject = None
    if stage == "fix7c":
        subject = _subject(connection)
        checks.append(_claims(connection, checks))
    checks += [_signed(path, outside.trusted, subject or digest, events) for path in outside.envelopes]
    return Report(there[1], digest, stage, subject, tuple(checks))


def _manifest_of(events: list[dict[str, Any]], found: Mapping[str, Mapping[str, Any]]) -> str:
    """The one that was cut over, else the last that was sealed."""
    sealed = [e["subject"] for e in events if e["verb"] == "sealed"
              and str(found.get(e["subject"], {}).get("schema", "")).startswith(OBJECT)]  # fmt: skip
    cut = [e["subject"] for e in events if e["verb"] == "cutover"]
    return str((cut or sealed or [""])[-1])


def _given(outside: Outside, digest: str) -> Check:
    check = Check("the manifest's file")
    if outside.manifest is None:
        check.unseen = "no file was given (--manifest)"
        return check
    check.looked_at = 1
    given = ledger.digest_of(outside.manifest)
    if given != digest:
        check.faults.append(f"its sha256 is {given}, the manifest of this database is {digest}")
    return check


def _subject(connection: psycopg.Connection) -> str | None:
    with connection.transaction():
        row = connection.execute("SELECT qt001_cp.subject_digest()").fetchone()
    return str(row[0]) if row else None


def _claims(connection: psycopg.Connection, checks: list[Check]) -> Check:
    """A gate that says open where the audit has found a fault is a fault of its own."""
    check = Check("what the gates claim")
    try:
        with connection.transaction():
            said = {r["gate"]: r["open"] for r in rows(connection, "gates.sql")}
    except psycopg.Error as exc:
        check.unseen = f"v_fix7_gate could not be read: {str(exc).splitlines()[0]}"
        return check
    by_name = {c.name: c for c in checks}
    for gate, names in _CLAIMS.items():
        check.looked_at += 1
        faults = [n for n in names if n in by_name and by_name[n].faults]
        if faults and said.get(gate):
            check.faults.append(f"gate {gate} is open, and the audit found faults in: {', '.join(faults)}")
    return check


def _signed(path: Path, trusted: tuple[Path, ...], subject: str, events: list[dict[str, Any]]) -> Check:
    """An envelope: signed by a trusted key, about today's subject, not expired, not a refusal; a sign-off is in the chain
    and is the last answer there."""
    check = Check(f"envelope {path.name}", 1)
    try:
        envelope = json.loads(path.read_bytes())
    except OSError as exc:
        raise FileProblem(f"{path}: cannot be read: {exc.strerror}", hint="name the envelope's file") from exc
    except ValueError as exc:
        check.faults.append(f"it is not JSON: {exc}")
        return check
    document, why = signature.verify(envelope, [signature.public_key(p) for p in trusted])
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
        answers = [e["digest"] for e in events if e["verb"] in ("signed", "refused") and e["subject"] in about]
        if predicate.get("event") not in answers[-1:]:
            check.faults.append(
                f"its event {predicate.get('event')} is not the last answer for this subject in the chain"
            )
    return check
