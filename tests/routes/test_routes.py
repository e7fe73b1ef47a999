"""Each route leads in after a plain cutover; none does after ours, and what ours refuses it leaves as it was."""

from __future__ import annotations

import pytest

from tests.conftest import Library
from tests.routes import walk
from tests.routes.groups import ALL
from tests.routes.route import Route


def _named(route: Route) -> str:
    return route.name


def _skip_before(route: Route, library: Library) -> None:
    if library.server.version < route.since:
        pytest.skip(f"PostgreSQL {route.since // 10000} has it first")


@pytest.mark.parametrize("route", ALL, ids=_named)
def test_a_plain_cutover_leaves_the_route_open(library: Library, plain: dict[str, walk.Answer], route: Route) -> None:
    _skip_before(route, library)
    assert plain[route.name].reached, plain[route.name]


@pytest.mark.parametrize("route", [r for r in ALL if r.ours.moment == "denied"], ids=_named)
def test_after_our_cutover_postgresql_refuses_it(ours: dict[str, walk.Answer], route: Route) -> None:
    answer = ours[route.name]
    assert not answer.reached, answer
    assert answer.sqlstate == route.ours.sqlstate, answer


@pytest.mark.parametrize("route", [r for r in ALL if r.ours.moment == "sealed"], ids=_named)
def test_our_cutover_finds_it_in_the_estate(library: Library, sealing: walk.Found, route: Route) -> None:
    _skip_before(route, library)
    assert any(s == route.ours.sqlstate and route.ours.word in o for s, o in sealing.findings), sealing.findings


@pytest.mark.parametrize("route", [r for r in ALL if r.ours.moment == "late"], ids=_named)
def test_our_cutover_finds_what_came_after_the_sealing(library: Library, late: walk.Found, route: Route) -> None:
    _skip_before(route, library)
    assert any(s == route.ours.sqlstate and route.ours.word in o for s, o in late.findings), late.findings


def test_a_refused_cutover_changes_nothing(sealing: walk.Found, late: walk.Found) -> None:
    assert (sealing.refusal, sealing.unchanged) == ("QT104", True)
    assert (late.refusal, late.unchanged) == ("QT102", True)


def test_every_route_has_a_name_of_its_own() -> None:
    names = [route.name for route in ALL]
    assert sorted(names) == sorted(set(names))
