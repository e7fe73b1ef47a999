"""What a body does without seeming to: each was run on PostgreSQL 18 and did what its truth says."""

from __future__ import annotations

from dataclasses import replace

from .estate import NAMES, Case, plpgsql, sql

_APP = ("pg_catalog", "app", "pg_temp")
_FUNCTIONS = {
    ("app", "street"): (("function", "app.street(app.address)"),),
    ("app", "anything"): (("function", "app.anything(pg_catalog.anyelement)"),),
    ("app", "extra"): (("function", "app.extra(app.orders,integer)"),),
    ("app", "all_of"): (("function", "app.all_of(app.orders[])"),),
    ("app", "of_record"): (("function", "app.of_record(pg_catalog.record)"),),
    ("app", "of_number"): (("function", "app.of_number(integer)"),),
    ("app", "number_of"): (("aggregate", "app.number_of(app.orders)"),),
    ("app", "plus"): (("function", "app.plus(pg_catalog.text,pg_catalog.text)"),),
    ("app", "same"): (("function", "app.same(app.address,app.address)"),),
    ("odd", "join"): (("function", "odd.join(pg_catalog.text,pg_catalog.text)"),),
    ("app", "fetched"): (("procedure", "app.fetched(app.orders)"),),
}
_PLUS, _SAME, _JOIN = (_FUNCTIONS[key] for key in (("app", "plus"), ("app", "same"), ("odd", "join")))
ODD = replace(
    NAMES,
    routines={**NAMES.routines, **_FUNCTIONS},
    operators={("app", "+"): _PLUS, ("app", "="): _SAME, ("app", "<<>>"): _PLUS, ("odd", "||"): _JOIN},
)
"""The same estate with operators that are named like the server's own, and functions that can be written like columns."""


def _odd(
    name: str, body: str, edges: str = "", unknown: str = "", *, path: tuple[str, ...] = _APP, args: str = ""
) -> Case:
    return replace(plpgsql(name, body, edges, unknown, path=path, args=args), names=ODD)


def _odd_sql(name: str, body: str, edges: str = "", *, args: str = "") -> Case:
    return replace(sql(name, body, edges, path=_APP, args=args, returns="text"), names=ODD)


_EQUAL = "calls function app.same(app.address,app.address)"

