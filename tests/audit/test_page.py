"""docs/audit-faults.md lists the faults that the tests of the audit seed."""

from __future__ import annotations

import os
from pathlib import Path

from tests.audit import test_audit, test_our_faults

PAGE = Path(__file__).parents[2] / "docs" / "audit-faults.md"
HEAD = """\
# What the audit finds when a part of this project is wrong

Made by `tests/audit/test_page.py` (`QT001_WRITE_PAGES=1 scripts/test tests/audit` renews it). Each line is a test: the fault is
seeded, `qt001-cp audit` runs, ends with exit code 3, and says the words.

In the first table the module itself is replaced by a wrong one, and the refusals of the database are switched off, all of them:
the fault reaches the live database. In the second a superuser leaves behind what such a fault would leave.

"""


def _table(head: str, rows: list[tuple[str, str, str]]) -> str:
    lines = [f"| {head} | check of the audit | words |", "| --- | --- | --- |"]
    return "\n".join(lines + [f"| {a} | {b} | `{c}` |" for a, b, c in rows]) + "\n"


def test_the_page_of_faults_is_current() -> None:
    ours = [(name, check, words) for name, (_, _, check, words) in test_our_faults.FAULTS.items()]
    left = [(name, check, words) for name, (_, check, words) in test_audit.FAULTS.items()]
    text = HEAD + _table("the wrong module", ours) + "\n" + _table("what is left behind", left)
    if os.environ.get("QT001_WRITE_PAGES"):
        PAGE.write_text(text, "utf-8")
    assert PAGE.read_text("utf-8") == text, (
        "docs/audit-faults.md is not current: QT001_WRITE_PAGES=1 scripts/test tests/audit"
    )
