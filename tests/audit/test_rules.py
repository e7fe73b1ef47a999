"""The rules of the audit's checks of documents that no wrong module of ``test_wrong_modules`` provokes, one by one."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

from qt001_cp.audit import scripts, sources
from qt001_cp.audit.check import Check
from tests.conftest import Stage

Documents = dict[str, Any]


def _object(d: Documents, identity: str) -> Any:
    return next(o for o in d["object.json"]["objects"] if o["identity"] == identity)


def _entry(d: Documents, identity: str) -> Any:
    return next(r for r in d["static-analysis.json"]["routines"] if r["identity"] == identity)


def _no_owner(d: Documents) -> None:
    _object(d, "public.qt001_note")["ways"]["forward"]["owner"] = None


def _no_revoke(d: Documents) -> None:
    _object(d, "public.qt001_sum_positive(numeric)")["ways"]["forward"]["pre"] = []


def _not_analysed(d: Documents) -> None:
    d["static-analysis.json"]["routines"].remove(_entry(d, "public.qt001_touch()"))


def _another_view(d: Documents) -> None:
    _entry(d, "public.qt001_note")["definition"] = "0" * 64


def _unknown_on_the_path(d: Documents) -> None:
    _entry(d, "public.qt001_write(pg_catalog.jsonb)")["unknown"] = [{"rule": "operator", "line": 1, "detail": "<<<"}]


def _nothing_sealed(d: Documents) -> None:
    d["dependency.json"] = None


def _gone(d: Documents) -> None:
    d["object.json"]["repoint"][0]["identity"] = "public.gone()"


# The document that is wrong: (how, the words).
RULES: tuple[tuple[Callable[[Documents], None], str], ...] = (
    (_no_owner, "view public.qt001_note, forward: it ends with owner directus, expected qt001_cp_owner"),
    (
        _no_revoke,
        "aggregate public.qt001_sum_positive(numeric), forward: EXECUTE for PUBLIC from qt001_cp_owner is left",
    ),
    (_not_analysed, "function public.qt001_touch(): the evidence does not have it"),
    (_another_view, f"view public.qt001_note: the evidence is about definition {'0' * 64}"),
    (_unknown_on_the_path, "function public.qt001_write(pg_catalog.jsonb): the evidence says operator, it does not"),
    (_nothing_sealed, "none is sealed for this object manifest"),
    (_gone, "public.gone(): it is not in this database"),
)


def test_each_rule_has_words_of_its_own(at_fix7c_done: Stage) -> None:
    assert at_fix7c_done.bundle is not None
    files = at_fix7c_done.bundle.files
    names = ("object.json", "static-analysis.json", "dependency.json")
    sound: Documents = {name: json.loads(files[name]) for name in names}
    with at_fix7c_done.connect() as connection:
        routines, noted = sources.read(connection)

    def faults(d: Documents) -> list[str]:
        manifest, evidence, dependency = (d[name] for name in names)
        checks: list[Check] = [
            scripts.ways(manifest),
            sources.analysis(manifest, evidence, routines, noted),
            sources.dependencies(manifest, dependency, evidence, noted),
            sources.apply_path(manifest, routines, "fix7c"),
        ]
        return [f for c in checks for f in c.faults]

    assert faults(sound) == []
    for wrong, words in RULES:
        document = copy.deepcopy(sound)
        wrong(document)
        found = faults(document)
        assert any(f.startswith(words) for f in found), (words, found)
    # Before FIX7c the sources have to be those that the manifest captured; now they are the new ones.
    before = sources.apply_path(sound["object.json"], routines, "fix7b")
    assert len(before.faults) == 5
    assert all(f.endswith("is not the one that the manifest captured") for f in before.faults)