HIDDEN: tuple[Case, ...] = (
    plpgsql("declaration behind an option", """#variable_conflict use_column declare n int := (select count(*) from queue);
        begin null; end""", "reads table app.queue", path=_APP),
    plpgsql("option that does not exist", "#print_strict_params maybe\nbegin perform 1 from app.queue; end", "",
            "parse-error expected ON or OFF, found maybe\nlexical-mismatch app.queue"),
    # functional notation
    _odd_sql("argument of a composite type", "select a.street",
             "uses type app.address\ncalls function app.street(app.address)", args="a app.address"),
    _odd_sql("number that is an argument", "select a.of_number", "calls function app.of_number(integer)", args="a integer"),
    _odd("row for a polymorphic argument", "begin perform o.anything from app.orders o; end",
         "reads table app.orders\ncalls function app.anything(pg_catalog.anyelement)"),
    _odd("row and a default", "begin perform o.extra from app.orders o; end",
         "reads table app.orders\ncalls function app.extra(app.orders,integer)"),
    _odd("row for a variadic argument", "begin perform o.all_of from app.orders o; end",
         "reads table app.orders\ncalls function app.all_of(app.orders[])"),
    _odd("row of a subquery", "begin perform s.of_record from (select 1 as b) s; end",
         "calls function app.of_record(pg_catalog.record)"),
    _odd("row for an aggregate", "begin perform o.number_of from app.orders o; end",
         "reads table app.orders\ncalls aggregate app.number_of(app.orders)"),
    _odd("number that a function in FROM returns", "begin perform g.of_number from generate_series(1, 2) g; end",
         "calls function app.of_number(integer)"),
    _odd("number in parentheses", "begin perform (o.id).of_number from app.orders o; end",
         "reads table app.orders\ncalls function app.of_number(integer)"),
    _odd("column named like a function of numbers", "begin perform o.of_number from app.orders o; end", "reads table app.orders"),
    _odd("a procedure is no column", "begin perform o.fetched from app.orders o; end", "reads table app.orders"),
    # operators
    _odd("operator named like a builtin", "declare a text; begin a := a + a; end",
         "calls function app.plus(pg_catalog.text,pg_catalog.text)"),
    _odd("operator of the system only", "declare a text; begin a := a operator(pg_catalog.+) a; end"),
    _odd("operator off the path", "declare a text; begin a := a + a; end", path=("pg_catalog", "pg_temp")),
    _odd("operator with its schema", "declare a text; begin a := a operator(app.<<>>) a; a := a operator(app.-) a; end",
         "calls function app.plus(pg_catalog.text,pg_catalog.text)", "operator app.-"),
    _odd("equality", "declare a app.address; begin if a = a then null; end if; end", f"uses type app.address\n{_EQUAL}"),
    _odd("equality of IN", "declare a app.address; begin if a in (a) then null; end if; end", f"uses type app.address\n{_EQUAL}"),
    _odd("equality of IN with a query", "begin perform 1 where 1 in (select 2); end", _EQUAL),
    _odd("equality of CASE", "begin perform case 1 when 2 then 3 end; end", _EQUAL),
    _odd("equality of a join", "begin perform 1 from app.orders a join app.queue b using (id); end",
         f"reads table app.orders\nreads table app.queue\n{_EQUAL}"),
    _odd("equality of a natural join", "begin perform 1 from app.orders natural join app.queue; end",
         f"reads table app.orders\nreads table app.queue\n{_EQUAL}"),
    _odd("equality of DISTINCT FROM and NULLIF", "begin perform nullif(1, 2), 1 is distinct from 2; end", _EQUAL),
    _odd("no equality", "begin perform case when true then 1 end, exists (select 1), array(select 2); end"),
    _odd("own concatenation", "begin execute 'select 1 ' || 'from app.queue'; end",
         "calls function odd.join(pg_catalog.text,pg_catalog.text)",
         "dynamic-sql-opaque 'select 1 ' || 'from app.queue'\nlexical-mismatch app.queue", path=("odd", "pg_catalog", "pg_temp")),
    # variables that do not keep a text
    plpgsql("name cuts what is put in", f"declare q name := 'delete from app.orders {'or ' * 20}_archive'; begin execute q; end", "",
            "dynamic-sql-opaque q\nlexical-mismatch app.orders"),
    plpgsql("name that is short enough", "declare q name := 'orders'; begin execute format('delete from app.%I', q); end",
            "writes table app.orders"),
    plpgsql("name with a value", "declare q name := 'delete from app.orders where t = ' || quote_literal(x); begin execute q; end", "",
            "dynamic-sql-opaque q\nlexical-mismatch app.orders", args="x text"),
    plpgsql("a single char", """declare q "char" := 'orders'; begin execute 'delete from app.' || q; end""", "",
            "dynamic-sql-opaque 'delete from app.' || q"),
    plpgsql("number as text", "declare q int := '007'; begin execute 'select app.f' || q; end", "",
            "dynamic-sql-opaque 'select app.f' || q"),
    plpgsql("number that is printed otherwise", "begin execute 'select app.f' || 1e3; execute 'delete from app.queue where 1 < ' || 1.50; end",
            "writes table app.queue", "dynamic-sql-opaque 'select app.f' || 1e3"),
    plpgsql("texts of other spellings", """declare a pg_catalog.text := 'delete from app.orders'; b character varying := a;
        c regclass := 'app.queue'; begin execute b; execute format('delete from %s', c); end""",
            "writes table app.orders\nwrites table app.queue"),
    # cursors of somebody else
    plpgsql("cursor that is an argument", "declare r record; begin fetch c into r; end", "",
            "dynamic-sql-opaque FETCH from the cursor c", args="c refcursor"),
    plpgsql("cursor that is an argument, and opened", "declare r record; begin if x then open c for select 1; end if; move c; end", "",
            "dynamic-sql-opaque FETCH from the cursor c", args="c refcursor, x boolean"),
    plpgsql("cursor that is given a name", "declare c cursor for select 1; r record; begin open c; c := 'other'; fetch c into r; end", "",
            "dynamic-sql-opaque FETCH from the cursor c"),
    plpgsql("cursor from a query", "declare c refcursor; r record; begin open c for select 1; select s into c from public.settings; fetch c into r; end",
            "reads table public.settings", "dynamic-sql-opaque FETCH from the cursor c"),
    plpgsql("cursor of its own", "declare c refcursor; r record; begin open c for select * from app.queue; fetch c into r; end",
            "reads table app.queue"),
    sql("cursor in SQL", "declare a cursor for select * from app.queue; fetch all from a; fetch all from b", "reads table app.queue",
        "dynamic-sql-opaque FETCH from the cursor b"),
    # what the caller's transaction has put off
    plpgsql("constraints that fire now", "begin set constraints all deferred; set constraints app.x immediate; end", "",
            "utility-statement SET CONSTRAINTS IMMEDIATE"),
    # tables that may be the caller's
    plpgsql("temporary table if there is none", "begin create temp table if not exists work (a int); insert into work values (1); end", "",
            "utility-statement CREATE TABLE IF NOT EXISTS work"),
    plpgsql("temporary table, or else the old one", """begin
        begin create temp table work (a int); exception when duplicate_table then null; end;
        insert into work values (1); end""", "", "unresolved-name relation work"),
    plpgsql("temporary table on one way", "begin if x then create temp table work (a int); end if; insert into work values (1); end", "",
            "unresolved-name relation work", args="x boolean"),
    plpgsql("temporary table in its branch", """begin begin if x then create temp table work (a int); insert into work values (1); end if; end;
        for i in 1..2 loop create temp table more as select 1; begin perform 1 from more; exception when others then null; end; end loop;
        begin create temp table work as select 1; end; perform 1 from work; end""", args="x boolean"),
    # settings of the routine itself
    Case("settings of the routine", replace(plpgsql("", "begin null; end").source, definition="CREATE FUNCTION app.probe() RETURNS void LANGUAGE plpgsql"
         " SET search_path TO 'app' SET role TO 'x' SET standard_conforming_strings TO 'off' SET work_mem TO '1MB' AS $f$ begin null; end $f$"),
         frozenset(), frozenset({"setting-changed SET role", "setting-changed SET standard_conforming_strings"})),
    plpgsql("string that ends where the caller says", r"declare x text; y text; begin x := 'a\'; y := '; perform compute(1); --'; end", "",
            "setting-changed a string that ends where standard_conforming_strings says\nlexical-mismatch compute", path=_APP),
    plpgsql("string in dynamic SQL that ends where the caller says", r"begin execute 'select ''a\'', ''; select 1; --'' '; end", "",
            "setting-changed a string that ends where standard_conforming_strings says"),
    sql("string in SQL that ends where the caller says", r"select 'a\''b' from app.queue", "reads table app.queue",
        "setting-changed a string that ends where standard_conforming_strings says"),
    plpgsql("backslashes that move no end", r"begin perform 1 from app.queue where t ~ '^\d+\\' or t = E'\'' or t = $x$\'$x$; end",
            "reads table app.queue"),
    Case("strings that the routine settles", replace(plpgsql("", "begin null; end").source, definition="CREATE FUNCTION app.probe() RETURNS void"
         " LANGUAGE plpgsql SET standard_conforming_strings TO 'on' AS $f$ begin perform 'a\\'; end $f$"), frozenset(), frozenset()),
    plpgsql("sequence by its number", "begin perform nextval('16384'), '16385'::regclass; end", "",
            "unresolved-name regclass 16384\nunresolved-name regclass 16385"),
)  # fmt: skip  # one case a line
