"""How one object gets from its before-state to its after-state, and exactly back.

The whole movement is simulated with PostgreSQL's own rules (model.acl). What does not come back entry for entry,
in the order of the ACL array, raises :class:`NotRestorable` before anything can be sealed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import chain, takewhile
from typing import NamedTuple

from qt001_cp.errors import NotRestorable
from qt001_cp.model.acl import AclItem, AclState, ColumnAcl, Entry
from qt001_cp.model.inventory import State
from qt001_cp.model.names import PUBLIC, Grantee, Role, grantee_name
from qt001_cp.model.steps import AclStep, ChangeOwner, Grant, Revoke, StepPlan


@dataclass(frozen=True, slots=True)
class Wish:
    """What the policy wants for one transferred object.

    ``own_statement`` is False for a sequence that a column owns (its owner follows the table) and for default
    privileges (they belong to a role for good).
    """

    application: Role
    new_owner: Role
    own_statement: bool
    owner_moves: bool
    keep_application: frozenset[str]
    keep_public: frozenset[str]
    curated: bool
    default_order: bool
    keep_columns: frozenset[tuple[str, str]] = frozenset()
    """(column, privilege): what the application role keeps of columns alone."""


class _Held(NamedTuple):
    """One privilege and where it stands: on one column, or on the whole object."""

    column: str | None
    item: AclItem


@dataclass(slots=True)
class _Simulation:
    """Table-level and column-level ACLs together: a table-level REVOKE also takes the column's privileges."""

    what: str
    owner: Role
    acl: AclState
    columns: dict[str, AclState]

    @classmethod
    def of(cls, what: str, state: State) -> _Simulation:
        return cls(what, state.owner, AclState.of(state.acl), {c.column: AclState.of(c.acl) for c in state.columns})

    def level(self, column: str | None) -> AclState:
        return self.acl if column is None else self.columns.setdefault(column, AclState.of(()))

    def run(self, step: AclStep) -> None:
        level = self.level(step.column)
        if isinstance(step, Grant):
            for privilege in step.privileges:
                if not self._may_grant(step.grantor, privilege, step.column):
                    raise NotRestorable(
                        f"{self.what}: {step.grantor.name} could not grant {privilege} to {grantee_name(step.grantee)} again:"
                        " it holds no grant option of its own at that moment",
                        hint=f"let the owner grant {privilege} to {grantee_name(step.grantee)} directly, then generate again",
                    )
            level.grant(step.grantor, step.grantee, step.privileges, step.grantable)
            return
        level.revoke(step.grantor, step.grantee, step.privileges)
        if step.column is None:
            for column in self.columns.values():
                column.revoke(step.grantor, step.grantee, step.privileges)
        self._no_orphan(step)

    def change_owner(self, new: Role) -> None:
        self.acl.change_owner(self.owner, new, self.what)
        for name, column in self.columns.items():
            column.change_owner(self.owner, new, f"{self.what} column {name}")
        self.owner = new

    def takes_role(self, grantor: Role, privileges: Iterable[str], coming: Iterable[Entry] = ()) -> bool:
        """Whether a statement has to be run as ``grantor``: it is not the owner, or PostgreSQL could take another for it.

        For a session that is no superuser it takes the first role with all grant options that the session has the rights
        of, not the owner before others (select_best_grantor, utils/adt/acl.c). ``coming``: entries made on the way.
        """
        if grantor != self.owner:
            return True
        present = [e for level in (self.acl, *self.columns.values()) for e in level.entries]
        return any(
            e.grantee != self.owner and any(e.privileges.get(p, False) for p in privileges) for e in (*present, *coming)
        )

    def state(self, like: Iterable[str]) -> State:
        names = list(dict.fromkeys([*like, *self.columns]))
        columns = tuple(ColumnAcl(n, self.columns[n].items()) for n in names if n in self.columns)
        return State(self.owner, self.acl.items(), tuple(c for c in columns if c.acl))

    def _may_grant(self, grantor: Role, privilege: str, column: str | None) -> bool:
        if self.acl.may_grant(grantor, self.owner, privilege):
            return True
        return column is not None and self.level(column).may_grant(grantor, self.owner, privilege)

    def _no_orphan(self, step: Revoke) -> None:
        for column, level in [(None, self.acl), *self.columns.items()]:
            for entry in level.entries:
                for privilege in entry.privileges:
                    if not self._may_grant(entry.grantor, privilege, column):
                        raise NotRestorable(
                            f"{self.what}: {privilege} of {grantee_name(entry.grantee)} hangs on {entry.grantor.name},"
                            f" whose own grant would have to go first ({grantee_name(step.grantee)})",
                            hint="revoke that grant and make it again by the owner, then generate again",
                        )


