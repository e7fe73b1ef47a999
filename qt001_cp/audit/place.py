"""Which server this is: the cluster's identifier and the timeline of its log, as far as this login may ask."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import psycopg

from qt001_cp.audit.check import Check
from qt001_cp.audit.queries import rows


@dataclass(frozen=True)
class Place:
    """None: this login may not ask."""

    system: str | None
    timeline: int | None


def read_place(connection: psycopg.Connection) -> Place:
    """Each is a query of its own: PostgreSQL asks for the right before anything of a query runs."""
    (may,) = rows(connection, "place_rights.sql")
    system = rows(connection, "place_system.sql")[0]["system"] if may["system"] else None
    if not may["recovery"]:
        timeline = rows(connection, "place_timeline.sql")[0]["timeline"] if may["log"] else None
    else:
        timeline = rows(connection, "place_standby.sql")[0]["timeline"] if may["checkpoint"] else None
    return Place(system, timeline)


def same_timeline(check: Check, events: Iterable[Mapping[str, Any]], place: Place) -> None:
    """A copy that has the cluster's identifier is told by its timeline: of the last answer, and of today."""
    answers = [e for e in events if e["verb"] in ("signed", "refused")]
    said = answers[-1]["detail"].get("timeline") if answers else None
    if said is not None and place.timeline is not None and said != place.timeline:
        check.told.append(
            f"event {answers[-1]['seq']} ({answers[-1]['verb']}) was written on timeline {said} of the server's log, this is timeline"
            f" {place.timeline}: a standby was promoted, or a backup was restored to a point in time"
        )
