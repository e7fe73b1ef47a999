"""What is made, granted or changed after the cutover: what closes nothing, and the attacks that each such leave invites."""

from __future__ import annotations

from dataclasses import dataclass

from tests.acceptance.moves import Move, both, do


@dataclass(frozen=True)
class Told:
    """Leaves every gate open and the subject as it was. ``told``: objects that ``told()`` names."""

    name: str
    move: Move
    told: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Reached:
    """Closes ``gate``, with ``named`` in its reasons."""

    name: str
    gate: str
    move: Move
    named: str

    def __str__(self) -> str:
        return self.name


_TEAM = do("CREATE ROLE team LOGIN", "CREATE SCHEMA team AUTHORIZATION team")
_CMS = do("CREATE SCHEMA cms AUTHORIZATION directus")


def _team(*statements: str) -> Move:
    return both(_TEAM, do(*statements, user="team"))


def _cms(*statements: str) -> Move:
    return both(_CMS, do(*statements, user="directus"))


TOLD = (
    Told("another team's function", _team("CREATE FUNCTION team.f() RETURNS int LANGUAGE sql AS 'SELECT 1'")),
    Told("another team's SECURITY DEFINER function without a search_path",
         _team("CREATE FUNCTION team.f() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'"), ("function team.f()",)),
    Told("another team's enum", _team("CREATE TYPE team.e AS ENUM ('a')")),
    Told("another team's domain", _team("CREATE DOMAIN team.d AS int CHECK (VALUE > 0)")),
    Told("another team's table, view and trigger", _team(
        "CREATE TABLE team.t (id serial PRIMARY KEY)", "CREATE VIEW team.v AS SELECT * FROM team.t",
        "CREATE FUNCTION team.tr() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
        "CREATE TRIGGER tr BEFORE INSERT ON team.t FOR EACH ROW EXECUTE FUNCTION team.tr()")),
    Told("another team's table that the application may read and write", _team(
        "CREATE TABLE team.t (id int)", "GRANT SELECT, INSERT, UPDATE, DELETE, TRIGGER ON team.t TO directus"), ("table team.t",)),
    Told("another team's table that everybody may read", _team("CREATE TABLE team.t (id int)", "GRANT SELECT ON team.t TO PUBLIC"),
         ("table team.t",)),
    Told("another team's column that the application may read", _team("CREATE TABLE team.t (id int)", "GRANT SELECT (id) ON team.t TO directus"),
         ("table team.t",)),
    Told("another team's schema that the application may write", _team("GRANT USAGE, CREATE ON SCHEMA team TO directus"), ("schema team",)),
    Told("another team's default privileges for the application",
         _team("ALTER DEFAULT PRIVILEGES IN SCHEMA team GRANT ALL ON TABLES TO directus"), ("default acl",)),
    Told("another team's SECURITY DEFINER function in a schema that the application may use, of a role that holds nothing", _team(
        "GRANT USAGE ON SCHEMA team TO directus",
        "CREATE FUNCTION team.f() RETURNS int LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'SELECT 1'"),
        ("function team.f()",)),
    Told("a schema of the application", _CMS, ("schema cms",)),
    Told("a table of the application in a schema of its own", _cms("CREATE TABLE cms.post (id serial PRIMARY KEY, t text)"), ("table cms.post",)),
    Told("a table of the application in a schema that was transferred", do(
        "CREATE TABLE qt001_data.note (id serial PRIMARY KEY)", "ALTER TABLE qt001_data.note OWNER TO directus"), ("table qt001_data.note",)),
    Told("a grant on its own table", do("GRANT SELECT ON public.tags TO intern WITH GRANT OPTION", user="directus"), ("table public.tags",)),
    Told("a grant on its own new table", _cms("CREATE TABLE cms.post (id int)", "GRANT ALL ON cms.post TO PUBLIC"), ("table cms.post",)),
    Told("its own function, SECURITY DEFINER and without a search_path",
         _cms("CREATE FUNCTION cms.f() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'"), ("function cms.f()",)),
    Told("a retained function of its own becomes SECURITY DEFINER", do("ALTER FUNCTION public.slugify(text) SECURITY DEFINER", user="directus"),
         ("function public.slugify(pg_catalog.text)",)),
    Told("a function of its own with the name of a protected one, in its own schema",
         _cms("CREATE FUNCTION cms.qt001_gateway(text) RETURNS text LANGUAGE sql AS 'SELECT $1'"), ("function cms.qt001_gateway(pg_catalog.text)",)),
    Told("types, operators and casts of its own", _cms(
        "CREATE TYPE cms.e AS ENUM ('a')", "CREATE FUNCTION cms.eq(cms.e, text) RETURNS boolean LANGUAGE sql AS 'SELECT true'",
        "CREATE OPERATOR cms.=== (LEFTARG = cms.e, RIGHTARG = text, FUNCTION = cms.eq)",
        "CREATE FUNCTION cms.c(cms.e) RETURNS text LANGUAGE sql AS 'SELECT NULL::text'", "CREATE CAST (cms.e AS text) WITH FUNCTION cms.c(cms.e)")),
    Told("a large object", do("SELECT lo_create(0)", user="directus"), ("large object",)),
    Told("a view on a curated view, which it shows to everybody", _cms(
        "CREATE VIEW cms.v AS SELECT * FROM public.qt001_status", "GRANT SELECT ON cms.v TO PUBLIC"), ("view cms.v",)),
    Told("a materialized view on a curated view", _cms("CREATE MATERIALIZED VIEW cms.m AS SELECT * FROM public.qt001_status"),
         ("materialized view cms.m",)),
    Told("it drops a retained table", do("DROP TABLE public.newsletter", user="directus"), ("table public.newsletter",)),
    Told("another owner of a retained table", do("ALTER TABLE public.tags OWNER TO intern"), ("table public.tags",)),
    Told("CONNECTION LIMIT", do("ALTER DATABASE directus_case CONNECTION LIMIT 50"), ("database directus_case",)),
    Told("the time zone of the database", do("ALTER DATABASE directus_case SET timezone = 'Asia/Tokyo'"), ("database directus_case",)),
    Told("work_mem of the database", do("ALTER DATABASE directus_case SET work_mem = '8MB'"), ("database directus_case",)),
    Told("the search_path of a login that neither calls the apply path nor has a duty",
         both(_CMS, do("ALTER ROLE public_only IN DATABASE directus_case SET search_path = cms, public", user="public_only"))),
    Told("the application's own search_path", both(_CMS, do("ALTER ROLE directus IN DATABASE directus_case SET search_path = cms, public", user="directus"))),
    Told("CONNECT for a monitor", do("CREATE ROLE monitor LOGIN", "GRANT pg_monitor TO monitor", "GRANT CONNECT ON DATABASE directus_case TO monitor"),
         ("database directus_case",)),
    Told("a new table that a rule of the policy retains",
         do("CREATE TABLE public.tags_more (id int)", "ALTER TABLE public.tags_more OWNER TO directus")),
)  # fmt: skip  # one case a line

