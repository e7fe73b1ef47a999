"""Against PostgreSQL's own record: for views and BEGIN ATOMIC bodies pg_depend knows what they rest on."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from qt001_cp.catalog.inventory import read_inventory
from qt001_cp.catalog.names import read_names
from qt001_cp.plan.analysis import analyse_estate
from tests.conftest import Stage

from . import score

EXTRA = Path(__file__).with_name("recorded.sql")
_RECORDED = """
WITH body AS (
    SELECT 'pg_rewrite'::regclass AS classid, w.oid, i.type, i.identity
    FROM pg_rewrite w CROSS JOIN LATERAL pg_identify_object('pg_class'::regclass, w.ev_class, 0) i WHERE w.rulename = '_RETURN' AND w.ev_class >= 16384
    UNION ALL
    SELECT 'pg_proc'::regclass, p.oid, i.type, i.identity
    FROM pg_proc p CROSS JOIN LATERAL pg_identify_object('pg_proc'::regclass, p.oid, 0) i WHERE p.prosqlbody IS NOT NULL AND p.oid >= 16384
)
SELECT DISTINCT b.type, b.identity, t.type, t.identity
FROM body b JOIN pg_depend d ON d.classid = b.classid AND d.objid = b.oid AND d.deptype = 'n' AND d.refobjid >= 16384
    AND d.refclassid IN ('pg_class'::regclass, 'pg_proc'::regclass, 'pg_type'::regclass)
CROSS JOIN LATERAL pg_identify_object(d.refclassid, d.refobjid, 0) t
WHERE t.identity <> b.identity
"""
"""Bodies, and what they rest on that is not the system's own; columns count as their relation."""


@pytest.fixture
def compared(at_base: Stage) -> dict[tuple[str, str], tuple[set[str], set[str]]]:
    """For each view and BEGIN ATOMIC body of the estate and of recorded.sql: what PostgreSQL recorded, what we resolve."""
    with at_base.connect("directus") as application:
        application.execute(EXTRA.read_text("utf-8"))
    with at_base.connect() as connection:
        inventory = read_inventory(connection, "directus")
        found = analyse_estate(inventory.objects, read_names(connection))
        return {
            key: (theirs, {f"{e.kind} {e.identity}" for e in found[key].edges})
            for key, theirs in recorded(connection).items()
            if key in found
        }


def recorded(connection: psycopg.Connection) -> dict[tuple[str, str], set[str]]:
    said: dict[tuple[str, str], set[str]] = {}
    for kind, identity, to_kind, to_identity in connection.execute(_RECORDED).fetchall():
        said.setdefault((kind, identity), set()).add(f"{to_kind} {to_identity}")
    return said


def test_we_resolve_all_that_postgresql_recorded(compared: dict[tuple[str, str], tuple[set[str], set[str]]]) -> None:
    missed = {" ".join(key): theirs - ours for key, (theirs, ours) in compared.items() if theirs - ours}
    assert missed == score.EXPLAINED_MISSES
    assert len([key for key in compared if key[0] in ("view", "materialized view")]) >= 30
    assert len([key for key in compared if key[1].startswith("recorded.a_")]) >= 12


def test_we_resolve_no_more_than_postgresql_recorded(compared: dict[tuple[str, str], tuple[set[str], set[str]]]) -> None:
    more = {" ".join(key): ours - theirs for key, (theirs, ours) in compared.items() if ours - theirs}
    assert more == score.EXPLAINED_MORE
