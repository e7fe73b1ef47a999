"""docs/analysis.md says what the tests say."""

from __future__ import annotations

import os
from pathlib import Path

from . import score
from .test_cases import ALL

PAGE = Path(__file__).parents[2] / "docs" / "analysis.md"


def test_the_page_of_the_score_is_current() -> None:
    text = score.page(ALL)
    if os.environ.get("QT001_WRITE_PAGES"):
        PAGE.write_text(text, "utf-8")
    assert PAGE.read_text("utf-8") == text, (
        f"docs/analysis.md is not current: QT001_WRITE_PAGES=1 scripts/test {__file__}"
    )


def test_at_least_sixty_routines_of_every_style() -> None:
    assert sum(case.source.language in ("sql", "plpgsql") for case in ALL) >= 60
    assert {score.style(case) for case in ALL} >= {
        "PL/pgSQL",
        "PL/pgSQL with dynamic SQL",
        "SQL, string body",
        "SQL, BEGIN ATOMIC or RETURN",
        "view",
    }
