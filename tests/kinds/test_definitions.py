"""A definition is what an object means: the same after a dump, after a dump of that, and whatever a session has set."""

from __future__ import annotations

import pytest

from qt001_cp.catalog.inventory import read_inventory
from qt001_cp.model.names import Role
from qt001_cp.wording import WORDING
from tests.conftest import Stage
from tests.kinds.copies import differences, restored, worded

HOSTILE = """
CREATE SCHEMA worded AUTHORIZATION directus;
CREATE EXTENSION IF NOT EXISTS postgres_fdw;
GRANT USAGE ON FOREIGN DATA WRAPPER postgres_fdw TO directus;
SET ROLE directus;
CREATE SERVER worded FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host 'h', dbname 'd', fetch_size '7');
CREATE FOREIGN TABLE worded.far (a int OPTIONS (column_name 'z')) SERVER worded OPTIONS (table_name 't', schema_name 's');
CREATE TABLE worded.listed (
    state varchar(20) DEFAULT 'it''s', kind text, code bytea DEFAULT '\\x00ff', at timestamptz DEFAULT '2026-01-02 03:04+05',
    span interval DEFAULT '1 day 02:03', price money DEFAULT 1234.5, ratio float8 DEFAULT 0.1, data xml,
    CONSTRAINT listed_state CHECK (state IN ('draft', 'it''s', 'a, b', 'c)]')),
    CONSTRAINT listed_kind CHECK (kind NOT IN ('x', 'y')),
    CONSTRAINT listed_back CHECK (kind <> 'back\\slash'),
    CONSTRAINT listed_apart EXCLUDE USING btree (kind WITH =) WITH (fillfactor = 60)
) WITH (fillfactor = 70, autovacuum_enabled = off, toast.autovacuum_enabled = off, user_catalog_table = on);
CREATE UNIQUE INDEX listed_some ON worded.listed (lower(kind)) WITH (fillfactor = 80) WHERE state IN ('draft', 'x');
CREATE INDEX listed_plain ON worded.listed USING btree (kind DESC) INCLUDE (state) WITH (fillfactor = 80);
ALTER INDEX worded.listed_some ALTER COLUMN 1 SET STATISTICS 7;
ALTER TABLE worded.listed CLUSTER ON listed_plain;
ALTER TABLE worded.listed ALTER kind SET STATISTICS 300, ALTER kind SET (n_distinct = 5), ALTER kind SET STORAGE EXTERNAL;
CREATE TABLE worded.part (a int, b text COLLATE "C") PARTITION BY RANGE (a);
CREATE TABLE worded.part_1 PARTITION OF worded.part FOR VALUES FROM (1) TO (10);
ALTER TABLE worded.part ADD PRIMARY KEY (a);
CREATE INDEX part_b ON worded.part (b);
CREATE TABLE worded.referring (a int REFERENCES worded.part);
CREATE VIEW worded.checked WITH (security_barrier) AS SELECT kind FROM worded.listed WHERE state IN ('draft', 'x')
WITH LOCAL CHECK OPTION;
ALTER VIEW worded.checked ALTER kind SET DEFAULT 'new';
CREATE DOMAIN worded.one_of AS varchar(9) DEFAULT 'a\\b' CHECK (VALUE IN ('a', 'a\\b'));
CREATE TYPE worded.pair AS (a text COLLATE "C", b worded.one_of);
CREATE TYPE worded.span AS RANGE (subtype = float8, subtype_diff = float8mi, multirange_type_name = worded.spans);
CREATE FUNCTION worded.picked(s varchar) RETURNS boolean LANGUAGE sql
BEGIN ATOMIC SELECT s IN ('draft', 'it''s') OR s NOT IN ('a, b', 'c)]') OR EXISTS (SELECT 1 FROM worded.listed WHERE state IN ('x', 'y')); END;
CREATE FUNCTION worded.preset(s varchar DEFAULT 'b', a boolean DEFAULT 'x'::varchar IN ('draft', 'it''s, (a)'),
    b boolean DEFAULT 'x'::varchar LIKE ANY (ARRAY['a'::varchar, lower('B)')::varchar]), c text DEFAULT '])::text[]')
RETURNS text LANGUAGE sql AS $$ SELECT '(ARRAY[''a''::character varying])::text[]' $$;
CREATE PROCEDURE worded."pre (set"(a boolean DEFAULT 'x'::varchar(3) = ANY (ARRAY['a'::varchar, NULL]))
LANGUAGE sql AS 'SELECT ''(ARRAY[a, b])::text[]''';
CREATE TABLE worded.among (
    a varchar, b varchar, "c, (d" varchar, CHECK (a IN (b, 'x')), CHECK (a NOT IN (b, "c, (d")), CHECK (a IN ('x', NULL)),
    CHECK (a = ANY (ARRAY[upper(b)::varchar, (b || ')')::varchar, 'x']))
);
CREATE INDEX among_some ON worded.among (a) WHERE a IN (b, 'x');
CREATE VIEW worded.of_those WITH (security_barrier) AS SELECT a IN (b, lower("c, (d")::varchar) AS found FROM worded.among
WHERE a IN (b, 'x') AND NOT b IN ('y', a);
CREATE FUNCTION worded.between(s varchar, t varchar) RETURNS boolean LANGUAGE sql
BEGIN ATOMIC SELECT s IN (t, 'draft') OR t IN (s, upper(t)::varchar); END;
CREATE STATISTICS worded.some ON (state IN ('draft', 'x')) FROM worded.listed;
CREATE STATISTICS worded.any_of ON (state = ANY (ARRAY['draft'::varchar, lower(kind)::varchar, 'x, (y)])::text[]']))
FROM worded.listed;
CREATE STATISTICS worded.any_other ON (state = ANY (ARRAY[state, CASE WHEN kind = 'a' THEN 'b'::varchar ELSE state END, coalesce(state, 'x')])),
(state LIKE ANY (ARRAY['a'::varchar, 'b'])) FROM worded.listed;
CREATE STATISTICS worded.together ON state, kind FROM worded.listed;
ALTER STATISTICS worded.together SET STATISTICS 33;
RESET ROLE;
"""


