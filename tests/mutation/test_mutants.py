"""Each condition that is taken out of the gates' SQL is noticed by a case, or stands in the list of equivalent ones.

A run takes a sample of the routines that have been judged; ``QT001_TEST_MUTANTS=all`` all mutants, which takes long;
``QT001_TEST_MUTANTS=ROUTINE,…`` those of some routines, after a change of these alone; ``QT001_TEST_MUTANTS=unjudged`` those of all
routines that have changed since they were judged. With QT001_WRITE_PAGES=1 what is judged is kept group by group, so that a run
that is ended has not run in vain.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from itertools import groupby
from pathlib import Path

import pytest

from qt001_cp.model.canonical import Json
from qt001_cp.rehearsal.scene import drop_scene
from qt001_cp.workflow.bundle import Files
from tests.acceptance.attempt import Attempt
from tests.acceptance.closers import CLOSERS, Closer
from tests.acceptance.conditions import CONDITIONS, STAYS
from tests.acceptance.stays_open import Stays
from tests.acceptance.support import open_all, redeploy
from tests.conftest import Library, Stage
from tests.mutation.equivalent import ELSEWHERE, EQUIVALENT
from tests.mutation.page import RESULTS, judged, keep, noticed, unjudged, write
from tests.mutation.trial import SIGNED, Case, Court, Trial
from tests.mutation.world import read_world

ASKED = os.environ.get("QT001_TEST_MUTANTS", "")
DAY = 86_400
SAMPLE = 8
"""One mutant in so many, by the checksum of its words."""
ENDLESS = "30s"
"""A recursion without its condition has no end; that is noticed too. A look at one gate takes a fifth of a second."""
GROUP = 10
"""Mutants that are judged together, each case once for all of them: at least so many, and whole routines."""
FEWEST = 60
"""A smaller sample says nothing: most routines would not have been judged."""
OLDEST = 170000
"""Some conditions speak of what only this version and later have: MAINTAIN, options of memberships."""


@pytest.fixture(scope="module")
def court(library: Library) -> Iterator[Court]:
    """All mutants of everything that the gates' queries reach, before any has been judged."""
    if library.server.version < OLDEST:
        pytest.skip(
            f"needs PostgreSQL {OLDEST // 10000}: MAINTAIN and the options of memberships are among the conditions"
        )
    stage = _patient(library.copy("fix7c"))
    open_all(stage)
    with stage.connect() as connection:
        connection.execute(f"SET statement_timeout = '{ENDLESS}'")
        connection.execute("BEGIN")
        made = Court(Attempt(connection, stage), read_world(connection))
        made.take(sorted(made.world.judged() - set(ELSEWHERE)))
        yield made
        connection.execute("ROLLBACK")
    drop_scene(stage.scene)


def _patient(stage: Stage) -> Stage:
    """Judging all mutants may take longer than a run of the verifier is good for."""

    def longer(readiness: Json) -> None:
        readiness["verifier"]["max_age_seconds"] = DAY

    assert stage.bundle is not None
    body = redeploy(stage, "readiness.json", longer)
    bodies = {**stage.bundle.files, "readiness.json": body}
    files = Files({name: partial(_whole, of) for name, of in bodies.items()})
    return replace(stage, bundle=replace(stage.bundle, files=files))


def _whole(body: bytes) -> Iterable[bytes]:
    return (body,)


@pytest.mark.slow
@pytest.mark.parametrize("case", CONDITIONS, ids=str)
def test_a_condition_closes_its_gate(court: Court, case: Closer) -> None:
    opened, reason = court.answer(case)
    assert not opened
    assert case.named in reason


@pytest.mark.slow
@pytest.mark.parametrize("case", STAYS, ids=str)
def test_the_other_side_of_a_condition_leaves_its_gate_open(court: Court, case: Stays) -> None:
    assert court.answer(case) == (True, "")


def _judged(court: Court, trials: list[Trial]) -> Court:
    """A court with these mutants, after all cases: first the one that has noticed it before, then the others."""
    some = Court(court.attempt, court.world, trials)
    some.all_open()
    some.gate_less()
    before = noticed()
    cases: tuple[Case, ...] = (*CLOSERS, *CONDITIONS, *STAYS)
    for case in cases:
        some.hear(case, [t for t in trials if before.get(t.sum) == str(case)])
    for case in reversed(cases):  # The newest are about the newest routines.
        if case.gate != SIGNED:
            some.hear(case)
    some.hear_signed([case for case in cases if case.gate == SIGNED])
    return some


def _unnoticed(court: Court) -> list[str]:
    return [t.key for t in court.trials if t.alive and t.mutant.what not in EQUIVALENT.get(t.routine, {})]


@pytest.mark.slow
@pytest.mark.skipif(bool(ASKED), reason="others run")
def test_a_sample_of_mutants_is_noticed(court: Court) -> None:
    """Of the routines that docs/gates-mutation.md calls judged: of the others nobody says that a case notices theirs."""
    known = judged(court)
    every = [t for t in court.trials if t.routine in known and t.mutant.what not in EQUIVALENT.get(t.routine, {})]
    sample = [t for t in every if t.sum % SAMPLE == 0]
    assert len(sample) >= FEWEST
    assert len(sample) * 2 * SAMPLE >= len(every)
    assert _unnoticed(_judged(court, sample)) == []


@pytest.mark.slow
@pytest.mark.skipif(not ASKED, reason="QT001_TEST_MUTANTS=all judges every mutant")
def test_every_mutant_is_noticed_or_equivalent(court: Court) -> None:
    known = judged(court) if ASKED == "unjudged" else frozenset()
    named = {t.routine for t in court.trials} - known if ASKED in ("all", "unjudged") else set(ASKED.split(","))
    asked = [t for t in court.trials if t.routine in named]
    unnoticed, alive = [], set()
    for group in _groups(asked):
        tried = _judged(court, group)
        missed = _unnoticed(tried)
        unnoticed += missed
        print(*sorted({t.routine for t in group}), *missed, sep="\n  ", flush=True)
        alive |= {(t.routine, t.mutant.what) for t in tried.trials if t.alive}
        if os.environ.get("QT001_WRITE_PAGES"):
            lacking = {t.routine for t in tried.trials if t.key in missed}
            write(Court(court.attempt, court.world, [t for t in group if t.routine not in lacking]), court)
    assert not unnoticed, "\n".join(unnoticed)
    listed = [(name, what) for name in named for what in EQUIVALENT.get(name, {})]
    assert sorted(set(listed) - alive) == [], "called equivalent, but noticed"
    assert ASKED != "all" or sorted(set(EQUIVALENT) - named) == [], "no such routine"


def _groups(trials: list[Trial]) -> Iterator[list[Trial]]:
    """Whole routines, in their order."""
    group: list[Trial] = []
    for _, of_one in groupby(trials, key=lambda t: t.routine):
        group += of_one
        if len(group) >= GROUP:
            yield group
            group = []
    if group:
        yield group


@pytest.mark.slow
def test_the_results_are_of_these_mutants(court: Court) -> None:
    """docs/gates-mutation.md says of each routine of today how its mutants were judged, or that they have not been since."""
    lines = unjudged(court)
    if os.environ.get("QT001_WRITE_PAGES") and not ASKED:
        keep(lines)
    assert json.loads(RESULTS.read_text("utf-8")) == lines, "QT001_WRITE_PAGES=1 scripts/test tests/mutation"
    assert all(Path(__file__).parents[2].joinpath(test).exists() for tests in ELSEWHERE.values() for test in tests)
