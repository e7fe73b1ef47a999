"""One thing that was looked at, and what was seen."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Check:
    """``faults``: what is not as it has to be. ``told``: what is another than sealed, and nothing protected is touched by it.
    ``unseen``: why it could not be looked at; then it has not passed. ``notes``: what a person should know, and nobody can undo.
    """

    name: str
    looked_at: int = 0
    faults: list[str] = field(default_factory=list)
    unseen: str | None = None
    told: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        return not self.faults and self.unseen is None

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "passed": self.passed,
            "lookedAt": self.looked_at,
            "faults": self.faults,
            "told": self.told,
            "unseen": self.unseen,
            "notes": self.notes,
        }