_CONTAINED, _THERE = "application_role_contained", "inventory_exact"
_ACL, _DEFINED, _PATHS = "owners_and_acls_exact", "definitions_exact", "search_paths_secure"
_PINNED = "LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'SELECT 1'"
REACHED = (
    Reached("the application's overload of the gateway", _CONTAINED, do(
        "CREATE FUNCTION public.qt001_gateway(text) RETURNS text LANGUAGE sql AS 'SELECT $1'",
        "ALTER FUNCTION public.qt001_gateway(text) OWNER TO directus"), "function public.qt001_gateway(pg_catalog.text)"),
    Reached("another role's overload of the gateway, that nobody may call", _CONTAINED, do(
        "CREATE FUNCTION public.qt001_gateway(text) RETURNS text LANGUAGE sql AS 'SELECT $1'",
        "ALTER FUNCTION public.qt001_gateway(text) OWNER TO intern", "REVOKE ALL ON FUNCTION public.qt001_gateway(text) FROM PUBLIC"),
        "owner intern"),
    Reached("an overload of what something protected calls", _CONTAINED, do(
        "CREATE SCHEMA apart", "CREATE FUNCTION apart.h(int) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true'",
        "ALTER TABLE public.qt001_setting ADD CHECK (apart.h(1))",
        "CREATE FUNCTION apart.h(text) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true'", "ALTER FUNCTION apart.h(text) OWNER TO intern"),
        "function apart.h(pg_catalog.text)"),
    Reached("an operator with the name of a protected one", _CONTAINED, do(
        "CREATE FUNCTION public.same(int, int) RETURNS boolean LANGUAGE sql AS 'SELECT true'",
        "ALTER FUNCTION public.same(int, int) OWNER TO qt001_cp_owner",
        "CREATE OPERATOR public.#=# (LEFTARG = int, RIGHTARG = int, FUNCTION = public.same)",
        "ALTER OPERATOR public.#=# (int, int) OWNER TO qt001_cp_owner",
        "CREATE DOMAIN public.checked AS int CHECK (VALUE OPERATOR(public.#=#) 1)", "ALTER TABLE public.qt001_setting ADD COLUMN more public.checked",
        "CREATE FUNCTION public.other(text, text) RETURNS boolean LANGUAGE sql AS 'SELECT true'",
        "CREATE OPERATOR public.#=# (LEFTARG = text, RIGHTARG = text, FUNCTION = public.other)",
        "ALTER OPERATOR public.#=# (text, text) OWNER TO intern"), "operator public.#=#(pg_catalog.text,pg_catalog.text)"),
    Reached("a child of a protected table", _CONTAINED, do(
        "CREATE TABLE public.kid () INHERITS (public.qt001_setting)", "ALTER TABLE public.kid OWNER TO directus"), "table public.kid"),
    Reached("a foreign key to a protected table", _CONTAINED, both(_CMS, do(
        "CREATE TABLE cms.t (key text REFERENCES public.qt001_setting)", "ALTER TABLE cms.t OWNER TO directus")), "table cms.t → constraint"),
    Reached("a foreign key of another role's table that the application may write", _CONTAINED, both(_TEAM, do(
        "CREATE TABLE team.t (key text REFERENCES public.qt001_setting)", "ALTER TABLE team.t OWNER TO team", "GRANT INSERT ON team.t TO directus")),
        "table team.t"),
    Reached("a foreign key from a protected table to the application's", _CONTAINED, both(_cms("CREATE TABLE cms.t (id int PRIMARY KEY)"), do(
        "ALTER TABLE public.qt001_setting ADD COLUMN of_theirs int REFERENCES cms.t ON DELETE CASCADE")), "table cms.t"),
    Reached("a foreign key from a protected table to one that the application may write", _CONTAINED, both(_team(
        "CREATE TABLE team.t (id int PRIMARY KEY)", "GRANT DELETE ON team.t TO directus"), do(
        "ALTER TABLE public.qt001_setting ADD COLUMN of_theirs int REFERENCES team.t ON DELETE CASCADE")), "DELETE for directus"),
    Reached("a trigger on a protected table", _CONTAINED, both(_cms(
        "CREATE FUNCTION cms.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'"), do(
        "CREATE TRIGGER slip BEFORE INSERT ON public.qt001_setting FOR EACH ROW EXECUTE FUNCTION cms.f()")), "function cms.f() owned by directus"),
    Reached("an event trigger", _CONTAINED, both(_cms(
        "CREATE FUNCTION cms.f() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'"),
        do("CREATE EVENT TRIGGER hook ON ddl_command_end EXECUTE FUNCTION cms.f()")), "function cms.f() owned by directus"),
    Reached("a cast of a protected type", _CONTAINED, both(_cms("CREATE TYPE cms.e AS ENUM ('a')"), do(
        "CREATE FUNCTION cms.c(public.qt001_severity) RETURNS cms.e LANGUAGE sql AS 'SELECT NULL::cms.e'",
        "ALTER FUNCTION cms.c(public.qt001_severity) OWNER TO directus",
        "CREATE CAST (public.qt001_severity AS cms.e) WITH FUNCTION cms.c(public.qt001_severity)")), "function cms.c(public.qt001_severity)"),
    Reached("a rule of its own that names a protected column", _CONTAINED, do(
        "CREATE RULE hold AS ON UPDATE TO public.tags DO ALSO SELECT title FROM public.qt001_source", user="directus"),
        "table public.tags → its query or rule → table public.qt001_source"),
    Reached("a column of a curated view's row type", _CONTAINED, do(
        "ALTER TABLE public.tags ADD COLUMN held public.qt001_status", user="directus"), "view public.qt001_status"),
    Reached("another role's view of a protected table, shown to the application", _CONTAINED, both(_TEAM, do(
        "CREATE VIEW team.v AS SELECT * FROM public.qt001_source", "ALTER VIEW team.v OWNER TO team", "GRANT SELECT ON team.v TO directus")),
        "view team.v → its query or rule → table public.qt001_source"),
    Reached("the same, shown to everybody", _CONTAINED, both(_TEAM, do(
        "CREATE VIEW team.v AS SELECT * FROM public.qt001_source", "ALTER VIEW team.v OWNER TO team", "GRANT SELECT ON team.v TO PUBLIC")),
        "view team.v → its query or rule → table public.qt001_source"),
    Reached("another role's routine that reads a protected table for whoever calls it", _CONTAINED, both(_TEAM, do(
        "CREATE FUNCTION team.read() RETURNS bigint LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp"
        " BEGIN ATOMIC SELECT count(*) FROM public.qt001_source; END", "ALTER FUNCTION team.read() OWNER TO team")),
        "function team.read() → its definition → table public.qt001_source"),
    Reached("the same, shown by one column", _CONTAINED, both(_TEAM, do(
        "CREATE VIEW team.v AS SELECT * FROM public.qt001_source", "ALTER VIEW team.v OWNER TO team", "GRANT SELECT (title) ON team.v TO directus")),
        "view team.v → its query or rule → table public.qt001_source"),
    Reached("another role's materialized view that runs the application's function", _CONTAINED, both(_TEAM, _cms(
        "CREATE FUNCTION cms.f() RETURNS int LANGUAGE sql AS 'SELECT 1'"), do(
        "CREATE MATERIALIZED VIEW team.m AS SELECT cms.f()", "ALTER MATERIALIZED VIEW team.m OWNER TO reporting",
        "GRANT SELECT ON team.m TO directus")), "function cms.f() owned by directus"),
    Reached("a publication of a protected table", _CONTAINED, do(
        "CREATE PUBLICATION leak FOR TABLE public.qt001_source", "ALTER PUBLICATION leak OWNER TO directus"), "publication leak"),
    Reached("a SECURITY DEFINER function of a role that holds something protected", _CONTAINED, do(
        f"CREATE FUNCTION public.peek() RETURNS int {_PINNED}", "ALTER FUNCTION public.peek() OWNER TO reporting"),
        "function public.peek()"),
    Reached("a superuser's SECURITY DEFINER function", _CONTAINED, do(f"CREATE FUNCTION public.peek() RETURNS int {_PINNED}"),
            "function public.peek()"),
    Reached("such a function in a schema that nobody may use, behind a view", _CONTAINED, both(_TEAM, do(
        f"CREATE FUNCTION team.peek() RETURNS int {_PINNED}", "ALTER FUNCTION team.peek() OWNER TO reporting",
        "CREATE VIEW public.through AS SELECT team.peek()", "GRANT SELECT ON public.through TO directus")), "function team.peek()"),
    Reached("such a function without a search_path", _PATHS, do(
        "CREATE FUNCTION public.peek() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'", "ALTER FUNCTION public.peek() OWNER TO reporting"),
        "function public.peek()"),
    Reached("CREATE on a schema that a protected routine looks into", _PATHS, do(
        "CREATE SCHEMA apart", "CREATE FUNCTION public.looks() RETURNS int LANGUAGE sql SECURITY DEFINER SET search_path = apart, pg_temp AS 'SELECT 1'",
        "ALTER FUNCTION public.looks() OWNER TO qt001_cp_owner", "REVOKE ALL ON FUNCTION public.looks() FROM PUBLIC",
        "GRANT CREATE ON SCHEMA apart TO directus"), "with a writable schema"),
    Reached("CREATE for everybody on a schema on the path of every session", _CONTAINED, do(
        "CREATE SCHEMA apart", "ALTER ROLE ALL SET search_path = public, apart, pg_temp", "GRANT CREATE ON SCHEMA apart TO PUBLIC"),
        "CREATE on schema apart for PUBLIC"),
    Reached("a caller of the apply path that looks for names where the application creates", _CONTAINED, both(_CMS, do(
        "ALTER ROLE qt001_service SET application_name = service", "ALTER ROLE qt001_service SET search_path = cms, public")), "role qt001_service"),
    Reached("a new member of such a caller", _CONTAINED, both(_CMS, do(
        "CREATE ROLE clerk LOGIN", "GRANT qt001_service TO clerk", "ALTER ROLE clerk IN DATABASE directus_case SET search_path = cms")), "role clerk"),
    Reached("a duty that looks for names where everybody may create", _CONTAINED, do(
        "CREATE SCHEMA qt001_auditor", "GRANT CREATE ON SCHEMA qt001_auditor TO PUBLIC"), "schema qt001_auditor for PUBLIC"),
    Reached("CREATE on the schema of what something protected calls", _CONTAINED, do(
        "CREATE SCHEMA apart", "CREATE FUNCTION apart.h(int) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true'",
        "ALTER TABLE public.qt001_setting ADD CHECK (apart.h(1))", "GRANT CREATE ON SCHEMA apart TO directus"), "CREATE for directus"),
    Reached("default privileges of the owner for the application", _THERE,
            do("ALTER DEFAULT PRIVILEGES FOR ROLE qt001_cp_owner GRANT SELECT ON TABLES TO directus"), "for role qt001_cp_owner"),
    Reached("a new table of the owner that the application may read", _THERE, do(
        "CREATE TABLE public.late (id int)", "ALTER TABLE public.late OWNER TO qt001_cp_owner", "GRANT SELECT ON public.late TO directus"),
        "table public.late"),
    Reached("USAGE on a foreign-data wrapper", _THERE, do(
        "CREATE FOREIGN DATA WRAPPER away", "GRANT USAGE ON FOREIGN DATA WRAPPER away TO directus"), "foreign-data wrapper away"),
    Reached("a server for everybody", _THERE, do(
        "CREATE FOREIGN DATA WRAPPER away", "CREATE SERVER there FOREIGN DATA WRAPPER away", "GRANT USAGE ON FOREIGN SERVER there TO PUBLIC"),
        "server there"),
    Reached("CONNECT that may be passed on", _ACL, do("GRANT CONNECT ON DATABASE directus_case TO intern WITH GRANT OPTION"), "database directus_case"),
    Reached("another privilege on the database", _ACL, do("GRANT TEMPORARY ON DATABASE directus_case TO intern"), "database directus_case"),
    Reached("a setting of the database that is not known to be harmless", _DEFINED,
            do("ALTER DATABASE directus_case SET row_security = off"), "database directus_case"),
)  # fmt: skip  # one case a line
