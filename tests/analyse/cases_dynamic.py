"""Dynamic SQL in each form: constant text is followed, anything else is opaque."""

from __future__ import annotations

from .estate import Case, plpgsql

_APP = ("app", "pg_temp")

DYNAMIC: tuple[Case, ...] = (
    plpgsql("constant", "begin execute 'insert into app.orders select * from queue'; end",
            "writes table app.orders\nreads table app.queue"),
    plpgsql("constant, quoted bodies", "begin execute $x$ delete from app.orders where t = 'a' $x$; "
            "execute E'delete\\tfrom app.queue'; end", "writes table app.orders\nwrites table app.queue"),
    plpgsql("using and into", """
        declare n int; begin
          execute 'select count(*) from app.orders where id = $1' into strict n using app.compute(1), (select 1 from app.queue);
          execute 'select 1 from audit.log where id = $1' using n into n;
        end""", """
        reads table app.orders
        calls function app.compute(integer)
        reads table app.queue
        reads table audit.log"""),
    plpgsql("concatenated constants", "begin execute 'delete ' || 'from ' || quote_ident('app') || '.' || 'orders'; end",
            "writes table app.orders"),
    plpgsql("concatenated variable", "begin execute 'delete from app.orders where id = ' || x; end",
            "writes table app.orders", "dynamic-sql-opaque 'delete from app.orders where id = ' || x", args="x text"),
    plpgsql("quoted literal is only a value", """
        begin execute 'delete from app.orders where t = ' || quote_literal(x) || ' or u = ' || quote_nullable(x); end""",
            "writes table app.orders", args="x text"),
    plpgsql("quoted identifier is opaque", "begin execute 'delete from app.' || quote_ident(x); end", "",
            "dynamic-sql-opaque 'delete from app.' || quote_ident(x)", args="x text"),
    plpgsql("format with constants", "begin execute format('delete from %I.%I', 'app', 'Odd Näme'); end",
            'writes table app."Odd Näme"'),
    plpgsql("format with a value", "begin execute format('insert into %I.orders values (%L, %2$L)', 'app', x); end",
            "writes table app.orders", args="x text"),
    plpgsql("format with a name", "begin execute format('insert into app.%I select * from app.queue', x); end",
            "reads table app.queue", "dynamic-sql-opaque format('insert into app.%I select * from app.queue', x)",
            args="x text"),
    plpgsql("format with text", "begin execute format('select * from app.orders where %s', x); end",
            "reads table app.orders", "dynamic-sql-opaque format('select * from app.orders where %s', x)",
            args="x text"),
    plpgsql("format %s constant and %%", "begin execute format('delete from %s where a %% 2 = 0', 'app.orders'); end",
            "writes table app.orders"),
    plpgsql("format variadic", "begin execute format('delete from %I', variadic array['orders']); end", "",
            "dynamic-sql-opaque format('delete from %I', variadic array['orders'])"),
    plpgsql("own format is not format", "begin execute app.format('delete from orders'); end", "",
            "unresolved-name function app.format\ndynamic-sql-opaque app.format('delete from orders')"),
    plpgsql("value is no constant name", "begin execute format('select nextval(%L), %L::regclass', x, x); end", "",
            "non-constant-sequence nextval()", args="x text"),
    plpgsql("return query execute", """
        begin return query execute 'select id from app.orders where id = $1' using 3; return query execute x; end""",
            "reads table app.orders", "dynamic-sql-opaque x", args="x text", returns="SETOF integer"),
    plpgsql("for in execute", """
        declare r record; begin
          for r in execute 'select * from app.orders' loop null; end loop;
          for r in execute 'select * from app.queue where id = $1' using app.compute(1) loop execute r.sql; end loop;
        end""", "reads table app.orders\nreads table app.queue\ncalls function app.compute(integer)",
            "dynamic-sql-opaque r.sql"),
    plpgsql("open for execute", """
        declare c refcursor; begin open c for execute 'select * from app.orders where id = $1' using 1;
          open c scroll for execute format('select * from %I', x); end""",
            "reads table app.orders", "dynamic-sql-opaque format('select * from %I', x)", args="x text"),
    plpgsql("parameter", "begin execute x; end", "", "dynamic-sql-opaque x", args="x text"),
    plpgsql("trigger argument", "begin execute format('insert into %I values ($1.*)', tg_argv[0]) using new; return new; end",
            "", "dynamic-sql-opaque format('insert into %I values ($1.*)', tg_argv[0])", returns="trigger"),
    plpgsql("constant variable", """
        declare q constant text := 'delete from app.orders'; begin execute q; end""", "writes table app.orders"),
    plpgsql("variable with two constants", """
        declare q text := 'delete from ' || 'app.orders'; begin if x then q := 'delete from app.queue'; end if; execute q; end
        """, "writes table app.orders\nwrites table app.queue", args="x boolean"),
    plpgsql("variable that grows", "declare q text := 'delete from app.orders'; begin q := q || x; execute q; end",
            "writes table app.orders", "dynamic-sql-opaque q", args="x text"),
    plpgsql("variable filled by a query", """
        declare q text := 'delete from app.orders'; begin select s into q from public.settings; execute q; end""",
            "reads table public.settings", "dynamic-sql-opaque q\nlexical-mismatch app.orders"),
    plpgsql("variable filled otherwise", """
        declare a text := 'select 1'; b text := a; c text := a; d text := a; e text := a; r refcursor; begin
          for b in select s from public.settings loop execute b; end loop; fetch r into c; execute c;
          get diagnostics d = pg_context; execute d; call app.close_day(e); execute e; execute a; end""",
            "reads table public.settings\ncalls procedure app.close_day(date)",
            "dynamic-sql-opaque b\ndynamic-sql-opaque c\ndynamic-sql-opaque d\ndynamic-sql-opaque e\n"
            "dynamic-sql-opaque FETCH from the cursor r"),
    plpgsql("case of constants", """
        begin execute 'delete from ' || case when x then 'app.orders' else 'app.queue' end || ' where true'; end""",
            "writes table app.orders\nwrites table app.queue", args="x boolean"),
    plpgsql("case of constants and more", "begin execute case when x then 'delete from app.queue' else y end; end",
            "writes table app.queue", "dynamic-sql-opaque case when x then 'delete from app.queue' else y end",
            args="x boolean, y text"),
    plpgsql("query as the text", "begin execute (select q from public.settings); end",
            "reads table public.settings", "dynamic-sql-opaque (select q from public.settings)"),
    plpgsql("text from a table", "begin execute q from public.settings; end",
            "reads table public.settings", "dynamic-sql-opaque q from public.settings"),
    plpgsql("call that makes the text", "begin execute audit.writer('x'); end",
            "calls function audit.writer(pg_catalog.text)", "dynamic-sql-opaque audit.writer('x')"),
    plpgsql("unqualified in dynamic", "begin execute 'delete from orders'; end", "writes table app.orders", path=_APP),
    plpgsql("dynamic that does not parse", "begin execute 'delete frm orders'; end", "",
            'parse-error dynamic SQL: syntax error at or near "frm"'),
    plpgsql("dynamic ddl", "begin execute 'alter table app.orders disable trigger all'; end", "writes table app.orders",
            "utility-statement AlterTable"),
    plpgsql("dynamic do", """
        begin execute $d$ do $b$ declare q text := 'delete from app.queue'; begin
          insert into app.orders values (1); execute q; execute y; end $b$ $d$; end""",
            "writes table app.orders\nwrites table app.queue", "dynamic-sql-opaque y"),
    plpgsql("static do", "begin do 'begin perform app.compute(1); end'; do language plpython3u 'x'; end",
            "calls function app.compute(integer)", "language plpython3u"),
    plpgsql("prepared", "begin execute 'prepare p as select * from app.orders'; execute 'execute p'; end",
            "reads table app.orders", "dynamic-sql-opaque EXECUTE of the prepared statement p"),
    plpgsql("execute in an unread place", "begin perform x as execute; end", "",
            "dynamic-sql-unparsed EXECUTE", args="x text"),
    plpgsql("literal that breaks out of quotes", """
        begin execute 'select ''' || quote_literal(x) || ''' from app.queue'; end""", "", """
        dynamic-sql-opaque 'select ''' || quote_literal(x) || ''' from app.queue'
        lexical-mismatch app.queue""", args="x text"),
    plpgsql("literal inside a dollar quote", "begin execute format('do $x$ begin perform %L; end $x$', x); end", "", """
        dynamic-sql-opaque format('do $x$ begin perform %L; end $x$', x)
        dynamic-sql-opaque DO with a body that is not constant""", args="x text"),
    plpgsql("regclass in a text", "begin execute format('delete from %s', 'app.orders'::regclass); end",
            "writes table app.orders\nuses table app.orders"),
    plpgsql("text that doubles", "declare a1 text := 'x'; " + "".join(f"a{i} text := a{i - 1} || a{i - 1}; "
            for i in range(2, 60)) + "begin execute a59; end", "", "dynamic-sql-opaque a59"),
    plpgsql("several statements in one text", "begin execute 'delete from app.orders; delete from app.queue'; end",
            "writes table app.orders\nwrites table app.queue"),
    plpgsql("into between", "declare a int; begin execute 'select ' || '1' into a; execute ('select 2 from app.queue'); end",
            "reads table app.queue"),
)  # fmt: skip  # one case a line
