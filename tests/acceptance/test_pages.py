"""docs/gates.md and docs/nogo.md say what the database and its last record say."""

from __future__ import annotations

import os
from pathlib import Path

from tests.acceptance import pages
from tests.conftest import Stage

DOCS = Path(__file__).parents[2] / "docs"


def _same(name: str, text: str) -> None:
    path = DOCS / name
    if os.environ.get("QT001_WRITE_PAGES"):
        path.write_text(text, "utf-8")
    assert path.read_text("utf-8") == text, f"docs/{name} is not current: QT001_WRITE_PAGES=1 scripts/test {__file__}"


def test_the_page_of_gates_is_current(at_fix7c_done: Stage) -> None:
    with at_fix7c_done.connect() as connection:
        rows = connection.execute("SELECT ordinal, gate, meaning FROM qt001_cp.gate() ORDER BY ordinal").fetchall()
    _same("gates.md", pages.gates(rows))


def test_the_page_of_cases_is_current(at_recorded: Stage) -> None:
    with at_recorded.connect() as connection:
        row = connection.execute(
            "SELECT qt001_cp.document_json(detail ->> 'document') FROM qt001_cp.v_event WHERE verb = 'rehearsal_recorded'"
        ).fetchone()
    assert row is not None
    if at_recorded.scene.server.version // 10000 == 18:
        _same("nogo.md", pages.nogo(row[0]))
