"""Attributes and memberships get around a plain cutover; ours finds each of them, in the same transaction."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conftest import Library, Stage
from tests.cutover.support import findings, run
from tests.routes import walk
from tests.routes.powers import ROUTES
from tests.routes.route import Route


def _here(route: Route, library: Library) -> None:
    if not route.since <= library.server.version < route.until:
        pytest.skip("another major version has this route")


@pytest.fixture(scope="module")
def plain_powers(library: Library) -> dict[str, walk.Answer]:
    """One plain cutover; then each power given, used, and taken away again."""
    answers = {}
    with walk.plainly(library) as stage, stage.connect("qt001_author") as watched:
        watched.execute("SELECT 'watched'")
        for route in ROUTES:
            if route.since <= library.server.version < route.until:
                try:
                    run(stage, route.setup + route.later)
                    answers[route.name] = walk.walked(stage, route)
                finally:
                    run(stage, route.undo)
    return answers


@pytest.fixture(scope="module")
def sealed(library: Library) -> Iterator[Stage]:
    with walk.copied(library, "fix7a") as stage:
        yield stage


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_a_plain_cutover_leaves_the_power(library: Library, plain_powers: dict[str, walk.Answer], route: Route) -> None:
    _here(route, library)
    assert plain_powers[route.name].reached, plain_powers[route.name]


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_our_cutover_finds_the_power(library: Library, sealed: Stage, route: Route) -> None:
    _here(route, library)
    found = findings(sealed, route.setup)
    assert any(s == route.ours.sqlstate and route.ours.word in o for s, o in found), found


def test_an_estate_without_powers_is_free_of_findings(sealed: Stage) -> None:
    """The same question with nothing given: the findings above come from what was given."""
    assert findings(sealed, "") == []
