"""SQL-language routines with a string body or a parsed one, and views."""

from __future__ import annotations

from .estate import Case, sql, view

_APP = ("app", "pg_temp")

SQL: tuple[Case, ...] = (
    sql("several statements", """
        insert into app.orders (id) select id from app.queue;
        select app.compute($1);
        """, "writes table app.orders\nreads table app.queue\ncalls function app.compute(integer)", args="integer", returns="integer"),
    sql("unqualified and pinned", "select * from orders o, lateral rows(o.id) r", "reads table app.orders\n"
        "calls function app.rows(integer)", path=_APP),
    sql("parameter named like a table", "select queue.a from app.customers", "reads table app.customers\nuses table app.orders",
        args="queue app.orders", returns="integer"),
    sql("begin atomic", """BEGIN ATOMIC
         INSERT INTO app.orders (id) VALUES (app.compute(1));
         WITH q AS (SELECT 1) SELECT 1 FROM q, app.customers;
        END""", "writes table app.orders\ncalls function app.compute(integer)\nreads table app.customers",
        quoted=False),
    sql("return expression", "RETURN (SELECT max(id) FROM app.orders WHERE id > app.compute(1))",
        "reads table app.orders\ncalls function app.compute(integer)", quoted=False, returns="integer"),
    sql("set operations", """
        (select 1 from app.orders union all select 2 from app.queue) except
        select 3 from (values (1), (app.compute(2))) v order by 1""",
        "reads table app.orders\nreads table app.queue\ncalls function app.compute(integer)"),
    sql("with at the top of a union", """
        with orders as (select 1) select * from orders union (with queue as (select * from orders) select * from queue)
        union select id from queue""", "reads table app.queue", path=_APP),
    sql("deep places", """
        select array(select id from app.orders), (select count(*) filter (where app.compute(a) = 1) from app.queue),
          row_number() over (partition by public.compute('x')), x.name
        from app.customers c tablesample system (10)
          cross join lateral jsonb_populate_record(null::app.person, '{}') x
        group by grouping sets ((c.a, x.name), ()) having app.median(1) > 1 limit (select 1 from audit.log)""", """
        reads table app.orders
        reads table app.queue
        reads table app.customers
        reads table audit.log
        uses table app.person
        calls function app.compute(integer)
        calls function public.compute(pg_catalog.text)
        calls aggregate app.median(double precision)"""),
    sql("long concatenation", "select " + " || ".join(["'x'"] * 400) + " || app.compute(1)",
        "calls function app.compute(integer)"),
    sql("utility", "select set_config('a.b', 'c', false); vacuum app.orders", "uses table app.orders",
        "unlisted-function set_config(text, text, boolean)"),
    sql("names that only look like objects", """
        select app.orders, audit.log, public.settings from app.queue app cross join lateral (select 1 as log) audit
        join app.customers c using (id) as public""",
        "reads table app.queue\nreads table app.customers"),
    sql("operators in odd places", """
        select 1 from app.queue where a operator(app.=) any (select 1) and a < all (select 2)
        order by a using operator(app.<), a using >""", "reads table app.queue", "operator app.=\noperator app.<"),
    sql("functional notation of an expression", "select (app.rows(1)).a, (null::app.person).fullname, (x.y).city",
        "calls function app.rows(integer)\nuses table app.person\ncalls function app.fullname(app.person)"),
    sql("own sampling method", "select 1 from app.queue tablesample app.rows (10)",
        "reads table app.queue\ncalls function app.rows(integer)"),
    sql("discard", "discard all", "", "search-path-changed DISCARD"),
    sql("rule", "create rule r as on insert to app.orders do also insert into audit.log select 1 from app.queue",
        "writes table app.orders\nwrites table audit.log\nreads table app.queue", "utility-statement Rule"),
    sql("syntax error", "select * fom app.orders", "", """
        parse-error syntax error at or near "fom"
        lexical-mismatch app.orders"""),
    sql("unknown function", "select nothing(1), app.gone(2)", "",
        "unresolved-name function nothing\nunresolved-name function app.gone"),
    view("view", "SELECT o.id,\n    app.compute(o.id) AS c\n   FROM app.orders o\n     JOIN app.customers USING (id);",
         "reads table app.orders\nreads table app.customers\ncalls function app.compute(integer)"),
    view("view on a view", " SELECT lower(active.t) AS lower, count(*) AS count FROM app.active GROUP BY active.t;",
         "reads view app.active"),
    view("materialized", "SELECT nextval('app.order_seq'::regclass) AS n, ('open'::text)::app.status AS s;",
         "writes sequence app.order_seq\nuses type app.status", kind="materialized view"),
    view("view with a cte", """ WITH orders AS ( SELECT a FROM audit.orders ) SELECT orders.a FROM orders;""",
         "reads table audit.orders"),
)  # fmt: skip  # one case a line
