"""The no-go families of a rehearsal (contract, section 7): the one list, by key and title."""

from __future__ import annotations

from typing import Final

FAMILIES: Final = {
    "acl_denials": "ACL denials",
    "denominator": "denominator attacks",
    "spoof_self_sign_stale": "spoof, self-sign, stale sign-off",
    "fake_capability": "fake capability",
    "canonical_hash_sensitivity": "canonical hash sensitivity",
    "unknown_dependency": "unknown dependency",
    "protected_state_no_worse": "protected state no worse",
}
