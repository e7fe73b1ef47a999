"""The audit's words of a routine with a parsed body, or with presets of its arguments, are those of the inventory, before a dump and after it."""

from __future__ import annotations

import hashlib

from qt001_cp.audit.queries import rows
from qt001_cp.audit.sources import spelled
from qt001_cp.catalog.inventory import read_inventory
from qt001_cp.model.names import Role
from qt001_cp.servers import Server
from tests.conftest import Stage
from tests.kinds.copies import restored

LISTS = """
SET ROLE directus;
CREATE FUNCTION public.qt001_picked(s varchar) RETURNS boolean LANGUAGE sql
BEGIN ATOMIC SELECT s IN ('draft', 'it''s') OR s = ANY (ARRAY['a, b'::varchar(9), 'c)]']); END;
CREATE FUNCTION public.qt001_among(s varchar, t varchar) RETURNS boolean LANGUAGE sql
BEGIN ATOMIC SELECT s IN (t, 'draft') OR t IN (s, upper(t)::varchar); END;
CREATE FUNCTION public.qt001_preset(a boolean DEFAULT 'x'::varchar IN ('draft', 'it''s, (a)'), b boolean DEFAULT
'x'::varchar LIKE ANY (ARRAY['a'::varchar, lower('B)')::varchar])) RETURNS text LANGUAGE sql AS $$ SELECT '(ARRAY[a, b])::text[]' $$;
CREATE FUNCTION public.qt001_written(s varchar) RETURNS text LANGUAGE sql
AS $$ SELECT '(ARRAY[''a''::character varying])::text[]' $$;
RESET ROLE;
"""
MADE = (
    "public.qt001_picked(character varying)",
    "public.qt001_among(character varying,character varying)",
    "public.qt001_preset(boolean,boolean)",
    "public.qt001_written(character varying)",
)


def _of_both(server: Server, database: str) -> tuple[dict[str, str], dict[str, str]]:
    with server.connect(database) as connection:
        inventory = read_inventory(connection, Role("directus"))
        ours = {
            o.ref.identity: hashlib.sha256(o.definition.encode()).hexdigest()
            for o in inventory.objects
            if o.ref.identity in MADE
        }
        read = [r for r in rows(connection, "routines.sql") if r["identity"] in MADE]
    return ours, {r["identity"]: hashlib.sha256((spelled(r) or "").encode()).hexdigest() for r in read}


def test_both_read_the_same_before_and_after_a_dump(at_base: Stage) -> None:
    server, first = at_base.scene.server, at_base.scene.database
    server.psql(LISTS, dbname=first)
    ours, audits = _of_both(server, first)
    assert ours == audits
    assert set(ours) == set(MADE)
    with restored(server, first, "audit_second") as second:
        assert _of_both(server, second) == (ours, audits)
