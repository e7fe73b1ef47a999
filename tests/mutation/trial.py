"""A trial: states of a database in which a gate is known to be open or closed, and mutants that have to answer otherwise."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from zlib import crc32

import psycopg

from tests.acceptance.attempt import Attempt
from tests.acceptance.closers import CLOSERS, Closer
from tests.acceptance.conditions_estate import NAMES
from tests.acceptance.moves import behind
from tests.acceptance.stays_open import Stays
from tests.mutation.mutants import Mutant, mutants
from tests.mutation.world import VIEWS, WHOLE, World

SIGNED = "sign_off_present"
ALL = "all gates"
REMADE = frozenset({"definition_rows"})
"""What a deployment keeps is made by these: with a mutant it is made again, before anything moves."""
Case = Closer | Stays
_AGAIN = behind(
    "UPDATE qt001_cp.event SET detail = jsonb_set(detail, '{document}', to_jsonb(qt001_cp.record_document("
    "qt001_cp.deployed_document(qt001_cp.deployed_manifest())))) WHERE verb = 'deployed'",
    "event",
)


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

    @property
    def sum(self) -> int:
        """A checksum of the words of the mutant."""
        return crc32(self.key.encode())


@dataclass
class Court:
    """Judges mutants in one transaction of the opened database."""

    attempt: Attempt
    world: World
    trials: list[Trial] = field(default_factory=list)
    manifest: str = ""
    """The object manifest that is in force in the case that is heard; empty: the one that was cut over."""

    def take(self, routines: Iterable[str]) -> None:
        """All mutants of these routines."""
        for name in routines:
            wording = name.endswith("_findings") and name != WHOLE
            for mutant in mutants(self.world.routines[name].source, wording=wording):
                self.trials.append(self._trial(name, mutant))

    def _trial(self, name: str, mutant: Mutant) -> Trial:
        """What only the views or ``gate_findings`` hold is judged by a look at all gates; the rest by its own queries."""
        if name in (WHOLE, *VIEWS):
            return Trial(name, mutant, [ALL], frozenset(self.world.gates))
        queries = self.world.feeds(name)
        return Trial(name, mutant, queries, frozenset(gate for query in queries for gate in self.world.queries[query]))

    def all_open(self) -> None:
        """The case of sufficiency: nothing is closed."""
        for trial in self.trials:
            if trial.alive:
                with self._with(trial):
                    if SIGNED in trial.gates:
                        self.attempt.sign()
                    for query in trial.queries:
                        self._notice(trial, query, None)

    def gate_less(self) -> None:
        """The view leaves a gate out: what is left may all be open, and acceptance has to be gone."""
        for trial in self.trials:
            if trial.alive and trial.queries == [ALL]:
                with self._with(trial):
                    self.attempt.run(
                        "CREATE OR REPLACE VIEW qt001_cp.v_fix7_gate AS SELECT listed.ordinal, listed.gate, listed.meaning,"
                        " finding.gate IS NULL AS open, 0 AS findings, finding.found AS reason, finding.mend"
                        " FROM qt001_cp.gate() listed LEFT JOIN qt001_cp.gate_findings() finding ON finding.gate = listed.gate"
                        " WHERE listed.ordinal > 1"
                    )
                    self.attempt.sign()
                    if self.attempt.run("SELECT accepted FROM qt001_cp.v_fix7_acceptance"):
                        trial.seen = "a gate is missing"

    def hear(self, case: Case, trials: Iterable[Trial] | None = None) -> None:
        """One case, tried on every mutant of what its gate is made of. ``trials``: on these alone."""
        asked = self.trials if trials is None else trials
        concerned = [t for t in asked if t.alive and case.gate in t.gates and self._worth(t, case)]
        if case.gate == SIGNED:
            self.hear_signed([case], concerned)
            return
        self._hear_remade(case, [t for t in concerned if t.routine in REMADE])
        concerned = [t for t in concerned if t.routine not in REMADE]
        if concerned:
            with self._moved(case):
                for trial in concerned:
                    with self._with(trial):
                        if trial.queries == [ALL] and isinstance(case, Closer) and case.resign:
                            self._sign_again()
                        self._judge(trial, case)

    def _hear_remade(self, case: Case, concerned: Iterable[Trial]) -> None:
        for trial in concerned:
            with self._with(trial):
                _AGAIN(self.attempt)
                with self._undone():
                    self._move(case)
                    self._judge(trial, case)

    @contextmanager
    def _moved(self, case: Case) -> Iterator[None]:
        """The case, with the object manifest that is in force in it."""
        with self._undone():
            self._move(case)
            self.manifest = str(self.attempt.run("SELECT qt001_cp.deployed_manifest()"))
            try:
                yield
            finally:
                self.manifest = ""

    def hear_signed(self, cases: Sequence[Case], trials: Iterable[Trial] | None = None) -> None:
        """The cases of the sign-off, mutant by mutant: one is another control plane, so that it has to be signed anew, once for all."""
        for trial in self.trials if trials is None else trials:
            heard = [case for case in cases if case.gate in trial.gates and self._worth(trial, case)]
            if trial.alive and heard:
                with self._with(trial):
                    self.attempt.sign()
                    for case in heard:
                        if trial.alive:
                            with self._undone():
                                self._move(case)
                                self._judge(trial, case)

    @staticmethod
    def _worth(trial: Trial, case: Case) -> bool:
        """A look at all gates, and a signature a mutant, are dear: only where nothing cheaper could notice it."""
        if trial.queries == [ALL]:
            return case in CLOSERS or case.gate == SIGNED or case in NAMES
        return case.gate != SIGNED or len(trial.queries) == 1

    def answer(self, case: Case) -> tuple[bool, str]:
        """What the gate says in a case, without any mutant: open, and its reason."""
        query = next(query for query, fed in self.world.queries.items() if case.gate in fed)
        with self._moved(case):
            reason = self._ask(query).get(case.gate)
            return reason is None, reason or ""

    def _move(self, case: Case) -> None:
        if isinstance(case, Stays):
            case.move(self.attempt)
        else:
            case.close(self.attempt)
            if case.resign:
                self.attempt.sign()

    def _sign_again(self) -> None:
        """Where it cannot be signed, that gate stays closed; the others are looked at all the same."""
        try:
            with self.attempt.connection.transaction():
                self.attempt.sign()
        except psycopg.Error:
            self.attempt.become(None)

    def _judge(self, trial: Trial, case: Case) -> None:
        for query in trial.queries:
            if query == ALL or case.gate in self.world.queries[query]:
                self._notice(trial, query, case)

    def _notice(self, trial: Trial, query: str, case: Case | None) -> None:
        """``seen`` where the gates of this query answer otherwise than the case says."""
        if trial.seen:
            return
        reasons = self._ask(query)
        if case is None:
            right = not reasons
        elif isinstance(case, Stays):
            right = case.gate not in reasons
        else:
            right = case.named in reasons.get(case.gate, "") and case.gate in reasons
        if not right:
            trial.seen = "all gates are open" if case is None else str(case)

    def _ask(self, query: str) -> dict[str, str]:
        """The closed gates of a query with their reasons, worded as the view words them."""
        connection = self.attempt.connection
        if query == ALL:
            said = connection.execute(
                "SELECT accepted, open_gates, closed, reasons FROM qt001_cp.v_fix7_acceptance"
            ).fetchone()
            rows = connection.execute(
                "SELECT gate, reason FROM qt001_cp.v_fix7_gate WHERE NOT open ORDER BY ordinal"
            ).fetchall()
            joined = (", ".join(gate for gate, _ in rows) or None, "\n".join(reason for _, reason in rows) or None)
            assert said == (not rows, len(self.world.gates) - len(rows), *joined), "acceptance and gates differ"
            return dict(rows)
        text = (
            "SELECT q.gate, min(q.object || ': expected ' || q.expected || ', found ' || q.found)"
            " FROM (SELECT $1::text AS manifest, $2::name AS app) v"
            f" CROSS JOIN LATERAL ({query}\n) q(gate, sqlstate, object, expected, found, mend) GROUP BY q.gate"
        )
        with psycopg.RawCursor(connection) as cursor:
            return dict(cursor.execute(text, [self.manifest or self.world.manifest, self.world.application]).fetchall())

    @contextmanager
    def _with(self, trial: Trial) -> Iterator[None]:
        """The mutant in place; what breaks while it is there has been noticed, unless it is no SQL at all."""
        routine = self.world.routines[trial.routine]
        with self._undone():
            try:
                self.attempt.connection.execute(routine.with_source(trial.mutant.of(routine.source)))
            except psycopg.errors.SyntaxErrorOrAccessRuleViolation as error:
                trial.stillborn, trial.seen = True, f"no SQL: {error.diag.message_primary}"
            try:
                yield
            except (psycopg.Error, AssertionError) as error:
                trial.seen = trial.seen or f"an error: {error!r:.80}"

    @contextmanager
    def _undone(self) -> Iterator[None]:
        connection = self.attempt.connection
        try:
            with connection.transaction(force_rollback=True):
                yield
        finally:
            connection.execute("RESET SESSION AUTHORIZATION")
