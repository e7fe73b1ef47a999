"""A page of the zoo as a program: its sections, run on the application that it speaks of."""

from __future__ import annotations

from pathlib import Path

from tests.guides.guide import blocks, checkout, run
from tests.zoo.application import Running


class Page:
    """The blocks of a page of the zoo, and those of docs/log.md that it refers to, in one folder and with its own variables."""

    def __init__(self, running: Running, folder: Path) -> None:
        self.running, self.folder = running, checkout(folder)
        self.own, self.common = blocks(f"log-{running.application}"), blocks("log")

    def commands(self, script: str) -> str:
        """Runs commands with the page's own variables; none may end with an error."""
        said, failed = run([*self.own[""], script], self.running.server, self.folder)
        assert failed == [], said
        return said

    def section(self, number: str) -> str:
        """Runs the page's own section of that number, or else the one of docs/log.md; nothing may end with an error."""
        found = [b for part in (self.own, self.common) for h, b in part.items() if h.startswith(f"{number}. ") and b]
        assert found, f"no section {number}"
        said, failed = run([*self.own[""], *found[0]], self.running.server, self.folder)
        assert failed == [], said
        return said
