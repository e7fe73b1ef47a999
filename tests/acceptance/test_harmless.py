"""The list of what is harmless in the database is that of the analysis."""

from __future__ import annotations

from qt001_cp.analyse import core
from tests.conftest import Stage

_UNLISTED = "SELECT u.signature FROM qt001_cp.v_unlisted_function u WHERE u.function {} 16384"


def test_what_is_unlisted_is_so_in_both(at_fix7c_done: Stage) -> None:
    with at_fix7c_done.connect() as connection:
        connection.execute("SET search_path = pg_catalog, pg_temp")
        theirs = {r[0] for r in connection.execute(_UNLISTED.format("<")).fetchall()}
        there = {
            r[0]
            for r in connection.execute(
                "SELECT concat(p.proname, '(', oidvectortypes(p.proargtypes), ')') FROM pg_proc p WHERE p.oid < 16384"
                " AND p.pronamespace = 'pg_catalog'::regnamespace"
            ).fetchall()
        }
        elsewhere = {
            r[0]
            for r in connection.execute(
                "SELECT concat(p.proname, '(', oidvectortypes(p.proargtypes), ')') FROM pg_proc p WHERE p.oid < 16384"
                " AND p.pronamespace <> 'pg_catalog'::regnamespace"
            ).fetchall()
        }
    ours = {s for s, f in core.core().signatures.items() if f.verdict == core.UNKNOWN and s in there}
    assert len(ours) > 800
    assert theirs - elsewhere == ours
    assert elsewhere <= theirs


def test_functions_in_c_are_those_of_reviewed_extensions(at_fix7c_done: Stage) -> None:
    with at_fix7c_done.connect() as connection:
        connection.execute(
            "CREATE EXTENSION citext; CREATE EXTENSION tablefunc; CREATE TYPE public.span AS RANGE (subtype = integer)"
        )
        connection.execute("CREATE FUNCTION public.own(text) RETURNS integer LANGUAGE internal AS 'textlen'")
        connection.execute("CREATE AGGREGATE public.joined(text) (SFUNC = textcat, STYPE = text)")
        assert connection.execute("SELECT count(*) > 10 FROM pg_depend WHERE refobjid = (SELECT oid FROM pg_extension WHERE extname = 'citext')"
                                  " AND classid = 'pg_proc'::regclass").fetchone() == (True,)  # fmt: skip
        found = {r[0].partition("(")[0] for r in connection.execute(_UNLISTED.format(">=")).fetchall()}
    assert found == {"own", "crosstab", "connectby", "normal_rand", "crosstab2", "crosstab3", "crosstab4"}


def test_what_stands_behind_a_trigger_an_aggregate_and_an_operator_is_written_as_a_call(at_fix7c_done: Stage) -> None:
    with at_fix7c_done.connect() as connection:
        connection.execute(
            "CREATE OPERATOR public.~~~ (LEFTARG = text, RIGHTARG = text, FUNCTION = pg_catalog.pg_input_is_valid)"
        )
        connection.execute("CREATE AGGREGATE public.joined(text) (SFUNC = pg_catalog.textcat, STYPE = text)")
        connection.execute(
            "CREATE TRIGGER quiet BEFORE UPDATE ON public.qt001_write_log FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()"
        )
        called = {
            (place, signature)
            for place, signature in connection.execute(
                "SELECT e.place, p.oid::regprocedure::text FROM qt001_cp.v_expression e"
                " CROSS JOIN LATERAL regexp_matches(e.tree, ':funcid ([0-9]+)', 'g') m(part) JOIN pg_proc p ON p.oid = m.part[1]::oid"
                " WHERE e.place IN ('the operator', 'the aggregate', 'trigger quiet')"
            ).fetchall()
        }
    assert called >= {("the operator", "pg_input_is_valid(text,text)"), ("the aggregate", "textcat(text,text)"),
                      ("trigger quiet", "suppress_redundant_updates_trigger()")}  # fmt: skip
