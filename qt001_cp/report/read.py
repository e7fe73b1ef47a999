"""Reads the facts of a report in one read-only snapshot. Every verdict is the database's own."""

from __future__ import annotations

from typing import Any, Final

import psycopg
from psycopg.rows import dict_row

from qt001_cp.errors import DatabaseProblem, FileProblem
from qt001_cp.model.manifest import ObjectManifest
from qt001_cp.model.nogo import FAMILIES, families_of
from qt001_cp.report import stages
from qt001_cp.report.blocked import what_is_blocked
from qt001_cp.report.estate import Key, change_groups, estate_counts
from qt001_cp.report.facts import Check, Drift, Event, Family, Finding, Head, Rehearsal, Report, Stage
from qt001_cp.report.read_graph import read_graph
from qt001_cp.report.read_line import read_line
from qt001_cp.report.words import DONE_BY, NEXT, TITLES, event_words
from qt001_cp.workflow.status import SERVER

_FAMILIES: Final = """
SELECT tried.family, count(*) AS cases, count(*) FILTER (WHERE tried.refused) AS refused
FROM qt001_cp.tried_case(qt001_cp.document_json(%s)) tried GROUP BY tried.family
"""
_UNREAD: Final = """
SELECT DISTINCT o.identity
FROM pg_catalog.jsonb_array_elements(qt001_cp.document_json(%s) -> 'blocked') b(value)
JOIN qt001_cp.manifest_object(%s) o ON o.kind = 'table' AND o.identity = b.value ->> 'table'
JOIN pg_catalog.pg_namespace n ON n.nspname = o.schema JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = o.name
WHERE NOT pg_catalog.has_table_privilege(c.oid, 'SELECT')
"""


def read_report(opened: psycopg.Connection, file: ObjectManifest | None = None) -> Report:
    """All facts of a database that has FIX7a.

    ``file``: the manifest to report on where nothing is cut over yet. Raises :class:`FileProblem` where it is another
    than the one that is deployed, :class:`DatabaseProblem` where the ledger lacks what the stage implies.
    """
    with opened.transaction(), opened.cursor(row_factory=dict_row) as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        return _Reader(cursor, file).report()


