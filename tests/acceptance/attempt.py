"""What a test does inside one transaction: statements as any login, documents, the gates, the gateway."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, LiteralString, NamedTuple

import psycopg
import pytest
from psycopg import sql

from qt001_cp.model.canonical import Json, canonical_bytes
from qt001_cp.model.roles import LEDGER
from qt001_cp.rehearsal.scene import AUDITOR, AUTHOR, OPERATOR
from tests.acceptance.support import CALL, put_in_force
from tests.conftest import Stage

SERVICE = "qt001_service"


class Verdict(NamedTuple):
    """The answer of acceptance: ``closed`` names the closed gates, ``reasons`` has a line for each."""

    accepted: bool
    closed: str
    reasons: str


@dataclass
class Attempt:
    """A superuser's connection in a transaction; ``stage`` has the bundle that was deployed."""

    connection: psycopg.Connection
    stage: Stage

    def run(self, statement: str, params: Sequence[Any] | None = None, *, user: str | None = None) -> Any:
        """Run one statement as the login ``user`` (its session_user), or as the superuser; the first column, if any."""
        self.become(user)
        try:
            cursor = self.connection.execute(statement, params)
            row = cursor.fetchone() if cursor.description else None
        finally:
            if self.connection.info.transaction_status == psycopg.pq.TransactionStatus.INTRANS:
                self.become(None)
        return row[0] if row else None

    def become(self, user: str | None) -> None:
        self.connection.execute("RESET SESSION AUTHORIZATION")
        if user is not None:
            self.connection.execute(sql.SQL("SET LOCAL SESSION AUTHORIZATION {}").format(sql.Identifier(user)))

    def refused(self, statement: str, params: Sequence[Any] | None = None, *, user: str | None = None) -> psycopg.Error:
        """The statement has to be refused; what was done before it stays."""
        with pytest.raises(psycopg.Error) as caught, self.connection.transaction():
            self.run(statement, params, user=user)
        self.become(None)
        return caught.value

    def gateway(self) -> psycopg.Error:
        """The refusal that the service gets when it calls the gateway now."""
        return self.refused(CALL, user=SERVICE)

    def document(self, name: str) -> Json:
        """A fresh copy of one of the documents that were deployed."""
        assert self.stage.bundle is not None
        parsed: Json = json.loads(self.stage.bundle.files[name])
        return parsed

    def seal(self, document: Json) -> str:
        """A manifest that waits: proposed by the author, sealed by the operator."""
        proposed = str(self.run("SELECT qt001_cp.propose_manifest(%s)", [canonical_bytes(document)], user=AUTHOR))
        self.run("SELECT qt001_cp.seal_manifest(%s)", [proposed], user=OPERATOR)
        return proposed

    def deploy(self, document: Json) -> None:
        """A document in the place of the deployed one of its kind, as a deployment with it would have left the ledger."""
        put_in_force(self.connection, document["schema"], self.seal(document))

    def import_evidence(self, document: Json) -> None:
        self.run("SELECT qt001_cp.import_evidence(%s)", [canonical_bytes(document)], user=AUTHOR)

    def write_event(self, verb: str, subject: str, detail: str = "{}", *, user: str = OPERATOR) -> None:
        """An event written around the controlled functions, as the ledger role may, which is lent for that."""
        self.lend(user, "GRANT {} TO {}")
        self.become(user)
        self.connection.execute("SET LOCAL ROLE qt001_cp_ledger")
        self.connection.execute(
            "INSERT INTO qt001_cp.event (epoch, seq, at, actor, verb, subject, detail, prev, digest)"
            " VALUES (0, 0, '2001-01-01', 'qt001_auditor', %s, %s, %s, '', '')",
            [verb, subject, detail],
        )
        self.connection.execute("RESET ROLE")
        self.become(None)
        self.lend(user, "REVOKE {} FROM {}")

    def lend(self, user: str, words: LiteralString) -> None:
        if user != LEDGER.name:
            self.connection.execute(sql.SQL(words).format(sql.Identifier(LEDGER.name), sql.Identifier(user)))

    def sign(self) -> None:
        """The auditor signs the subject as it is now."""
        self.run("SELECT qt001_cp.sign_off(qt001_cp.subject_digest(), 'test', 600)", user=AUDITOR)

    def verdict(self) -> Verdict:
        """What v_fix7_acceptance says now."""
        row = self.connection.execute(
            "SELECT accepted, coalesce(closed, ''), coalesce(reasons, '') FROM qt001_cp.v_fix7_acceptance"
        ).fetchone()
        assert row is not None
        return Verdict(*row)
