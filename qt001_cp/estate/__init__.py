"""The reference estates: QT001, a database as Directus leaves it before the FIX7 cutover, with an apply path; and an application
that owns its own audit log, without one.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

_HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Reference:
    """One estate: the login that owns it, and the folder of its SQL and its policy."""

    name: str
    application: str
    folder: Path

    def files(self) -> tuple[Path, ...]:
        """The SQL files in the order in which they have to run: each through ``psql -v ON_ERROR_STOP=1 -X -f``."""
        return tuple(sorted((self.folder / "sql").glob("*.sql")))

    @property
    def policy_path(self) -> Path:
        """The policy that classifies the estate."""
        return self.folder / "policy.toml"


QT001: Final = Reference("qt001", "directus", _HERE)
LOG: Final = Reference("log", "shop", _HERE / "log")
REFERENCES: Final = {reference.name: reference for reference in (QT001, LOG)}


def files() -> tuple[Path, ...]:
    """The SQL files of QT001's estate."""
    return QT001.files()


def policy_path() -> Path:
    """The policy of QT001's estate."""
    return QT001.policy_path
