"""Blocks of SQL around statements: the text that is printed, reviewed and run, online and offline alike."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from qt001_cp.emit.quoting import dollar_quoted, literal
from qt001_cp.emit.statements import statements
from qt001_cp.model.canonical import digest
from qt001_cp.model.manifest import ObjectManifest
from qt001_cp.plan.order import Direction

BLOCK: Final = 2000
"""Statements in one DO block: one round trip, still readable."""


def statement_blocks(manifest: ObjectManifest, direction: Direction) -> Iterator[str]:
    """The statements of one direction in DO blocks. Each first has PostgreSQL compare its own text with the manifest.

    The tag of the quote comes from the manifest's digest: no object name can end the block early.
    """
    lines = statements(manifest, direction)
    manifest_digest = manifest.digest()
    for start in range(0, len(lines), BLOCK):
        part = lines[start : start + BLOCK]
        body = (
            "\nBEGIN\n"
            f"PERFORM qt001_cp.require_statements({literal(manifest_digest)}, {literal(direction)},"
            f" pg_catalog.current_query(), {start + 1}, {start + len(part)});\n" + "\n".join(part) + "\nEND\n"
        )
        yield "DO " + dollar_quoted(body, f"qt001_{manifest_digest[:16]}")
    yield perform(f"qt001_cp.require_last_statement({literal(manifest_digest)}, {literal(direction)}, {len(lines)})")


def perform(call: str) -> str:
    """Call a function of ours for its effect or its refusal, without a result for psql to print."""
    return "DO " + dollar_quoted(f" BEGIN PERFORM {call}; END ", "qt001")


def restore_digest(manifest: ObjectManifest) -> str:
    """sha256 of the restore statements, one a line: what is registered for the manifest."""
    return statements_digest(statements(manifest, "restore"))


def statements_digest(lines: Sequence[str]) -> str:
    return digest("".join(line + "\n" for line in lines).encode())


def document_literal(body: bytes) -> str:
    """Canonical bytes as an SQL expression of type bytea, readable for a reviewer."""
    return f"pg_catalog.convert_to({literal(body.decode())}, 'UTF8')"
