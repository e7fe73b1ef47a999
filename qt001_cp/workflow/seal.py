"""Proposing (author), sealing and withdrawing (operator): all only call the controlled functions of the database."""

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
    """Seal the candidate, register its restore script and record the digests of rows, as the operator, in one transaction."""
    with refusals(), connection.transaction():
        connection.execute("SELECT qt001_cp.seal_manifest(%s)", [manifest.digest()])
        connection.execute("SELECT qt001_cp.register_restore(%s, %s)", [manifest.digest(), restore_digest(manifest)])
        # The rows are read with the rights of this session, and recorded by the controlled function.
        content = "SELECT qt001_cp.record_content(%s, qt001_cp.content_now(%s))"
        connection.execute(content, [manifest.digest(), manifest.digest()])


def withdraw(connection: psycopg.Connection, digest: str, reason: str) -> None:
    """Withdraw a sealed manifest that waits, as the operator. Raises :class:`Refused`, for the deployed one before all."""
    with refusals():
        connection.execute("SELECT qt001_cp.withdraw_manifest(%s, %s)", [digest, reason])


def record_rehearsal(connection: psycopg.Connection, record: bytes) -> None:
    """Record what PostgreSQL answered in the no-go rehearsal, as the operator."""
    with refusals():
        connection.execute("SELECT qt001_cp.record_rehearsal(%s)", [record])
