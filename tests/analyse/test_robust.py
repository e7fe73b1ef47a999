"""Whatever stands in a routine: the analyser answers, and does not fall silent."""

from __future__ import annotations

import dataclasses
import random

import pytest

from qt001_cp.analyse.analyser import analyse

from .estate import NAMES, Case, plpgsql, sql
from .test_cases import ALL

_PIECES = (
    "'", '"', "$$", "(", ")", "[", "]", ";", "begin", "end", "loop", "if", "then", "into", "execute", "for", "in", "..",
    ":=", ".", "/*", "*/", "--", "%type", "using", "declare", "cursor", "::", "case", "when", "E'\\", "fetch", "open",
    "raise", ",", "\ue001", "é", "$1", "<<", ">>", "#", "\0", "get diagnostics",
)  # fmt: skip  # one case a line


def _damaged(text: str, rng: random.Random) -> str:
    for _ in range(rng.randint(1, 4)):
        at, other = rng.randrange(len(text) + 1), rng.randrange(len(text) + 1)
        text = rng.choice(
            (
                f"{text[:at]} {rng.choice(_PIECES)} {text[at:]}",
                text[:at] + text[at + rng.randint(1, 12) :],
                text[:at] + text[other : other + 20] + text[at:],
            )
        )
    return text


def test_damaged_routines_never_raise() -> None:
    rng = random.Random(20)
    for case in ALL:
        for _ in range(12):
            source = dataclasses.replace(case.source, definition=_damaged(case.source.definition, rng))
            assert analyse(source, NAMES).identity == source.identity


_DEEP = 100_000
_DEEP_CASES = {
    "operators": sql("x", "select 1 from app.queue where 1" + "-1" * _DEEP),
    "casts": sql("x", "select 1 from app.queue where a" + "::int" * _DEEP),
    "parentheses": sql("x", "select " + "(" * _DEEP + "select 1 from app.queue" + ")" * _DEEP),
    "unions": sql("x", "select 1 from app.queue" + " union select 1" * _DEEP),
    "blocks": plpgsql("x", "begin " * 5000 + "delete from app.queue;" + " end;" * 5000),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", _DEEP_CASES)
def test_text_made_to_crash_the_parser_is_unknown(name: str) -> None:
    found = analyse(_DEEP_CASES[name].source, NAMES)
    assert {each.rule for each in found.unknown} == {"parse-error", "lexical-mismatch"}


@pytest.mark.parametrize("case", [case for case in ALL if case.edges], ids=lambda case: str(case.name))
def test_a_body_that_is_cut_off_is_never_silent(case: Case) -> None:
    """Without its last word the body loses an edge only if something is unknown (views and SQL may still parse)."""
    if case.source.language != "plpgsql":
        return
    body = case.source.definition.rpartition("end")[0]
    whole = analyse(case.source, case.names)
    found = analyse(dataclasses.replace(case.source, definition=body + "$function$"), case.names)
    assert found.unknown
    assert {edge.identity for edge in found.edges} <= {edge.identity for edge in whole.edges}
