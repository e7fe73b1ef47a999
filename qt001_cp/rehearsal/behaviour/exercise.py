"""Tries the attempts, each login in a session of its own, each statement in a transaction that is rolled back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Final

import psycopg

from qt001_cp.rehearsal.behaviour.attempts import (
    OWNER,
    PUBLIC,
    Attempt,
    Held,
    Relation,
    attempts,
    held,
    inserts,
    made_rows,
    owner_now,
    relations,
    roles,
    sequences,
)
from qt001_cp.rehearsal.behaviour.putting import putting
from qt001_cp.rehearsal.behaviour.rows import columns_of
from qt001_cp.rehearsal.clone.loading import LEFT_OVER
from qt001_cp.rehearsal.scene import PERSONS, Scene

DONE: Final = "00000"
_REFUSED: Final = "42501"
_TOO_SLOW: Final = ("57014", "55P03")
_SETTINGS: Final = "SET statement_timeout = '30s'; SET lock_timeout = '5s'"


@dataclass(frozen=True)
class Answer:
    """What PostgreSQL said. ``rows``: read, written, or -1; ``holds``: whether the catalogs still give the privilege."""

    sqlstate: str
    rows: int = -1
    message: str = ""
    holds: bool = True

    def __str__(self) -> str:
        if self.sqlstate == DONE:
            return "done" if self.rows < 0 else f"{self.rows} row{'' if self.rows == 1 else 's'}"
        return f"{self.sqlstate} {self.message}"

    def same(self, other: Answer) -> bool:
        return (self.sqlstate, self.rows) == (other.sqlstate, other.rows)


@dataclass(frozen=True)
class Difference:
    """``intended``: the manifest takes the privilege itself, or the policy names it with a reason (``why``); otherwise what
    worked no longer does, and nobody said so.
    """

    who: str
    verb: str
    object: str
    before: str
    after: str
    intended: bool
    why: str = "taken by the manifest"

    def __str__(self) -> str:
        return f"{self.who}: {self.verb} {self.object}: before {self.before}, after {self.after}"


def named(differences: Sequence[Difference], policy: Sequence[Mapping[str, str]]) -> list[Difference]:
    """``policy``: its entries ``[[intended]]``. What one names, as the difference words it, is intended."""
    reasons = {(i["who"], i["verb"], i["object"]): i["reason"] for i in policy}
    return [
        d
        if d.intended or (d.who, d.verb, d.object) not in reasons
        else replace(d, intended=True, why=f"the policy: {reasons[d.who, d.verb, d.object]}")
        for d in differences
    ]


class Behaviour:
    """Made before the cutover: whom and what is tried is what was held then."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        with scene.connect() as connection:
            names = roles(connection, [*PERSONS, scene.public_only, LEFT_OVER])
            names = [n for n in names if not n.startswith("qt001_cp_")]
            self.logins: Mapping[str, str] = {**{n: n for n in names}, PUBLIC: scene.public_only}
            self.relations: Sequence[Relation] = relations(connection)
            columns = columns_of(connection, [r.oid for r in self.relations])
            rows = made_rows(connection, self.relations, columns)
            self.inserts = inserts(self.relations, rows)
            self.attempts: Sequence[Attempt] = list(attempts(connection, self.logins, self.relations, rows))
        self.too_slow: dict[str, str] = {}
        self.before = self.answers()

    def answers(self) -> dict[tuple[str, str, str], Answer]:
        """What is answered now. Sequences stand where they stood afterwards."""
        with self.scene.connect() as admin:
            stood = sequences(admin, self.relations)
            owners = {r.oid: owner_now(admin, r.oid) for r in self.relations}
            rights = held(admin, sorted({*self.logins.values(), *owners.values()} - {""}), self.relations)
            found: dict[tuple[str, str, str], Answer] = {}
            try:
                with putting(admin, self.inserts, owners):
                    for login, group in self._by_login(owners).items():
                        found |= self._as(login, group, rights)
            finally:
                for oid, (value, called) in stood.items():
                    admin.execute("SELECT pg_catalog.setval(%s::pg_catalog.oid, %s, %s)", [oid, value, called])
        return found

    def differences(self, now: Mapping[tuple[str, str, str], Answer]) -> list[Difference]:
        """Between before and ``now``, in the order in which they were tried."""
        made = []
        for attempt in self.attempts:
            before, after = self.before.get(attempt.key), now.get(attempt.key)
            if before is None or after is None or before.same(after):
                continue
            who, verb, what = attempt.key
            if after.sqlstate in _TOO_SLOW or before.sqlstate in _TOO_SLOW:
                self.too_slow[f"{who}: {verb} {what}"] = f"not answered in time: {before}, then {after}"
                continue
            taken = after.sqlstate == _REFUSED and not after.holds
            made.append(Difference(who, verb, what, str(before), str(after), taken))
        return made

    def not_exercised(self) -> list[tuple[str, str]]:
        """What and why: what could not be tried, was refused by the data before anything changed, or touched no row."""
        found = [(f"{a.who}: {a.verb} {a.relation}", a.why_not) for a in self.attempts if a.why_not]
        found += self.too_slow.items()
        for a in self.attempts:
            answer = self.before.get(a.key)
            if answer is None:
                continue
            what = f"{a.who}: {a.verb} {a.relation}"
            if answer.sqlstate not in (DONE, _REFUSED):
                found.append((what, f"before the cutover already {answer}"))
            elif a.verb in ("UPDATE", "DELETE") and answer.rows == 0:
                found.append((what, "there is no row, and none could be put in: checks and triggers did not fire"))
            elif a.verb == "SELECT" and answer.rows == 0 and a.relation.guarded and a.who != OWNER:
                found.append((what, "row security, and no row that it shows"))
        return found

    @property
    def exercised(self) -> int:
        return len(self.before)

    def _by_login(self, owners: Mapping[int, str]) -> dict[str, list[Attempt]]:
        groups: dict[str, list[Attempt]] = {}
        for attempt in self.attempts:
            if attempt.why_not:
                continue
            login = owners[attempt.relation.oid] if attempt.who == OWNER else self.logins[attempt.who]
            if login:
                groups.setdefault(login, []).append(attempt)
        return groups

    def _as(
        self, login: str, group: Sequence[Attempt], rights: Mapping[tuple[str, int, str], Held]
    ) -> dict[tuple[str, str, str], Answer]:
        found: dict[tuple[str, str, str], Answer] = {}
        said: dict[str, Answer] = {}
        with ExitStack() as stack:
            session: psycopg.Connection | None = None
            for attempt in group:
                if session is None or session.closed:
                    session = stack.enter_context(self.scene.connect(login))
                    session.execute(_SETTINGS)
                if attempt.statement not in said:  # the owner may be one of those who hold something
                    said[attempt.statement] = _try(session, attempt)
                holds = _still_held(attempt, login, rights)
                found[attempt.key] = replace(said[attempt.statement], holds=holds)
        return found


