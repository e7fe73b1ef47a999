"""What the registry of entry points and the search paths have to say, and faults of a guard, condition by condition."""

from __future__ import annotations

from functools import partial

from qt001_cp.model.canonical import Json
from qt001_cp.rehearsal.scene import OPERATOR
from tests.acceptance.attempt import Attempt
from tests.acceptance.closers import Closer
from tests.acceptance.moves import Move, analysed, both, do, in_manifest, routine

_PAIRED = partial(Closer, "entry_points_paired", resign=False)
_PATH = partial(Closer, "search_paths_secure", resign=False)
_GUARD = "PERFORM qt001_cp.require_duty('qt001_cp_verifier');"
_WRITE = "DELETE FROM public.qt001_note;"
_PINNED = "SET search_path = qt001_data, pg_temp"
_CREATE = '[["qt001_cp_owner", {}, "CREATE", false]]'


def _body(text: str) -> Move:
    """The registered entry point verify() with this body."""
    return do(
        "CREATE OR REPLACE FUNCTION qt001_cp.verify() RETURNS jsonb LANGUAGE plpgsql SECURITY DEFINER"
        f" SET search_path = pg_catalog, pg_temp AS $body${text}$body$"
    )


def fresh(*edges: Json, name: str = "public.fresh", unknown: tuple[Json, ...] = ()) -> Move:
    """A new SECURITY DEFINER function of the owner that a service may call, and what the analysis says of it."""

    def described(attempt: Attempt) -> None:
        digest = attempt.run(f"SELECT qt001_cp.routine_sha256('{name}()'::regprocedure)")
        entry = {
            "kind": "function",
            "identity": f"{name}()",
            "definition": digest,
            "body_sha256": None,
            "edges": list(edges),
            "unknown": list(unknown),
        }
        analysed(lambda routines: routines.update({f"{name}()": entry}))(attempt)

    return both(_made(name), described)


def _made(name: str = "public.fresh", body: str = "SELECT 1") -> Move:
    return routine(name, body=body, options="SET search_path = pg_catalog, pg_temp", execute="qt001_service")


WRITES: Json = {"verb": "writes", "kind": "table", "identity": "public.qt001_note", "line": 1}
CALLS: Json = {"verb": "calls", "kind": "function", "identity": "public.qt001_next_permit_number()", "line": 1}
GUARDED: Json = {"verb": "calls", "kind": "function", "identity": "public.qt001_write(pg_catalog.jsonb)", "line": 1}

