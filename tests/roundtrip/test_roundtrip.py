"""Every way back ends where it began, byte for byte, online and through psql, the second time too."""

from __future__ import annotations

import pytest

from tests.roundtrip.journey import ROUTE, How, Journey

pytestmark = pytest.mark.roundtrip
HOW = ("online", "psql")


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("base", "back at base"),
        ("base", "back at base again"),
        ("sealed", "back at fix7a"),
        ("sealed", "back at fix7a again"),
        ("fix7b", "back at fix7b"),
    ],
)
def test_whole_database_is_the_same(journeys: dict[How, Journey], how: How, before: str, after: str) -> None:
    seen = journeys[how].seen
    assert seen[after].whole == seen[before].whole
    assert seen[after].roles == seen[before].roles


@pytest.mark.parametrize("how", HOW)
def test_fix7a_leaves_everything_else_alone(journeys: dict[How, Journey], how: How) -> None:
    seen = journeys[how].seen
    for stop in ("fix7a", "sealed", "back at fix7a", "back at base", "fix7a again"):
        assert seen[stop].outside == seen["base"].outside, stop
    assert seen["fix7a"].catalog != seen["base"].catalog
    assert seen["fix7b"].outside != seen["base"].outside
    assert seen["fix7c"].outside != seen["fix7b"].outside


@pytest.mark.parametrize("how", HOW)
def test_data_and_roles_never_move(journeys: dict[How, Journey], how: How) -> None:
    seen = journeys[how].seen
    assert [seen[stop].data for stop in ROUTE] == [seen["base"].data] * len(ROUTE)
    assert {seen[stop].roles for stop in ROUTE} == {seen["base"].roles}


@pytest.mark.parametrize("how", HOW)
def test_second_time_is_like_the_first(journeys: dict[How, Journey], how: How) -> None:
    seen = journeys[how].seen
    assert seen["fix7b again"].catalog == seen["fix7b"].catalog
    assert seen["fix7a again"].catalog == seen["fix7a"].catalog
