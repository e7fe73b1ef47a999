"""A change of what is protected: a revision of the team's own, with one text forward and one back."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TypeAlias

from qt001_cp.errors import FileProblem, UsageError
from qt001_cp.model.canonical import canonical_bytes, digest

SCHEMA: Final = "qt001.change/1"
EFFECTS: Final = "effects.json"
EFFECTS_SCHEMA: Final = "qt001.effects/1"
"""What each statement of a change locks, as its rehearsal has read it, and whether it takes something from the application."""
LOCK_MODES: Final = ("AccessShareLock", "RowShareLock", "RowExclusiveLock", "ShareUpdateExclusiveLock", "ShareLock",
                     "ShareRowExclusiveLock", "ExclusiveLock", "AccessExclusiveLock")  # fmt: skip
"""Locks on a relation, from the weakest to the strongest (PostgreSQL documentation, "Explicit Locking", 13.3.1)."""
PREDECESSOR: Final = "predecessor.json"
"""The object manifest that was deployed where the change was prepared, beside that of the change."""
Way: TypeAlias = Literal["forward", "back"]
WAYS: Final = ("forward", "back")
LONGEST: Final = 32
"""Alembic keeps the name of a revision in a column of that width."""
RESERVED: Final = frozenset({"base", "head", "heads", "fix7a", "fix7b", "fix7c"})
"""Names that Alembic, or we, have given already."""
NOTHING: Final = "SELECT pg_catalog.version();"
"""The text of a change that only follows the server to another major version."""
OURS: Final = "fix7"
"""How the name of every revision of the product's own begins."""
_NAME: Final = re.compile(r"[a-z][a-z0-9_]*")


def require_name(name: str, what: str = "change") -> str:
    """``name``, where it can name a revision, a file and a branch. Raises :class:`UsageError`."""
    if _NAME.fullmatch(name) is None or len(name) > LONGEST or name in RESERVED or name.startswith(OURS):
        raise UsageError(
            f"{what} {name!r}: expected at most {LONGEST} of a-z, 0-9 and _, a letter first, and not"
            f" {', '.join(sorted(RESERVED))}, or {OURS}…",
            hint="qt001-cp change new add_unit",
        )
    return name


@dataclass(frozen=True)
class Change:
    """``revision``: its name; ``forward`` and ``back``: the texts that the control plane's owner runs."""

    revision: str
    forward: str
    back: str

    def body(self) -> bytes:
        """The document that is kept of it, in canonical bytes."""
        return canonical_bytes(
            {"schema": SCHEMA, "revision": self.revision, "forward": self.forward, "back": self.back}
        )

    def digest(self) -> str:
        return digest(self.body())

    def forward_statements(self) -> str:
        """The text without lines of comment."""
        return _statements(self.forward)

    def back_statements(self) -> str:
        return _statements(self.back)


def _statements(text: str) -> str:
    return "\n".join(line for line in text.split("\n") if not line.strip().startswith("--")).strip("\n")


def file_of(revision_file: Path, way: str) -> Path:
    """The file of one way, beside that of the revision."""
    return revision_file.with_name(f"{revision_file.stem}.{way}.sql")


def read_change(revision_file: Path) -> Change:
    """The change of a revision. Raises :class:`FileProblem` for a text that is missing, not UTF-8, or has a tab, which Alembic would
    print in another way than it runs it. A text without statements is one: a change may only move what its policy says."""
    name = require_name(revision_file.stem)
    texts = {way: _read(file_of(revision_file, way)) for way in WAYS}
    return Change(name, texts["forward"], texts["back"])


def _read(path: Path) -> str:
    try:
        text = path.read_bytes().decode("utf-8")
    except OSError as exc:
        raise FileProblem(f"{path}: cannot be read: {exc.strerror}", hint="qt001-cp change new NAME writes it") from exc
    except UnicodeDecodeError as exc:
        raise FileProblem(f"{path}: expected UTF-8, found another encoding", hint="save it as UTF-8") from exc
    for number, line in enumerate(text.split("\n"), 1):
        if "\t" in line or "\r" in line:
            found = "a tab" if "\t" in line else "a carriage return"
            raise FileProblem(f"{path}, line {number}: expected spaces and plain line ends, found {found}",
                              hint="expand it (expand -t 4, dos2unix): what is printed has to be what runs")  # fmt: skip
    return text
