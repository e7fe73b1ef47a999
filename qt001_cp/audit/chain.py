"""One chain of events, wherever it was read: each follows the one before it, in the epoch and at the stage that those have
led to, and is what its digest says.

Source: RFC 8785; FIPS 180-4 (SHA-256).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final

import rfc8785

STEPS: Final = {
    "cutover": ("fix7a", "fix7b"),
    "deployed": ("fix7b", "fix7c"),
    "succeeded": ("fix7c", "fix7c"),
    "released": ("fix7c", "fix7c"),
    "undeployed": ("fix7c", "fix7b"),
    "restored": ("fix7b", "fix7a"),
}
"""Cutover, deployment, change, release and the two ways back: from which stage to which. Each opens an epoch."""


class Chain:
    """``head``: the digest of the last event, ``number`` its number."""

    def __init__(self) -> None:
        self.number, self.epoch, self.stage, self.head = 0, 0, "fix7a", "0" * 64

    def fault(self, event: Mapping[str, Any], digest: object) -> str | None:
        """What is wrong with the next event, given as it is hashed, or None. The chain goes on from what is stored."""
        self.number += 1
        verb = str(event.get("verb"))
        begun, left = STEPS.get(verb, (self.stage, self.stage))
        self.epoch += verb in STEPS
        found = (event.get("seq"), event.get("epoch"), event.get("prev"), digest)
        wanted = (self.number, self.epoch, self.head, _digest(event))
        said = None
        if found != wanted:
            said = f"expected {_words(*wanted)}, found {_words(*found)}"
        elif begun != self.stage:
            said = f"expected {verb} at stage {begun}, found it at stage {self.stage}"
        self.stage, self.head = left, str(digest)
        return said


def _words(number: object, epoch: object, before: object, digest: object) -> str:
    return f"number {number} in epoch {epoch} after {before}, digest {digest}"


def _digest(event: Mapping[str, Any]) -> str:
    try:
        return hashlib.sha256(rfc8785.dumps(dict(event))).hexdigest()
    except (ValueError, RecursionError, rfc8785.CanonicalizationError) as exc:
        return f"none, for it has no canonical form: {exc}"
