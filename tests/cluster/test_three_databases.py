"""Three databases of one cluster, in many orders: what is done in one moves the verdict of no other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import product, zip_longest
from typing import Any

import pytest

from qt001_cp import estate
from qt001_cp.rehearsal.scene import OPERATOR, drop_scene
from tests.acceptance.support import CALL
from tests.cluster.place import STEPS, Place, gone, made, pair, policy_of, verdict
from tests.conftest import Library

WAY = tuple(STEPS)
THERE, BACK = WAY[: WAY.index("sign") + 1], WAY[WAY.index("sign") + 1 :]
LEGS = WAY[:3], WAY[3:6], WAY[6:9], WAY[9:]
"""Bootstrap, cutover, way back, teardown; after the last one it can begin again."""
Order = tuple[tuple[str, tuple[str, ...]], ...]
"""Whose turn it is, and the steps that it makes then."""


def _of(place: str, steps: tuple[str, ...]) -> Order:
    return tuple((place, (step,)) for step in steps)


def _in_turn(one: Order, other: Order) -> Order:
    return tuple(step for both in zip_longest(one, other) for step in both if step is not None)


def _every_leg(*places: str) -> Order:
    """Each leg of each database, once from each state that the others can be in: every order is made of these. One way through all of
    them (Hierholzer's), which ends where it begins."""
    start = (0,) * len(places)
    left = {state: list(range(len(places))) for state in product(range(len(LEGS)), repeat=len(places))}
    way, walked = [(start, -1)], list[int]()
    while way:
        state, moved = way[-1]
        if left[state]:
            mover = left[state].pop()
            after = tuple((leg + (number == mover)) % len(LEGS) for number, leg in enumerate(state))
            way.append((after, mover))
        else:
            walked.append(moved)
            way.pop()
    turns = walked[-2::-1]  # without the start, and from the beginning
    return tuple((places[mover], LEGS[turns[:number].count(mover) % len(LEGS)]) for number, mover in enumerate(turns))


LOG, PRESS, SHOP = "log", "press", "shop"
ORDERS: dict[str, tuple[str, Order]] = {
    "every leg of one in every state of the other": (PRESS, _every_leg(LOG, PRESS)),
    "in turn": (LOG, _in_turn(_of(LOG, WAY), _of(PRESS, WAY))),
    "the first goes back and away while the others stay": (
        PRESS,
        (*_of(PRESS, THERE), *_of(LOG, THERE), *_of(SHOP, BACK), *_of(PRESS, BACK), *_of(LOG, BACK)),
    ),
}
"""By name: whose operator is no superuser, and the steps. SHOP is the first database: cut over, every gate open, with the default pair;
it has steps of its own only where it goes back."""


@pytest.fixture
def shop(library: Library) -> Iterator[Place]:
    stage = library.copy("fix7c")
    place = Place(stage, estate.QT001, estate.policy_path())
    place.open()
    yield place
    drop_scene(stage.scene)


def _places(shop: Place, plain: str) -> dict[str, Place]:
    """Another application role in the second, the same one in the third; a pair for each."""
    logins = {name: f"{name}_operator" if name == plain else OPERATOR for name in (LOG, PRESS)}
    log = made(shop.scene.server, "log_place", estate.LOG, pair("log"), logins[LOG])
    press = made(shop.scene.server, "press_place", estate.QT001, pair("press"), logins[PRESS])
    return {SHOP: shop, LOG: log, PRESS: press}


@pytest.mark.slow
@pytest.mark.parametrize(("plain", "order"), ORDERS.values(), ids=ORDERS.keys())
def test_what_is_done_in_one_moves_no_verdict_of_another(shop: Place, plain: str, order: Order) -> None:
    places = _places(shop, plain)
    try:
        _walk(places, order)
    finally:
        for name in (LOG, PRESS):
            gone(places[name])


def _walk(places: dict[str, Place], order: Order) -> None:
    said = {name: verdict(place.scene) for name, place in places.items()}
    assert said[SHOP]["accepted"]
    at_base = {name: said[name] for name in (LOG, PRESS)}
    for number, (name, steps) in enumerate(order):
        for each, place in places.items():
            if place.renew():
                now = verdict(place.scene)
                assert _but_head(now) == _but_head(said[each])
                said[each] = now
        for step in steps:
            STEPS[step](places[name])
        for other in places.keys() - {name}:
            now = verdict(places[other].scene)
            assert now == said[other], f"{number}: {', '.join(steps)} of {name} has moved the verdict of {other}"
        said[name] = verdict(places[name].scene)
        if steps[-1] in ("FIX7a", "FIX7b", "FIX7c"):
            assert said[name]["stage"] == steps[-1].lower()
        if said[name]["stage"] != "base":
            assert said[name]["pair"] == places[name].pair.to_json()
        if steps[-1] == "sign":
            assert said[name]["accepted"]
            assert [fault for faults, _, _ in said[name]["audit"].values() for fault in faults] == []
    for name in (LOG, PRESS):
        assert said[name] == at_base[name], f"{name} is not as it was before its bootstrap"
    if said[SHOP]["stage"] == "fix7c":
        with places[SHOP].scene.connect("qt001_service") as service, service.transaction(force_rollback=True):
            service.execute(CALL)


def _but_head(said: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in said.items() if key != "ledger_head"}


@pytest.mark.slow
def test_a_pair_is_of_one_database_alone(shop: Place) -> None:
    """Lent, or a member, or an owner of one: nothing in the other."""
    log = made(shop.scene.server, "log_place", estate.LOG, pair("log"))
    try:
        for step in THERE:
            STEPS[step](log)
        _alone(shop, log)
        _alone(log, shop)
    finally:
        gone(log)


def _alone(here: Place, there: Place) -> None:
    """Who gets a role of the pair here has nothing there, and closes a gate here alone."""
    before, elsewhere = verdict(here.scene), verdict(there.scene)
    tables = {
        name: [o.ref.identity for o in place.stage.manifest.transferred if o.ref.kind == "table"]
        for name, place in (("here", here), ("there", there))
    }
    here.admin("CREATE ROLE qt001_somebody LOGIN")
    try:
        for role in (here.pair.ledger.name, here.pair.owner.name):
            here.admin(f"GRANT {role} TO qt001_somebody")
            now = verdict(here.scene)
            assert _reasons(now)["roles_apart"] is not None
            assert not now["accepted"]
            assert verdict(there.scene) == elsewhere
            with here.scene.connect("qt001_somebody") as somebody:
                for table in tables["here"]:
                    somebody.execute(f"SELECT count(*) FROM {table}".encode())
            with there.scene.connect() as admin:
                held = admin.execute(
                    "SELECT name FROM unnest(%s::text[]) name WHERE has_table_privilege('qt001_somebody', name, 'SELECT')",
                    [tables["there"]],
                ).fetchall()
                inside = admin.execute(
                    "SELECT has_schema_privilege('qt001_somebody', 'qt001_cp', 'USAGE, CREATE')"
                ).fetchone()
            assert (held, inside) == ([], (False,))
            here.admin(f"REVOKE {role} FROM qt001_somebody")
            assert verdict(here.scene) == before
    finally:
        here.admin("DROP ROLE qt001_somebody")


@pytest.mark.slow
def test_two_databases_may_share_the_default_pair_and_are_told(shop: Place) -> None:
    """As it always was: lending it for one closes a gate of each; status says who has it too."""
    log = made(shop.scene.server, "log_place", estate.LOG)
    try:
        for step in THERE:
            STEPS[step](log)
        before = {"shop": verdict(shop.scene), "log": verdict(log.scene)}
        assert before["shop"]["accepted"]
        assert before["log"]["accepted"]
        shop.admin("CREATE ROLE qt001_somebody LOGIN", "GRANT qt001_cp_ledger TO qt001_somebody")
        for place in (shop, log):
            assert "qt001_somebody" in str(_reasons(verdict(place.scene))["roles_apart"])
        shop.admin("DROP ROLE qt001_somebody")
        assert {"shop": verdict(shop.scene), "log": verdict(log.scene)} == before
        for here, there in ((shop, log), (log, shop)):
            with here.scene.connect() as admin:
                beside = {row[0] for row in admin.execute("SELECT * FROM qt001_cp.pair_beside()")}
            assert there.scene.database in beside
            assert here.scene.database not in beside
    finally:
        gone(log)


def _reasons(said: dict[str, object]) -> dict[str, str | None]:
    gates = said["gates"]
    assert isinstance(gates, list)
    return {gate["gate"]: None if gate["open"] else gate["reason"] for gate in gates}


def test_a_policy_of_another_pair_is_another_manifest(shop: Place) -> None:
    """The third has the application and the estate of the first: the names alone tell their manifests apart."""
    manifest = shop.stage.manifest
    named = replace(manifest, pair=pair("press"))
    assert "pair" not in manifest.head()
    assert named.head()["pair"] == {"owner": "press_cp_owner", "ledger": "press_cp_ledger"}
    assert named.digest() != manifest.digest()
    assert type(manifest).from_bytes(named.body(), "a manifest").pair == pair("press")
    assert policy_of(estate.QT001, pair("press")).read_text("utf-8").count("press_cp_") == 2
