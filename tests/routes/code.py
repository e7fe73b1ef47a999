"""Code that stays with the application and runs with the new owner's rights."""

from __future__ import annotations

from tests.routes.route import Refusal, Route, as_application, as_owner, denied, evil, given, hook, sealed, table


def _hooked(
    name: str,
    words: str,
    after_hook: str,
    *,
    columns: str = "id integer, secret text",
    rows: str = "(1, 'secret')",
    returns: str = "boolean",
    value: str = "true",
    args: str = "",
    victim: str | None = None,
    ours: Refusal | None = None,
) -> Route:
    """The application replaces a function that it kept; the new owner's next write, or ``victim``, runs it."""
    return Route(
        words,
        "the owner's next statement runs GRANT ALL … TO directus",
        as_application(hook(name, returns, value, args) + table(name, columns, rows) + after_hook),
        ours or sealed(f"function public.articles_{name}("),
        attack=evil(name, returns, value, args),
        victim=as_owner(victim or f"INSERT INTO public.qt001_{name} (id) VALUES (2);\n"),
        proof=given(name),
    )


ROUTES = (
    Route(
        "a trigger function",
        "the owner's next INSERT runs GRANT ALL … TO directus",
        as_application(
            "CREATE FUNCTION public.articles_trg() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';\n"
            + table("trg")
            + "CREATE TRIGGER t AFTER INSERT ON public.qt001_trg FOR EACH ROW EXECUTE FUNCTION public.articles_trg();\n"
            "CREATE FUNCTION public.qt001_trg_write() RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp"
            " AS 'INSERT INTO public.qt001_trg (id) VALUES (2)';\n"
        ),
        sealed("function public.qt001_trg_write() → writes table public.qt001_trg → trigger t → function public.articles_trg() owned by directus"),
        attack=evil("trg", "trigger", "NULL"),
        victim=as_owner("SELECT public.qt001_trg_write();\n"),
        proof=given("trg"),
    ),
    _hooked("def", "a column's default", "ALTER TABLE public.qt001_def ADD d boolean DEFAULT public.articles_def();\n"),
    _hooked("chk", "a check constraint", "ALTER TABLE public.qt001_chk ADD CHECK (public.articles_chk());\n"),
    _hooked("idx", "an index expression", "CREATE INDEX ON public.qt001_idx (id) WHERE public.articles_idx();\n"),
    _hooked("gen", "a generated column",
            "ALTER TABLE public.qt001_gen ADD g boolean GENERATED ALWAYS AS (public.articles_gen()) STORED;\n"),
    _hooked("pol", "a row security policy",
            "ALTER TABLE public.qt001_pol ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;\n"
            "CREATE POLICY hook ON public.qt001_pol USING (public.articles_pol());\n",
            victim="SELECT * FROM public.qt001_pol;\n"),
    _hooked("rul", "a rule", "CREATE RULE hook AS ON INSERT TO public.qt001_rul DO ALSO SELECT public.articles_rul();\n"),
    _hooked("viw", "a view's query",
            "CREATE VIEW public.qt001_viw_view AS SELECT v.id, public.articles_viw() AS a FROM public.qt001_viw v;\n",
            victim="SELECT * FROM public.qt001_viw_view;\n"),
    _hooked("mvw", "a materialized view's query",
            "CREATE MATERIALIZED VIEW public.qt001_mvw_view AS SELECT v.id, public.articles_mvw() AS a FROM public.qt001_mvw v;\n",
            victim="REFRESH MATERIALIZED VIEW public.qt001_mvw_view;\n"),
    _hooked("dom", "a domain's check",
            "CREATE DOMAIN public.qt001_dom_type AS integer CHECK (public.articles_dom());\n"
            "ALTER TABLE public.qt001_dom ADD d public.qt001_dom_type DEFAULT 1;\n"),
    Route(
        "a cast",
        "a conversion in the protected body runs GRANT ALL … TO directus",
        as_application(
            table("cas") + "CREATE TYPE public.qt001_cas_type AS ENUM ('a', 'b');\n"
            + evil("cas_cast", "public.qt001_cas_type", "'a'".replace("'", "''"), args="x text", on="cas")
            + "CREATE CAST (text AS public.qt001_cas_type) WITH FUNCTION public.articles_cas_cast(text);\n"
            "CREATE FUNCTION public.qt001_cas_convert(x text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp"
            " AS 'BEGIN PERFORM x::public.qt001_cas_type; END';\n"
        ),
        sealed("type public.qt001_cas_type → cast of text to public.qt001_cas_type → function public.articles_cas_cast(pg_catalog.text) owned by directus"),
        victim=as_owner("SELECT public.qt001_cas_convert('a');\n"),
        proof=given("cas"),
    ),
    _hooked("opr", "an operator's function",
            "CREATE OPERATOR public.=@= (FUNCTION = public.articles_opr, LEFTARG = integer, RIGHTARG = integer);\n"
            "ALTER TABLE public.qt001_opr ADD CHECK (id OPERATOR(public.=@=) 1);\n",
            args="a integer, b integer", ours=sealed("operator public.=@=(integer,integer)")),
    _hooked("agg", "an aggregate's support function",
            "CREATE AGGREGATE public.qt001_agg_sum(integer) (SFUNC = public.articles_agg, STYPE = integer, INITCOND = '0');\n",
            args="a integer, b integer", returns="integer", value="1",
            victim="SELECT public.qt001_agg_sum(a.id) FROM public.qt001_agg a;\n"),
    _hooked("opc", "an operator class's function",
            "RESET ROLE;\nCREATE OPERATOR CLASS public.articles_opc_ops FOR TYPE integer USING btree AS OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =,"
            " OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 1 public.articles_opc(integer, integer);\n"
            "ALTER OPERATOR CLASS public.articles_opc_ops USING btree OWNER TO directus;\n"
            "CREATE INDEX ON public.qt001_opc (id public.articles_opc_ops);\n",
            args="a integer, b integer", returns="integer", value="1", ours=sealed("articles_opc_ops")),
    _hooked("bod", "the body of a routine",
            "CREATE FUNCTION public.qt001_bod_run() RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp"
            " AS 'BEGIN RETURN public.articles_bod(); END';\n",
            victim="SELECT public.qt001_bod_run();\n"),
    _hooked("ato", "a body that PostgreSQL parsed",
            "CREATE FUNCTION public.qt001_ato_run() RETURNS boolean SECURITY DEFINER SET search_path = pg_catalog, pg_temp"
            " RETURN public.articles_ato();\n",
            victim="SELECT public.qt001_ato_run();\n"),
    _hooked("sta", "an expression of extended statistics",
            "CREATE STATISTICS public.qt001_sta_statistics ON public.articles_sta(id), secret FROM public.qt001_sta;\n"
            "INSERT INTO public.qt001_sta SELECT g, 'x' FROM generate_series(1, 50) g;\n",
            args="a integer", victim="ANALYZE public.qt001_sta;\n", ours=sealed("table public.qt001_sta → statistics → statistics object")),
    Route(
        "an overload that is preferred by implicit cast",
        "the call in the protected body resolves to the application's function, which runs as the owner",
        as_application(
            table("ovl")
            + "CREATE FUNCTION public.qt001_ovl_norm(x text) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true';\n"
            "CREATE FUNCTION public.qt001_ovl_run(x varchar) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER"
            " SET search_path = pg_catalog, pg_temp AS 'BEGIN RETURN public.qt001_ovl_norm(x); END';\n"
        ),
        denied(),
        attack="CREATE FUNCTION public.qt001_ovl_norm(x varchar) RETURNS boolean LANGUAGE plpgsql VOLATILE AS"
        " 'BEGIN GRANT ALL ON public.qt001_ovl TO directus; RETURN true; END';\n",
        victim="SELECT public.qt001_ovl_run('a');\n",
        proof=given("ovl"),
    ),
    Route(
        "an operator found by the search path",
        "the comparison in the protected body resolves to the application's operator, whose function runs as the owner",
        as_application(
            hook("osp", args="a integer, b text", returns="boolean")
            + "CREATE SCHEMA playground;\nGRANT USAGE ON SCHEMA playground TO PUBLIC;\n"
            "CREATE OPERATOR playground.= (FUNCTION = public.articles_osp, LEFTARG = integer, RIGHTARG = text);\n"
            + table("osp")
            + "CREATE FUNCTION public.qt001_osp_run() RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER"
            " SET search_path = pg_catalog, playground, pg_temp AS 'BEGIN RETURN 1 = ''1''::text; END';\n"
        ),
        sealed("→ looks for operators in schema playground → operator playground.=(integer,pg_catalog.text) owned by directus"),
        attack=evil("osp", args="a integer, b text"),
        victim=as_owner("SELECT public.qt001_osp_run();\n"),
        proof=given("osp"),
    ),
    Route(
        "a schema whose name holds a comma, in a pinned search_path",
        "the protected body calls the application's function: who splits the path at commas sees two schemas that nobody has",
        as_application(
            table("com")
            + 'CREATE SCHEMA "playground,first";\nGRANT USAGE ON SCHEMA "playground,first" TO PUBLIC;\n'
            "CREATE FUNCTION public.qt001_com_ok() RETURNS boolean LANGUAGE sql AS 'SELECT false';\n"
            "CREATE FUNCTION public.qt001_com_run() RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER"
            ' SET search_path = "playground,first", public, pg_temp AS \'BEGIN RETURN qt001_com_ok(); END\';\n'
        ),
        sealed("function public.qt001_com_run()", "QT104"),
        attack='CREATE FUNCTION "playground,first".qt001_com_ok() RETURNS boolean LANGUAGE plpgsql AS'
        " 'BEGIN GRANT ALL ON public.qt001_com TO directus; RETURN true; END';\n",
        victim=as_owner("SELECT public.qt001_com_run();\n"),
        proof=given("com"),
    ),
    Route(
        "a routine of a third role that calls the application's",
        "the third role's trigger function runs the application's code as the owner",
        "SET ROLE directus;\n" + hook("thi") + table("thi") + "RESET ROLE;\n"
        "CREATE FUNCTION public.articles_thi_trigger() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM public.articles_thi(); RETURN NULL; END';\n"
        "ALTER FUNCTION public.articles_thi_trigger() OWNER TO reporting;\n"
        "CREATE TRIGGER t AFTER INSERT ON public.qt001_thi FOR EACH ROW EXECUTE FUNCTION public.articles_thi_trigger();\n",
        sealed("trigger t → function public.articles_thi_trigger() → calls function public.articles_thi() owned by directus"),
        attack=evil("thi"),
        victim=as_owner("INSERT INTO public.qt001_thi (id) VALUES (2);\n"),
        proof=given("thi"),
    ),
    Route(
        "an event trigger's function",
        "the owner's next DDL runs GRANT ALL … TO directus",
        as_application(
            table("evt") + "CREATE FUNCTION public.articles_evt() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';\n"
        )
        + "CREATE EVENT TRIGGER hook ON ddl_command_end EXECUTE FUNCTION public.articles_evt();\n",
        sealed("event trigger hook → its definition → function public.articles_evt()"),
        attack=evil("evt", "event_trigger", "").replace("RETURN ; ", ""),
        victim=as_owner("ALTER TABLE public.qt001_evt ADD late integer;\n"),
        proof=given("evt"),
    ),
    Route(
        "a login trigger's function",
        "it runs in the session of the next superuser who logs in",
        as_application(
            table("lgn") + "CREATE FUNCTION public.articles_lgn() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';\n"
        )
        + "CREATE EVENT TRIGGER door ON login EXECUTE FUNCTION public.articles_lgn();\nALTER EVENT TRIGGER door ENABLE ALWAYS;\n",
        sealed("event trigger door → its definition → function public.articles_lgn()"),
        attack="CREATE OR REPLACE FUNCTION public.articles_lgn() RETURNS event_trigger LANGUAGE plpgsql AS"
        " 'BEGIN IF (SELECT rolsuper FROM pg_roles WHERE rolname = session_user) THEN GRANT ALL ON public.qt001_lgn TO directus; END IF; END';\n",
        victim="SELECT 1;\n",
        proof=given("lgn"),
        since=170000,
    ),
    Route(
        "pg_temp shadowing under a pinned search_path",
        "the protected body reads the caller's temporary table instead of the protected one",
        as_application(
            table("tmp")
            + "CREATE FUNCTION public.qt001_tmp_read() RETURNS text LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public"
            " AS 'BEGIN RETURN (SELECT secret FROM qt001_tmp LIMIT 1); END';\n"
        ),
        sealed("function public.qt001_tmp_read()", "QT104"),
        later="GRANT EXECUTE ON FUNCTION public.qt001_tmp_read() TO directus;\n",
        attack="CREATE TEMP TABLE qt001_tmp (id integer, secret text);\nINSERT INTO qt001_tmp VALUES (1, 'forged');\n"
        "GRANT SELECT ON qt001_tmp TO PUBLIC;\n",
        proof="SELECT public.qt001_tmp_read() = 'forged'",
        inside=True,
    ),
    Route(
        "a caller's settings in a SECURITY DEFINER body",
        "the caller's search_path decides which function the protected body calls, as the owner",
        as_application(
            table("set")
            + "CREATE FUNCTION public.qt001_set_run() RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN RETURN qt001_set_ok(); END';\n"
            "CREATE FUNCTION public.qt001_set_ok() RETURNS boolean LANGUAGE sql AS 'SELECT false';\n"
        ),
        sealed("function public.qt001_set_run()", "QT104"),
        later="GRANT EXECUTE ON FUNCTION public.qt001_set_run() TO directus;\n",
        attack="CREATE SCHEMA mine;\nGRANT USAGE ON SCHEMA mine TO PUBLIC;\n"
        "CREATE FUNCTION mine.qt001_set_ok() RETURNS boolean LANGUAGE plpgsql AS 'BEGIN GRANT ALL ON public.qt001_set TO directus; RETURN true; END';\n"
        "SET search_path = mine, public;\nSELECT public.qt001_set_run();\n",
        proof=given("set"),
    ),
    Route(
        "dynamic SQL in a protected body",
        "the argument is run as the owner",
        as_application(
            table("dyn")
            + "CREATE FUNCTION public.qt001_dyn_run(what text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER"
            " SET search_path = pg_catalog, pg_temp AS 'BEGIN EXECUTE what; END';\n"
        ),
        sealed("function public.qt001_dyn_run(pg_catalog.text)"),
        later="GRANT EXECUTE ON FUNCTION public.qt001_dyn_run(text) TO directus;\n",
        attack="SELECT public.qt001_dyn_run('GRANT ALL ON public.qt001_dyn TO directus');\n",
        proof=given("dyn"),
    ),
    Route(
        "a function of the server's own that takes the number of a type",
        "array_in gets the number of the application's domain, whose check runs as the owner",
        as_application(
            hook("inp", args="value text")
            + "CREATE DOMAIN public.articles_inp_label AS text CHECK (public.articles_inp(VALUE));\n"
            + table("inp")
            + "CREATE FUNCTION public.qt001_inp_labels(raw text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp"
            " AS 'BEGIN PERFORM array_in(textout(raw), (SELECT t.oid FROM pg_type t WHERE t.typname = ''articles_inp_label''), -1); END';\n"
        ),
        sealed("function public.qt001_inp_labels(pg_catalog.text)"),
        later="GRANT EXECUTE ON FUNCTION public.qt001_inp_labels(text) TO directus;\n",
        attack=evil("inp", args="value text") + "SELECT public.qt001_inp_labels('{x}');\n",
        proof=given("inp"),
    ),
    Route(
        "a value of a type that the caller chooses",
        "to_json runs the cast that the caller has given to its own enum, as the owner",
        as_application(
            table("any")
            + "CREATE FUNCTION public.qt001_any_shown(value anyelement) RETURNS json LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp"
            " AS 'SELECT to_json(value)';\n"
        ),
        sealed("function public.qt001_any_shown(pg_catalog.anyelement)"),
        later="GRANT EXECUTE ON FUNCTION public.qt001_any_shown(anyelement) TO directus;\n",
        attack="CREATE SCHEMA mine_any;\nCREATE TYPE mine_any.kind AS ENUM ('x');\nGRANT USAGE ON SCHEMA mine_any TO PUBLIC;\n"
        "CREATE FUNCTION mine_any.shown(value mine_any.kind) RETURNS json LANGUAGE plpgsql AS"
        " 'BEGIN GRANT ALL ON public.qt001_any TO directus; RETURN ''{}''; END';\n"
        "CREATE CAST (mine_any.kind AS json) WITH FUNCTION mine_any.shown(mine_any.kind);\nSELECT public.qt001_any_shown('x'::mine_any.kind);\n",
        proof=given("any"),
    ),
    Route(
        "a cast of the application's enum to json",
        "jsonb_build_object in a protected body runs it as the owner",
        as_application(
            "CREATE TYPE public.articles_jsn_kind AS ENUM ('x');\n"
            + hook("jsn", returns="json", value="''{}''", args="kind public.articles_jsn_kind")
            + "CREATE CAST (public.articles_jsn_kind AS json) WITH FUNCTION public.articles_jsn(public.articles_jsn_kind);\n"
            + table("jsn")
            + "CREATE FUNCTION public.qt001_jsn_shown(kind public.articles_jsn_kind) RETURNS jsonb LANGUAGE sql SECURITY DEFINER"
            " SET search_path = pg_catalog, pg_temp AS 'SELECT jsonb_build_object(''kind'', kind)';\n"
        ),
        sealed("function public.qt001_jsn_shown(public.articles_jsn_kind)"),
        later="GRANT EXECUTE ON FUNCTION public.qt001_jsn_shown(public.articles_jsn_kind) TO directus;\n",
        attack=evil("jsn", returns="json", value="''{}''", args="kind public.articles_jsn_kind") + "SELECT public.qt001_jsn_shown('x');\n",
        proof=given("jsn"),
    ),
    Route(
        "a SECURITY DEFINER routine of a third role",
        "it reads the protected table for the application",
        as_application(table("d3r") + "GRANT SELECT ON public.qt001_d3r TO reporting;\n")
        + "CREATE FUNCTION public.articles_d3r() RETURNS text LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp"
        " AS 'SELECT secret FROM public.qt001_d3r';\n"
        "ALTER FUNCTION public.articles_d3r() OWNER TO reporting;\n",
        sealed("function public.articles_d3r() → reads table public.qt001_d3r"),
        proof="SELECT public.articles_d3r() = 'secret'",
        inside=True,
    ),
    Route(
        "a SECURITY DEFINER routine of a third role that calls the application's",
        "the application's function runs with the grants of the third role, for whoever calls",
        as_application(
            hook("l3r", returns="text", value="NULL") + table("l3r") + "GRANT SELECT ON public.qt001_l3r TO reporting;\n"
        )
        + "CREATE FUNCTION public.articles_l3r_run() RETURNS text LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp"
        " AS 'SELECT public.articles_l3r()';\n"
        "ALTER FUNCTION public.articles_l3r_run() OWNER TO reporting;\n",
        sealed("function public.articles_l3r_run() → calls function public.articles_l3r() owned by directus"),
        attack="CREATE OR REPLACE FUNCTION public.articles_l3r() RETURNS text LANGUAGE sql AS 'SELECT secret FROM public.qt001_l3r';\n",
        proof="SELECT public.articles_l3r_run() = 'secret'",
        inside=True,
    ),
    Route(
        "a table of the application that a SECURITY DEFINER routine of a third role reads",
        "its owner gives it a row security policy, which calls a function with the grants of the third role",
        as_application(
            hook("p3r") + "CREATE TABLE public.articles_p3r_rows (id integer);\nINSERT INTO public.articles_p3r_rows VALUES (1);\n"
            "GRANT SELECT ON public.articles_p3r_rows TO reporting;\n"
            + table("p3r")
            + "GRANT SELECT ON public.qt001_p3r TO reporting;\n"
        )
        + "CREATE FUNCTION public.articles_p3r_count() RETURNS bigint LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp"
        " AS 'SELECT count(*) FROM public.articles_p3r_rows';\n"
        "ALTER FUNCTION public.articles_p3r_count() OWNER TO reporting;\n",
        sealed("function public.articles_p3r_count() → reads table public.articles_p3r_rows owned by directus"),
        attack="CREATE OR REPLACE FUNCTION public.articles_p3r() RETURNS boolean LANGUAGE sql AS"
        " 'SELECT secret = ''secret'' FROM public.qt001_p3r';\n"
        "ALTER TABLE public.articles_p3r_rows ENABLE ROW LEVEL SECURITY;\n"
        "CREATE POLICY hook ON public.articles_p3r_rows USING (public.articles_p3r());\n",
        proof="SELECT public.articles_p3r_count() = 1",
        inside=True,
    ),
    Route(
        "a table of the application below a view of a third role",
        "its owner gives it a row security policy, whose query asks with the grants of the view's owner",
        as_application(
            "CREATE TABLE public.articles_v3r_rows (id integer);\nINSERT INTO public.articles_v3r_rows VALUES (1);\n"
            "GRANT SELECT ON public.articles_v3r_rows TO reporting;\n"
            + table("v3r")
            + "GRANT SELECT ON public.qt001_v3r TO reporting;\n"
        )
        + "CREATE VIEW public.articles_v3r AS SELECT id FROM public.articles_v3r_rows;\n"
        "ALTER VIEW public.articles_v3r OWNER TO reporting;\nGRANT SELECT ON public.articles_v3r TO directus;\n",
        sealed("view public.articles_v3r → its query or rule → table public.articles_v3r_rows owned by directus"),
        attack="ALTER TABLE public.articles_v3r_rows ENABLE ROW LEVEL SECURITY;\n"
        "CREATE POLICY ask ON public.articles_v3r_rows USING ((SELECT s.secret = 'secret' FROM public.qt001_v3r s));\n",
        proof="SELECT count(*) = 1 FROM public.articles_v3r",
        inside=True,
    ),
    Route(
        "a materialized view of a third role that calls the application's function",
        "when it is made anew, the function runs with the grants of the third role",
        as_application(
            hook("m3r", returns="integer", value="1")
            + table("m3r")
            + "GRANT SELECT ON public.qt001_m3r TO reporting;\n"
        )
        + "CREATE MATERIALIZED VIEW public.articles_m3r_kept AS SELECT public.articles_m3r() AS found WITH NO DATA;\n"
        "ALTER MATERIALIZED VIEW public.articles_m3r_kept OWNER TO reporting;\nGRANT SELECT ON public.articles_m3r_kept TO directus;\n",
        sealed("materialized view public.articles_m3r_kept → its query or rule → function public.articles_m3r() owned by directus"),
        attack="CREATE OR REPLACE FUNCTION public.articles_m3r() RETURNS integer LANGUAGE sql AS 'SELECT id FROM public.qt001_m3r';\n",
        victim="SET ROLE reporting;\nREFRESH MATERIALIZED VIEW public.articles_m3r_kept;\nRESET ROLE;\n",
        proof="SELECT found = 1 AND has_table_privilege('directus', 'public.articles_m3r_kept', 'SELECT') FROM public.articles_m3r_kept",
    ),
    Route(
        "a trigger of the application on a third role's table",
        "a foreign key's action writes to that table as its owner: the trigger's function runs with the grants of the third role",
        as_application(
            hook("t3r", returns="trigger", value="NULL")
            + "CREATE TABLE public.articles_t3r_parent (id integer PRIMARY KEY);\nINSERT INTO public.articles_t3r_parent VALUES (1);\n"
            "CREATE TABLE public.articles_t3r_found (secret text);\nGRANT INSERT ON public.articles_t3r_found TO reporting;\n"
            + table("t3r")
            + "GRANT SELECT ON public.qt001_t3r TO reporting;\n"
        ).replace("IMMUTABLE ", "")
        + "CREATE TABLE public.articles_t3r_child (id integer REFERENCES public.articles_t3r_parent ON DELETE CASCADE);\n"
        "INSERT INTO public.articles_t3r_child VALUES (1);\n"
        "CREATE TRIGGER t BEFORE DELETE ON public.articles_t3r_child FOR EACH ROW EXECUTE FUNCTION public.articles_t3r();\n"
        "ALTER TABLE public.articles_t3r_child OWNER TO reporting;\nGRANT SELECT ON public.articles_t3r_child TO directus;\n",
        sealed("table public.articles_t3r_child → trigger t → function public.articles_t3r() owned by directus"),
        attack="CREATE OR REPLACE FUNCTION public.articles_t3r() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN INSERT INTO public.articles_t3r_found SELECT secret FROM public.qt001_t3r; RETURN OLD; END';\n"
        "DELETE FROM public.articles_t3r_parent;\n",
        proof="SELECT secret = 'secret' FROM public.articles_t3r_found",
    ),
)  # fmt: skip  # one route a line
