"""Functions of the server's own that run the code of a type or name, and ordinary ones beside them. Run on PostgreSQL 18."""

from __future__ import annotations

from dataclasses import replace

from .estate import NAMES, Case, plpgsql, sql, view

_PATH = ("pg_catalog", "pg_temp")
_OWN = replace(
    NAMES,
    routines={
        **NAMES.routines,
        ("app", "last_of"): (("aggregate", "app.last_of(pg_catalog.text)"),),
        ("public", "crypt"): (("function", "public.crypt(pg_catalog.text,pg_catalog.text)"),),
        ("public", "populate_record"): (("function", "public.populate_record(pg_catalog.anyelement,public.hstore)"),),
        ("public", "st_area"): (("function", "public.st_area(pg_catalog.text)"),),
        ("public", "own_c"): (("function", "public.own_c(pg_catalog.text)"),),
    },
    other_operators={
        ("app", "~~~"): (("core", "pg_input_is_valid(text, text)"),),
        ("app", "~~="): (("core", "texteq(text, text)"),),
        ("public", "%>"): (("function", "public.crypt(pg_catalog.text,pg_catalog.text)"),),
        ("public", "&&&"): (("function", "public.st_area(pg_catalog.text)"),),
    },
    modules={
        "public.crypt(pg_catalog.text,pg_catalog.text)": ("pgcrypto", "pgcrypto"),
        "public.populate_record(pg_catalog.anyelement,public.hstore)": ("hstore", "hstore"),
        "public.st_area(pg_catalog.text)": ("postgis", "postgis-3"),
        "public.own_c(pg_catalog.text)": ("", "evil"),
    },
    parts={"app.last_of(pg_catalog.text)": ("textcat(text, text)", "pg_stat_file(text)")},
    own_casts=frozenset({("type", "app.status"), ("table", "app.orders"), ("function", "app.rows(integer)")}),
)
"""The same estate, where a value of app.status has a cast of its own, with functions in C and an aggregate made of the server's."""


def _own(name: str, body: str, edges: str = "", unknown: str = "", *, args: str = "", returns: str = "void") -> Case:
    return replace(
        plpgsql(name, body, edges, unknown, path=(*_PATH[:1], "app", "pg_temp"), args=args, returns=returns), names=_OWN
    )


def _own_sql(
    name: str, body: str, edges: str = "", unknown: str = "", *, args: str = "", returns: str = "text"
) -> Case:
    return replace(sql(name, body, edges, unknown, path=_PATH, args=args, returns=returns), names=_OWN)


