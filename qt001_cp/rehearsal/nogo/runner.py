"""Runs cases and keeps what PostgreSQL really answered."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby

import psycopg
from psycopg import sql

from qt001_cp.rehearsal.nogo.case import Case, Outcome, Step
from qt001_cp.rehearsal.scene import Scene
from qt001_cp.rehearsal.state import protected_state


def run_cases(scene: Scene, cases: Iterable[Case], application: str) -> list[Outcome]:
    """Run each case in a transaction of its own that is rolled back; the state is read before and after each family."""
    outcomes: list[Outcome] = []
    with scene.connect() as watcher, scene.connect() as actor:
        before = protected_state(watcher, application)
        for _, group in groupby(cases, key=lambda c: c.family):
            family = [_attempt(actor, case, scene.cast) for case in group]
            before = _stamp(family, before, protected_state(watcher, application))
            outcomes += family
    return outcomes


def run_batch(scene: Scene, cases: Sequence[Case], application: str) -> list[Outcome]:
    """Run many one-statement cases as real logins; the state is read before and after each role's batch."""
    outcomes: list[Outcome] = []
    with scene.connect() as watcher:
        before = protected_state(watcher, application)
        for role, group in groupby(cases, key=lambda c: c.attack.role):
            with scene.connect(scene.cast[role]) as actor:
                batch = list(_answers(actor, group, scene.cast[role]))
            before = _stamp(batch, before, protected_state(watcher, application))
            outcomes += batch
    return outcomes


def _stamp(outcomes: Iterable[Outcome], before: str, after: str) -> str:
    for outcome in outcomes:
        outcome.state_before, outcome.state_after = before, after
    return after


def _answers(actor: psycopg.Connection, cases: Iterable[Case], login: str) -> Iterator[Outcome]:
    """Each statement in autocommit: what is not refused stays done, and shows in the state."""
    for case in cases:
        try:
            actor.execute(case.attack.statement)
        except psycopg.Error as exc:
            yield Outcome(case, exc.sqlstate or "no answer", exc.diag.message_primary or str(exc), login=login)
        else:
            yield Outcome(case, "00000", "not refused", login=login)


def _attempt(actor: psycopg.Connection, case: Case, cast: Mapping[str, str]) -> Outcome:
    login = cast[case.attack.role]
    done: list[Step] = []
    actor.execute("BEGIN")
    try:
        for step in case.steps:
            _become(actor, cast[step.role])
            actor.execute(step.statement, step.params or None)
            done.append(step)
    except psycopg.Error as exc:
        prepared = len(done) == len(case.steps) - 1
        said = " ".join(t for t in (exc.diag.message_primary, exc.diag.message_detail) if t) or str(exc)
        return Outcome(case, exc.sqlstate or "no answer", said, prepared=prepared, login=login)
    finally:
        actor.execute("ROLLBACK")
        actor.execute("RESET SESSION AUTHORIZATION")
    return Outcome(case, "00000", "not refused", login=login)


def _become(actor: psycopg.Connection, login: str) -> None:
    actor.execute("RESET SESSION AUTHORIZATION")
    if login:
        actor.execute(sql.SQL("SET LOCAL SESSION AUTHORIZATION {}").format(sql.Identifier(login)))
