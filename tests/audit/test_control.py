"""Owner and ledger role: what the audit reads of manifest, policy and ledger, and where they differ."""

from __future__ import annotations

from typing import Any

import pytest

from qt001_cp.audit.control import Pair, agreed, pair_of
from qt001_cp.audit.derived import after_states
from qt001_cp.audit.shape import problem

SHOP = {"owner": "shop_cp_owner", "ledger": "shop_cp_ledger"}
DEFAULT = {"owner": "qt001_cp_owner", "ledger": "qt001_cp_ledger"}


def _configured(roles: dict[str, str] | None) -> list[dict[str, Any]]:
    return [
        {"seq": 1, "verb": "configured", "detail": {"roles": roles} if roles else {}},
        {"seq": 2, "verb": "captured", "detail": {}},
    ]


def test_a_manifest_that_names_none_has_the_default_pair() -> None:
    assert pair_of({}) == Pair(**DEFAULT)
    assert pair_of({"pair": SHOP}) == Pair(**SHOP)


@pytest.mark.parametrize(
    ("manifest", "policy", "event", "faults"),
    [
        ({}, {"roles": {"application": "directus"}}, DEFAULT, []),
        ({"pair": SHOP}, {"roles": {"application": "directus", **SHOP}}, SHOP, []),
        ({"pair": SHOP}, {"roles": {"application": "directus"}}, SHOP, ["policy names owner qt001_cp_owner"]),
        ({}, {"roles": {"application": "directus"}}, SHOP, ["event 1 names owner shop_cp_owner"]),
        ({}, {"roles": SHOP}, SHOP, ["policy names", "event 1 names"]),
    ],
)
def test_all_three_have_to_agree(
    manifest: dict[str, Any], policy: dict[str, Any], event: dict[str, str], faults: list[str]
) -> None:
    found = agreed(manifest, policy, _configured(event)).faults
    assert len(found) == len(faults)
    assert all(said in fault for fault, said in zip(found, faults, strict=True))


@pytest.mark.parametrize("wrong", [{"owner": "a"}, {"owner": 1, "ledger": "b"}, ["a", "b"], "a"])
def test_a_pair_of_another_form_is_no_manifest(wrong: Any) -> None:
    document = {
        "schema": "qt001.manifest.object/1", "application": "a", "server_major": 18, "repoint": [], "apply_path": None,
        "legacy": [], "blocked": [], "objects": [],
    }  # fmt: skip  # one document
    assert problem(document) is None
    assert problem({**document, "pair": SHOP}) is None
    said = problem({**document, "pair": wrong})
    assert said is not None
    assert "pair" in said


def test_what_is_transferred_belongs_to_the_owner_that_the_manifest_names() -> None:
    state = {"owner": "shop_cp_owner", "acl": [["shop_cp_owner", "shop_cp_owner", "SELECT", False]], "columns": []}
    thing = {
        "kind": "table", "identity": "public.t", "schema": "public", "disposition": "transfer", "curated": False, "retired": None,
        "detail": None, "before": {"owner": "app", "acl": [["app", "app", "SELECT", False]], "columns": []}, "after": state,
    }  # fmt: skip  # one object
    manifest = {"application": "app", "objects": [thing]}
    assert after_states({**manifest, "pair": SHOP}).faults == []
    assert any("expected qt001_cp_owner" in fault for fault in after_states(manifest).faults)
