"""What the application kept and a protected object rests on, or the other way round."""

from __future__ import annotations

from tests.routes.route import Route, as_application, as_owner, hook, sealed, table


def _dropped(words: str, shown: str, setup: str, drop: str, proof: str, word: str) -> Route:
    return Route(words, shown, as_application(setup), sealed(word), attack=drop, proof=proof)


_PARENT = "CREATE TABLE public.articles_{0} (id integer PRIMARY KEY);\nINSERT INTO public.articles_{0} VALUES (1);\n"
_NO_COLUMN = "SELECT NOT EXISTS (SELECT 1 FROM pg_attribute WHERE attrelid = 'public.qt001_{}'::regclass AND attname = '{}' AND NOT attisdropped)"
_NO_DEFAULT = "SELECT NOT EXISTS (SELECT 1 FROM pg_attrdef WHERE adrelid = 'public.qt001_{}'::regclass)"

ROUTES = (
    Route(
        "a foreign key from a protected table, ON DELETE CASCADE",
        "deleting the application's row deletes the protected row",
        as_application(
            _PARENT.format("fkc")
            + table("fkc", "id integer REFERENCES public.articles_fkc ON DELETE CASCADE")
        ),
        sealed("table public.articles_fkc"),
        attack="DELETE FROM public.articles_fkc;\n",
        proof="SELECT NOT EXISTS (SELECT 1 FROM public.qt001_fkc)",
    ),
    Route(
        "a foreign key from a protected table, ON DELETE SET NULL",
        "deleting the application's row changes the protected row",
        as_application(
            _PARENT.format("fkn")
            + table("fkn", "id integer REFERENCES public.articles_fkn ON DELETE SET NULL")
        ),
        sealed("table public.articles_fkn"),
        attack="DELETE FROM public.articles_fkn;\n",
        proof="SELECT EXISTS (SELECT 1 FROM public.qt001_fkn WHERE id IS NULL)",
    ),
    _dropped("dropping the table that a foreign key refers to", "the protected table loses its constraint",
             _PARENT.format("fkd") + table("fkd", "id integer REFERENCES public.articles_fkd"),
             "DROP TABLE public.articles_fkd CASCADE;\n",
             "SELECT NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conrelid = 'public.qt001_fkd'::regclass AND contype = 'f')",
             "table public.articles_fkd"),
    Route(
        "a foreign key to a protected table",
        "the application's row keeps the owner from deleting the protected one, and probes for keys",
        as_application(
            table("fkt")
            + "CREATE TABLE public.articles_fkt (id integer REFERENCES public.qt001_fkt);\nINSERT INTO public.articles_fkt VALUES (1);\n"
        ),
        sealed("table public.articles_fkt → constraint articles_fkt_id_fkey → table public.qt001_fkt"),
        victim=as_owner("DELETE FROM public.qt001_fkt;\n"),
        fails="23503",
    ),
    Route(
        "a protected table that is a partition of the application's",
        "the protected rows are read through the parent",
        as_application(
            "CREATE TABLE public.articles_par (id integer, secret text) PARTITION BY LIST (id);\n"
            "CREATE TABLE public.qt001_par PARTITION OF public.articles_par FOR VALUES IN (1);\n"
            "INSERT INTO public.qt001_par VALUES (1, 'secret');\n"
        ),
        sealed("table public.articles_par"),
        proof="SELECT secret = 'secret' FROM public.articles_par",
        inside=True,
    ),
    Route(
        "a protected table that inherits from the application's",
        "the protected rows are deleted through the parent",
        as_application(
            "CREATE TABLE public.articles_inh (id integer);\n"
            "CREATE TABLE public.qt001_inh (secret text) INHERITS (public.articles_inh);\nINSERT INTO public.qt001_inh VALUES (1, 'secret');\n"
        ),
        sealed("table public.articles_inh"),
        attack="DELETE FROM public.articles_inh;\n",
        proof="SELECT NOT EXISTS (SELECT 1 FROM public.qt001_inh)",
    ),
    Route(
        "a partition left behind",
        "rows written to it are the protected table's",
        as_application(
            "CREATE TABLE public.qt001_chp (id integer, secret text) PARTITION BY LIST (id);\n"
            "CREATE TABLE public.articles_chp PARTITION OF public.qt001_chp FOR VALUES IN (1);\n"
        ),
        sealed("table public.articles_chp"),
        attack="INSERT INTO public.articles_chp VALUES (1, 'forged');\n",
        proof="SELECT secret = 'forged' FROM public.qt001_chp",
    ),
    Route(
        "a child left behind",
        "rows written to it are the protected table's",
        as_application(table("chi") + "CREATE TABLE public.articles_chi () INHERITS (public.qt001_chi);\n"),
        sealed("table public.articles_chi"),
        attack="INSERT INTO public.articles_chi VALUES (7, 'forged');\n",
        proof="SELECT EXISTS (SELECT 1 FROM public.qt001_chi WHERE secret = 'forged')",
    ),
    _dropped("dropping the function of a default", "the protected column loses its default",
             hook("dfu") + table("dfu", "id integer, d boolean DEFAULT public.articles_dfu()"),
             "DROP FUNCTION public.articles_dfu CASCADE;\n", _NO_DEFAULT.format("dfu"), "function public.articles_dfu()"),
    _dropped("dropping the function of a check", "the protected table loses its check",
             hook("dck") + table("dck", "id integer CHECK (public.articles_dck())"),
             "DROP FUNCTION public.articles_dck CASCADE;\n",
             "SELECT NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conrelid = 'public.qt001_dck'::regclass AND contype = 'c')",
             "function public.articles_dck()"),
    _dropped("dropping the function of a trigger", "the protected table loses its trigger",
             "CREATE FUNCTION public.articles_dtr() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';\n" + table("dtr")
             + "CREATE TRIGGER t AFTER INSERT ON public.qt001_dtr EXECUTE FUNCTION public.articles_dtr();\n",
             "DROP FUNCTION public.articles_dtr CASCADE;\n",
             "SELECT NOT EXISTS (SELECT 1 FROM pg_trigger WHERE tgrelid = 'public.qt001_dtr'::regclass)", "function public.articles_dtr()"),
    _dropped("dropping the type of a column", "the protected table loses the column with its data",
             "CREATE TYPE public.articles_dty AS ENUM ('a', 'b');\n" + table("dty", "id integer, secret public.articles_dty"),
             "DROP TYPE public.articles_dty CASCADE;\n", _NO_COLUMN.format("dty", "secret"), "type public.articles_dty"),
    _dropped("renaming a label of an enum", "the protected row says something else",
             "CREATE TYPE public.articles_enu AS ENUM ('blocked', 'open');\n"
             + table("enu", "id integer, state public.articles_enu", "(1, 'blocked')"),
             "ALTER TYPE public.articles_enu RENAME VALUE 'blocked' TO 'open ';\n",
             "SELECT state::text = 'open ' FROM public.qt001_enu", "type public.articles_enu"),
    _dropped("dropping a sequence", "the protected column loses its default",
             "CREATE SEQUENCE public.articles_dsq;\n" + table("dsq", "id integer, n bigint DEFAULT nextval('public.articles_dsq')"),
             "DROP SEQUENCE public.articles_dsq CASCADE;\n", _NO_DEFAULT.format("dsq"), "sequence public.articles_dsq"),
    _dropped("dropping an operator class", "the protected table loses its unique index",
             "RESET ROLE;\nCREATE OPERATOR CLASS public.articles_doc FOR TYPE integer USING btree AS OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=,"
             " OPERATOR 5 >, FUNCTION 1 btint4cmp(integer, integer);\n"
             "ALTER OPERATOR CLASS public.articles_doc USING btree OWNER TO directus;\nSET ROLE directus;\n" + table("doc", "id integer")
             + "CREATE UNIQUE INDEX ON public.qt001_doc (id public.articles_doc);\n",
             "DROP OPERATOR CLASS public.articles_doc USING btree CASCADE;\n",
             "SELECT NOT EXISTS (SELECT 1 FROM pg_index WHERE indrelid = 'public.qt001_doc'::regclass)", "articles_doc"),
    _dropped("dropping a collation", "the protected table loses its index",
             "CREATE COLLATION public.articles_dco (LOCALE = 'C');\n" + table("dco", "id integer, secret text")
             + "CREATE INDEX ON public.qt001_dco (secret COLLATE public.articles_dco);\n",
             "DROP COLLATION public.articles_dco CASCADE;\n",
             "SELECT NOT EXISTS (SELECT 1 FROM pg_index WHERE indrelid = 'public.qt001_dco'::regclass)", "collation public.articles_dco"),
    _dropped("dropping a text search configuration", "the protected table loses its index",
             "CREATE TEXT SEARCH CONFIGURATION public.articles_dts (COPY = simple);\n" + table("dts", "id integer, secret text")
             + "CREATE INDEX ON public.qt001_dts USING gin (to_tsvector('public.articles_dts', secret));\n",
             "DROP TEXT SEARCH CONFIGURATION public.articles_dts CASCADE;\n",
             "SELECT NOT EXISTS (SELECT 1 FROM pg_index WHERE indrelid = 'public.qt001_dts'::regclass)", "text search configuration public.articles_dts"),
    _dropped("dropping an extension", "the protected table loses the column with its data",
             "CREATE EXTENSION citext SCHEMA public;\n" + table("dex", "id integer, secret public.citext"),
             "DROP EXTENSION citext CASCADE;\n", _NO_COLUMN.format("dex", "secret"), "→ belongs to → extension citext owned by directus"),
    Route(
        "a view of the application on a protected table",
        "the owner cannot change the column that the view rests on",
        as_application(table("vue") + "CREATE VIEW public.articles_vue AS SELECT * FROM public.qt001_vue;\n"),
        sealed("view public.articles_vue → its query or rule → table public.qt001_vue"),
        victim=as_owner("ALTER TABLE public.qt001_vue DROP COLUMN secret;\n"),
        fails="2BP01",
    ),
    Route(
        "a materialized view left behind",
        "it goes on holding the protected rows",
        as_application(table("mat") + "CREATE MATERIALIZED VIEW public.articles_mat AS SELECT * FROM public.qt001_mat;\n"),
        sealed("materialized view public.articles_mat → its query or rule → table public.qt001_mat"),
        proof="SELECT secret = 'secret' FROM public.articles_mat",
        inside=True,
    ),
    Route(
        "a view of a third role on a protected table",
        "the application reads the protected rows through it",
        as_application(table("thv") + "GRANT SELECT ON public.qt001_thv TO reporting;\n")
        + "CREATE VIEW public.articles_thv AS SELECT * FROM public.qt001_thv;\nALTER VIEW public.articles_thv OWNER TO reporting;\n"
        "GRANT SELECT ON public.articles_thv TO directus;\n",
        sealed("view public.articles_thv → its query or rule → table public.qt001_thv"),
        proof="SELECT secret = 'secret' FROM public.articles_thv",
        inside=True,
    ),
    Route(
        "a foreign key to a third role's table that the application may write",
        "deleting the third role's row deletes the protected row",
        "CREATE TABLE public.articles_thf (id integer PRIMARY KEY);\nINSERT INTO public.articles_thf VALUES (1);\n"
        "ALTER TABLE public.articles_thf OWNER TO reporting;\nGRANT SELECT, DELETE, REFERENCES ON public.articles_thf TO directus;\n"
        + as_application(table("thf", "id integer REFERENCES public.articles_thf ON DELETE CASCADE")),
        sealed("table public.qt001_thf → constraint qt001_thf_id_fkey → table public.articles_thf owned by reporting, DELETE for directus"),
        attack="DELETE FROM public.articles_thf;\n",
        proof="SELECT NOT EXISTS (SELECT 1 FROM public.qt001_thf)",
    ),
    Route(
        "a third role's table that decides in a protected body",
        "the application changes the row that the protected function asks",
        "CREATE TABLE public.articles_thd (ready boolean);\nINSERT INTO public.articles_thd VALUES (false);\n"
        "ALTER TABLE public.articles_thd OWNER TO reporting;\nGRANT SELECT ON public.articles_thd TO PUBLIC;\nGRANT UPDATE (ready) ON public.articles_thd TO directus;\n"
        + as_application(
            "CREATE FUNCTION public.qt001_thd_ready() RETURNS boolean LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp"
            " AS 'SELECT ready FROM public.articles_thd';\n"
        ),
        sealed("function public.qt001_thd_ready() → reads table public.articles_thd owned by reporting, UPDATE for directus"),
        attack="UPDATE public.articles_thd SET ready = true;\n",
        proof="SELECT public.qt001_thd_ready()",
    ),
    Route(
        "statistics left behind",
        "the application drops what the planner of the protected table rests on",
        as_application(table("stx", "id integer, secret text", "(1, 'a')") + "CREATE STATISTICS public.articles_stx ON id, secret FROM public.qt001_stx;\n"),
        sealed("statistics object public.articles_stx"),
        attack="DROP STATISTICS public.articles_stx;\n",
        proof="SELECT NOT EXISTS (SELECT 1 FROM pg_statistic_ext WHERE stxrelid = 'public.qt001_stx'::regclass)",
    ),
    Route(
        "a curated view without a security barrier",
        "a leaky function in the application's own query sees the rows that the view leaves out",
        as_application(
            table("lky", "id integer, secret text", "(1, 'secret'), (2, 'open')")
            + "CREATE VIEW public.qt001_leaky AS SELECT * FROM public.qt001_lky WHERE id > 1;\n"
            "CREATE TABLE public.articles_lky (seen text);\n"
            "CREATE FUNCTION public.articles_leak(x text) RETURNS boolean LANGUAGE plpgsql COST 0.0001"
            " AS 'BEGIN INSERT INTO public.articles_lky VALUES (x); RETURN true; END';\n"
        ),
        sealed("view public.qt001_leaky"),
        attack="SELECT * FROM public.qt001_leaky WHERE public.articles_leak(secret);\n",
        proof="SELECT EXISTS (SELECT 1 FROM public.articles_lky WHERE seen = 'secret')",
    ),
    Route(
        "a curated view that rests on the application's view",
        "the application decides what the curated view shows",
        as_application(
            "CREATE VIEW public.articles_rst AS SELECT 1 AS n;\n"
            "CREATE VIEW public.qt001_resting WITH (security_barrier = true) AS SELECT r.n FROM public.articles_rst r;\n"
        ),
        sealed("view public.qt001_resting → its query or rule → view public.articles_rst owned by directus"),
        attack="CREATE OR REPLACE VIEW public.articles_rst AS SELECT 2 AS n;\nGRANT SELECT ON public.articles_rst TO PUBLIC;\n",
        proof="SELECT n = 2 FROM public.qt001_resting",
    ),
    Route(
        "a publication left behind",
        "the application switches the owner's UPDATEs off: the table has no replica identity",
        as_application(
            table("pub", "id integer, secret text", "(1, 'secret')") + "CREATE PUBLICATION articles_pub FOR TABLE public.qt001_pub WITH (publish = 'insert');\n"
        ),
        sealed("publication articles_pub"),
        attack="ALTER PUBLICATION articles_pub SET (publish = 'insert, update');\n",
        victim=as_owner("UPDATE public.qt001_pub SET id = 2;\n"),
        fails="55000",
    ),
    Route(
        "a foreign server left behind",
        "the application makes the protected foreign table read somewhere else",
        "CREATE EXTENSION postgres_fdw;\nCREATE SERVER articles_srv FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host 'registry');\n"
        "ALTER SERVER articles_srv OWNER TO directus;\nGRANT USAGE ON FOREIGN DATA WRAPPER postgres_fdw TO directus;\n"
        + as_application("CREATE FOREIGN TABLE public.qt001_srv (id integer) SERVER articles_srv;\n"),
        sealed("foreign table public.qt001_srv → its definition → server articles_srv owned by directus"),
        attack="ALTER SERVER articles_srv OPTIONS (SET host 'elsewhere');\n",
        proof="SELECT 'host=elsewhere' = ANY (srvoptions) FROM pg_foreign_server WHERE srvname = 'articles_srv'",
    ),
)  # fmt: skip  # one route a line
