"""What may stand before the guard of an entry point: the gate and the audit read it each in its own way, and agree."""

from __future__ import annotations

import pytest

from qt001_cp.audit.bodies import asks_first
from qt001_cp.audit.queries import rows
from tests.acceptance.attempt import Attempt

GUARD = "BEGIN PERFORM qt001_cp.require_acceptance('writer'); RETURN; END"
PLAIN = {
    "nothing": "",
    "one": "DECLARE a int; ",
    "spelled with several words": "DECLARE\n    a timestamp(3) with time zone;\n    b double precision;\n    c character varying(9);\n",
    "an array, limits, a record": "declare a text[]; b numeric(10, 2); c int[3][3]; r record;\n",
    "a row of a relation": "DECLARE a public.tags%ROWTYPE; b public.tags;",
    "the server's own type with its schema": "DECLARE a pg_catalog.jsonb; b jsonb;",
    "a comment": "DECLARE a int; -- b int := 1;\n",
}
RUNS_SOMETHING = {
    "a cursor": "DECLARE c CURSOR FOR SELECT 1; ",
    "a cursor that hides the first BEGIN": "DECLARE c CURSOR FOR SELECT t.begin PERFORM qt001_cp.require_acceptance('writer'); BEGIN"
    " INSERT INTO public.tags (name) VALUES ('x'); END; ",
    "a domain": "DECLARE a public.qt001_code; ",
    "a domain without its schema": "DECLARE a qt001_code; ",
    "the type of a column": "DECLARE a public.qt001_source.code%TYPE; ",
    "a value": "DECLARE a int := public.qt001_next(); ",
    "a value by another sign": "DECLARE a int = 1; ",
    "a value by a word": "DECLARE a int DEFAULT 1; ",
    "a type that is not there": "DECLARE a no_such_type; ",
    "a quoted name": 'DECLARE "a" int; ',
    "an alias": "DECLARE a ALIAS FOR $1; ",
    "a label": "<<outer>> DECLARE a int; ",
    "no name": "DECLARE int; ",
    "no end": "DECLARE a int ",
    "words without DECLARE": "a int; ",
}


@pytest.fixture
def types(attempt: Attempt) -> frozenset[str]:
    return frozenset(r["name"] for r in rows(attempt.connection, "plain_types.sql"))


@pytest.mark.parametrize("name", [*PLAIN, *RUNS_SOMETHING])
def test_only_what_runs_nothing_may_stand_before_the_guard(attempt: Attempt, types: frozenset[str], name: str) -> None:
    body = {**PLAIN, **RUNS_SOMETHING}[name] + GUARD
    found = attempt.run("SELECT qt001_cp.first_call(%s)", [body])
    assert (found == "qt001_cp.require_acceptance") == (name in PLAIN), found
    assert asks_first(body, types) == (name in PLAIN)


def test_our_own_entry_points_are_plain(attempt: Attempt) -> None:
    query = """SELECT e.identity FROM qt001_cp.entry_point e
               JOIN pg_proc p ON (pg_identify_object('pg_proc'::regclass, p.oid, 0)).identity = e.identity
               WHERE e.guard IS NOT NULL AND qt001_cp.first_call(p.prosrc) IS DISTINCT FROM e.guard"""
    assert attempt.connection.execute(query).fetchall() == []
