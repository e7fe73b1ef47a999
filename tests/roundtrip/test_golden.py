"""What is emitted, pinned: by the operations, by emit.statements, and by PostgreSQL itself. All three are the same.

A new golden file is written by running this module: ``python -m tests.roundtrip.test_golden``.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations

import qt001_cp.ops  # noqa: F401 - registers the operations
from qt001_cp.emit.quoting import identifier
from qt001_cp.emit.statements import statements
from qt001_cp.model.steps import Grant
from qt001_cp.plan.order import Direction
from qt001_cp.rehearsal.scene import AUTHOR
from tests.conftest import Stage
from tests.roundtrip import awkward

GOLDEN = Path(__file__).parent / "golden"


def _printed(use: Callable[[Any], None]) -> str:
    """What Alembic prints of the operations that ``use`` asks for."""
    buffer = io.StringIO()
    context = MigrationContext.configure(dialect_name="postgresql", opts={"as_sql": True, "output_buffer": buffer})
    use(Operations(context))
    return buffer.getvalue()


def _one_by_one(op: Any) -> None:
    """One object after the other."""
    for o in awkward.manifest().objects:
        before, owner, after = awkward.steps(o.ref)
        for step in before:
            op.revoke_privileges(o.ref, step, detail=o.detail)
        if owner is not None:
            op.transfer_ownership(o.ref, owner.old, owner.new)
        for step in after:
            assert isinstance(step, Grant)
            op.grant_privileges(o.ref, step, detail=o.detail)


def _operations() -> str:
    return _printed(_one_by_one)


def _forward() -> str:
    return "".join(line + "\n" for line in statements(awkward.manifest(), "forward"))


def _applied() -> str:
    """What the one operation of the revision emits, the blocks and their strings."""
    return _printed(lambda op: op.apply_manifest(awkward.manifest(), "forward"))


def _pinned(name: str) -> str:
    with (GOLDEN / name).open(encoding="utf-8", newline="") as file:
        return file.read()


def test_operations_emit_what_is_pinned() -> None:
    assert _operations() == _pinned("operations.sql")


def test_statements_are_what_is_pinned() -> None:
    assert _forward() == _pinned("forward.sql")
    assert sorted(_forward().splitlines()) == sorted(filter(None, _operations().splitlines()))


def test_blocks_are_what_is_pinned() -> None:
    assert _applied() == _pinned("blocks.sql")


@pytest.mark.parametrize("direction", ["forward", "restore"])
def test_postgresql_implies_the_same(at_fix7a_sealed: Stage, direction: Direction) -> None:
    manifest = awkward.manifest()
    with at_fix7a_sealed.connect(AUTHOR) as author:
        author.execute("SELECT qt001_cp.propose_manifest(%s)", [manifest.body()])
        rows = author.execute(
            "SELECT statement FROM qt001_cp.implied_statement(%s, %s) ORDER BY number", [manifest.digest(), direction]
        ).fetchall()
    assert tuple(r[0] for r in rows) == statements(manifest, direction)


def _characters() -> Iterator[str]:
    """All below U+3000, those of the invisible ranges, and neighbours; neither NUL nor surrogates."""
    ranges = (
        (1, 0x3000),
        (0xE000, 0xE010),
        (0xFDD0, 0xFE20),
        (0xFEF0, 0x10010),
        (0x1F600, 0x1F610),
        (0xDFFF0, 0xE0200),
    )
    for start, end in ranges:
        yield from map(chr, range(start, end))


def test_quoting_is_the_same_on_both_sides(at_fix7a_sealed: Stage) -> None:
    names = [f"a{c}b" for c in _characters()] + [
        *awkward.NAMES,
        "",
        '"',
        "\\",
        "a\\0041",
        'U&"a"',
        "\n\n",
        "a\u200bb\U000e0041\\",
    ]
    with at_fix7a_sealed.connect() as connection:
        query = (
            "SELECT qt001_cp.quote_always(n) FROM unnest(%s::text[]) WITH ORDINALITY AS x(n, number) ORDER BY number"
        )
        quoted = [r[0] for r in connection.execute(query, [names])]
        for name, theirs in zip(names, quoted, strict=True):
            assert identifier(name) == theirs, ascii(name)
        assert list(_read_back(connection, names)) == [n for n in names if n]


def _read_back(connection: psycopg.Connection, names: list[str]) -> Iterator[str]:
    """What PostgreSQL understands: each quoted name as the name of a column."""
    given = [n for n in names if n]
    for start in range(0, len(given), 1000):
        columns = ", ".join(f"1 AS {identifier(n)}" for n in given[start : start + 1000])
        with psycopg.RawCursor(connection) as cursor:
            cursor.execute(f"SELECT {columns}".encode())
            yield from (c.name for c in cursor.description or ())


if __name__ == "__main__":
    GOLDEN.mkdir(exist_ok=True)
    for name, text in (("operations.sql", _operations()), ("forward.sql", _forward()), ("blocks.sql", _applied())):
        with (GOLDEN / name).open("w", encoding="utf-8", newline="") as file:
            file.write(text)
