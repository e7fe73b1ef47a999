"""Every hand-made routine: exactly its edges, exactly its unknowns."""

from __future__ import annotations

import dataclasses

import pytest

from qt001_cp.analyse.analyser import analyse
from qt001_cp.analyse.result import VERBS, Names, RoutineSource
from qt001_cp.analyse.rules import RULES

from .cases_core import CORE
from .cases_dynamic import DYNAMIC
from .cases_hidden import HIDDEN
from .cases_sql import SQL
from .cases_static import STATIC
from .estate import NAMES, Case, plpgsql

ALL = (*STATIC, *DYNAMIC, *SQL, *HIDDEN, *CORE)


@pytest.mark.parametrize("case", ALL, ids=[case.name for case in ALL])
def test_edges_and_unknowns_are_exact(case: Case) -> None:
    found = analyse(case.source, case.names)
    assert {f"{edge.verb} {edge.kind} {edge.identity}" for edge in found.edges} == case.edges
    assert {f"{each.rule} {each.detail}" for each in found.unknown} == case.unknown


def test_the_table_is_large_enough_and_its_names_differ() -> None:
    assert len(ALL) >= 45
    assert len({case.name for case in ALL}) == len(ALL)


def test_every_rule_is_documented_and_provoked() -> None:
    seen = {each.rule for case in ALL for each in analyse(case.source, case.names).unknown}
    assert seen == set(RULES)


def test_results_are_sorted_and_without_duplicates() -> None:
    for case in ALL:
        found = analyse(case.source, case.names)
        assert list(found.edges) == sorted(set(found.edges))
        assert list(found.unknown) == sorted(set(found.unknown))
        assert {edge.verb for edge in found.edges} <= set(VERBS)


def test_lines_count_in_the_definition_and_the_first_one_is_kept() -> None:
    body = """
declare
  r app.orders%rowtype;
begin
  select *
    into r
    from app.queue, audit.log;
  perform 1 from audit.log;
  if app.compute(1) = 1 and
     (select true from app.customers) then
    execute 'select 1
      from app.person';
  end if;
  execute r.t;
end"""
    found = analyse(plpgsql("lines", body).source, NAMES)
    assert {(edge.identity, edge.line) for edge in found.edges} == {
        ("app.orders", 6),
        ("app.queue", 10),
        ("audit.log", 10),
        ("app.compute(integer)", 12),
        ("app.customers", 13),
        ("app.person", 14),
    }
    assert [(each.rule, each.line) for each in found.unknown] == [("dynamic-sql-opaque", 17)]


@pytest.mark.parametrize("language", ["c", "internal", "plpython3u", "plperl"])
def test_other_languages_are_opaque(language: str) -> None:
    text = f"CREATE OR REPLACE FUNCTION app.f(app.status)\n RETURNS void\n LANGUAGE {language}\nAS $f$x$f$\n"
    found = analyse(RoutineSource("function", "app.f(app.status)", "app", language, text, None), NAMES)
    assert [(each.rule, each.detail) for each in found.unknown] == [("language", language)]
    assert [edge.identity for edge in found.edges] == ["app.status"]


def test_procedure_and_odd_definitions() -> None:
    text = (
        "CREATE OR REPLACE PROCEDURE app.p(IN a text DEFAULT ' AS '::text)\n LANGUAGE plpgsql\n"
        " SET search_path TO 'app', 'pg_temp'\nAS 'begin insert into orders values (''x''); end'\n"
    )
    found = analyse(RoutineSource("procedure", "app.p(text)", "app", "plpgsql", text, ("app", "pg_temp")), NAMES)
    assert [edge.identity for edge in found.edges] == ["app.orders"]
    assert not found.unknown


def test_a_definition_that_is_none_is_unknown() -> None:
    for text in ("", "select 1", "create function", "CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql"):
        found = analyse(RoutineSource("function", "f()", "app", "plpgsql", text, None), NAMES)
        assert [each.rule for each in found.unknown] == ["parse-error"]


def test_a_name_that_disappears_becomes_unknown() -> None:
    case = next(each for each in ALL if each.name == "qualified select")
    empty = dataclasses.replace(NAMES, relations={})
    found = analyse(case.source, empty)
    assert not found.edges
    assert [each.detail for each in found.unknown] == ["relation app.orders"]


def test_a_table_called_like_a_keyword_is_meant_only_in_quotes() -> None:
    names = dataclasses.replace(
        NAMES,
        relations={
            **NAMES.relations,
            **{("app", n): ("table", f'app."{n}"') for n in ("select", "values", "in", "order")},
        },
        routines={**NAMES.routines, ("app", "coalesce"): (("function", 'app."coalesce"()'),)},
    )
    body = "begin insert into app.orders values (1); perform (select (1) where 1 in (1) and coalesce(null, true)); end"
    found = analyse(plpgsql("keywords", body).source, names)
    assert [(e.verb, e.identity) for e in found.edges] == [("writes", "app.orders")]
    assert not found.unknown
    quoted = analyse(plpgsql("quoted", 'begin return x."select" from (select $$"coalesce"($$) x; end').source, names)
    assert [(u.rule, u.detail) for u in quoted.unknown] == [("lexical-mismatch", "coalesce")]


def test_a_transition_table_is_known_by_the_triggers() -> None:
    body = "begin insert into app.orders select * from new_rows; perform 1 from app.new_rows; return null; end"
    case = plpgsql("transition", body)
    given = dataclasses.replace(NAMES, transitions={case.source.identity: frozenset({"new_rows"})})
    assert [u.detail for u in analyse(case.source, NAMES).unknown] == ["relation app.new_rows", "relation new_rows"]
    found = analyse(case.source, given)
    assert [(e.verb, e.identity) for e in found.edges] == [("writes", "app.orders")]
    assert [u.detail for u in found.unknown] == ["relation app.new_rows"]


def test_analysis_depends_on_nothing_but_its_arguments() -> None:
    other = Names({}, {}, {}, frozenset(), frozenset())
    first = [analyse(case.source, case.names) for case in ALL]
    for case in ALL:
        analyse(case.source, other)
    assert first == [analyse(case.source, case.names) for case in reversed(ALL)][::-1]