def plan_steps(what: str, before: State, wish: Wish) -> tuple[State, StepPlan, StepPlan]:
    """Plan one transferred object: its after-state, the way there, the way back. The name of the object changes nothing.

    Raises :class:`NotRestorable`, naming ``what`` and why.
    """
    with suppress(NotRestorable):
        return _planned(before, wish)
    return _plan(what, before, wish)


@lru_cache(maxsize=4096)
def _planned(before: State, wish: Wish) -> tuple[State, StepPlan, StepPlan]:
    return _plan("the object", before, wish)


def _plan(what: str, before: State, wish: Wish) -> tuple[State, StepPlan, StepPlan]:
    simulation = _Simulation.of(what, before)
    columns = [c.column for c in before.columns]

    forward_pre = _removals(simulation, wish)
    for revoke in forward_pre:
        simulation.run(revoke)
    old = before.owner
    owner_step = None
    if wish.owner_moves and old != wish.new_owner:
        simulation.change_owner(wish.new_owner)
        owner_step = ChangeOwner(old, wish.new_owner) if wish.own_statement else None
    forward_post = _kept(before, simulation, wish, old)
    for grant in forward_post:
        simulation.run(grant)
    after = simulation.state(columns)

    target = before.as_owned_by(simulation.owner)
    undo = _converge(simulation, target, columns, wish.default_order)
    if wish.owner_moves and old != wish.new_owner:
        simulation.change_owner(old)
    back = simulation.state(columns)
    if not _same(back, before, wish.default_order):
        raise NotRestorable(
            f"{what}: its ACL would not come back as it is: expected {before.to_json()}, found {back.to_json()}",
            hint="let the owner grant it anew, in the order that is wanted, then generate again",
        )
    forward = StepPlan(tuple(forward_pre), owner_step, tuple(forward_post))
    restore_owner = ChangeOwner(wish.new_owner, old) if owner_step else None
    return after, forward, StepPlan(tuple(undo), restore_owner, ())


def plan_return(what: str, now: State, before: State, owner: ChangeOwner | None) -> StepPlan:
    """The way back of a transferred object whose ACL a change has made another: from ``now`` to ``before``, where ``owner`` is the step
    that gives it back, None for what follows another object or never moved. Raises :class:`NotRestorable`."""
    simulation = _Simulation.of(what, now)
    columns = [c.column for c in (*before.columns, *now.columns)]
    undo = _converge(simulation, before.as_owned_by(now.owner), columns, default_order=False)
    if before.owner != now.owner:
        simulation.change_owner(before.owner)
    back = simulation.state([c.column for c in before.columns])
    if not _same(back, before, any_order=False):
        raise NotRestorable(
            f"{what}: its ACL would not come back as it was before the cutover: expected {before.to_json()}, found {back.to_json()}",
            hint="grant another privilege, or to another role, in the text of the change",
        )
    return StepPlan(tuple(undo), owner, ())


def plan_loan(
    what: str,
    before: State,
    borrower: Role,
    privileges: tuple[str, ...],
    columns: Mapping[str, tuple[str, ...]],
) -> tuple[State, StepPlan, StepPlan]:
    """The owner grants ``borrower`` these privileges, on the whole and by column, and takes them back; nothing else changes.

    Raises :class:`NotRestorable`, naming ``what`` and why.
    """
    simulation = _Simulation.of(what, before)
    owner, held = before.owner, {i.privilege for i in before.acl if i.grantee == borrower}
    of_column = {c.column: {i.privilege for i in c.acl if i.grantee == borrower} for c in before.columns}
    wanted: dict[str | None, tuple[str, ...]] = {None: tuple(p for p in privileges if p not in held)}
    for column, more in columns.items():
        wanted[column] = tuple(p for p in more if p not in held | of_column.get(column, set()))
    lacking = {column: names for column, names in wanted.items() if names}
    if not lacking:
        raise NotRestorable(
            f"{what}: {borrower.name} holds {', '.join(dict.fromkeys([*privileges, *chain(*columns.values())]))} already",
            hint="retain it: nothing is to be lent",
        )
    grants = tuple(
        Grant(owner, borrower, names, column, simulation.takes_role(owner, names)) for column, names in lacking.items()
    )
    for grant in grants:
        simulation.run(grant)
    after = simulation.state([c.column for c in before.columns])
    revokes = tuple(
        Revoke(owner, borrower, names, column, simulation.takes_role(owner, names))
        for column, names in reversed(lacking.items())
    )
    for revoke in revokes:
        simulation.run(revoke)
    if simulation.state([c.column for c in before.columns]) != before:
        raise NotRestorable(f"{what}: its ACL would not come back as it is", hint="grant it by hand and retain it")
    return after, StepPlan((), None, grants), StepPlan(revokes, None, ())


