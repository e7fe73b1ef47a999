"""Names that the manifest uses and that are gone, by the numbers that were noted when it was sealed: everything else follows from one.

Contract, section 9: a renamed role, schema or database is told as that, with the statement.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import psycopg

from qt001_cp.audit.check import Check
from qt001_cp.audit.queries import rows


def names(
    connection: psycopg.Connection, digest: str, events: Iterable[Mapping[str, Any]], cluster: str | None
) -> Check:
    """Each name that was noted when the manifest was sealed is a name of this cluster and database today. ``cluster``: its identifier,
    None where this login may not ask."""
    check = Check("the names that the manifest uses")
    noted = [e["detail"].get("names") for e in events if e["verb"] == "sealed" and e["subject"] == digest]
    if not noted or not isinstance(noted[-1], dict):
        return check
    by_name: set[tuple[str, str]] = set()
    by_number: dict[tuple[str, str], str] = {}
    for r in rows(connection, "names.sql"):
        by_name.add((r["kind"], r["name"]))
        by_number[r["kind"], r["number"]] = r["name"]
    here = cluster is not None and noted[-1].get("cluster") == cluster
    for kind, name, number in noted[-1].get("names") or ():
        check.looked_at += 1
        if (kind, name) not in by_name:
            now = by_number.get((kind, number)) if here else None
            check.faults.append(f"{kind} {name}: {_found(kind, name, now)}")
    return check


def _found(kind: str, name: str, now: str | None) -> str:
    if now is None:
        return f"no {kind} of this name is here"
    quoted = ['"' + word.replace('"', '""') + '"' for word in (now, name)]
    return f"it is called {now} now; ALTER {kind.upper()} {quoted[0]} RENAME TO {quoted[1]};"
