"""The page of SQLSTATEs has every code that is raised, and no other; every verb's help has an example that parses."""

from __future__ import annotations

import argparse
import re
import shlex

import pytest

from qt001_cp.cli.main import _parser
from qt001_cp.workflow.revisions import project_folder

CODE = re.compile(r"QT\d{3}(?!\d)")


def test_every_code_that_is_raised_is_explained_and_no_other() -> None:
    root = project_folder()
    places = [
        p
        for name in ("qt001_cp", "alembic", "scripts")
        for p in (root / name).rglob("*")
        if p.suffix in (".py", ".sql")
    ]
    raised = {c for p in places for c in CODE.findall(p.read_text("utf-8")) if c != "QT001"}
    page = (root / "docs" / "sqlstates.md").read_text("utf-8")
    assert raised == set(re.findall(r"^\| (QT\d{3}) \|", page, re.MULTILINE))


def _verbs(parser: argparse.ArgumentParser, name: str = "qt001-cp") -> dict[str, argparse.ArgumentParser]:
    below = [a for a in parser._actions if isinstance(a, argparse._SubParsersAction)]
    if not below:
        return {name: parser}
    return {k: v for a in below for n, p in a.choices.items() for k, v in _verbs(p, f"{name} {n}").items()}


@pytest.mark.parametrize("verb", _verbs(_parser()))
def test_every_verb_has_examples_that_parse(verb: str) -> None:
    text = _verbs(_parser())[verb].format_help()
    lines = [line.strip() for line in text.partition("examples:")[2].splitlines() if line.strip().startswith(verb)]
    assert lines, f"{verb} --help has no example"
    for line in lines:
        words = shlex.split(re.split(r" (?:>|\||&&) ", line)[0], comments=True)[1:]
        assert _parser().parse_args(words)
