"""Runs the analyser over the routines and views of an inventory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TypeAlias

from qt001_cp.analyse.analyser import analyse
from qt001_cp.analyse.result import Names, RoutineAnalysis, RoutineSource, Unknown
from qt001_cp.analyse.rules import CROSS_CHECK
from qt001_cp.model.inventory import InventoryObject
from qt001_cp.model.names import path_schemas
from qt001_cp.model.policy import Policy

Key: TypeAlias = tuple[str, str]
Analyses: TypeAlias = Mapping[Key, RoutineAnalysis]
ANALYSED = ("function", "procedure", "view", "materialized view")


def analyse_estate(objects: Iterable[InventoryObject], names: Names) -> dict[tuple[str, str], RoutineAnalysis]:
    """Analyse every routine and view of ``objects`` as it is now. What the system came with reaches nothing of an estate."""
    return {
        o.ref.key: RoutineAnalysis(*o.ref.key, str(o.detail.get("language", "view")), (), ())
        if o.detail and o.detail.get("system")
        else analyse(_routine_source(o, o.definition), names)
        for o in objects
        if o.ref.kind in ANALYSED
    }


def analyse_new_sources(
    objects: Iterable[InventoryObject], policy: Policy, new_sources: Mapping[str, str], names: Names
) -> dict[tuple[str, str], RoutineAnalysis]:
    """Analyse the new source of each repointed routine."""
    return {
        o.ref.key: analyse(_routine_source(o, new_sources[o.ref.identity]), names)
        for o in objects
        if o.ref.kind in ("function", "procedure") and o.ref.identity in policy.repoint
    }


def cross_checked(
    analyses: Analyses, seen: Mapping[Key, frozenset[Key]], edges: Iterable[tuple[Key, Key, str]]
) -> Analyses:
    """``analyses`` with what another tool has seen of a routine, and they do not reach, as unknown.

    ``edges``: what the catalogs know. Another tool may see what a statement sets off, such as a column's default; that is behind the
    table that the analysis names.
    """
    onward: dict[Key, set[Key]] = {}
    for start, end, _ in edges:
        onward.setdefault(start, set()).add(end)
    checked = dict(analyses)
    for key, others in seen.items():
        mine = analyses[key]
        missed = sorted(others - _behind({(e.kind, e.identity) for e in mine.edges}, onward))
        more = tuple(Unknown(CROSS_CHECK, 1, f"{kind} {identity}") for kind, identity in missed)
        checked[key] = replace(mine, unknown=(*mine.unknown, *more))
    return checked


def _behind(named: set[Key], onward: Mapping[Key, set[Key]]) -> set[Key]:
    found, wave = set(named), list(named)
    while wave:
        new = onward.get(wave.pop(), set()) - found
        found |= new
        wave += new
    return found


def _routine_source(o: InventoryObject, definition: str) -> RoutineSource:
    detail = o.detail or {}
    if o.ref.kind in ("view", "materialized view"):
        query = next((line for line in definition.split("\nrule ") if "_RETURN" in line), definition)
        _, _, select = query.partition(" DO INSTEAD ")
        return RoutineSource(
            o.ref.kind, o.ref.identity, o.ref.schema or "", "view", select or definition, ("pg_catalog",)
        )
    path = detail.get("search_path")
    schemas = None if path is None else path_schemas(str(path))
    return RoutineSource(
        o.ref.kind, o.ref.identity, o.ref.schema or "", str(detail.get("language")), definition, schemas
    )
