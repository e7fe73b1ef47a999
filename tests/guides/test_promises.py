"""docs/promises.md: each sentence has tests, and they are there."""

from __future__ import annotations

import pytest

from tests.guides.promises import PRODUCT, ROOT, SUCCESSION, functions, render


def test_the_page_is_up_to_date() -> None:
    assert (ROOT / "docs" / "promises.md").read_text("utf-8") == render(), (
        "python -m tests.guides.promises > docs/promises.md"
    )


@pytest.mark.parametrize(("said", "tests"), [*SUCCESSION, *PRODUCT])
def test_each_sentence_has_its_tests(said: str, tests: tuple[str, ...]) -> None:
    for test in tests:
        file, _, name = test.partition("::")
        assert name in functions(file), said