def _still_held(attempt: Attempt, login: str, rights: Mapping[tuple[str, int, str], Held]) -> bool:
    """An owner has lost something where the relation's own ACL says so, and not where nobody gave it the schema."""
    now = {verb: rights.get((login, attempt.relation.oid, verb)) for verb in attempt.needs}
    return all(
        found is not None and found.covers(attempt.needs[verb], schema=attempt.who != OWNER)
        for verb, found in now.items()
    )


def _try(session: psycopg.Connection, attempt: Attempt) -> Answer:
    """In one message: what begins and takes back the transaction goes with it."""
    try:
        cursor = session.execute(f"BEGIN; {attempt.statement}; SET CONSTRAINTS ALL IMMEDIATE; ROLLBACK".encode())
    except psycopg.Error as exc:
        if not session.closed:
            session.execute("ROLLBACK")
        return Answer(exc.sqlstate or "no answer", -1, exc.diag.message_primary or str(exc).strip())
    results = [(cursor.rowcount, cursor.fetchone() if cursor.description else None)]
    while cursor.nextset():
        results.append((cursor.rowcount, cursor.fetchone() if cursor.description else None))
    count, row = results[-3]
    if attempt.relation.kind == "S" or attempt.verb == "REFRESH":
        return Answer(DONE)
    return Answer(DONE, int(row[0]) if row is not None else count)
