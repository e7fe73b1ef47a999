"""docs/audit-faults.md lists the faults that the tests of the audit seed."""

from __future__ import annotations

import os
from pathlib import Path

from tests.audit import test_audit, test_our_faults, test_pack, test_sign_off, test_wrong_modules

PAGE = Path(__file__).parents[2] / "docs" / "audit-faults.md"
HEAD = """\
# What the audit finds when a part of this project is wrong

Made by `tests/audit/test_page.py` (`QT001_WRITE_PAGES=1 scripts/test tests/audit` renews it). Each line is a test: the fault is
seeded, `qt001-cp audit` runs, ends with exit code 3, and says the words.

In the first table the module itself is replaced by a wrong one, and the refusals of the database are switched off, all of them:
the fault reaches the live database. In the second a superuser leaves behind what such a fault would leave. In the third the
module writes a file that leaves the database: a signed statement (`--envelope`) or a review pack (`--pack`); all go to the check
itself, and one of each through the command.

"""
TAIL = """
What it does not see:

- Of the analysis: `tests/audit/test_edges.py` takes each relation and routine out of the evidence, one at a time. The audit
  notices every loss, but that of overloads that a view does not call, and of the guard, for which it reads the sources; against the hand-made
  truth of the analyser's tests it is `tests/audit/test_bodies.py` that says what it sees and where it says too much. A name that a
  routine in another language holds, or a string that is put together at run time, has to be an unknown of the evidence; that it
  is one is looked at. Types are not.
- `workflow/preflight`: nothing rests on its answer. The cutover asks the same in the database, and the audit looks at what came out.
- `review`: index, changes, SARIF and transcript are compared with their sums only. `fix7c.sql` carries the files of a
  stage: step 1 of [auditor](auditor.md) compares those. `report`: a page for reading, evidence for nothing.
- Its own signatures: with a wrong encoding it would sign and take what nobody else does. openssl says so (step 7 of
  [auditor](auditor.md)); `tests/audit/test_signature.py` has the audit's encoding and its check replaced, and openssl refuse.
- A superuser who rewrites ledger and chain before anybody has kept a head of it.
"""


def _table(head: str, rows: list[tuple[str, str, str]]) -> str:
    lines = [f"| {head} | check of the audit | words |", "| --- | --- | --- |"]
    return "\n".join(lines + [f"| {a} | {b} | `{c}` |" for a, b, c in rows]) + "\n"


def test_the_page_of_faults_is_current() -> None:
    ours = [(name, check, words) for name, (_, _, check, words) in test_our_faults.FAULTS.items()]
    ours += [(name, check, words) for name, (_, check, words) in test_wrong_modules.FAULTS.items()]
    files = [(name, "envelope", words) for name, (_, words) in test_sign_off.FAULTS.items()]
    files += [(name, "pack", f"{script}: {words}") for name, (script, _, words) in test_pack.FAULTS.items()]
    left = [(name, check, words) for name, (_, check, words) in test_audit.FAULTS.items()]
    text = HEAD + _table("the wrong module", ours) + "\n" + _table("what is left behind", left)
    text += "\n" + _table("the wrong file", files) + TAIL
    if os.environ.get("QT001_WRITE_PAGES"):
        PAGE.write_text(text, "utf-8")
    assert PAGE.read_text("utf-8") == text, (
        "docs/audit-faults.md is not current: QT001_WRITE_PAGES=1 scripts/test tests/audit"
    )
