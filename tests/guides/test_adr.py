"""docs/adr: every decision has a number, a status, a date and a price, and the index has them all."""

from __future__ import annotations

import re

import pytest

from tests.guides.adr import FOLDER, Decision, decisions, render


def test_the_index_is_current() -> None:
    assert (FOLDER / "README.md").read_text("utf-8") == render(), "python -m tests.guides.adr > docs/adr/README.md"


def test_numbers_are_without_a_hole() -> None:
    assert [d.number for d in decisions()] == [f"{n:04}" for n in range(1, len(decisions()) + 1)]


@pytest.mark.parametrize("decision", decisions(), ids=lambda d: d.number)
def test_a_decision_names_its_price_and_what_it_names_is_there(decision: Decision) -> None:
    text = (FOLDER / decision.file).read_text("utf-8")
    assert re.search(r"^(## Price|\*\*Price)", text, re.MULTILINE)
    for name in re.findall(r"\]\((\d{4}-[a-z0-9-]+\.md)", text):
        assert (FOLDER / name).exists(), name
