"""Against PostgreSQL's own record: for views and BEGIN ATOMIC bodies pg_depend knows what they rest on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from qt001_cp.catalog.inventory import read_inventory
from qt001_cp.catalog.names import read_names
from qt001_cp.catalog.reach import read_reach
from qt001_cp.model.names import Role
from qt001_cp.plan.analysis import analyse_estate
from qt001_cp.rehearsal.scene import drop_scene
from tests.conftest import Library

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
LEFT JOIN pg_type y ON d.refclassid = 'pg_type'::regclass AND y.oid = d.refobjid AND y.typtype = 'c'
LEFT JOIN pg_class r ON r.oid = y.typrelid AND r.relkind <> 'c'
LEFT JOIN pg_class c ON d.refclassid = 'pg_class'::regclass AND c.oid = d.refobjid AND c.relkind = 'c'
CROSS JOIN LATERAL pg_identify_object(
    CASE WHEN r.oid IS NOT NULL THEN 'pg_class'::regclass WHEN c.oid IS NOT NULL THEN 'pg_type'::regclass ELSE d.refclassid::regclass END,
    coalesce(r.oid, c.reltype, d.refobjid), 0) t
WHERE t.identity <> b.identity
"""
"""Bodies, and what they rest on that is not the system's own. Columns count as their relation, a row type as its table."""


@dataclass
class Compared:
    """For each body what PostgreSQL recorded and what we resolve, as "kind identity"; ``edges``: what the catalogs lead on to."""

    theirs: dict[str, set[str]]
    ours: dict[str, set[str]]
    edges: dict[str, set[str]]

    def behind(self, name: str) -> set[str]:
        """All that the catalogs reach from what we resolved."""
        found, wave = set(self.ours[name]), list(self.ours[name])
        while wave:
            new = self.edges.get(wave.pop(), set()) - found
            found |= new
            wave += new
        return found


@pytest.fixture(scope="module")
def compared(library: Library) -> Iterator[Compared]:
    """Each view and BEGIN ATOMIC body of the estate and of recorded.sql."""
    stage = library.copy("base")
    with stage.connect("directus") as application:
        application.execute(EXTRA.read_text("utf-8"))
    with stage.connect() as connection:
        objects = read_inventory(connection, Role("directus")).objects
        found = {" ".join(key): a for key, a in analyse_estate(objects, read_names(connection)).items()}
        ours = {name: {f"{e.kind} {e.identity}" for e in a.edges} for name, a in found.items()}
        theirs: dict[str, set[str]] = {}
        for kind, identity, to_kind, to_identity in connection.execute(_RECORDED).fetchall():
            if f"{kind} {identity}" in ours:
                theirs.setdefault(f"{kind} {identity}", set()).add(f"{to_kind} {to_identity}")
        edges: dict[str, set[str]] = {}
        for start, end, _ in read_reach(connection):
            edges.setdefault(" ".join(start), set()).add(" ".join(end))
    yield Compared(theirs, ours, edges)
    drop_scene(stage.scene)


def test_what_postgresql_recorded_is_resolved_or_behind_what_is(compared: Compared) -> None:
    """An implicit conversion to a column's type, or a column of what a function returns, is one edge of the catalogs away."""
    assert len([name for name in compared.theirs if "view " in name]) >= 30
    assert len([name for name in compared.theirs if " recorded.a_" in name]) >= 12
    missed = {name: theirs - compared.ours[name] for name, theirs in compared.theirs.items()}
    assert {name: gone for name, gone in missed.items() if gone} == score.BEHIND
    assert {name: gone for name, gone in missed.items() if gone - compared.behind(name)} == {}


def test_no_more_is_resolved_but_overloads_and_constants(compared: Compared) -> None:
    """Overloads are told apart by types, which the analyser does not compute: all that could be meant are edges."""
    more = {}
    for name, theirs in compared.theirs.items():
        called = {each.partition("(")[0] for each in theirs if "(" in each}
        more[name] = {each for each in compared.ours[name] - theirs if each.partition("(")[0] not in called}
    assert {name: each for name, each in more.items() if each} == score.BEYOND
