"""A case: what is tried, by whom, and the only answers that count as a refusal for the right reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from qt001_cp.model.canonical import Json


@dataclass(frozen=True)
class Step:
    """One statement by one role (a key of :attr:`Scene.cast`); ``params`` for bytes and texts that are not identifiers."""

    role: str
    statement: str
    params: Sequence[Any] = ()


@dataclass(frozen=True)
class Case:
    """The last step has to be refused with one of ``expected`` and a message that holds ``contains``.

    Steps before it prepare the attack and have to succeed. Everything runs in one transaction that is rolled back.
    """

    family: str
    name: str
    steps: tuple[Step, ...]
    expected: tuple[str, ...]
    contains: str = ""
    object: str = ""

    @property
    def attack(self) -> Step:
        return self.steps[-1]


@dataclass
class Outcome:
    """What PostgreSQL answered, and to which login. ``sqlstate`` is 00000 where it did not refuse."""

    case: Case
    sqlstate: str
    message: str
    state_before: str = ""
    state_after: str = ""
    prepared: bool = field(default=True)
    login: str = ""

    @property
    def passed(self) -> bool:
        return (
            self.prepared
            and self.sqlstate in self.case.expected
            and self.case.contains in self.message
            and bool(self.state_before)
            and self.state_before == self.state_after
        )

    def to_json(self) -> Json:
        refused_otherwise = self.sqlstate in self.case.expected and not (
            self.prepared and self.case.contains in self.message
        )
        return {
            "family": self.case.family,
            "name": self.case.name,
            "role": self.case.attack.role,
            "login": self.login or "superuser",
            "object": self.case.object,
            "statements": [f"{s.role}: {_shortened(s)}" for s in self.case.steps],
            "expected": list(self.case.expected),
            # A refusal for another reason is no refusal.
            "sqlstate": f"{self.sqlstate} (another reason)" if refused_otherwise else self.sqlstate,
            "message": self.message,
            "state_before": self.state_before,
            "state_after": self.state_after,
        }


def _shortened(step: Step) -> str:
    params = ", ".join(f"<{len(p)} bytes>" if isinstance(p, bytes) else repr(p) for p in step.params)
    return step.statement + (f"  -- {params}" if params else "")
