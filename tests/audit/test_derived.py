"""The after-state against the contract: what may be kept, and what never."""

from __future__ import annotations

from typing import Any

import pytest

from qt001_cp.audit.control import pair_of
from qt001_cp.audit.derived import after_states

OWNER = pair_of({}).owner
_OWNED = [["app", "app", "CONNECT", False], ["app", "app", "CREATE", False]]
_MOVED = [[OWNER, OWNER, "CONNECT", False], [OWNER, OWNER, "CREATE", False]]


@pytest.mark.parametrize(
    ("kept", "words"),
    [
        ([], None),
        ([[OWNER, "app", "CONNECT", False]], None),
        ([[OWNER, "app", "CREATE", False]], "CREATE for app"),
        ([[OWNER, "app", "TEMPORARY", False]], "TEMPORARY for app"),
        ([[OWNER, None, "CONNECT", False]], "CONNECT for PUBLIC"),
        ([[OWNER, "app", "CONNECT", True]], "with grant option"),
        ([["guest", "app", "CONNECT", False]], "CONNECT for app from guest"),
    ],
)
def test_what_the_application_may_keep_of_what_it_held_as_owner(kept: list[Any], words: str | None) -> None:
    state = {"owner": OWNER, "acl": [*_MOVED, *kept], "columns": []}
    database = {
        "kind": "database",
        "identity": "shop",
        "disposition": "transfer",
        "curated": False,
        "retired": None,
        "before": {"owner": "app", "acl": _OWNED, "columns": []},
        "after": state,
    }
    faults = after_states({"application": "app", "objects": [database]}).faults
    assert (faults == []) is (words is None), faults
    assert words is None or (words in faults[0] and faults[0].endswith("is too many"))


_SYSTEM = [["root", "root", "SELECT", False], ["root", None, "SELECT", False], ["root", "app", "SELECT", True]]


@pytest.mark.parametrize(
    ("owner", "acl", "words"),
    [
        ("root", _SYSTEM[:2], None),
        (OWNER, _SYSTEM[:2], "its owner afterwards"),
        ("root", _SYSTEM, "SELECT for app from root with grant option is too many"),
        ("root", _SYSTEM[:1], "SELECT for PUBLIC from root is lost"),
    ],
)
def test_what_the_server_came_with_keeps_its_owner_and_what_public_holds(
    owner: str, acl: list[Any], words: str | None
) -> None:
    o = {
        "kind": "table",
        "identity": "pg_catalog.pg_proc",
        "schema": "pg_catalog",
        "disposition": "transfer",
        "curated": False,
        "retired": None,
        "before": {"owner": "root", "acl": _SYSTEM, "columns": []},
        "after": {"owner": owner, "acl": acl, "columns": []},
    }
    faults = after_states({"application": "app", "objects": [o]}).faults
    assert (faults == []) is (words is None), faults
    assert words is None or words in faults[0]


@pytest.mark.parametrize(("owner", "fine"), [("app", True), ("other", False)])
def test_what_the_application_makes_itself_it_may_start_with_what_it_likes(owner: str, fine: bool) -> None:
    state = {"owner": owner, "acl": [[owner, "app", "SELECT", False]], "columns": []}
    o = {
        "kind": "default acl",
        "identity": f"for role {owner} on tables",
        "schema": None,
        "disposition": "transfer",
        "curated": False,
        "retired": None,
        "before": state,
        "after": state,
    }
    assert (after_states({"application": "app", "objects": [o]}).faults == []) is fine
