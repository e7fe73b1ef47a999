"""Each condition that is taken out of the gates' SQL is noticed by a case, or stands in the list of equivalent ones.

All mutants take about a minute and a half; a run takes a sample, ``QT001_TEST_MUTANTS=all`` (or ``-m slow``) all.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from zlib import crc32

import pytest

from qt001_cp.rehearsal.scene import drop_scene
from tests.acceptance.attempt import Attempt
from tests.acceptance.closers import CLOSERS, Closer
from tests.acceptance.conditions import CONDITIONS, STAYS
from tests.acceptance.stays_open import Stays
from tests.acceptance.support import open_all
from tests.conftest import Library
from tests.mutation.equivalent import ELSEWHERE, EQUIVALENT
from tests.mutation.page import RESULTS, counts, write
from tests.mutation.trial import Case, Court
from tests.mutation.world import read_world

SAMPLE = 8
"""One mutant in so many, by the checksum of its words."""
OLDEST = 170000
"""Some conditions speak of what only this version and later have: MAINTAIN, options of memberships."""


@pytest.fixture(scope="module")
def court(library: Library) -> Iterator[Court]:
    """All mutants of everything that the gates' queries reach, before any has been judged."""
    if library.server.version < OLDEST:
        pytest.skip(
            f"needs PostgreSQL {OLDEST // 10000}: MAINTAIN and the options of memberships are among the conditions"
        )
    stage = library.copy("fix7c")
    open_all(stage)
    with stage.connect() as connection:
        connection.execute("BEGIN")
        made = Court(Attempt(connection, stage), read_world(connection))
        made.take(sorted(made.world.judged() - set(ELSEWHERE)))
        yield made
        connection.execute("ROLLBACK")
    drop_scene(stage.scene)


@pytest.mark.parametrize("case", CONDITIONS, ids=str)
def test_a_condition_closes_its_gate(court: Court, case: Closer) -> None:
    opened, reason = court.answer(case)
    assert not opened
    assert case.named in reason


@pytest.mark.parametrize("case", STAYS, ids=str)
def test_the_other_side_of_a_condition_leaves_its_gate_open(court: Court, case: Stays) -> None:
    assert court.answer(case) == (True, "")


def _judged(court: Court, share: int) -> Court:
    """A court with some of the mutants, after all cases."""
    some = Court(court.attempt, court.world, [t for t in court.trials if crc32(t.key.encode()) % share == 0])
    some.all_open()
    some.gate_less()
    cases: tuple[Case, ...] = (*CLOSERS, *CONDITIONS, *STAYS)
    for case in cases:
        some.hear(case)
    return some


def _unnoticed(court: Court) -> list[str]:
    return [t.key for t in court.trials if t.alive and t.mutant.what not in EQUIVALENT.get(t.routine, {})]


@pytest.mark.slow
@pytest.mark.skipif(os.environ.get("QT001_TEST_MUTANTS") == "all", reason="all of them run")
def test_a_sample_of_mutants_is_noticed(court: Court) -> None:
    judged = _judged(court, SAMPLE)
    assert len(judged.trials) >= 40
    assert _unnoticed(judged) == []


@pytest.mark.slow
@pytest.mark.skipif(os.environ.get("QT001_TEST_MUTANTS") != "all", reason="QT001_TEST_MUTANTS=all judges every mutant")
def test_every_mutant_is_noticed_or_equivalent(court: Court) -> None:
    judged = _judged(court, 1)
    unnoticed = _unnoticed(judged)
    assert not unnoticed, "\n".join(unnoticed)
    alive = {(t.routine, t.mutant.what) for t in judged.trials if t.alive}
    idle = [f"{name} | {what}" for name, listed in EQUIVALENT.items() for what in listed if (name, what) not in alive]
    assert idle == [], "called equivalent, but noticed"
    if os.environ.get("QT001_WRITE_PAGES"):
        write(judged)


def test_the_results_are_of_these_mutants(court: Court) -> None:
    """docs/gates-mutation.md was made of a run over exactly the conditions that the SQL has today."""
    kept = json.loads(RESULTS.read_text("utf-8"))
    assert {name: line["mutants"] for name, line in kept.items()} == counts(court), (
        "QT001_TEST_MUTANTS=all QT001_WRITE_PAGES=1 scripts/test tests/mutation"
    )
    assert all(Path(__file__).parents[2].joinpath(test).exists() for tests in ELSEWHERE.values() for test in tests)
