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


def test_the_regression_suite_has_only_values_of_any_type_unknown() -> None:
    found = measure.regression()
    assert measure.figures(found).routines > 700
    by_list = [each for each in found if measure.BY_LIST & {u.rule for u in each.unknown}]
    assert by_list
    assert [
        each.identity for each in by_list if "pg_catalog.any" not in each.identity and "record" not in each.identity
    ] == []