@pytest.fixture
def hostile(at_base: Stage) -> Stage:
    at_base.scene.server.psql(HOSTILE, dbname=at_base.scene.database)
    return at_base


def test_a_dump_and_a_dump_of_it_have_the_same_definitions(with_every_kind: Stage) -> None:
    server, first = with_every_kind.scene.server, with_every_kind.scene.database
    server.psql(HOSTILE, dbname=first)
    before = worded(server, first)
    with restored(server, first, "kinds_second") as second:
        assert differences(before, worded(server, second)) == {}
        with restored(server, second, "kinds_third") as third:
            assert differences(before, worded(server, third)) == {}


BENT = {
    "quote_all_identifiers": "on",
    "standard_conforming_strings": "off",
    "datestyle": "German, DMY",
    "intervalstyle": "iso_8601",
    "timezone": "Asia/Kolkata",
    "bytea_output": "escape",
    "extra_float_digits": "-15",
    "lc_monetary": "",
    "xmlbinary": "hex",
}


def test_every_setting_that_is_pinned_is_tried() -> None:
    assert BENT.keys() == {name for name, _ in WORDING}


@pytest.mark.parametrize("name", BENT)
def test_no_setting_of_a_role_changes_a_definition(hostile: Stage, name: str) -> None:
    with hostile.connect() as connection:
        before = read_inventory(connection, Role("directus"))
        connection.execute("SELECT set_config(%s, %s, false)", [name, BENT[name]])
        assert read_inventory(connection, Role("directus")) == before


NOTES = {
    "an option of the server's own": "UPDATE pg_attribute SET attoptions = '{pg_attver=0/1A2B3C}'"
    " WHERE attrelid = 'worded.listed'::regclass AND attnum = 1",
    "foreign-data options in another order": "ALTER SERVER worded OPTIONS (DROP host); ALTER SERVER worded OPTIONS (ADD host 'h')",
    "options of a foreign table in another order": "ALTER FOREIGN TABLE worded.far OPTIONS (DROP table_name);"
    " ALTER FOREIGN TABLE worded.far OPTIONS (ADD table_name 't')",
}


@pytest.mark.parametrize("note", NOTES)
def test_what_the_server_notes_is_in_no_definition(hostile: Stage, note: str) -> None:
    server, database = hostile.scene.server, hostile.scene.database
    before = worded(server, database)
    server.psql(f"SET allow_system_table_mods = on; {NOTES[note]}", dbname=database)
    assert differences(before, worded(server, database)) == {}