CORE: tuple[Case, ...] = (
    plpgsql("input of an array", "begin perform array_in(textout(x), (select oid from pg_proc limit 1), -1); end", "",
            "unlisted-function array_in(cstring, oid, integer)\nunlisted-function textout(text)", path=_PATH, args="x text"),
    plpgsql("input of a domain", "begin perform pg_catalog.domain_in(textout(x), y, -1); end", "",
            "unlisted-function domain_in(cstring, oid, integer)\nunlisted-function textout(text)", path=_PATH, args="x text, y oid"),
    plpgsql("input of a row", "begin perform record_in(textout(x), y, -1); end", "",
            "unlisted-function record_in(cstring, oid, integer)\nunlisted-function textout(text)", path=_PATH, args="x text, y oid"),
    plpgsql("input of a range", "begin perform range_in(textout(x), y, -1), multirange_in(textout(x), y, -1); end", "",
            "unlisted-function range_in(cstring, oid, integer)\nunlisted-function multirange_in(cstring, oid, integer)\n"
            "unlisted-function textout(text)", path=_PATH, args="x text, y oid"),
    plpgsql("input of an enum or a name", "begin perform enum_in(textout(x), y), regprocin(textout(x)), anyarray_in(textout(x)); end", "",
            "unlisted-function enum_in(cstring, oid)\nunlisted-function regprocin(cstring)\nunlisted-function anyarray_in(cstring)\n"
            "unlisted-function textout(text)", path=_PATH, args="x text, y oid"),
    plpgsql("binary input", "begin perform array_recv(null, y, -1), record_recv(null, y, -1), domain_recv(null, y, -1), range_recv(null, y, -1); end",
            "", "unlisted-function array_recv(internal, oid, integer)\nunlisted-function record_recv(internal, oid, integer)\n"
            "unlisted-function domain_recv(internal, oid, integer)\nunlisted-function range_recv(internal, oid, integer)", path=_PATH, args="y oid"),
    plpgsql("input by the name of a type", "begin perform pg_input_is_valid(x, y), message from pg_input_error_info(x, y); end", "",
            "unlisted-function pg_input_is_valid(text, text)\nunlisted-function pg_input_error_info(text, text)", path=_PATH, args="x text, y text"),
    plpgsql("validators and support functions", "begin perform fmgr_sql_validator(y), amvalidate(y), satisfies_hash_partition(y, 2, 0, z); end",
            "", "unlisted-function fmgr_sql_validator(oid)\nunlisted-function amvalidate(oid)\n"
            'unlisted-function satisfies_hash_partition(oid, integer, integer, VARIADIC "any")', path=_PATH, args="y oid, z text"),
    sql("the same in SQL", "select array_in(textout($1), $2, -1)", "",
        "unlisted-function array_in(cstring, oid, integer)\nunlisted-function textout(text)", path=_PATH, args="text, oid"),
    view("the same in a view", "SELECT pg_read_file(active.t) AS f FROM app.active;", "reads view app.active",
         "unlisted-function pg_read_file(text)"),
    plpgsql("the same where the search path is not pinned", "begin perform array_in(textout(x), y, -1); end", "",
            "unlisted-function array_in(cstring, oid, integer)\nunlisted-function textout(text)", args="x text, y oid"),
    plpgsql("the same in dynamic SQL", "begin execute 'select domain_in(textout($1), $2, -1)' using x, y; end", "",
            "unlisted-function domain_in(cstring, oid, integer)\nunlisted-function textout(text)", path=_PATH, args="x text, y oid"),
    plpgsql("a function that no version has", "begin perform newest(1); end", "",
            "unlisted-function newest, of which no supported version is known to have it", path=_PATH),
    plpgsql("functional notation of the server's own", "begin perform (x).pg_read_file, s.pg_read_file, t.lower, (y).lower from lower(x) s, app.queue t; end",
            "reads table app.queue\ncalls function app.lower(app.status)", "unlisted-function pg_read_file(text)", path=(*_PATH, "app"), args="x text"),
    plpgsql("one overload of two", "begin perform ts_rewrite('a'::tsquery, 'a'::tsquery, 'b'::tsquery); end", path=_PATH),
    plpgsql("ordinary ones", """
        declare v text; begin
          v := format('%s-%I', upper(btrim(x)), coalesce(x, 'a')) || to_char(now(), 'YYYY') || md5(x) || current_setting('a.b', true);
          perform count(*), max(a), array_agg(b order by c), jsonb_agg(t), to_jsonb(t), row_to_json(t), string_agg(d, ','), json_build_object('a', a),
            percentile_disc(0.5) within group (order by a), jsonb_path_query(e, '$'), e -> 'a' ->> 'b', a = any(array[1]), a between 1 and 2
          from app.queue t group by 1 having a like 'x%';
          perform pg_notify('a', v), pg_sleep(0), gen_random_uuid(), random(), date_trunc('day', clock_timestamp()), greatest(1, 2),
            regexp_replace(x, 'a', 'b'), substring(x from 1 for 2), extract(epoch from now()), position('a' in x), x::date + 1;
        end""", "reads table app.queue", path=_PATH, args="x text"),
    plpgsql("a trigger that keeps the row", "begin insert into app.queue select to_jsonb(new), row_to_json(old); return new; end", "writes table app.queue",
            path=_PATH, returns="trigger"),
    # the type of a value
    plpgsql("type of the caller's choice", "begin insert into app.queue values (to_jsonb(x)); end", "writes table app.queue",
            "caller-type a cast to the type of a column, and parameter x is anyelement\n"
            "caller-type to_jsonb(anyelement), and parameter x is anyelement\n"
            "caller-type what PL/pgSQL converts by itself, and parameter x is anyelement", path=_PATH, args="x anyelement"),
    *(plpgsql(f"nothing is made of the caller's type: {args}, {returns}", body, "", path=_PATH, args=args, returns=returns) for body, args, returns in (
        ("begin perform 1; end", "x record", "void"),
        ("begin return 1; end", "x anyelement", "int"),
        ("declare y int := 2; begin y := $1; y := y + 1; return y; end", "n int, x anyarray", "int"),
        ("begin return n; end", "x anyelement, n int", "int"),
        ("begin return query select 1; end", "x anycompatible", "setof int"),
        ("begin return new; end", "", "trigger"))),
    *(plpgsql(f"something is made of the caller's type: {args}, {returns}: {body}", body, "",
              f"caller-type what PL/pgSQL converts by itself, and parameter {name} is {args.split()[-1 if name == 'x' else 0].split(',')[0]}",
              path=_PATH, args=args, returns=returns) for body, args, returns, name in (
        ("declare y x%type := 1; begin return 1; end", "x anyelement", "int", "x"),
        ("declare y X%TYPE; begin y := 1; return 1; end", "x anyelement", "int", "x"),
        ('declare y "x"%type; begin y := 1; return 1; end', "x anyelement", "int", "x"),
        ("declare y alias for $1; begin y := 1; return 1; end", "anyelement", "int", "1"),
        ("begin return 1; end", "x anyelement", "anyelement", "x"),
        ("begin return next 1; end", "x anyelement", "setof anyelement", "x"),
        ("declare r record; begin r := x; return 1; end", "x record", "int", "x"))),
    plpgsql("an OUT parameter of the caller's type", "begin y := 1; end", "",
            "caller-type what PL/pgSQL converts by itself, and parameter x is anyelement", path=_PATH, args="x anyelement, out y anyelement", returns="anyelement"),
    plpgsql("a column of the caller's type", "begin y := 1; return next; end", "",
            "caller-type what PL/pgSQL converts by itself, and parameter x is anyelement", path=_PATH, args="x anyelement", returns="table (y anyelement)"),
    sql("casts of the caller's type", "select ($1)::text || upper($1)", "",
        "caller-type a cast to text, and parameter 1 is anyelement\n"
        "caller-type operator ||, anytextcat(anynonarray, text), and parameter 1 is anyelement\n"
        "caller-type a cast to the result, and parameter 1 is anyelement\n"
        "caller-type a cast to an argument of upper, and parameter 1 is anyelement", path=_PATH, args="anyelement", returns="text"),
    sql("concatenation of the caller's type", "select 'x' || $1", "",
        "caller-type operator ||, anytextcat(anynonarray, text), and parameter 1 is anyelement\n"
        "caller-type a cast to the result, and parameter 1 is anyelement", path=_PATH, args="anyelement", returns="text"),
    sql("functional notation of the caller's type", "select x.to_json, (x).upper", "",
        "caller-type to_json(anyelement), and parameter x is anyelement\n"
        "caller-type a cast to an argument of upper, and parameter x is anyelement", path=_PATH, args="x anyelement", returns="record"),
    sql("result of the caller's type", "select $1", "", "caller-type a cast to the result, and parameter 1 is anyelement", path=_PATH,
        args="anyelement", returns="text"),
    sql("row of the caller's type", "select jsonb_populate_record($1, '{}')", "",
        "caller-type jsonb_populate_record(anyelement, jsonb), and parameter 1 is anyelement", path=_PATH, args="anyelement", returns="anyelement"),
    sql("value of any type that is only moved and compared", "select array_agg(x) from unnest($1) x where x = $2 and array_length($1, 1) > 1", path=_PATH,
        args="anyarray, anyelement", returns="anyarray"),
    _own("cast of an enum to JSON", "begin perform to_json(x), jsonb_build_object('a', x), jsonb_agg(x); end", "uses type app.status",
         'cast-by-type to_json(anyelement), and type app.status\ncast-by-type jsonb_build_object(VARIADIC "any"), and type app.status\n'
         "cast-by-type jsonb_agg(anyelement), and type app.status", args="x app.status"),
    _own("cast of a column to JSON", "begin perform row_to_json(o) from app.orders o; end", "reads table app.orders",
         "cast-by-type row_to_json(record), and table app.orders"),
    _own("cast of a function's rows to JSON", "begin perform json_agg(o) from app.rows(1) o; end", "calls function app.rows(integer)",
         "cast-by-type json_agg(anyelement), and function app.rows(integer)"),
    _own("JSON of a value of the server's own", """begin perform to_jsonb(1), to_json(now()), json_build_object('a', x::text, 'b', md5('A'), 'c', 1 + 2,
        'd', case when x is null then 'e' end), array_to_json(array[1, 2]), json_agg(x = 'open') from app.orders; end""",
         "uses type app.status\nreads table app.orders", args="x app.status"),
    _own("JSON of other tables", "begin perform to_jsonb(q) from app.queue q; end", "reads table app.queue"),
    _own("printing does not cast", "begin perform format('%s', x), concat(x, x), array_to_string(array[x], ','); end", "uses type app.status",
         args="x app.status"),
    _own_sql("JSON by the standard's words", "select json_object('a' : o.a), json_array(o.a) from app.orders o", "reads table app.orders",
             "cast-by-type to_json(anyelement), and table app.orders"),
    # functions in C, and what is made of the server's own
    _own("functions in C", "begin perform public.crypt('a', 'b'), public.st_area('x'), public.own_c('x'); end", """
        calls function public.crypt(pg_catalog.text,pg_catalog.text)
        calls function public.st_area(pg_catalog.text)
        calls function public.own_c(pg_catalog.text)""",
         "unlisted-function public.st_area(pg_catalog.text), in C, of extension postgis\nunlisted-function public.own_c(pg_catalog.text), in C"),
    _own_sql("an extension that makes a row", "select public.populate_record($1, 'a=>1')",
             "calls function public.populate_record(pg_catalog.anyelement,public.hstore)",
             "caller-type public.populate_record(pg_catalog.anyelement,public.hstore), and parameter 1 is anyelement\n"
             "caller-type a cast to an argument of populate_record, and parameter 1 is anyelement", args="anyelement", returns="anyelement"),
    _own("aggregate of the server's own functions", "begin perform app.last_of(x); end", "calls aggregate app.last_of(pg_catalog.text)",
         "unlisted-function pg_stat_file(text), a part of aggregate app.last_of(pg_catalog.text)", args="x text"),
    _own("operator of the server's own functions", "begin perform x operator(app.~~~) x, x ~~= x, x operator(public.%>) x, x operator(public.&&&) x; end", "",
         "unlisted-function public.st_area(pg_catalog.text), in C, of extension postgis\n"
         "unlisted-function pg_input_is_valid(text, text), operator app.~~~", args="x text"),
)  # fmt: skip
