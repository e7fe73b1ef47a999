"""docs/routes.md says what the routes say."""

from __future__ import annotations

from pathlib import Path

from tests.routes.table import render


def test_the_page_is_current() -> None:
    page = Path(__file__).parents[2] / "docs" / "routes.md"
    assert page.read_text("utf-8") == render(), "python -m tests.routes.table > docs/routes.md"
