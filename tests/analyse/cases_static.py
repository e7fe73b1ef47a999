"""Routines without dynamic SQL, and what they really do."""

from __future__ import annotations

from .estate import Case, plpgsql

_APP = ("app", "pg_temp")

STATIC: tuple[Case, ...] = (
    plpgsql("nothing", "begin null; end"),
    plpgsql("qualified select", "declare n int; begin select count(*) into n from app.orders; end",
            "reads table app.orders"),
    plpgsql("insert select returning", """
        declare i int; begin
          insert into app.orders (id) select id from app.customers where id > 3 returning id into strict i;
        end""", "writes table app.orders\nreads table app.customers"),
    plpgsql("update from", "begin update app.orders o set a = c.a from app.customers as c where c.id = o.id; end",
            "writes table app.orders\nreads table app.customers"),
    plpgsql("delete using, self read", """
        begin delete from app.orders using audit.log l where not exists (select from app.orders x); end""",
            "writes table app.orders\nreads table audit.log\nreads table app.orders"),
    plpgsql("merge", """
        begin
          merge into app.orders as t using (select * from app.queue) s on t.id = s.id
          when matched then update set a = app.compute(s.a) when not matched then insert values (s.id);
        end""", "writes table app.orders\nreads table app.queue\ncalls function app.compute(integer)"),
    plpgsql("on conflict", """
        begin insert into app.orders values (1) on conflict (id) do update set a = (select max(a) from app.queue); end
        """, "writes table app.orders\nreads table app.queue"),
    plpgsql("truncate and lock", "begin lock table app.queue in exclusive mode; truncate app.orders, audit.log; end",
            "uses table app.queue\nwrites table app.orders\nwrites table audit.log"),
    plpgsql("for update", "begin perform 1 from app.orders for update; end",
            "reads table app.orders\nwrites table app.orders"),
    plpgsql("for update of one", """
        begin perform 1 from app.orders o join app.customers c on true left join lateral (
          select * from app.queue) q on true for no key update of o, q; end""",
            "reads table app.orders\nwrites table app.orders\nreads table app.customers\n"
            "reads table app.queue\nwrites table app.queue"),
    plpgsql("refresh", "begin refresh materialized view app.totals; end", "writes materialized view app.totals"),
    plpgsql("unqualified, no path", "begin perform 1 from orders; end",
            "reads table app.orders\nreads table audit.orders"),
    plpgsql("unqualified, pinned", "begin perform 1 from orders; end", "reads table app.orders", path=_APP),
    plpgsql("unqualified, second schema", "begin perform 1 from settings, orders; end",
            "reads table public.settings\nreads table audit.orders", path=("audit", "public", "app")),
    plpgsql("unqualified, not on the path", "begin perform 1 from settings; end",
            "", "unresolved-name relation settings", path=_APP),
    plpgsql("empty path", "begin perform 1 from orders; perform compute(1); end", "",
            "unresolved-name relation orders\nunresolved-name function compute", path=("",)),
    plpgsql("path with $user", "begin perform 1 from orders; end",
            "reads table app.orders\nreads table audit.orders", path=("$user", "app")),
    plpgsql("system relations", """
        begin perform 1 from pg_class, pg_catalog.pg_proc, information_schema.tables; end""", path=_APP),
    plpgsql("missing system relation", "begin perform 1 from pg_catalog.pg_nothing; end", "",
            "unresolved-name relation pg_catalog.pg_nothing"),
    plpgsql("overloads", "begin perform app.audit('x'); end",
            "calls function app.audit(pg_catalog.text)\ncalls function app.audit(pg_catalog.text,pg_catalog.jsonb)"),
    plpgsql("overloads on a path", "begin perform compute(1); end",
            "calls function app.compute(integer)\ncalls function public.compute(pg_catalog.text)",
            path=("app", "public")),
    plpgsql("overloads in all schemas", "begin perform audit(1); end", """
        calls function app.audit(pg_catalog.text)
        calls function app.audit(pg_catalog.text,pg_catalog.jsonb)
        calls function audit.audit(integer)"""),
    plpgsql("own function beside a builtin", "declare t text; begin t := lower(t); end",
            "calls function app.lower(app.status)", path=_APP),
    plpgsql("builtin only", "declare t text; begin t := pg_catalog.lower(t); end", path=_APP),
    plpgsql("aggregate", "begin perform app.median(a) over (order by a) from app.orders; end",
            "calls aggregate app.median(double precision)\nreads table app.orders"),
    plpgsql("nested calls", "declare a int; begin a := app.compute(app.compute(app.vsum(variadic array[1, 2]))); end",
            "calls function app.compute(integer)\ncalls function app.vsum(pg_catalog.int4[])"),
    plpgsql("named arguments", "declare a int; begin a := app.compute(a := 1) + app.compute(a => 2); end",
            "calls function app.compute(integer)"),
    plpgsql("set returning in FROM", "begin perform * from app.rows(1) r(a, b), rows from (app.rows(2)) as s; end",
            "calls function app.rows(integer)"),
    plpgsql("itself", "begin perform app.probe(); end", "calls function app.probe()"),
    plpgsql("call", "declare d date; begin call app.close_day(d); call app.compute_all(); end",
            "calls procedure app.close_day(date)\ncalls procedure app.compute_all()"),
    plpgsql("call needs a procedure", "begin call app.compute(1); end", "",
            "unresolved-name procedure app.compute"),
    plpgsql("functional notation", "begin perform p.fullname from app.person p; end",
            "reads table app.person\ncalls function app.fullname(app.person)"),
    plpgsql("column of the same name as nothing", "begin perform o.compute, (o).total from app.orders o; end",
            "reads table app.orders"),
    plpgsql("cte shadows", "declare x int; begin with orders as (select 1 as a) select a from orders into strict x; end",
            path=_APP),
    plpgsql("cte reads what it shadows", "begin perform 1 from (with orders as (select * from orders) "
            "select * from orders) s; end", "reads table app.orders", path=_APP),
    plpgsql("recursive cte", """
        begin return query with recursive orders(n) as (select 1 union all select n + 1 from orders where n < 5),
          b as (select * from queue) select * from orders, b; end""",
            "reads table app.queue", path=_APP, returns="SETOF integer"),
    plpgsql("cte ends with its statement", """
        begin perform 1 from (with queue as (select 1) select * from queue) s, queue; end""",
            "reads table app.queue", path=_APP),
    plpgsql("writing cte", """
        begin with gone as (delete from app.queue returning *) insert into audit.log select * from gone; end""",
            "writes table app.queue\nwrites table audit.log"),
    plpgsql("cte is no target", "begin with orders as (select 1) delete from orders; end",
            "writes table app.orders", path=_APP),
    plpgsql("qualified is no cte", "declare x int; begin with orders as (select 1) select 1 from audit.orders into x; end",
            "reads table audit.orders", path=_APP),
    plpgsql("variables named like tables", """
        declare orders int := 1; queue app.orders.id%TYPE; begin queue := orders + queue; orders := queue; end""",
            "uses table app.orders"),
    plpgsql("loop record named like a table", """
        declare orders record; begin
          for orders in select * from app.customers loop raise notice '%', orders.id; orders.id := 3; end loop;
        end""", "reads table app.customers"),
    plpgsql("old and new", """
        begin
          if tg_op = 'UPDATE' and old.id <> new.id then new.id := app.compute(old.id); end if;
          insert into audit.log select new.*;
          return new;
        end""", "calls function app.compute(integer)\nwrites table audit.log", returns="trigger"),
    plpgsql("trigger arguments", """
        begin if tg_argv[0] = 'app.orders' then return null; end if; return new; end""",
            "", "lexical-mismatch app.orders", returns="trigger"),
    plpgsql("transition table", "begin insert into audit.log select * from newrows; return null; end",
            "writes table audit.log", "unresolved-name relation newrows", returns="trigger"),
    plpgsql("qualified types", """
        declare a app.status; b app.amount[] := '{}'; c app.orders; d app.customers%ROWTYPE; e app.person.name%TYPE;
          f constant app.address not null default row('a', 'b'); g pg_catalog.int4; h timestamp(3) with time zone;
          i varchar(20) collate "C" := 'x'; j hidden.thing; k public.settings[]; l "char"; m numeric(10, 2) array[3];
        begin end""", """
        uses type app.status
        uses type app.amount
        uses table app.orders
        uses table app.customers
        uses table app.person
        uses type app.address
        uses table public.settings""", "unresolved-name type hidden.thing"),
    plpgsql("unqualified types on a path", "declare a status; b orders%rowtype; c orders.id%type; d text; begin end",
            "uses type app.status\nuses table app.orders", path=_APP),
    plpgsql("type of a variable", """
        <<top>> declare a int; b a%type; c top.a%type; d probe.x%type; e x%type; begin end""", args="x integer"),
    plpgsql("casts", "begin perform '1'::app.amount, cast(null as app.address), array[1]::app.status[]; end",
            "uses type app.amount\nuses type app.address\nuses type app.status"),
    plpgsql("type as function", "begin perform app.amount(3); end", "uses type app.amount"),
    plpgsql("signature", "begin end", "uses type app.status\nuses table app.orders\ncalls function app.compute(integer)",
            args="a app.status[], b integer DEFAULT app.compute(1), VARIADIC c text[] DEFAULT '{}'",
            returns="SETOF app.orders"),
    plpgsql("row field assignment", """
        declare r app.orders; a int[]; begin
          r.id := app.compute(1); r.sub.x = 2; a[app.compute(2)] := 3; a[1:app.compute(3)] = '{1}'; (select 1);
        end""", "uses table app.orders\ncalls function app.compute(integer)",
            "parse-error expected a statement, found ("),
    plpgsql("assignment from a query", "declare a int; begin a := max(id) from app.orders where id < 9; end",
            "reads table app.orders"),
    plpgsql("conditions that read", """
        begin
          if exists (select from app.orders) then null; elsif count(*) > 1 from app.queue then null; else null; end if;
          while (select true from audit.log) loop exit when app.compute(1) = 1; continue; end loop;
          case app.compute(2) when 1, (select 2 from app.customers) then null; else null; end case;
          case when (select 1 from app.person) = 1 then null; end case;
          assert (select 1 from audit.orders) = 1, public.compute('x');
        end""", """
        reads table app.orders
        reads table app.queue
        reads table audit.log
        reads table app.customers
        reads table app.person
        reads table audit.orders
        calls function app.compute(integer)
        calls function public.compute(pg_catalog.text)"""),
    plpgsql("loops", """
        <<l>> declare a int[]; i int; n int; begin
          <<outer_loop>>
          for i in reverse app.compute(1) .. (select 3 from app.queue) by 2 loop continue outer_loop; end loop outer_loop;
          for i in 1..10 loop null; end loop;
          for i, n in (select 1, 2 from app.orders) loop null; end loop;
          foreach a slice 1 in array (select array_agg(id) from app.customers) loop exit; end loop;
          loop exit l when true; end loop;
        end l""", """
        calls function app.compute(integer)
        reads table app.queue
        reads table app.orders
        reads table app.customers"""),
    plpgsql("cursors", """
        declare c cursor for select * from app.orders; d no scroll cursor (k integer, z app.status) is
          select * from app.queue where id = k; r record; e refcursor; begin
          open c; fetch c into r; fetch relative app.compute(1) from c into r; move next from c; close c;
          open d(k := app.compute(2), z := 'open'); for r in d(1, 'open') loop null; end loop; for r in c loop null; end loop;
          open e no scroll for select * from audit.log; update app.orders set a = 1 where current of c; close e;
        end""", """
        reads table app.orders
        writes table app.orders
        reads table app.queue
        uses type app.status
        calls function app.compute(integer)
        reads table audit.log"""),
    plpgsql("exceptions", """
        declare x text; begin
          begin insert into app.orders values (1);
          exception when unique_violation or sqlstate '22012' then perform app.compute(1);
            when others then get stacked diagnostics x = message_text; insert into audit.log values (sqlerrm); raise;
          end;
        exception when others then delete from app.queue;
        end""", """
        writes table app.orders
        calls function app.compute(integer)
        writes table audit.log
        writes table app.queue"""),
    plpgsql("raise", """
        begin
          raise notice 'writes app.orders and audit(%)', app.compute(1) using hint = 'see app.queue',
            detail = (select 'x' from app.person);
          raise exception division_by_zero; raise sqlstate '22012'; raise using message = 'x'; raise;
        end""", "calls function app.compute(integer)\nreads table app.person"),
    plpgsql("return forms", """
        begin return query select id from app.orders; return next app.compute(1); return next (select 1 from app.queue); return;
        end""", "reads table app.orders\ncalls function app.compute(integer)\nreads table app.queue",
            returns="SETOF integer"),
    plpgsql("quoted and unicode", """
        declare "Odd Näme" int; Größe int; begin
          perform 1 from app."Odd Näme", "Höfe"."Straße" as "été" where "été".x = U&"\\0047r\\00f6\\00dfe";
        end""", 'reads table app."Odd Näme"\nreads table "Höfe"."Straße"'),
    plpgsql("folding", "begin PERFORM 1 FROM App.ORDERS; perform 1 from APP.\"Orders\"; end",
            "reads table app.orders", "unresolved-name relation app.Orders"),
    plpgsql("comments that lie", """
        begin -- insert into app.orders values (1); execute 'x';
          /* delete from app.queue; /* nested */ perform app.compute(1); */ perform 1; -- 'unbalanced
          perform /* ' */ app.compute /* here */ (1); /* $$ */
        end""", "calls function app.compute(integer)"),
    plpgsql("strings that lie", """
        declare t text := $q$ insert into customers values (''); $q$; begin
          t := 'delete from queue; ''x'''; t := E'\\'; -- not a comment'; t := 'execute /* ';
          t := $a$ -- $a$ || $b$ */ $b$;
        end"""),
    plpgsql("a name in a string", "declare t text := 'delete from app.queue'; begin end", "",
            "lexical-mismatch app.queue"),
    plpgsql("regclass constants", """
        declare o oid := 'app.orders'::regclass; begin
          perform 'queue'::pg_catalog.regclass, cast('app."Odd Näme"' as regclass), 'app.audit(text)'::regprocedure,
            'app.compute'::regproc, 'app.status[]'::regtype, to_regclass('app.totals'), 'app.active'::text::regclass,
            pg_total_relation_size('audit.log'), tg_relid::regclass;
        end""", """
        uses table app.orders
        uses table app.queue
        uses table app."Odd Näme"
        uses function app.audit(pg_catalog.text)
        uses function app.compute(integer)
        uses type app.status
        uses materialized view app.totals
        uses view app.active
        uses table audit.log""", path=_APP),
    plpgsql("regclass of nothing", "begin perform 'app.gone'::regclass; end", "",
            "unresolved-name relation app.gone"),
    plpgsql("questions about privileges", """
        begin perform has_table_privilege('app', 'app.orders', 'select'), has_table_privilege('audit.log', x),
          has_function_privilege('app.audit(text, jsonb)', 'execute'), has_schema_privilege('app', 'usage'); end""",
            "uses table app.orders\nuses table audit.log\nuses function app.audit(pg_catalog.text,pg_catalog.jsonb)",
            args="x text"),
    plpgsql("sequences", """
        begin perform nextval('app.order_seq'), currval('app.order_seq'::regclass), setval('app.order_seq'::text, 1),
          last_value from app.order_seq; end""", "writes sequence app.order_seq\nreads sequence app.order_seq"),
    plpgsql("sequence that is not constant", "begin perform nextval(x), nextval(pg_get_serial_sequence('app.orders', 'id'));"
            " end", "uses table app.orders", "non-constant-sequence nextval()", args="x text"),
    plpgsql("sinks", """
        begin
          perform set_config('app.user', 'x', true), lo_import('/x'), dblink('a', 'b'), pg_read_file('x');
          perform query_to_xml('select * from app.orders', true, true, ''), ts_stat('select v from app.queue');
          perform pg_notify('a', 'b'), xpath('/a', '<a/>'), table_to_xml('app.person', true, true, '');
          notify app, 'x';
        end""", """
        calls function public.dblink(pg_catalog.text,pg_catalog.text)
        reads table app.orders
        reads table app.queue
        uses table app.person""", """
        unlisted-function set_config(text, text, boolean)
        unlisted-function lo_import(text)
        hidden-sink dblink
        unlisted-function pg_read_file(text)
        hidden-sink query_to_xml
        hidden-sink ts_stat
        unlisted-function table_to_xml(regclass, boolean, boolean, text)"""),
    plpgsql("copy", "begin copy app.orders from '/tmp/x'; copy (select * from app.queue) to program 'x'; end",
            "writes table app.orders\nreads table app.queue",
            "hidden-sink COPY with a file\nhidden-sink COPY PROGRAM"),
    plpgsql("settings", "begin set local search_path = app; set role app; set local work_mem = '1MB'; reset all; end",
            "", "search-path-changed SET search_path\nsetting-changed SET role\nsearch-path-changed RESET ALL"),
    plpgsql("settings that are known", "begin set local datestyle = 'iso'; set local transform_null_equals = off; set local app.tenant = 'x';"
            " set local synchronous_commit = off; set local statement_timeout = 5; end"),
    plpgsql("settings that nobody knows, or with another value", "begin set local transform_null_equals = on; set local row_security = off;"
            " set local plpgsql.check_asserts = off; set local surprising = 1; reset array_nulls; end", "",
            "setting-changed SET transform_null_equals\nsetting-changed SET row_security\nsetting-changed SET plpgsql.check_asserts\n"
            "setting-changed SET surprising\nsetting-changed SET array_nulls"),
    plpgsql("operators", "begin perform 1 operator(pg_catalog.+) 2, a operator(app.+) b, a <-> b, a <=>> b, a <> all(b); end",
            "", "operator app.+\noperator <=>>"),
    plpgsql("temporary table", """
        begin create temp table work (id serial, s app.status default 'open', c int references app.customers);
          insert into work select 1 from app.queue; create index on work (id); analyze work; perform 1 from pg_temp.work;
          create temporary table more as select * from app.orders; drop table work, pg_temp.more; end""",
            "uses type app.status\nuses table app.customers\nreads table app.queue\nreads table app.orders"),
    plpgsql("ddl", """
        begin alter table app.orders add x int; create table app.new as select * from app.queue; drop view app.active;
          grant select on app.person to public; create view app.w as select * from audit.log; end""", """
        writes table app.orders
        reads table app.queue
        writes view app.active
        writes table app.person
        reads table audit.log""", """
        utility-statement AlterTable
        utility-statement CREATE TABLE app.new
        utility-statement Drop app.active
        utility-statement Grant
        utility-statement View
        unresolved-name relation app.w"""),
    plpgsql("directives and labels", """
        #variable_conflict use_column
        #print_strict_params on
        <<blk>> begin <<inner>> begin perform 1 from app.orders; end inner; end blk;""", "reads table app.orders"),
    plpgsql("words that are not reserved", """
        declare open int; close int; perform int; exit int; return int; raise int; begin
          open := 1; close := app.compute(1); perform = 3; exit := 4; return := 5; raise := open; close := 1; end""",
            "calls function app.compute(integer)"),
    plpgsql("transactions", "begin commit and chain; rollback; perform 1 from app.orders; end", "reads table app.orders"),
    plpgsql("alias", "declare a alias for $1; b alias for a; begin a := 1; b := a; $1 := 2; end", args="integer"),
    plpgsql("sql that does not parse", "begin perform 1 from from; insert into app.orders values (1); end",
            "writes table app.orders", 'parse-error syntax error at or near "from"'),
    plpgsql("block that does not end", "begin insert into app.orders values (1); if true then", "writes table app.orders",
            "parse-error expected ELSIF or ELSEIF or ELSE or END, found the end of the body"),
    plpgsql("string that does not end", "begin perform 'x; end", "", "parse-error a string does not end"),
    plpgsql("grant execute is no EXECUTE", "begin grant execute on function app.compute(integer) to public; end", "",
            "utility-statement Grant\nlexical-mismatch app.compute"),
)  # fmt: skip  # one case a line