class _Reader:
    def __init__(self, cursor: psycopg.Cursor[dict[str, Any]], file: ObjectManifest | None) -> None:
        self.cursor = cursor
        self.stage = str(self.value("SELECT qt001_cp.stage()"))
        self.events = [
            Event(
                r["seq"], r["epoch"], r["at"], r["actor"], r["verb"], event_words(r["verb"], r["detail"]), r["subject"]
            )
            for r in self.rows(
                "SELECT seq, epoch, at AT TIME ZONE 'UTC' AS at, actor, verb, subject, detail"
                " FROM qt001_cp.v_event ORDER BY seq"
            )
        ]
        self.deployed: str | None = self.value("SELECT qt001_cp.in_force('qt001.manifest.object/1')")
        self.manifest = self._manifest(file)
        self.digest = self.manifest.digest() if self.manifest is not None else None
        # Its own checks can only be asked about a manifest that the database holds.
        self.known = bool(self.value("SELECT 1 FROM qt001_cp.document WHERE digest = %s LIMIT 1", self.digest))
        self.unread = [r["identity"] for r in self.rows(_UNREAD, self.digest, self.digest)]

    def rows(self, query: str, *args: object) -> list[dict[str, Any]]:
        return self.cursor.execute(query.encode(), args or None).fetchall()

    def value(self, query: str, *args: object) -> Any:
        found = self.rows(query, *args)
        return next(iter(found[0].values())) if found else None

    def findings(self, query: str, *args: object) -> tuple[Finding, ...]:
        return tuple(_finding(r) for r in self.rows(query, *args))

    def report(self) -> Report:
        checks, accepted, subject = self._checks()
        head = self._head()
        drift = self._drift()
        return Report(
            head=head,
            stages=tuple(Stage(name, title, self._done(name)) for name, title in TITLES.items()),
            line=read_line(self.rows, self.events, self.deployed),
            events=tuple(self.events),
            next_stage=NEXT.get(self.stage),
            accepted=accepted,
            subject=subject,
            checks=checks,
            estate=estate_counts(self.manifest, self._owners()) if self.manifest else (),
            changes=change_groups(self.manifest) if self.manifest else (),
            graph=read_graph(self.cursor, self.manifest, self.stage, checks) if self.manifest else None,
            paths=self.findings("SELECT * FROM qt001_cp.reach_findings(%s)", self.digest) if self.known else (),
            rehearsal=self._rehearsal(),
            drift=drift,
            blocked=what_is_blocked(
                self.manifest,
                self.stage,
                checks,
                self.findings("SELECT * FROM qt001_cp.excess_privilege_findings(%s)", self.digest),
                self.findings("SELECT * FROM qt001_cp.blocked_findings(%s)", self.digest) if self.known else None,
                self.unread,
            ),
        )

    def _last(self, verb: str) -> Event | None:
        return next((e for e in reversed(self.events) if e.verb == verb), None)

    def _done(self, stage: str) -> Event | None:
        order = list(TITLES)
        return self._last(DONE_BY[stage]) if order.index(stage) <= order.index(self.stage) else None

    def _manifest(self, file: ObjectManifest | None) -> ObjectManifest | None:
        if self.stage == "fix7a":
            wanted = self.value("SELECT qt001_cp.sealed('qt001.manifest.object/1')")
            if file is not None:
                return file
        else:
            wanted = self.deployed
            if wanted is None:
                raise DatabaseProblem(
                    f"stage {self.stage}: expected the object manifest that is in force in the ledger, found none",
                    hint="somebody has edited the ledger: SELECT * FROM qt001_cp.ledger_findings()",
                )
            if file is not None and file.digest() != wanted:
                raise FileProblem(
                    f"the manifest: expected {wanted}, which is deployed in this database, found {file.digest()}",
                    hint="leave --manifest out, or name the file that is deployed",
                )
        if wanted is None:
            return None
        body = self.value("SELECT body FROM qt001_cp.document WHERE digest = %s LIMIT 1", wanted)
        if body is None:
            raise DatabaseProblem(
                f"manifest {wanted}: expected its document in the ledger, found none",
                hint="somebody has edited the ledger: SELECT * FROM qt001_cp.ledger_findings()",
            )
        return ObjectManifest.from_bytes(bytes(body), f"document {wanted} of the ledger")

    def _head(self) -> Head:
        row = self.rows(
            "SELECT pg_catalog.current_database() AS database, pg_catalog.current_setting('server_version') AS server,"
            " session_user::text AS login, qt001_cp.is_rehearsal() AS rehearsal, qt001_cp.application_role() AS application,"
            " pg_catalog.statement_timestamp() AT TIME ZONE 'UTC' AS at"
        )[0]
        state = None
        if self.manifest is not None:
            state = self.value("SELECT state FROM qt001_cp.v_manifest WHERE digest = %s", self.digest)
            state = state or "not in this database"
        digest = self.value("SELECT digest FROM qt001_cp.v_event ORDER BY seq DESC LIMIT 1")
        server = next(iter(self.rows(SERVER)), None)
        return Head(
            row["database"],
            row["server"],
            row["application"],
            row["login"],
            self.stage,
            row["rehearsal"],
            row["at"],
            self.digest,
            state,
            self.events[-1] if self.events else None,
            digest,
            self.findings("SELECT * FROM qt001_cp.ledger_findings()"),
            server["found"] if server else None,
            server["mend"] if server else None,
        )

    def _checks(self) -> tuple[tuple[Check, ...], bool | None, str | None]:
        if self.stage == "fix7c":
            acceptance = self.rows("SELECT accepted, subject_digest FROM qt001_cp.v_fix7_acceptance")[0]
            rows = self.rows("SELECT listed.ordinal, listed.gate, listed.meaning, listed.waits_for, finding.sqlstate,"
                             " finding.object, finding.expected, finding.found, finding.mend FROM qt001_cp.gate() listed"
                             " LEFT JOIN qt001_cp.gate_findings() finding ON finding.gate = listed.gate"
                             " ORDER BY listed.ordinal, finding.object, finding.expected, finding.found")  # fmt: skip
            return stages.gates(rows), acceptance["accepted"], acceptance["subject_digest"]
        if self.digest is None:
            return (), None, None
        operator = bool(self.value("SELECT coalesce(qt001_cp.duty_of(session_user) = 'qt001_cp_operator', false)"))

        def ask(query: str) -> list[dict[str, Any]]:
            return self.rows(query, self.digest)

        if self.stage == "fix7a":
            path = self.manifest is None or self.manifest.apply_path is not None
            asked = stages.before_fix7b(ask, operator=operator, known=self.known, unread=self.unread, apply_path=path)
            return asked, None, None
        return stages.before_fix7c(ask, operator=operator), None, None

    def _owners(self) -> dict[Key, str]:
        assert self.manifest is not None
        found = self.rows(
            "SELECT l.kind, l.identity, l.owner FROM qt001_cp.live_object(%s, true, false) l",
            self.manifest.application.name,
        )
        return {(r["kind"], r["identity"]): r["owner"] for r in found}

    def _rehearsal(self) -> Rehearsal | None:
        recorded = next(
            (e for e in reversed(self.events) if e.verb == "rehearsal_recorded" and e.subject == self.digest), None
        )
        if recorded is None:
            return None
        document = self.value("SELECT detail ->> 'document' FROM qt001_cp.v_event WHERE seq = %s", recorded.seq)
        counted = {r["family"]: r for r in self.rows(_FAMILIES, document)}
        names = {
            **families_of(self.manifest.apply_path if self.manifest else True),
            **{f: f for f in counted if f not in FAMILIES},
        }
        server = self.value("SELECT qt001_cp.document_json(%s) ->> 'server'", document)
        families = tuple(
            Family(name, title, counted.get(name, {}).get("cases", 0), counted.get(name, {}).get("refused", 0))
            for name, title in names.items()
        )
        return Rehearsal(document, server or "not named", recorded, families)

    def _drift(self) -> tuple[Drift, ...] | None:
        reference = self.value("SELECT qt001_cp.reference_manifest()")
        if reference is None or (self.stage == "fix7a" and reference != self.digest):
            return None
        found = self.rows(
            "SELECT aspect, object, expected, found, mend FROM qt001_cp.coverage_aspects(%s, qt001_cp.expected_state())"
            " WHERE qt001_cp.expected_state() = 'before' OR NOT told ORDER BY object, aspect, expected, found",
            self.digest,
        )
        return tuple(Drift(**r) for r in found)


def _finding(row: dict[str, Any]) -> Finding:
    return Finding(*(str(row[k]) for k in ("sqlstate", "object", "expected", "found", "mend")))
