"""A trial: states of a database in which a gate is known to be open or closed, and mutants that have to answer otherwise."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import psycopg

from tests.acceptance.attempt import Attempt
from tests.acceptance.closers import Closer
from tests.mutation.mutants import Mutant, mutants
from tests.mutation.world import VIEWS, WHOLE, World

SIGNED = "sign_off_present"
_ALL = "all gates"


@dataclass
class Trial:
    """One mutant. ``seen``: the case that noticed it, empty as long as none has; ``stillborn``: it is no SQL."""

    routine: str
    mutant: Mutant
    queries: list[str]
    gates: frozenset[str]
    seen: str = ""
    stillborn: bool = False

    @property
    def alive(self) -> bool:
        return not self.seen and not self.stillborn

    @property
    def key(self) -> str:
        return f"{self.routine} | {self.mutant.what}"


@dataclass
class Court:
    """Judges mutants in one transaction of the opened database."""

    attempt: Attempt
    world: World
    trials: list[Trial] = field(default_factory=list)

    def take(self, routines: Iterable[str]) -> None:
        """All mutants of these routines."""
        for name in routines:
            routine = self.world.routines[name]
            wording = name.endswith("_findings") and name != WHOLE
            for mutant in mutants(routine.source, wording=wording):
                self.trials.append(self._trial(name, mutant))

    def _trial(self, name: str, mutant: Mutant) -> Trial:
        if name in (WHOLE, *VIEWS):
            near = frozenset(gate for gate in self.world.gates if f"'{gate}'" in mutant.what)
            return Trial(name, mutant, [_ALL], near or frozenset(self.world.gates))
        queries = self.world.feeds(name)
        fed: frozenset[str] = frozenset().union(*(self.world.queries[query] for query in queries))
        return Trial(name, mutant, queries or [_ALL], fed or frozenset(self.world.gates))

    def all_open(self) -> None:
        """The case of sufficiency: nothing is closed."""
        for trial in self.trials:
            if trial.alive:
                with self._with(trial):
                    if SIGNED in trial.gates:
                        self.attempt.sign()
                    for query in trial.queries:
                        self._compare(trial, query, None, "all gates are open")

    def closed_by(self, closer: Closer) -> None:
        """One way to close a gate, tried on every mutant of what the gate is made of."""
        concerned = [t for t in self.trials if t.alive and closer.gate in t.gates]
        if not concerned:
            return
        if closer.gate == SIGNED:
            for trial in concerned:
                with self._with(trial):
                    self.attempt.sign()
                    self._close(closer)
                    self._judge(trial, closer)
            return
        with self._undone():
            self._close(closer)
            for trial in concerned:
                with self._with(trial):
                    if trial.queries == [_ALL] and closer.resign:
                        self.attempt.sign()
                    self._judge(trial, closer)

    def _close(self, closer: Closer) -> None:
        closer.close(self.attempt)
        if closer.resign:
            self.attempt.sign()

    def _judge(self, trial: Trial, closer: Closer) -> None:
        for query in trial.queries:
            if query == _ALL or closer.gate in self.world.queries[query]:
                self._compare(trial, query, closer, str(closer))

    def _compare(self, trial: Trial, query: str, closer: Closer | None, case: str) -> None:
        if trial.seen:
            return
        reasons = self._ask(query)
        gates = frozenset(self.world.gates) if query == _ALL else self.world.queries[query]
        closed = {closer.gate} & gates if closer else set()
        if set(reasons) != closed or (closer and closer.named not in reasons[closer.gate]):
            trial.seen = case

    def _ask(self, query: str) -> dict[str, str]:
        """The closed gates of a query with their reasons, worded as the view words them."""
        connection = self.attempt.connection
        if query == _ALL:
            said = connection.execute("SELECT accepted, closed FROM qt001_cp.v_fix7_acceptance").fetchone()
            rows = connection.execute("SELECT gate, reason FROM qt001_cp.v_fix7_gate WHERE NOT open").fetchall()
            assert said == (not rows, ", ".join(gate for gate, _ in rows) or None), "acceptance and gates differ"
            return dict(rows)
        text = (
            "SELECT q.gate, min(q.object || ': expected ' || q.expected || ', found ' || q.found)"
            " FROM (SELECT $1::text AS manifest, $2::name AS app) v"
            f" CROSS JOIN LATERAL ({query}\n) q(gate, sqlstate, object, expected, found, mend) GROUP BY q.gate"
        )
        with psycopg.RawCursor(connection) as cursor:
            return dict(cursor.execute(text, [self.world.manifest, self.world.application]).fetchall())

    @contextmanager
    def _with(self, trial: Trial) -> Iterator[None]:
        """The mutant in place; what breaks while it is there has been noticed, unless it is no SQL at all."""
        statement = self.world.routines[trial.routine].with_source(trial.mutant.of(self.world.routines[trial.routine].source))
        with self._undone():
            try:
                self.attempt.connection.execute(statement)
                yield
            except psycopg.errors.SyntaxErrorOrAccessRuleViolation as error:
                trial.stillborn, trial.seen = True, f"no SQL: {error.diag.message_primary}"
            except (psycopg.Error, AssertionError) as error:
                trial.seen = f"an error: {str(error).splitlines()[0]}"

    @contextmanager
    def _undone(self) -> Iterator[None]:
        connection = self.attempt.connection
        try:
            with connection.transaction(force_rollback=True):
                yield
        finally:
            connection.execute("RESET SESSION AUTHORIZATION")
