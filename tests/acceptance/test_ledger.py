"""The ledger: append-only for everybody, stamped by the server, and recomputed here by code of its own."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC

import psycopg
import pytest
import rfc8785

from qt001_cp.model.canonical import canonical_bytes, digest
from qt001_cp.rehearsal.scene import OPERATOR
from tests.acceptance.attempt import Attempt

TABLES = {"document": "kind", "event": "subject", "manifest_row": "manifest"}
CHANGES = {
    "UPDATE": "UPDATE qt001_cp.{0} SET {1} = {1}",
    "DELETE": "DELETE FROM qt001_cp.{}",
    "TRUNCATE": "TRUNCATE qt001_cp.{}",
}
WAYS = {
    "owner": "SET LOCAL ROLE qt001_cp_ledger",
    "superuser": "RESET ROLE",
    "replica": "SET LOCAL session_replication_role = replica",
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("change", CHANGES)
def test_ledger_is_append_only(attempt: Attempt, way: str, change: str) -> None:
    attempt.connection.execute(WAYS[way])
    for table, column in TABLES.items():
        statement = CHANGES[change].format(table, column)
        with pytest.raises(psycopg.Error, match="append-only") as refused, attempt.connection.transaction():
            attempt.connection.execute(statement)
        assert refused.value.sqlstate == "QT201", f"{statement}: {refused.value}"


@pytest.mark.parametrize("replication", ["origin", "replica"])
def test_event_is_stamped_by_the_server(attempt: Attempt, replication: str) -> None:
    attempt.run(f"SET LOCAL session_replication_role = {replication}")
    head = attempt.run("SELECT max(seq) FROM qt001_cp.event")
    attempt.write_event("configured", "x", user=OPERATOR)
    row = attempt.connection.execute(
        "SELECT actor, at > clock_timestamp() - interval '1 minute' FROM qt001_cp.event WHERE seq = %s", [head + 1]
    ).fetchone()
    assert row == (OPERATOR, True)


def test_chain_recomputed(attempt: Attempt) -> None:
    rows = attempt.connection.execute(
        "SELECT seq, epoch, at, actor, verb, subject, detail, prev, digest FROM qt001_cp.v_event ORDER BY seq"
    ).fetchall()
    before = "0" * 64
    for number, (seq, epoch, at, actor, verb, subject, detail, prev, stored) in enumerate(rows, 1):
        assert (seq, prev) == (number, before)
        event = {
            "seq": seq,
            "epoch": epoch,
            "at": at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "actor": actor,
            "verb": verb,
            "subject": subject,
            "detail": detail,
            "prev": prev,
        }
        assert hashlib.sha256(rfc8785.dumps(event)).hexdigest() == stored, f"event {seq}"
        before = stored
    assert [(r[1], r[4]) for r in rows if r[4] in ("cutover", "deployed")] == [(1, "cutover"), (2, "deployed")]
    assert {r[1] for r in rows} == {0, 1, 2}


def test_documents_recomputed(attempt: Attempt) -> None:
    rows = attempt.connection.execute("SELECT kind, digest, body, recorded_by FROM qt001_cp.document").fetchall()
    for kind, stored, body, _ in rows:
        document = json.loads(body)
        assert canonical_bytes(document) == body, kind
        assert digest(body) == stored, kind
        assert document["schema"] == kind
    kinds = {kind for kind, *_ in rows}
    assert {"qt001.policy/1", "qt001.inventory/1", "qt001.manifest.object/1", "qt001.rehearsal/1"} <= kinds
