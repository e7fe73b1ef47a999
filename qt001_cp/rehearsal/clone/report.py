"""What was cloned, what was not, and what that means for the rehearsal."""

from __future__ import annotations

from dataclasses import dataclass, field

from qt001_cp.model.canonical import Json


@dataclass(frozen=True)
class Lack:
    """One thing that the clone does not have as its original has it."""

    object: str
    why: str
    meaning: str


@dataclass
class CloneReport:
    """``origin``: the source in words, without a password. ``lacks``: in the order in which they were met, each once."""

    origin: str
    data: bool = False
    notes: list[str] = field(default_factory=list)
    lacks: dict[tuple[str, str], Lack] = field(default_factory=dict)

    def lack(self, what: str, why: str, meaning: str) -> None:
        self.lacks.setdefault((what, why), Lack(what, why, meaning))

    def note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)

    def to_json(self) -> Json:
        return {
            "from": self.origin,
            "data": self.data,
            "notes": list(self.notes),
            "not_cloned": [{"object": x.object, "why": x.why, "meaning": x.meaning} for x in self.lacks.values()],
        }
