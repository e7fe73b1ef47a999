"""What the application may still do to what is its own, after FIX7b, and what of it touches what is not: it is noticed, and it
keeps nobody from the way back for longer than it takes to undo what the message names."""

from __future__ import annotations

import psycopg
import pytest

from tests.conftest import Stage
from tests.cutover.support import APPLICATION, run

HOLDS = {
    "a rule that names a protected column": "CREATE RULE hold AS ON UPDATE TO public.tags DO ALSO SELECT title FROM public.qt001_source",
    "a policy that names a protected table": "CREATE POLICY hold ON public.tags USING (EXISTS (SELECT FROM public.qt001_source))",
    "a column of a protected table's row type": "ALTER TABLE public.tags ADD COLUMN held public.qt001_source",
}
REFUSED = {
    "a foreign key to it": "ALTER TABLE public.tags ADD FOREIGN KEY (id) REFERENCES public.qt001_source",
    "a trigger with a protected function": "CREATE TRIGGER t BEFORE UPDATE ON public.tags FOR EACH ROW EXECUTE FUNCTION public.qt001_touch()",
    "a child of it": "ALTER TABLE public.tags INHERIT public.qt001_source",
    "a sequence for it": "ALTER SEQUENCE public.tags_id_seq OWNED BY public.qt001_source.id",
    "a protected type": "ALTER TABLE public.tags ADD COLUMN held public.qt001_severity",
    "another name for its table": "ALTER TABLE public.tags RENAME TO qt001_lever",
    "its table in another schema": "ALTER TABLE public.tags SET SCHEMA qt001_data",
    "statistics beside it": "CREATE STATISTICS public.beside ON id, name FROM public.tags",
    "a new body for its own function": "CREATE OR REPLACE FUNCTION public.slugify(value text) RETURNS text LANGUAGE sql AS 'SELECT 1'",
    "a function in the temporary schema": "CREATE FUNCTION pg_temp.f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "the schema of the watch": "CREATE SCHEMA qt001_cp_watch",
    "an event trigger": "CREATE EVENT TRIGGER hook ON ddl_command_end EXECUTE FUNCTION public.slugify()",
    "a publication": "CREATE PUBLICATION everything FOR TABLE public.tags",
    "a comment": "COMMENT ON TABLE public.qt001_source IS 'mine'",
    "its sequence": "SELECT nextval('public.qt001_source_id_seq')",
    "its row by its place": "SELECT currtid2('public.qt001_source', '(0,1)')",
    "a rebuild of its index": "REINDEX TABLE public.qt001_source",
    "the owner's session": "SET SESSION AUTHORIZATION qt001_cp_owner",
    "a setting of the database": "ALTER DATABASE directus_case SET quote_all_identifiers = on",
    "triggers that stay silent": "SET session_replication_role = replica",
}


def _drift(stage: Stage) -> set[tuple[str, str]]:
    with stage.connect() as connection:
        return {(r[0], r[1]) for r in connection.execute("SELECT object, aspect FROM qt001_cp.drift()")}


@pytest.mark.parametrize("way", REFUSED)
def test_postgresql_refuses(at_fix7b_done: Stage, way: str) -> None:
    with at_fix7b_done.connect(APPLICATION) as application, pytest.raises(psycopg.Error) as caught:
        application.execute(REFUSED[way].encode())
    assert caught.value.sqlstate in ("42501", "42809", "55000"), str(caught.value)
    assert _drift(at_fix7b_done) == set()


@pytest.mark.parametrize("way", HOLDS)
def test_a_hold_is_noticed_and_does_not_stop_the_way_back(at_fix7b_done: Stage, way: str) -> None:
    run(at_fix7b_done, HOLDS[way] + ";\n", APPLICATION)
    assert any(aspect == "reach" and what.startswith("table public.tags → ") for what, aspect in _drift(at_fix7b_done))
    at_fix7b_done.downgrade("fix7a")


@pytest.mark.parametrize("way", HOLDS)
def test_a_hold_closes_the_gate_of_what_the_application_holds(at_fix7c_done: Stage, way: str) -> None:
    run(at_fix7c_done, HOLDS[way] + ";\n", APPLICATION)
    with at_fix7c_done.connect() as connection:
        found = connection.execute(
            "SELECT object FROM qt001_cp.gate_findings() WHERE gate = 'application_role_contained'"
        ).fetchall()
    assert any(
        what.startswith("table public.tags → ") and what.endswith("table public.qt001_source") for (what,) in found
    ), found


def test_a_cast_on_a_protected_row_type_is_named_with_what_ends_it(at_fix7b_done: Stage) -> None:
    """It is a part of both types' definition. No statement of the way back touches it, so it stays."""
    run(at_fix7b_done, "CREATE CAST (public.tags AS public.qt001_source) WITH INOUT;\n", APPLICATION)
    assert ("table public.qt001_source", "definition") in _drift(at_fix7b_done)
    mend = "DROP CAST (public.tags AS public.qt001_source);"
    with at_fix7b_done.connect() as connection:
        told = connection.execute(
            "SELECT mend FROM qt001_cp.coverage_aspects(%s, 'after') WHERE object = 'table public.qt001_source'",
            [at_fix7b_done.digest],
        ).fetchall()
    assert any(mend in hint for (hint,) in told), told
    at_fix7b_done.downgrade("fix7a")
    run(at_fix7b_done, mend + "\n")


def test_dropping_all_that_is_its_own_touches_nothing_else(at_fix7b_done: Stage) -> None:
    """DROP OWNED also revokes, but only what its caller may revoke."""
    query = (
        "SELECT o.classid, o.objid, o.objsubid, o.state FROM qt001_cp.owner_acl() o JOIN qt001_cp.live_object('qt001_cp_owner', true, false) l"
        " USING (classid, objid) WHERE l.owner = 'qt001_cp_owner' ORDER BY 1, 2, 3"
    )
    with at_fix7b_done.connect() as connection:
        before = connection.execute(query.encode()).fetchall()
        run(at_fix7b_done, "DROP OWNED BY directus CASCADE;\n", APPLICATION)
        assert connection.execute(query.encode()).fetchall() == before
    assert not any(aspect == "acl" or "qt001" in what for what, aspect in _drift(at_fix7b_done))
