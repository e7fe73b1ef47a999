"""Runs the analyser over the routines and views of an inventory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeAlias

from qt001_cp.analyse.analyser import analyse
from qt001_cp.analyse.result import Names, RoutineAnalysis, RoutineSource
from qt001_cp.model.inventory import InventoryObject
from qt001_cp.model.policy import Policy

Analyses: TypeAlias = Mapping[tuple[str, str], RoutineAnalysis]
ANALYSED = ("function", "procedure", "view", "materialized view")


def analyse_estate(objects: Iterable[InventoryObject], names: Names) -> dict[tuple[str, str], RoutineAnalysis]:
    """Analyse every routine and view of ``objects`` as it is now."""
    return {o.ref.key: analyse(_source(o, o.definition), names) for o in objects if o.ref.kind in ANALYSED}


def analyse_new_sources(
    objects: Iterable[InventoryObject], policy: Policy, new_sources: Mapping[str, str], names: Names
) -> dict[tuple[str, str], RoutineAnalysis]:
    """Analyse the new source of each repointed routine."""
    return {
        o.ref.key: analyse(_source(o, new_sources[o.ref.identity]), names)
        for o in objects
        if o.ref.kind in ("function", "procedure") and o.ref.identity in policy.repoint
    }


def _source(o: InventoryObject, definition: str) -> RoutineSource:
    detail = o.detail or {}
    if o.ref.kind in ("view", "materialized view"):
        query = next((line for line in definition.split("\nrule ") if "_RETURN" in line), definition)
        _, _, select = query.partition(" DO INSTEAD ")
        return RoutineSource(
            o.ref.kind, o.ref.identity, o.ref.schema or "", "view", select or definition, ("pg_catalog",)
        )
    path = detail.get("search_path")
    schemas = None if path is None else tuple(p.strip().strip('"') for p in str(path).split(","))
    return RoutineSource(
        o.ref.kind, o.ref.identity, o.ref.schema or "", str(detail.get("language")), definition, schemas
    )
