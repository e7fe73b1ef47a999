"""The figures of CONTRIBUTING.md: what is counted, and that the page has today's list of them."""

from __future__ import annotations

import ast
import subprocess

import pytest

from tests import figures


def _function(text: str) -> figures.Function:
    found = ast.parse(text).body[0]
    assert isinstance(found, ast.FunctionDef)
    return found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("def f(): return 1", 1),
        ("def f(a, b):\n    if a and b or a: return 1", 4),
        ("def f(a):\n    for x in a:\n        while x: x -= 1", 3),
        ("def f(a): return [x for x in a if x if x > 1]", 4),
        ("def f(a):\n    try: return 1 if a else 2\n    except ValueError: return 3", 3),
        ("def f(a):\n    def g(b):\n        if b: return 1\n    return g", 1),
    ],
)
def test_each_decision_counts(text: str, found: int) -> None:
    assert figures.complexity(_function(text)) == found


def test_the_longest_function_is_that_of_the_file() -> None:
    said = dict(figures.sql_figures())["longest SQL function"]
    size, name = said.split(" lines, ")
    texts = [path.read_text("utf-8") for path in figures.files("qt001_cp/sql/*.sql")]
    (text,) = [t for t in texts if f"CREATE FUNCTION {name}(" in t]
    after = text.partition(f"CREATE FUNCTION {name}(")[2].splitlines()
    tag = next(line.split("AS ")[1] for line in after if line.startswith("AS $"))
    assert after.index(f"{tag};") + 1 == int(size)


def test_the_page_has_the_figures_that_are_measured() -> None:
    said = subprocess.run(["scripts/figures"], cwd=figures.ROOT, capture_output=True, text=True, check=True).stdout
    page = figures.PAGE.read_text("utf-8")
    assert len(said.splitlines()) == 12
    for line in said.splitlines():
        assert f"| {line.strip().split('  ', 1)[1]} | " in page
