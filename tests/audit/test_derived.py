"""The after-state against the contract: what may be kept, and what never."""

from __future__ import annotations

from typing import Any

import pytest

from qt001_cp.audit.derived import OWNER, after_states

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
    database = {"kind": "database", "identity": "shop", "disposition": "transfer", "curated": False, "retired": None,
                "before": {"owner": "app", "acl": _OWNED, "columns": []}, "after": state}  # fmt: skip
    faults = after_states({"application": "app", "objects": [database]}).faults
    assert (faults == []) is (words is None), faults
    assert words is None or (words in faults[0] and faults[0].endswith("is too many"))
