"""The major versions of PostgreSQL that this release supports: one home for the SQL's bounds and for the words."""

from __future__ import annotations

from typing import Final

from qt001_cp.errors import Refused, UsageError

SUPPORTED: Final = range(14, 19)


def supported_words() -> str:
    """``14 to 18``."""
    return f"{SUPPORTED.start} to {SUPPORTED.stop - 1}"


def require_supported(server_version: int, said: str | None = None) -> None:
    """Say early and in words what the SQL guards refuse in any case. Raises :class:`Refused` (QT120).

    ``server_version`` is server_version_num, ``said`` is server_version.
    """
    if server_version // 10000 not in SUPPORTED:
        raise Refused(
            f"expected PostgreSQL {supported_words()}, found {said or server_version // 10000}; nothing was done",
            sqlstate="QT120",
            hint="use a supported server (docs/versions.md)",
        )


def require_later(asked: int, major: int, what: str) -> None:
    """A copy of ``what``, which is of ``major``, is made on that version or a later one. Raises :class:`UsageError`."""
    if asked < major:
        raise UsageError(
            f"--postgres {asked}: expected PostgreSQL {major} or later, as {what} is",
            hint="a server does not move back",
        )