FAULTS = (
    _PAIRED("its guard is gone", _body(f"BEGIN {_WRITE} RETURN '[]'; END"), "qt001_cp.verify()"),
    _PAIRED("its guard comes after the write", _body(f"BEGIN {_WRITE} {_GUARD} RETURN '[]'; END"), "qt001_cp.verify()"),
    _PAIRED("its guard stands in an IF", _body(f"BEGIN IF false THEN {_GUARD} END IF; {_WRITE} RETURN '[]'; END"), "qt001_cp.verify()"),
    _PAIRED("its guard has a WHERE", _body(f"BEGIN {_GUARD[:-1]} WHERE false; {_WRITE} RETURN '[]'; END"), "qt001_cp.verify()"),
    _PAIRED("its guard reads from nothing", _body(f"BEGIN {_GUARD[:-1]} FROM generate_series(1, 0); {_WRITE} RETURN '[]'; END"), "qt001_cp.verify()"),
    _PAIRED("its guard's error is caught",
            _body(f"BEGIN {_GUARD} RETURN '[]'; EXCEPTION -- always\n WHEN OTHERS THEN {_WRITE} RETURN '[]'; END"), "qt001_cp.verify()"),
    _PAIRED("its guard's error is caught, behind a block comment",
            _body(f"BEGIN {_GUARD} RETURN '[]'; EXCEPTION /* always */ WHEN OTHERS THEN {_WRITE} RETURN '[]'; END"), "qt001_cp.verify()"),
    _PAIRED("its guard is a function of that name elsewhere",
            both(do("CREATE FUNCTION public.require_duty(text) RETURNS void LANGUAGE sql AS 'SELECT'"),
                 _body(f"BEGIN PERFORM public.require_duty('qt001_cp_verifier'); {_WRITE} RETURN '[]'; END")), "public.require_duty"),
    _PAIRED("its guard is found by the search path", _body(f"BEGIN PERFORM require_duty('qt001_cp_verifier'); {_WRITE} RETURN '[]'; END"),
            "qt001_cp.verify()"),
    _PAIRED("its guard has a second form", both(
        do("CREATE FUNCTION qt001_cp.require_duty(duty name) RETURNS void LANGUAGE sql SET search_path = pg_catalog, pg_temp AS 'SELECT'",
           "REVOKE EXECUTE ON FUNCTION qt001_cp.require_duty(name) FROM PUBLIC",
           "ALTER FUNCTION qt001_cp.require_duty(name) OWNER TO qt001_cp_ledger")), "2 of that name"),
    _PAIRED("its guard is the name of a variable", _body(f'DECLARE "BEGIN {_GUARD}" int; BEGIN {_WRITE} RETURN \'[]\'; END'), "qt001_cp.verify()"),
    _PAIRED("its guard is a comment in a comment", _body(f"/* /* */ BEGIN {_GUARD} */ BEGIN {_WRITE} RETURN '[]'; END"), "qt001_cp.verify()"),
    _PAIRED("a declaration writes before its guard", _body(f"DECLARE x jsonb := qt001_cp.source_rows(''); BEGIN {_GUARD} RETURN x; END"), "qt001_cp.verify()"),
    _PAIRED("a declaration behind a line feed of another kind", _body(f"-- \r DECLARE x jsonb := qt001_cp.source_rows('');\nBEGIN {_GUARD} RETURN x; END"),
            "qt001_cp.verify()"),
    _PAIRED("a declaration is a cursor whose query holds the guard",
            both(do("SET LOCAL check_function_bodies = off"), _body(f"DECLARE c CURSOR FOR SELECT t.begin {_GUARD} BEGIN {_WRITE} RETURN '[]'; END")),
            "qt001_cp.verify()"),
    _PAIRED("a declaration has a domain, whose CHECK runs first",
            _body(f"DECLARE x public.qt001_code; BEGIN {_GUARD} RETURN '[]'; END"), "qt001_cp.verify()"),
    _PAIRED("it is an SQL function that quotes its guard",
            do("DROP FUNCTION qt001_cp.verify()", "CREATE FUNCTION qt001_cp.verify() RETURNS text LANGUAGE sql SECURITY DEFINER"
               f" SET search_path = pg_catalog, pg_temp AS $sql$SELECT $q$ BEGIN {_GUARD} $q$$sql$",
               "ALTER FUNCTION qt001_cp.verify() OWNER TO qt001_cp_ledger"), "qt001_cp.verify()"),
    _PAIRED("a writer that nobody registered", fresh(WRITES), "public.fresh()"),
    _PAIRED("a writer that nobody registered or analysed", _made(), "public.fresh()"),
    _PAIRED("a new function that nobody understands",
            fresh(unknown=({"rule": "dynamic-sql-opaque", "line": 1, "detail": "text"},)), "public.fresh()"),
    _PAIRED("a new function that is another since it was analysed", both(fresh(), _made(body="SELECT 2")), "public.fresh()"),
    _PAIRED("a new function in qt001_cp, analysed as harmless", fresh(name="qt001_cp.fresh"), "qt001_cp.fresh()"),
    _PAIRED("a new function of the ledger role in qt001_cp, analysed as harmless",
            both(fresh(name="qt001_cp.fresh"), do("ALTER FUNCTION qt001_cp.fresh() OWNER TO qt001_cp_ledger")), "routine qt001_cp.fresh()"),
    _PAIRED("somebody else writes the registry itself", do("GRANT INSERT ON qt001_cp.entry_point TO intern"), "INSERT for intern"),
    _PAIRED("an operator writes the ledger itself", do("GRANT INSERT ON qt001_cp.event TO qt001_cp_operator"), "INSERT for qt001_cp_operator"),
    _PAIRED("somebody else writes which revision is deployed", do("GRANT INSERT ON qt001_cp.alembic_version TO intern"), "INSERT for intern"),
    _PAIRED("an operator empties which revision is deployed", do("GRANT TRUNCATE ON qt001_cp.alembic_version TO qt001_cp_operator"),
            "TRUNCATE for qt001_cp_operator"),
    _PAIRED("somebody else writes a column of the persons", do("GRANT UPDATE (person) ON qt001_cp.person TO intern"), "UPDATE for intern"),
    _PAIRED("everybody may empty the ledger", do("GRANT TRUNCATE ON qt001_cp.event TO PUBLIC"), "TRUNCATE for PUBLIC"),
    _PAIRED("it writes by what it calls", fresh(CALLS), "public.fresh()"),
    _PAIRED("a writer in qt001_cp that nobody registered",
            _made("qt001_cp.fresh"), "qt001_cp.fresh()"),
)  # fmt: skip  # one case a line
ROUTINES = (
    *FAULTS,
    _PAIRED("a part of the apply path is not registered",
            do(r"DELETE FROM qt001_cp.entry_point WHERE identity LIKE 'public.qt001\_apply(%'"), "on the apply path"),
    _PAIRED("the writer has another owner", do("ALTER FUNCTION public.qt001_write(jsonb) OWNER TO postgres"), "no such routine"),
    _PAIRED("a Level-A routine is VOLATILE", do("ALTER FUNCTION qt001_cp.source_rows(text) VOLATILE"), "volatility v"),
    _PAIRED("a Level-A routine does not exist", do("INSERT INTO qt001_cp.entry_point VALUES ('qt001_cp.gone()', NULL, '')"), "no such routine"),
    _PAIRED("a Level-A routine elsewhere", do(
        "INSERT INTO qt001_cp.entry_point VALUES ('public.qt001_payload_digest(pg_catalog.jsonb)', NULL, '')"), "a STABLE routine of qt001_cp"),
    _PAIRED("somebody else's function in qt001_cp", do("CREATE FUNCTION qt001_cp.stray() RETURNS int LANGUAGE sql AS 'SELECT 1'"), "qt001_cp.stray()"),
    _PAIRED("a function of the owner role's in qt001_cp", do(
        "CREATE FUNCTION qt001_cp.stray() RETURNS int LANGUAGE sql AS 'SELECT 1'", "ALTER FUNCTION qt001_cp.stray() OWNER TO qt001_cp_owner"), "qt001_cp.stray()"),
    _PAIRED("what runs a change is somebody else's", do("ALTER FUNCTION qt001_cp.run_change(text) OWNER TO postgres"), "qt001_cp.run_change"),
    _PAIRED("somebody else's table in qt001_cp", do("CREATE TABLE qt001_cp.stray (a int)"), "table qt001_cp.stray"),
    _PAIRED("somebody else's operator in qt001_cp",
            do("CREATE OPERATOR qt001_cp.=== (FUNCTION = pg_catalog.texteq, LEFTARG = text, RIGHTARG = text)"), "operator qt001_cp.==="),
    _PAIRED("somebody else's type in qt001_cp", do("CREATE TYPE qt001_cp.stray AS ENUM ('a')"), "type qt001_cp.stray"),
    _PAIRED("the version table is the application's", do("ALTER TABLE qt001_cp.alembic_version OWNER TO directus"), "table qt001_cp.alembic_version"),
    _PAIRED("another table is an operator's", do("CREATE TABLE qt001_cp.stray (a int)", f"ALTER TABLE qt001_cp.stray OWNER TO {OPERATOR}"), "table qt001_cp.stray"),
    _PAIRED("the schema is somebody else's", do("ALTER SCHEMA qt001_cp OWNER TO intern", "GRANT USAGE ON SCHEMA qt001_cp TO qt001_cp_ledger"), "owner intern"),
    _PAIRED("the watch is somebody else's", do("ALTER SCHEMA qt001_cp_watch OWNER TO intern"), "schema qt001_cp_watch"),
    _PAIRED("everybody reads the ledger", do("GRANT SELECT ON qt001_cp.event TO PUBLIC"), "SELECT for PUBLIC"),
    _PAIRED("the application reads the ledger", do("GRANT SELECT ON qt001_cp.event TO directus"), "SELECT for directus"),
    _PAIRED("a role that the application is a member of reads the ledger",
            do("CREATE ROLE club", "GRANT club TO directus", "GRANT SELECT ON qt001_cp.event TO club"), "SELECT for club"),
    _PAIRED("the application calls a function of ours", do("GRANT EXECUTE ON FUNCTION qt001_cp.stage() TO directus"), "EXECUTE for directus"),
    _PAIRED("the application looks into the schema", do("GRANT USAGE ON SCHEMA qt001_cp TO directus"), "USAGE for directus"),
    _PAIRED("everybody may call a function of ours", do("GRANT EXECUTE ON FUNCTION qt001_cp.stage() TO PUBLIC"), "EXECUTE for PUBLIC"),
    _PAIRED("everybody may look into qt001_cp", do("GRANT USAGE ON SCHEMA qt001_cp TO PUBLIC"), "USAGE for PUBLIC"),
    _PAIRED("others may make objects in qt001_cp", do("GRANT CREATE ON SCHEMA qt001_cp TO intern"), "CREATE for intern"),
    _PATH("pg_temp is not last", routine("public.bare", options="SET search_path = pg_catalog"), "pg_temp is not last"),
    _PATH("the caller's own schema", routine("public.bare", options="""SET search_path = "$user", pg_temp"""), "writable schema"),
    _PATH("a function of another owner in qt001_cp", routine("qt001_cp.bare", owner="postgres"), "qt001_cp.bare()"),
    _PATH("a superuser's function that everybody may call", routine("public.bare", owner="postgres", execute="PUBLIC"), "public.bare()"),
    _PATH("a schema that the application owns",
          both(in_manifest("qt001_data", "{after,owner}", '"directus"'), routine("public.bare", options=_PINNED)), "writable schema"),
    _PATH("a schema in which the application makes objects",
          both(in_manifest("qt001_data", "{after,acl}", _CREATE.format('"directus"')), routine("public.bare", options=_PINNED)), "writable schema"),
    _PATH("a schema in which everybody makes objects",
          both(in_manifest("qt001_data", "{after,acl}", _CREATE.format("null")), routine("public.bare", options=_PINNED)), "writable schema"),
)  # fmt: skip  # one case a line
