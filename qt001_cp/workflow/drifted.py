"""What is no longer as the deployed object manifest has it, or before the cutover the sealed one, at the stage that is deployed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import psycopg

from qt001_cp.errors import DatabaseProblem
from qt001_cp.workflow.rows import dict_rows

_REFERENCE = "SELECT qt001_cp.stage() AS stage, qt001_cp.reference_manifest() AS manifest"
_DRIFT = "SELECT aspect, object, expected, found FROM qt001_cp.drift() ORDER BY object, aspect, expected, found"


@dataclass(frozen=True)
class Drifted:
    """``rows``: aspect (inventory, definition, acl or reach), object, expected, found."""

    stage: str
    manifest: str
    rows: list[dict[str, Any]]


def read_drift(opened: psycopg.Connection) -> Drifted:
    """Ask a database that has FIX7a. Raises :class:`DatabaseProblem` where no object manifest is sealed."""
    sealed = dict_rows(opened, _REFERENCE)[0]
    if sealed["manifest"] is None:
        raise DatabaseProblem(
            f"database {opened.info.dbname}: expected a sealed object manifest to compare with, found none",
            hint="qt001-cp manifest seal object.json --database …",
        )
    return Drifted(sealed["stage"], sealed["manifest"], dict_rows(opened, _DRIFT))
