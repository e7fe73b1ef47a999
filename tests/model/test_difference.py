"""Two manifests compared, in lines that a person can read."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from qt001_cp.model.acl import AclItem, ColumnAcl
from qt001_cp.model.inventory import State
from qt001_cp.model.manifest import ManifestObject, ObjectManifest
from qt001_cp.model.names import PUBLIC, Role
from qt001_cp.plan.difference import difference
from tests.model.small_estate import APP, manifest, policy, rule, thing

OLD = manifest()


def _with(identity: str, **changes: Any) -> ObjectManifest:
    def changed(o: ManifestObject) -> ManifestObject:
        return replace(o, **changes) if o.ref.identity == identity else o

    return replace(OLD, objects=tuple(changed(o) for o in OLD.objects))


def test_the_same_manifest_has_no_difference() -> None:
    assert difference(OLD, manifest()) == []


def test_objects_come_and_go() -> None:
    grown = manifest(thing("table", "late"))
    assert difference(OLD, grown) == ["+ table s.late  (transfer: because)"]
    assert difference(grown, OLD) == ["- table s.late  (was transfer)"]


def test_a_retained_object_is_said_to_be_so() -> None:
    other = manifest(rules=policy(rule(name="switch", disposition="retain")))
    assert "~ table s.switch: transfer → retain" in difference(OLD, other)


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        (
            {"definition": "f" * 64, "source": "table source\ncolumn late"},
            "~ table s.source: its definition: + column late",
        ),
        (
            {"storage": "f" * 64, "storage_source": "options fillfactor=70"},
            "~ table s.source: how it is kept: + options fillfactor=70",
        ),
        ({"curated": True}, "~ table s.source: now a curated view"),
        ({"before": State(Role("other"), ())}, "~ table s.source before: owner app → other"),
        (
            {"before": State(APP, (AclItem(APP, Role("intern"), "SELECT", True),))},
            "+ table s.source before: SELECT for intern from app with grant option",
        ),
        (
            {"after": State(Role("qt001_cp_owner"), (AclItem(APP, PUBLIC, "SELECT", False),))},
            "+ table s.source after: SELECT for PUBLIC from app",
        ),
        (
            {"before": State(APP, (), (ColumnAcl("note", (AclItem(APP, PUBLIC, "UPDATE", False),)),))},
            "+ table s.source before, column note: UPDATE for PUBLIC from app",
        ),
    ],
    ids=lambda v: v if isinstance(v, str) else "",
)
def test_what_changed_is_one_line(changes: dict[str, object], line: str) -> None:
    (said,) = difference(OLD, _with("s.source", **changes))
    assert said.startswith(line)


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"database": "x"}, "database"),
        ({"server_major": 15}, "server"),
        ({"application": Role("x")}, "application role"),
        ({"policy": {"name": "x", "sha256": "x"}}, "policy"),
        ({"legacy": ({},)}, "legacy"),
        ({"blocked": ()}, "blocked"),
        ({"apply_path": {}}, "apply path"),
    ],
    ids=lambda v: v if isinstance(v, str) else "",
)
def test_the_head_is_compared_too(changes: dict[str, Any], word: str) -> None:
    said = difference(OLD, replace(OLD, **changes))
    assert len(said) == 1
    assert said[0].startswith(f"~ {word}: ")


def test_a_new_source_is_named() -> None:
    (first, *rest) = OLD.repoint
    other = replace(OLD, repoint=(replace(first, after="-- another"), *rest))
    assert difference(OLD, other) == [f"~ {first.identity}: its new source differs"]
