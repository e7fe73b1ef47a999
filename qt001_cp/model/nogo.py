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
DENIED: Final = ("application", "public_only", "author", "auditor")
"""Who has to be denied, object by object, what the manifest does not leave him."""
OF_APPLY_PATH: Final = ("fake_capability", "unknown_dependency")
"""Those that speak of an apply path: where a policy has none, nothing is tried and nothing is missing."""


def families_of(apply_path: object | None) -> dict[str, str]:
    """The families of a manifest: key → title. ``apply_path``: the manifest's, None without one."""
    return {key: title for key, title in FAMILIES.items() if apply_path is not None or key not in OF_APPLY_PATH}
