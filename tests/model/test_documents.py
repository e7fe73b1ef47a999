"""Documents that are wrong are told so: policy, manifest, what cannot be restored."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from qt001_cp import estate
from qt001_cp.errors import ManifestError, NotRestorable, PolicyError
from qt001_cp.model.acl import acl_from_json
from qt001_cp.model.canonical import canonical_bytes
from qt001_cp.model.inventory import State
from qt001_cp.model.manifest import ObjectManifest
from qt001_cp.model.names import Role
from qt001_cp.model.policy import policy_from_data
from qt001_cp.plan.step_plans import Wish, plan_steps

WRONG: dict[str, Any] = {
    "surprise": lambda p: p.update(surprise=1),
    "schema": lambda p: p.update(schema="qt001.policy/9"),
    "roles": lambda p: p.pop("roles"),
    "rule 1.disposition": lambda p: p["rule"][0].update(disposition="drop"),
    "reason": lambda p: p["rule"][0].pop("reason"),
    "tabel": lambda p: p["rule"][0].update(kind="tabel"),
    "OWN": lambda p: p["rule"][0].update(keep=[{"grantee": "public", "privileges": ["OWN"]}]),
    "qt001_cp_owner": lambda p: p["roles"].update(application="qt001_cp_owner"),
    "readiness is blocked": lambda p: p.update(blocked=[b for b in p["blocked"] if b["what"] == "apply"] * 2),
    "has no new source": lambda p: p.update(repoint=p["repoint"][1:]),
    "max_age_seconds": lambda p: p["verifier"].update(max_age_seconds=0),
    "writer": lambda p: p["apply_path"].pop("writer"),
}


@pytest.mark.parametrize("named", WRONG)
def test_a_wrong_policy_names_the_key(named: str) -> None:
    data = tomllib.loads(estate.policy_path().read_text("utf-8"))
    policy_from_data(data, "policy.toml")
    WRONG[named](data)
    with pytest.raises(PolicyError, match=named.replace(".", r"\.")):
        policy_from_data(data, "policy.toml")


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"no json", "not JSON of ours"),
        (b"[]", "not an object"),
        (b'{ "schema": "x"}', "canonical"),
        (b'{"schema":"x"}', "expected"),
        (canonical_bytes({"schema": "qt001.manifest.object/1"}), "required property"),
    ],
)
def test_a_wrong_manifest_says_why(body: bytes, says: str) -> None:
    with pytest.raises(ManifestError, match=says) as caught:
        ObjectManifest.from_bytes(body, str(Path("object.json")))
    assert "qt001-cp manifest generate" in str(caught.value.hint)


OWNER, NEW = Role("directus"), Role("qt001_cp_owner")
WISH = Wish(OWNER, NEW, True, True, frozenset(), frozenset(), False, False)


def _state(*acl: list[Any]) -> State:
    return State(OWNER, acl_from_json(acl))


@pytest.mark.parametrize(
    "acl",
    [
        [["directus", "directus", "SELECT", False], ["directus", "qt001_cp_owner", "SELECT", False]],
        [
            ["directus", "directus", "SELECT", False],
            ["directus", "qt001_cp_owner", "SELECT", True],
            ["qt001_cp_owner", "y", "SELECT", False],
        ],
    ],
    ids=["the new owner is a grantee", "the new owner is a grantor"],
)
def test_what_would_merge_is_refused(acl: list[list[Any]]) -> None:
    with pytest.raises(NotRestorable, match="merge"):
        plan_steps("table public.t", _state(*acl), WISH)


def test_public_in_the_middle_comes_back_in_its_place() -> None:
    before = _state(
        ["directus", "directus", "SELECT", False],
        ["directus", None, "SELECT", False],
        ["directus", "reporting", "SELECT", True],
        ["reporting", "intern", "SELECT", False],
    )
    after, forward, restore = plan_steps("table public.t", before, WISH)
    assert [i.grantee for i in after.acl] == [NEW, Role("reporting"), Role("intern")]
    assert [s.to_json()["do"] for s in forward.pre] == ["revoke"]
    # PUBLIC can only be appended, so what stood behind it goes and comes again, the dependent one first and last.
    assert [(s.to_json()["do"], s.to_json()["grantee"]) for s in restore.pre] == [
        ("revoke", "intern"),
        ("revoke", "reporting"),
        ("grant", None),
        ("grant", "reporting"),
        ("grant", "intern"),
    ]
