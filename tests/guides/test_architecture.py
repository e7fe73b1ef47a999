"""docs/architecture.md lists what is there."""

from __future__ import annotations

from tests.guides.architecture import PAGE, render


def test_the_tables_are_current() -> None:
    text = PAGE.read_text("utf-8")
    assert text == render(text), "python -m tests.guides.architecture"