def plan_retirement(what: str, after: State) -> tuple[State, StepPlan, StepPlan]:
    """Take every privilege on ``what`` from everybody, its owner included, and plan the way back.

    Raises :class:`NotRestorable`, naming ``what`` and why.
    """
    simulation = _Simulation.of(what, after)
    columns = [c.column for c in after.columns]
    steps = [
        Revoke(
            entry.grantor,
            entry.grantee,
            tuple(entry.privileges),
            column,
            simulation.takes_role(entry.grantor, entry.privileges),
        )
        for column, level in [*simulation.columns.items(), (None, simulation.acl)]
        for entry in reversed(level.entries)
    ]
    for step in steps:
        simulation.run(step)
    retired = simulation.state(columns)
    back = _converge(simulation, after, columns, default_order=False)
    if not _same(simulation.state(columns), after, any_order=False):
        raise NotRestorable(
            f"{what}: its ACL would not come back as it is after FIX7b",
            hint="let the owner grant it anew, then generate again; or take it out of [[legacy]]",
        )
    return retired, StepPlan(tuple(steps)), StepPlan(tuple(back))


def plan_correction(what: str, live: State, sealed: State) -> StepPlan:
    """From a drifted state back to the sealed one: the owner first, then what differs in the ACLs, as sets.

    Raises :class:`NotRestorable`, naming ``what`` and why, where no statements lead there.
    """
    simulation = _Simulation.of(what, live)
    owner = None
    if live.owner != sealed.owner:
        owner = ChangeOwner(live.owner, sealed.owner)
        simulation.change_owner(sealed.owner)
    columns = [c.column for c in (*sealed.columns, *live.columns)]
    steps = _converge(simulation, sealed, columns, default_order=True)
    now = simulation.state(columns)
    if {c.column: set(c.acl) for c in now.columns} != {
        c.column: set(c.acl) for c in sealed.columns if c.acl
    } or not set(now.acl) == set(sealed.acl):
        raise NotRestorable(f"{what}: no GRANT or REVOKE leads from its ACL of today to the sealed one")
    return StepPlan((), owner, tuple(steps))


def _removals(simulation: _Simulation, wish: Wish) -> list[Revoke]:
    """All that PUBLIC and the application role hold, and what hangs on it; the most dependent first."""
    doomed = {held: 0 for held in _all_held(simulation) if _unwanted(held, simulation.owner, wish)}
    _add_what_hangs_on_it(doomed, simulation)
    return _group(
        [
            Revoke(i.grantor, i.grantee, (i.privilege,), column, simulation.takes_role(i.grantor, (i.privilege,)))
            for column, i in _most_dependent_first(doomed)
        ]
    )


def _all_held(simulation: _Simulation) -> list[_Held]:
    whole = [_Held(None, item) for item in simulation.acl.items()]
    return whole + [_Held(name, item) for name, level in simulation.columns.items() for item in level.items()]


def _unwanted(held: _Held, owner: Role, wish: Wish) -> bool:
    """Whether the policy takes it away: of PUBLIC and the application role, but for what they keep where it stands."""
    item, whole = held.item, held.column is None
    if item.grantee == PUBLIC:
        return not (whole and item.privilege in wish.keep_public)
    if item.grantee == wish.application and wish.application != owner:
        kept = item.privilege in wish.keep_application if whole else (held.column, item.privilege) in wish.keep_columns
        return item.grantable or not kept
    return False


def _add_what_hangs_on_it(doomed: dict[_Held, int], simulation: _Simulation) -> None:
    """Every grant whose grantor loses what it was made with, with the number of the round that found it."""
    everything, round_, growing = _all_held(simulation), 0, True
    while growing:
        growing, round_ = False, round_ + 1
        for held in everything:
            if held not in doomed and not _supported(held, simulation, doomed):
                doomed[held] = round_
                growing = True


def _most_dependent_first(doomed: Mapping[_Held, int]) -> list[_Held]:
    rest = sorted(doomed, key=lambda held: (-doomed[held], held.column is None))
    ordered: list[_Held] = []
    while rest:
        free = [held for held in rest if not any(_hangs_on(other, held) for other in rest if other != held)] or rest
        ordered += free
        rest = [held for held in rest if held not in free]
    return ordered


def _hangs_on(this: _Held, other: _Held) -> bool:
    """Whether ``this`` was passed on by who holds ``other``; a table's grant option covers its columns."""
    return (
        other.item.grantable
        and other.item.grantee == this.item.grantor
        and other.item.privilege == this.item.privilege
        and other.column in (None, this.column)
    )


def _supported(held: _Held, simulation: _Simulation, doomed: Mapping[_Held, int]) -> bool:
    """Whether its grantor may still give it: as the owner, or by a grant that stays."""
    if held.item.grantor == simulation.owner:
        return True
    column = held.column
    above = [_Held(None, item) for item in simulation.acl.items()]
    if column is not None:
        above += [_Held(column, item) for item in simulation.columns[column].items()]
    return any(_hangs_on(held, other) and other not in doomed for other in above)


