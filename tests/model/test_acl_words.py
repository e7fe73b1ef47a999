"""What a person reads of two ACLs: the entries that differ."""

from __future__ import annotations

import pytest

from qt001_cp.model.acl_words import compared, in_a_sentence

READ = '["own", "Lager-App", "SELECT", false]'
ALL = '["own", null, "EXECUTE", true]'
CASES = {
    "one more": (f"ACL [{ALL}]", f"ACL [{ALL}, {READ}]", "ACL without SELECT for Lager-App by own", "ACL with it"),
    "one less": (f"ACL [{ALL}]", "ACL []", "ACL with EXECUTE for PUBLIC by own WITH GRANT OPTION", "ACL without it"),
    "both": (
        f"ACL [{ALL}]",
        f"ACL [{READ}, {READ.replace('SELECT', 'INSERT')}]",
        "ACL with EXECUTE for PUBLIC by own WITH GRANT OPTION",
        "ACL with SELECT, INSERT for Lager-App by own instead",
    ),
    "another order": (
        f"ACL [{ALL}, {READ}]",
        f"ACL [{READ}, {ALL}]",
        "ACL in the order of the manifest",
        "ACL with the same entries in another order",
    ),
    "a column": (
        "column ACLs []",
        f'column ACLs [["a b", [{READ}]]]',
        "column ACLs without SELECT (a b) for Lager-App by own",
        "column ACLs with it",
    ),
    "owners": ("owner a", "owner b", "owner a", "owner b"),
    "no JSON": ("ACL [x", "ACL [y", "ACL [x", "ACL [y"),
}


@pytest.mark.parametrize("name", CASES)
def test_what_differs(name: str) -> None:
    expected, found, *said = CASES[name]
    assert list(compared(expected, found)) == said


def test_in_the_reason_of_a_gate() -> None:
    reason = f"table t: expected ACL [{ALL}], found ACL [{ALL}, {READ}]"
    assert in_a_sentence(reason) == "table t: expected ACL without SELECT for Lager-App by own, found ACL with it"
    assert in_a_sentence("table t: expected owner a, found owner b") == "table t: expected owner a, found owner b"
    assert in_a_sentence(None) is None
