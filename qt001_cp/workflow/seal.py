"""Proposing (author) and sealing (operator): both only call the controlled functions of the database."""

from __future__ import annotations

import psycopg

from qt001_cp.emit.script import restore_digest
from qt001_cp.model.manifest import ObjectManifest
from qt001_cp.workflow.refusal import refusals


def propose(connection: psycopg.Connection, manifest: ObjectManifest) -> str:
    """Register the candidate as the author; returns the digest that the server computed. Raises :class:`Refused`."""
    with refusals():
        row = connection.execute("SELECT qt001_cp.propose_manifest(%s)", [manifest.body()]).fetchone()
    assert row is not None
    return str(row[0])


def seal(connection: psycopg.Connection, manifest: ObjectManifest) -> None:
    """Seal the candidate and register its restore script, as the operator, in one transaction."""
    with refusals(), connection.transaction():
        connection.execute("SELECT qt001_cp.seal_manifest(%s)", [manifest.digest()])
        connection.execute("SELECT qt001_cp.register_restore(%s, %s)", [manifest.digest(), restore_digest(manifest)])


def record_rehearsal(connection: psycopg.Connection, record: bytes) -> None:
    """Record what PostgreSQL answered in the no-go rehearsal, as the operator."""
    with refusals():
        connection.execute("SELECT qt001_cp.record_rehearsal(%s)", [record])
