"""What PostgreSQL answered is the application's text too: in transcript.md nothing of it is markup."""

from __future__ import annotations

import re

from qt001_cp.model.nogo import FAMILIES
from qt001_cp.plan.losses import Loss, losses, unmeant
from qt001_cp.rehearsal.nogo.case import Case, Outcome, Step
from qt001_cp.rehearsal.transcript import Transcript
from tests.conftest import Stage

HOSTILE = "<script>alert(1)</script> <img src=x> [a](https://evil.example) `b` | \x1b[2J \u202egnp\nhttps://evil.example www.evil.example"


def test_nothing_in_a_transcript_is_markup() -> None:
    made = Transcript(manifest="a" * 64, server=HOSTILE)
    made.origin = {"from": HOSTILE, "data": False, "notes": [HOSTILE],
                   "not_cloned": [{"object": HOSTILE, "why": HOSTILE, "meaning": HOSTILE}]}  # fmt: skip
    made.check(HOSTILE, False, HOSTILE)
    made.gates = [("gate", False, HOSTILE)]
    for family in FAMILIES:
        case = Case(family, HOSTILE, (Step("application", f"SELECT '{HOSTILE}'"),), ("42501",))
        made.outcomes.append(Outcome(case, "42501", HOSTILE, "0", "1"))
    made.losses = [Loss(HOSTILE, "table", f"table {HOSTILE}", ("SELECT",), meant, HOSTILE) for meant in (True, False)]
    text = made.to_markdown()
    outside = re.sub(r"`[^`\n]*`", "", re.sub(r"\\`", "", text))
    assert re.findall(r"(?<!\\)<[a-z/]", outside) == []
    assert re.findall(r"https?:|www\.|(?<!\\)\[", outside) == []
    assert all(c.isprintable() or c == "\n" for c in text)
    assert sum(line.startswith("| ✗ |") for line in text.splitlines()) == 2 + len(FAMILIES)
    for line in text.splitlines():
        if line.startswith("| ✗ |"):
            assert len(re.findall(r"(?<!\\)\|", line)) in (4, 6, 7), line


def test_who_loses_what_is_in_the_transcript(at_fix7a_sealed: Stage) -> None:
    """Of third roles one by one; what the policy means is counted by role, kind and verbs, and is in the JSON each."""
    found = losses(at_fix7a_sealed.manifest)
    made = Transcript(losses=found)
    told = made.to_json()["losses"]
    assert [(x["role"], x["object"], tuple(x["verbs"]), x["intended"]) for x in told] == [
        (x.role, x.object, x.verbs, x.intended) for x in found
    ]
    text = made.to_markdown()
    assert f"{len(found)} losses; {len(unmeant(found))} of roles" in text
    rows = re.findall(r"^\| ✓ \| (\S+) \| ([a-z -]+): (\d+) \| (\S.*?) \|", text, re.MULTILINE)
    assert sum(int(count) for _, _, count, _ in rows) == len(found) - len(unmeant(found)) > 0
    assert {(role, kind) for role, kind, _, _ in rows} == {(x.role, x.kind) for x in found if x.intended}
