"""Random grants, made for real: what the plan says about them is what PostgreSQL does with them, there and back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from qt001_cp.emit.quoting import grantee as quoted
from qt001_cp.emit.quoting import identifier
from qt001_cp.errors import NotRestorable
from qt001_cp.model.acl import AclItem
from qt001_cp.model.inventory import State
from qt001_cp.model.kinds import BY_KEY, COLUMN_PRIVILEGES
from qt001_cp.model.names import PUBLIC, Grantee, Role
from qt001_cp.plan.step_plans import Wish, plan_steps
from qt001_cp.servers import Server
from tests.model.acl_world import APP, FRIENDS, NEW, OTHER, THINGS, Thing, World, world_database


@dataclass(frozen=True)
class Move:
    """A GRANT or REVOKE by ``by``."""

    by: Role
    to: Grantee
    privilege: str
    column: str | None
    grant: bool
    option: bool

    def text(self, thing: Thing) -> str:
        what = self.privilege + (f" ({identifier(self.column)})" if self.column else "")
        target = f"{what} ON {thing.noun} {thing.address}"
        if self.grant:
            return f"GRANT {target} TO {quoted(self.to)}{' WITH GRANT OPTION' if self.option else ''}"
        return f"REVOKE {'GRANT OPTION FOR ' if self.option else ''}{target} FROM {quoted(self.to)} CASCADE"


@dataclass(frozen=True)
class Story:
    """An object, its owner, what happened to its ACL, and what the policy wants of it."""

    thing: Thing
    owner: Role
    moves: tuple[Move, ...]
    keep_application: frozenset[str]
    keep_public: frozenset[str]
    curated: bool


@st.composite
def stories(draw: st.DrawFn) -> Story:
    thing = draw(st.sampled_from(THINGS))
    owner = draw(st.sampled_from((APP, APP, OTHER)))
    privileges = st.sampled_from(BY_KEY[thing.kind].privileges)
    people = (owner, APP, *FRIENDS)

    def moves() -> st.SearchStrategy[Move]:
        columns = st.sampled_from((None, *thing.columns))
        whom = st.sampled_from((PUBLIC, PUBLIC, APP, owner, *FRIENDS, *FRIENDS, NEW))
        return st.builds(
            _move,
            st.sampled_from((owner, owner, *people)),
            whom,
            privileges,
            columns,
            st.sampled_from((True, True, True, False)),
            st.booleans(),
        )

    kept = st.frozensets(privileges, max_size=2)
    return Story(
        thing,
        owner,
        tuple(draw(st.lists(moves(), max_size=12))),
        draw(kept),
        draw(kept),
        thing.kind == "view" and draw(st.booleans()),
    )


def _move(by: Role, to: Grantee, privilege: str, column: str | None, grant: bool, option: bool) -> Move:
    return Move(by, to, privilege, column if privilege in COLUMN_PRIVILEGES else None, grant, option and to != PUBLIC)


@pytest.fixture(scope="module")
def world(server: Server) -> Iterator[World]:
    with world_database(server) as made:
        yield made


def sets(state: State) -> tuple[Role, frozenset[AclItem], dict[str, frozenset[AclItem]]]:
    return state.owner, frozenset(state.acl), {c.column: frozenset(c.acl) for c in state.columns if c.acl}


@settings(max_examples=80, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(story=stories())
def test_plan_is_what_postgresql_does(world: World, story: Story) -> None:
    world.connection.execute("BEGIN")
    try:
        event(_there_and_back(world, story))
    finally:
        world.connection.execute("ROLLBACK")


def _there_and_back(world: World, story: Story) -> str:
    """Does it all and says what kind of story it was."""
    thing = story.thing
    oid = world.make(thing, story.owner)
    for move in story.moves:
        world.attempt(move.text(thing), move.by)
    before = world.see(oid, thing, APP)
    if before is None:
        return "out of the application's reach"
    raw = world.raw(oid, thing)
    wish = Wish(APP, NEW, True, True, story.keep_application, story.keep_public, story.curated, before.acl_default)
    try:
        after, forward, restore = plan_steps(str(before.ref), before.state, wish)
    except NotRestorable:
        return "not restorable"

    world.walk(before, forward)
    live = world.see(oid, thing, NEW)
    assert live is not None
    assert sets(live.state) == sets(after)
    _application_is_contained(after, story)

    world.walk(before, restore)
    back = world.see(oid, thing, APP)
    assert back is not None
    assert sets(back.state) == sets(before.state)
    if before.acl_default:
        assert back.acl_default
        assert world.raw(oid, thing)[1] == raw[1]
    else:
        assert world.raw(oid, thing) == raw
    return thing.kind


def _application_is_contained(after: State, story: Story) -> None:
    kept = story.keep_application | ({"SELECT"} if story.curated else set())
    for column, items in ((None, after.acl), *((c.column, c.acl) for c in after.columns)):
        for item in items:
            if item.grantee == APP:
                assert item.privilege in kept
                assert not item.grantable
                assert column is None
            if item.grantee == PUBLIC:
                assert item.privilege in story.keep_public
                assert column is None


def _story(thing: int, *moves: Move, owner: Role = APP) -> Story:
    return Story(THINGS[thing], owner, moves, frozenset(), frozenset(), False)


A, B, C = FRIENDS
EXAMPLES = {
    "passed on twice": _story(0, Move(APP, A, "SELECT", None, True, True), Move(A, B, "SELECT", None, True, True),
                              Move(B, C, "SELECT", None, True, False)),
    "PUBLIC by another grantor": _story(0, Move(APP, A, "SELECT", None, True, True), Move(A, PUBLIC, "SELECT", None, True, False)),
    "PUBLIC in the middle": _story(0, Move(APP, A, "SELECT", None, True, False), Move(APP, PUBLIC, "SELECT", None, True, False),
                                   Move(APP, B, "UPDATE", None, True, True)),
    "the application passes on what another owner gave": _story(
        0, Move(OTHER, APP, "SELECT", None, True, True), Move(APP, A, "SELECT", None, True, True),
        Move(A, B, "SELECT", None, True, False), owner=OTHER),
    "the application passes on a column": _story(
        0, Move(OTHER, APP, "UPDATE", "a", True, True), Move(APP, PUBLIC, "UPDATE", "a", True, False),
        Move(APP, C, "UPDATE", "a", True, False), owner=OTHER),
    "a column passed on": _story(0, Move(APP, A, "UPDATE", "b ü", True, True), Move(A, B, "UPDATE", "b ü", True, False)),
    "the owner took from itself": _story(0, Move(APP, APP, "TRUNCATE", None, False, False)),
    "nothing left": _story(4, Move(APP, PUBLIC, "EXECUTE", None, False, False), Move(APP, APP, "EXECUTE", None, False, False)),
}  # fmt: skip  # one case a line


@pytest.mark.parametrize("name", EXAMPLES)
def test_known_difficult_acls(world: World, name: str) -> None:
    world.connection.execute("BEGIN")
    try:
        assert _there_and_back(world, EXAMPLES[name]) == EXAMPLES[name].thing.kind
    finally:
        world.connection.execute("ROLLBACK")


def test_merging_with_the_new_owner_is_refused(world: World) -> None:
    world.connection.execute("BEGIN")
    try:
        oid = world.make(THINGS[0], APP)
        assert world.attempt(Move(APP, NEW, "SELECT", None, True, False).text(THINGS[0]), APP)
        seen = world.see(oid, THINGS[0], APP)
        assert seen is not None
        wish = Wish(APP, NEW, True, True, frozenset(), frozenset(), False, seen.acl_default)
        with pytest.raises(NotRestorable, match="merge entries"):
            plan_steps(str(seen.ref), seen.state, wish)
    finally:
        world.connection.execute("ROLLBACK")