KEPT = {
    "fillfactor": "ALTER TABLE worded.listed SET (fillfactor = 50)",
    "an option of TOAST": "ALTER TABLE worded.listed SET (toast.vacuum_truncate = off)",
    "storage of a column": "ALTER TABLE worded.listed ALTER state SET STORAGE MAIN",
    "statistics target": "ALTER TABLE worded.listed ALTER state SET STATISTICS 9",
    "distinct values": "ALTER TABLE worded.listed ALTER state SET (n_distinct_inherited = 9)",
    "clustering mark": "ALTER TABLE worded.listed SET WITHOUT CLUSTER",
    "a plain index": "CREATE INDEX more ON worded.listed (at)",
    "a plain index is gone": "DROP INDEX worded.listed_plain",
    "an option of a unique index": "ALTER INDEX worded.listed_some SET (fillfactor = 55)",
    "an option of what excludes": "ALTER INDEX worded.listed_apart SET (fillfactor = 55)",
    "statistics of an index": "ALTER INDEX worded.listed_some ALTER COLUMN 1 SET STATISTICS 8",
    "the target of statistics": "ALTER STATISTICS worded.together SET STATISTICS 5",
    "the extension that takes an index with it": "ALTER INDEX worded.listed_plain DEPENDS ON EXTENSION postgres_fdw",
}
MEANT = {
    "replica identity": "ALTER TABLE worded.listed REPLICA IDENTITY FULL",
    "unlogged": "ALTER TABLE worded.referring SET UNLOGGED",
    "a unique index": "CREATE UNIQUE INDEX more ON worded.listed (at)",
    "an index on an expression": "CREATE INDEX more ON worded.listed (lower(kind))",
    "an index of some rows": "CREATE INDEX more ON worded.listed (kind) WHERE state = 'draft'",
    "security_barrier": "ALTER VIEW worded.checked RESET (security_barrier)",
    "check_option": "ALTER VIEW worded.checked SET (check_option = cascaded)",
    "the catalogs of logical decoding": "ALTER TABLE worded.listed RESET (user_catalog_table)",
    "a constant in a list": "ALTER TABLE worded.listed DROP CONSTRAINT listed_state,"
    " ADD CONSTRAINT listed_state CHECK (state IN ('draft', 'it''s', 'a', 'b', 'c)]'))",
    "what is in a list": "ALTER TABLE worded.among DROP CONSTRAINT among_check,"
    " ADD CONSTRAINT among_check CHECK (a IN (b, 'y'))",
    "a preset argument": """CREATE OR REPLACE FUNCTION worded.preset(s varchar DEFAULT 'b', a boolean DEFAULT 'x'::varchar IN ('draft', 'other'),
b boolean DEFAULT 'x'::varchar LIKE ANY (ARRAY['a'::varchar, lower('B)')::varchar]), c text DEFAULT '])::text[]')
RETURNS text LANGUAGE sql AS $$ SELECT '(ARRAY[''a''::character varying])::text[]' $$""",
    "a body between quotes": """CREATE OR REPLACE PROCEDURE worded."pre (set"(a boolean DEFAULT 'x'::varchar(3) = ANY (ARRAY['a'::varchar, NULL]))
LANGUAGE sql AS $$SELECT 'ARRAY[(a)::text, (b)::text]'$$""",
    "a default of a domain": "ALTER DOMAIN worded.one_of SET DEFAULT 'a'",
    "an option of a server": "ALTER SERVER worded OPTIONS (SET host 'elsewhere')",
    "what excludes": "ALTER TABLE worded.listed DROP CONSTRAINT listed_apart",
}


@pytest.mark.parametrize("what", KEPT)
def test_how_it_is_kept_is_another_digest(hostile: Stage, what: str) -> None:
    server, database = hostile.scene.server, hostile.scene.database
    before = worded(server, database)
    server.psql(KEPT[what], dbname=database)
    changed = differences(before, worded(server, database))
    assert len(changed) == 1, changed
    for one, other in changed.values():
        assert one[0] == other[0]  # type: ignore[index]
        assert one[1] != other[1]  # type: ignore[index]


@pytest.mark.parametrize("what", MEANT)
def test_what_it_means_is_the_digest_of_the_gates(hostile: Stage, what: str) -> None:
    server, database = hostile.scene.server, hostile.scene.database
    before = worded(server, database)
    server.psql(MEANT[what], dbname=database)
    changed = differences(before, worded(server, database))
    assert len(changed) == 1, changed
    for one, other in changed.values():
        assert one[0] != other[0]  # type: ignore[index]


def test_every_routine_of_ours_that_words_a_definition_pins_the_settings(at_fix7c_done: Stage) -> None:
    """Of those that SELECT one themselves, or call live_object."""
    wanted = {name for name, _ in WORDING}
    with at_fix7c_done.connect() as connection:
        rows = connection.execute(
            "SELECT p.oid::regprocedure::text, coalesce(p.proconfig, '{}') FROM pg_proc p"
            " WHERE p.pronamespace = 'qt001_cp'::regnamespace"
            " AND p.prosrc ~ '(pg_get_(function|view|index|trigger|rule|constraint|partkey|statisticsobj)[a-z]*|pg_get_expr)\\s*\\('"
        ).fetchall()
    assert rows
    lacking = {name: wanted - {entry.partition("=")[0].lower() for entry in config} for name, config in rows}
    assert {name: missing for name, missing in lacking.items() if missing} == {}