def _kept(before: State, simulation: _Simulation, wish: Wish, old: Role) -> list[Grant]:
    """What the application role gets after the owner has changed: curated views, and what the policy keeps.

    Column by column it also keeps what it held on the whole.
    """
    held = [i.privilege for i in before.acl if i.grantee == wish.application]
    privileges: list[str] = ["SELECT"] if wish.curated else []
    if old == wish.application:
        privileges += [p for p in held if p in wish.keep_application and p not in privileges]
    grants = [_grant(simulation, wish, tuple(privileges), None)] if privileges else []
    for column, privilege in sorted(wish.keep_columns):
        still = any(
            e.grantee == wish.application and privilege in e.privileges for e in simulation.level(column).entries
        )
        if privilege in held and privilege not in {*wish.keep_application, *privileges} and not still:
            grants.append(_grant(simulation, wish, (privilege,), column))
    return grants


def _grant(simulation: _Simulation, wish: Wish, privileges: tuple[str, ...], column: str | None) -> Grant:
    owner = simulation.owner
    return Grant(owner, wish.application, privileges, column, simulation.takes_role(owner, privileges))


def _converge(simulation: _Simulation, target: State, columns: list[str], default_order: bool) -> list[AclStep]:
    """Statements that make the simulated ACLs equal to ``target``, order of entries included."""
    steps: list[AclStep] = []
    goals = {c.column: c.acl for c in target.columns}
    names: list[str | None] = [*dict.fromkeys([*columns, *simulation.columns])]
    for column, goal in [(None, target.acl), *((n, goals.get(n or "", ())) for n in names)]:
        for step in _converge_level(simulation, column, AclState.of(goal).entries, default_order and column is None):
            simulation.run(step)
            steps.append(step)
    return steps


def _converge_level(simulation: _Simulation, column: str | None, goal: list[Entry], any_order: bool) -> list[AclStep]:
    """What is too much, then what lacks, on the whole object or on one column."""
    level = simulation.level(column)
    wanted = {e.key: e.privileges for e in goal}
    kept = _kept_entries(level.entries, goal, any_order)
    surplus = [(e, tuple(e.privileges)) for e in reversed(level.entries) if e.key not in kept]
    surplus += [(e, tuple(p for p in e.privileges if p not in wanted[e.key])) for e in kept.values()]
    revokes = [
        Revoke(e.grantor, e.grantee, privileges, column, simulation.takes_role(e.grantor, privileges))
        for e, privileges in surplus
        if privileges
    ]
    grants = [
        Grant(e.grantor, e.grantee, privileges, column, simulation.takes_role(e.grantor, privileges, goal), grantable)
        for e in goal
        for grantable in (False, True)
        if (privileges := _lacking(kept.get(e.key), e, grantable))
    ]
    return [*revokes, *grants]


def _kept_entries(entries: list[Entry], goal: list[Entry], any_order: bool) -> dict[tuple[Role, Grantee], Entry]:
    """The entries of today that become one of ``goal``, in their order; where the order counts, only as far as it is right."""
    if any_order:
        wanted = {e.key: e for e in goal}
        return {e.key: e for e in entries if e.key in wanted and _extendable(e, wanted[e.key])}
    right = takewhile(lambda pair: pair[0].key == pair[1].key and _extendable(*pair), zip(entries, goal, strict=False))
    return {now.key: now for now, _ in right}


def _lacking(now: Entry | None, then: Entry, grantable: bool) -> tuple[str, ...]:
    """The privileges of ``then``, with or without grant option, that ``now`` does not give so."""
    present = now.privileges if now is not None else {}
    return tuple(p for p, g in then.privileges.items() if g is grantable and present.get(p) is not g)


def _extendable(now: Entry, then: Entry) -> bool:
    """Whether statements can turn ``now`` into ``then`` without the entry vanishing in between."""
    shared = [p for p in now.privileges if p in then.privileges]
    return bool(shared) and all(now.privileges[p] <= then.privileges[p] for p in shared)


def _group(steps: list[Revoke]) -> list[Revoke]:
    """Neighbouring statements that differ only in the privilege become one."""
    grouped: list[Revoke] = []
    for step in steps:
        last = grouped[-1] if grouped else None
        if last is not None and replace(last, privileges=step.privileges) == step:
            grouped[-1] = replace(last, privileges=last.privileges + step.privileges)
        else:
            grouped.append(step)
    return grouped


def _same(one: State, two: State, any_order: bool) -> bool:
    if one.owner != two.owner or {c.column: c.acl for c in one.columns} != {c.column: c.acl for c in two.columns}:
        return False
    return set(one.acl) == set(two.acl) if any_order else one.acl == two.acl
