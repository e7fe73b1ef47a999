"""What stands in the way of a change now, asked of PostgreSQL. Nothing is changed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psycopg

from qt001_cp.errors import DatabaseProblem
from qt001_cp.workflow.rows import dict_rows

_FINDINGS: Final = """
SELECT finding.* FROM qt001_cp.seal_findings(%s) finding
UNION ALL
SELECT finding.* FROM qt001_cp.succeeding_findings(%s, 'forward') finding
"""
_HOLDERS: Final = Path(__file__).with_name("lock_holders.sql")


@dataclass(frozen=True)
class ChangePreflight:
    """``findings``: what its script would refuse, as its own function says it. ``holders``: sessions that hold a lock on something
    protected at this moment, the oldest transaction first."""

    findings: list[dict[str, Any]]
    holders: list[dict[str, Any]]

    def document(self, digest: str) -> dict[str, Any]:
        """For programs, without its schema."""
        return {"manifest": digest, "go": not self.findings, "findings": self.findings, "lock_holders": self.holders}


def require_fix7c(opened: psycopg.Connection) -> None:
    """Raises :class:`DatabaseProblem` where no change can be made."""
    row = opened.execute("SELECT qt001_cp.stage()").fetchone()
    if row != ("fix7c",):
        raise DatabaseProblem(
            f"database {opened.info.dbname}: expected FIX7c to be deployed, found stage {row[0] if row else 'none'}",
            hint="a change is made where FIX7c is deployed: qt001-cp status; without --database the pack has no preflight",
        )


def read_change_preflight(opened: psycopg.Connection, digest: str) -> ChangePreflight:
    """Ask a database in which FIX7c is deployed about a successor that is, or is to be, sealed there."""
    return ChangePreflight(
        dict_rows(opened, _FINDINGS, digest, digest), dict_rows(opened, _HOLDERS.read_text("utf-8"), digest)
    )
