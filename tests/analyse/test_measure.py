"""Ordinary routines stay known: the figures of docs/analysis.md."""

from __future__ import annotations

from qt001_cp.catalog.inventory import read_inventory
from qt001_cp.catalog.names import read_names
from qt001_cp.model.names import Role
from qt001_cp.plan.analysis import analyse_estate
from tests.conftest import Stage

from . import measure, score


def test_the_reference_estate(at_base: Stage) -> None:
    with at_base.connect() as connection:
        found = analyse_estate(read_inventory(connection, Role("directus")).objects, read_names(connection)).values()
    assert measure.figures(found) == score.ESTATE
    assert score.ESTATE.by_list == 0
