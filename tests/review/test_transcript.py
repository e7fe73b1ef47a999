"""What PostgreSQL answered is the application's text too: in transcript.md nothing of it is markup."""

from __future__ import annotations

import re

from qt001_cp.model.nogo import FAMILIES
from qt001_cp.rehearsal.nogo.case import Case, Outcome, Step
from qt001_cp.rehearsal.transcript import Transcript

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
    text = made.to_markdown()
    outside = re.sub(r"`[^`\n]*`", "", re.sub(r"\\`", "", text))
    assert re.findall(r"(?<!\\)<[a-z/]", outside) == []
    assert re.findall(r"https?:|www\.|(?<!\\)\[", outside) == []
    assert all(c.isprintable() or c == "\n" for c in text)
    assert sum(line.startswith("| ✗ |") for line in text.splitlines()) == 1 + len(FAMILIES)
    for line in text.splitlines():
        if line.startswith("| ✗ |"):
            assert len(re.findall(r"(?<!\\)\|", line)) in (4, 7), line
