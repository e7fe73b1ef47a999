"""What a person reads of two ACLs: the entries that differ."""

from __future__ import annotations

import pytest

from qt001_cp.cli.acl_words import compared, in_a_sentence

READ = '["own", "Lager-App", "SELECT", false]'
ALL = '["own", null, "EXECUTE", true]'
CASES = {
    "one more": (f"ACL [{ALL}]", f"ACL [{ALL}, {READ}]", "ACL with nothing else", "ACL with SELECT for Lager-App by own"),
    "one less": (f"ACL [{ALL}]", "ACL []", "ACL with EXECUTE for PUBLIC by own WITH GRANT OPTION", "ACL with nothing of that"),
    "another order": (f"ACL [{ALL}, {READ}]", f"ACL [{READ}, {ALL}]", "ACL in the order of the manifest",
                      "ACL with the same entries in another order"),
    "a column": ("column ACLs []", f'column ACLs [["a b", [{READ}]]]', "column ACLs with nothing else",
                 "column ACLs with SELECT (a b) for Lager-App by own"),
    "owners": ("owner a", "owner b", "owner a", "owner b"),
    "no JSON": ("ACL [x", "ACL [y", "ACL [x", "ACL [y"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_what_differs(name: str) -> None:
    expected, found, *said = CASES[name]
    assert list(compared(expected, found)) == said


def test_in_the_reason_of_a_gate() -> None:
    reason = f"table t: expected ACL [{ALL}], found ACL [{ALL}, {READ}]"
    assert (
        in_a_sentence(reason) == "table t: expected ACL with nothing else, found ACL with SELECT for Lager-App by own"
    )
    assert in_a_sentence("table t: expected owner a, found owner b") == "table t: expected owner a, found owner b"
    assert in_a_sentence(None) is None
