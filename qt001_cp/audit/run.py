"""The whole re-check of one database, in one read-only snapshot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import psycopg

from qt001_cp import connecting
from qt001_cp.audit import control, derived, dump, estate, growth, ledger, privileges, scripts, sources, succession
from qt001_cp.audit.change_pack import change_pack, is_of_change
from qt001_cp.audit.check import Check
from qt001_cp.audit.envelope import Today, envelope
from qt001_cp.audit.exported import against
from qt001_cp.audit.live import read_live
from qt001_cp.audit.names import names
from qt001_cp.audit.own_code import own_code
from qt001_cp.audit.pack import pack
from qt001_cp.audit.place import read_place
from qt001_cp.audit.queries import rows
from qt001_cp.audit.releases import builds
from qt001_cp.errors import DatabaseProblem, Findings, unreachable
from qt001_cp.project import without_fix7a

OBJECT: Final = "qt001.manifest.object/"
# A gate, and the checks of the audit whose faults it should have found.
_CLAIMS: Final = {
    "owners_and_acls_exact": ("owners and ACLs against the manifest", "pg_dump: owners and grants"),
    "definitions_exact": ("the sources of the apply path",),
    "static_analysis_present": ("the analysis against the sources",),
    "dependency_manifest_closed": ("the dependency manifest",),
    "application_role_contained": (
        "what the application role may do to transferred relations",
        "what the application role's objects touch",
        "roles of the application",
        "who can become the application",
    ),
    "roles_apart": ("who can write the ledger",),
    "ledger_intact": ("documents", "chain of events", "triggers of the ledger", "the instance of the ledger"),
}


@dataclass(frozen=True)
class Outside:
    """What the auditor brings. ``manifest``: the file's bytes; ``heads``: digests kept elsewhere; ``ledgers``: exported ones;
    ``envelopes`` and ``trusted``: signed statements, and the public keys that count; ``packs``: folders of the operator's review;
    ``code``: the scripts that have made the control plane, in their order."""

    manifest: bytes | None = None
    heads: tuple[str, ...] = ()
    ledgers: tuple[Path, ...] = ()
    envelopes: tuple[Path, ...] = ()
    trusted: tuple[Path, ...] = ()
    packs: tuple[Path, ...] = ()
    code: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Report:
    """What was seen. ``digest``: of the object manifest that the audit is about; ``system``: the cluster's identifier, None where the
    login may not ask."""

    database: str
    system: str | None
    digest: str
    stage: str
    subject: str | None
    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        return all(c.passed for c in self.checks)

    def predicate(self) -> dict[str, Any]:
        return {
            "database": self.database,
            "system": self.system,
            "stage": self.stage,
            "subject": self.subject,
            "passed": self.passed,
            "at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "checks": [c.to_json() for c in self.checks],
        }


def audit(dsn: str, outside: Outside, pg_dump: Path, env: Mapping[str, str]) -> Report:
    """Look at everything. Raises :class:`DatabaseProblem` where the server or the control plane is not there."""
    try:
        with connecting.connect(dsn, name="qt001-cp audit", autocommit=False) as connection:
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            connection.execute("SET LOCAL search_path = pg_catalog, pg_temp")
            connection.execute("SET LOCAL row_security = off")
            return _audit(connection, dsn, outside, pg_dump, env)
    except psycopg.OperationalError as exc:
        raise unreachable(exc) from exc


def _audit(connection: psycopg.Connection, dsn: str, outside: Outside, pg_dump: Path, env: Mapping[str, str]) -> Report:
    there = connection.execute(
        "SELECT pg_catalog.to_regclass('qt001_cp.event') IS NOT NULL, pg_catalog.current_database()"
    ).fetchone()
    if there is None or not there[0]:
        raise without_fix7a(connection.info.dbname, connection.info.server_version, ": nothing to audit")
    exported = connection.execute("SELECT pg_catalog.pg_export_snapshot()").fetchone()
    snapshot = str(exported[0] if exported else "")
    documents, found, kept = ledger.documents(connection)
    chain, events = ledger.chain(connection, list(outside.heads))
    documents.faults += ledger.missing(events, kept)
    stage = estate.stage_of(events)
    digest = _manifest_of(events, found, stage)
    manifest = found.get(digest)
    if manifest is None and documents.faults:
        raise Findings(f"the object manifest cannot be read: {'; '.join(documents.faults[:5])}",
                       hint="somebody went around the ledger: keep a dump, and see docs/auditor.md, step 5")  # fmt: skip
    if manifest is None:
        raise DatabaseProblem(
            "no object manifest is sealed in this database: nothing to audit",
            hint="qt001-cp manifest seal object.json --database …",
        )
    place = read_place(connection)
    named = names(connection, digest, events, place.system)
    if named.faults:
        # Everything else would follow from that one cause.
        return Report(there[1], place.system, digest, stage, None, (documents, chain, named))
    live = read_live(connection)
    checks = [
        documents,
        chain,
        named,
        ledger.triggers(connection),
        control.agreed(manifest, found.get(manifest["policy"]["sha256"]), events),
        ledger.owner(connection, control.pair_of(manifest)),
        ledger.instance(connection, events, place),
        ledger.duties(connection, events),
        _given(outside, digest),
        succession.successions(digest, found, events),
        builds(events),
        *([own_code(connection, outside.code)] if outside.code else []),
        derived.after_states(manifest, succession.changed(manifest, succession.predecessor_of(manifest, found))),
        scripts.ways(manifest),
        scripts.restore_script(manifest, digest, events),
        estate.owners_and_acls(manifest, live, stage, succession.first_major(manifest, found)),
        estate.denominator(manifest, live, stage, found.get(manifest["policy"]["sha256"])),
    ]
    if stage != "fix7a":
        checks.append(estate.effective_privileges(connection, manifest, live, stage))
        checks.append(growth.partitions(manifest, live, control.pair_of(manifest).owner))
        checks.append(privileges.roles(connection, manifest["application"], control.pair_of(manifest)))
        checks.append(privileges.members(connection, manifest, live))
    routines, noted = sources.read(connection)
    if stage != "fix7a":
        touched = [*noted, *rows(connection, "other_depends.sql")]
        checks.append(estate.reach(manifest, live, touched, found.get(manifest["policy"]["sha256"])))
    checks += _sources(manifest, digest, stage, events, found, (routines, noted))
    text, why = dump.read_dump(pg_dump, dsn, connecting.options_of(connection), snapshot, env)
    checks.append(
        dump.dumped(manifest, text, stage)
        if text is not None
        else Check("pg_dump: owners and grants", unseen=f"{why} (GRANT pg_read_all_data TO the auditor's login)")
    )
    subject = None
    if stage == "fix7c":
        subject = _subject(connection)
        checks.append(_claims(connection, checks))
    today = Today(str(there[1]), stage, digest, subject, events, place.system)
    checks += [envelope(path, outside.trusted, today) for path in outside.envelopes]
    checks += [against(path, events, connection.info.dbname) for path in outside.ledgers]
    sealed = _sealed(events)
    checks += [
        change_pack(folder, found, sealed)
        if is_of_change(folder)
        else pack(folder, manifest, digest, found.keys() if stage == "fix7c" else ())
        for folder in outside.packs
    ]
    return Report(there[1], place.system, digest, stage, subject, tuple(checks))


def _manifest_of(events: list[dict[str, Any]], found: Mapping[str, Mapping[str, Any]], stage: str) -> str:
    """The one that is cut over, or the successor that a change has put in its place; else the last that was sealed and not withdrawn since."""
    sealed = [s for s in _sealed(events) if str(found.get(s, {}).get("schema", "")).startswith(OBJECT)]
    cut = [e["subject"] for e in events if e["verb"] in ("cutover", "deployed", "succeeded") and stage != "fix7a"]
    return str((cut or sealed or [""])[-1])


def _sealed(events: list[dict[str, Any]]) -> list[str]:
    """What was sealed and not withdrawn since, in that order."""
    sealed: list[str] = []
    for e in events:
        if e["verb"] == "sealed":
            sealed.append(e["subject"])
        elif e["verb"] == "withdrawn":
            sealed = [digest for digest in sealed if digest != e["subject"]]
    return sealed


def _sources(
    manifest: Mapping[str, Any],
    digest: str,
    stage: str,
    events: list[dict[str, Any]],
    found: Mapping[str, Mapping[str, Any]],
    read: tuple[Any, Any],
) -> list[Check]:
    """The bodies; the evidence about them is in the database since FIX7c."""
    routines, noted = read
    checks = [sources.apply_path(manifest, routines, stage)]
    if stage == "fix7c":
        evidence = sources.evidence_of(digest, events, found)
        checks.append(sources.analysis(manifest, evidence, routines, noted))
        checks.append(sources.dependencies(manifest, sources.dependency_of(digest, events, found), evidence, noted))
    return checks


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
    for gate, claimed in _CLAIMS.items():
        check.looked_at += 1
        faults = [n for n in claimed if n in by_name and by_name[n].faults]
        if faults and said.get(gate):
            check.faults.append(f"gate {gate} is open, and the audit found faults in: {', '.join(faults)}")
    return check
