"""Runs cases and keeps what PostgreSQL really answered."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from itertools import groupby

import psycopg
from psycopg import sql

from qt001_cp.rehearsal.nogo.case import Case, Outcome, Step
from qt001_cp.rehearsal.scene import Scene
from qt001_cp.rehearsal.state import protected_state


def run_cases(scene: Scene, cases: Iterable[Case], application: str) -> list[Outcome]:
    """Run each case in a transaction of its own that is rolled back; the state is read before and after each family.

    A case of one role is that login's own session. One of several has to be one transaction, so a superuser's session takes
    on one login after the other; the statements in it are ours, and none evaluates an expression of the estate.
    """
    outcomes: list[Outcome] = []
    cases = [_of_pair(case, scene) for case in cases]
    with ExitStack() as stack:
        watcher, actor = (stack.enter_context(scene.connect()) for _ in range(2))
        logins: dict[str, psycopg.Connection] = {}
        before = protected_state(watcher, application)
        for _, group in groupby(cases, key=lambda c: c.family):
            family = []
            for case in group:
                login = _one(case, scene.cast)
                if login and login not in logins:
                    logins[login] = stack.enter_context(scene.connect(login))
                family.append(_attempt(logins[login] if login else actor, case, scene.cast, own=bool(login)))
            before = _stamp(family, before, protected_state(watcher, application))
            outcomes += family
    return outcomes


def _of_pair(case: Case, scene: Scene) -> Case:
    """With the names of the scene's owner and ledger role for the default ones."""
    steps = tuple(replace(step, statement=scene.pair.named(step.statement)) for step in case.steps)
    return replace(case, steps=steps)


def _one(case: Case, cast: Mapping[str, str]) -> str:
    """The login whose case it is alone; empty for one of several, and for the superuser's."""
    logins = {cast[step.role] for step in case.steps}
    return logins.pop() if len(logins) == 1 else ""


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
            _run(actor, case.attack.statement)
        except psycopg.Error as exc:
            yield Outcome(case, exc.sqlstate or "no answer", exc.diag.message_primary or str(exc), login=login)
        else:
            yield Outcome(case, "00000", "not refused", login=login)


def _run(actor: psycopg.Connection, statement: str) -> None:
    """To its end: rows that a COPY gives are taken, or the session could answer nothing else."""
    with actor.cursor() as cursor:
        if statement.startswith("COPY "):
            with cursor.copy(statement.encode()) as rows:
                for _ in rows:
                    pass
        else:
            cursor.execute(statement.encode())


def _attempt(actor: psycopg.Connection, case: Case, cast: Mapping[str, str], *, own: bool) -> Outcome:
    """``own``: ``actor`` is the login's own session, and becomes nobody else."""
    login = cast[case.attack.role]
    done: list[Step] = []
    actor.execute("BEGIN")
    try:
        for step in case.steps:
            if not own:
                _become(actor, cast[step.role])
            actor.execute(step.statement, step.params or None)
            done.append(step)
    except psycopg.Error as exc:
        prepared = len(done) == len(case.steps) - 1
        said = " ".join(t for t in (exc.diag.message_primary, exc.diag.message_detail) if t) or str(exc)
        return Outcome(case, exc.sqlstate or "no answer", said, prepared=prepared, login=login)
    finally:
        actor.execute("ROLLBACK")
        if not own:
            actor.execute("RESET SESSION AUTHORIZATION")
    return Outcome(case, "00000", "not refused", login=login)


def _become(actor: psycopg.Connection, login: str) -> None:
    actor.execute("RESET SESSION AUTHORIZATION")
    if login:
        actor.execute(sql.SQL("SET LOCAL SESSION AUTHORIZATION {}").format(sql.Identifier(login)))
