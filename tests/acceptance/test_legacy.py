"""The legacy authority is gone from the apply path by what the analysis finds, whatever the thing in between is called."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from qt001_cp.catalog.inventory import read_inventory
from qt001_cp.catalog.names import read_names
from qt001_cp.model.canonical import Json
from qt001_cp.model.names import Role
from qt001_cp.plan.analysis import analyse_estate
from tests.acceptance.attempt import Attempt

PATH = "SET search_path = pg_catalog, pg_temp"
GATES = """
SELECT f.object || ': ' || f.found FROM qt001_cp.deployed_manifest() m CROSS JOIN LATERAL (
    SELECT l.* FROM qt001_cp.legacy_findings(m) l WHERE $1 = 'legacy' UNION ALL
    SELECT d.* FROM qt001_cp.dependency_findings(m) d WHERE $1 = 'dependency') f
"""


@dataclass(frozen=True)
class Way:
    """How the writer comes to the legacy authority again. ``call``: a statement in its body; ``made``: what is in between."""

    name: str
    call: str
    found: str = "view public.qt001_readiness: it is reached"
    gate: str = "legacy"
    made: tuple[str, ...] = ()
    owner: str = "qt001_cp_owner"


VIEW = "CREATE VIEW public.weather AS SELECT r.ready FROM public.qt001_readiness r"
SQL = f"CREATE FUNCTION public.forecast() RETURNS boolean LANGUAGE sql {PATH} AS 'SELECT w.ready FROM public.weather w'"
PLPGSQL = (
    f"CREATE FUNCTION public.mood() RETURNS boolean LANGUAGE plpgsql {PATH} AS 'BEGIN RETURN public.forecast(); END'"
)
TRIGGER = (
    f"CREATE FUNCTION public.quiet() RETURNS trigger LANGUAGE plpgsql {PATH}"
    " AS 'BEGIN PERFORM 1 FROM public.weather; RETURN NEW; END'"
)
OPAQUE = f"CREATE FUNCTION public.mood() RETURNS boolean LANGUAGE plpgsql {PATH} AS 'DECLARE t text := session_user; BEGIN EXECUTE t; RETURN true; END'"
ALIEN = f"CREATE FUNCTION public.forecast() RETURNS boolean LANGUAGE plpgsql {PATH} AS 'BEGIN RETURN (SELECT r.ready FROM public.qt001_readiness r); END'"
COMPARED = {"lt": "<", "le": "<=", "eq": "=", "ge": ">=", "gt": ">"}
WAYS = (
    Way("itself", "PERFORM public.qt001_is_ready();", "function public.qt001_is_ready(): it is reached"),
    Way("a view of another name", "PERFORM 1 FROM public.weather;", made=(VIEW,)),
    Way("a function that reads the view", "PERFORM public.forecast();", made=(VIEW, SQL)),
    Way("a function that calls that function", "IF public.mood() THEN NULL; END IF;", made=(VIEW, SQL, PLPGSQL)),
    Way("dynamic SQL that is constant", "EXECUTE 'SELECT 1 FROM public.weather';", made=(VIEW,)),
    Way("dynamic SQL that is put together from constants", "EXECUTE format('SELECT 1 FROM %I.%I', 'public', 'weather');", made=(VIEW,)),
    Way("a trigger on a table that it writes", "INSERT INTO public.notes (a) VALUES (1);",
        made=(VIEW, "CREATE TABLE public.notes (a int)", TRIGGER,
              "CREATE TRIGGER quiet BEFORE INSERT ON public.notes FOR EACH ROW EXECUTE FUNCTION public.quiet()")),
    Way("the default of a column that it writes", "INSERT INTO public.notes (a) VALUES (1);",
        made=(VIEW, SQL, "CREATE TABLE public.notes (a int, b boolean DEFAULT public.forecast())")),
    Way("the check of a domain that it uses", "PERFORM true::public.fair;",
        made=(VIEW, SQL, "CREATE DOMAIN public.fair AS boolean CHECK (VALUE = public.forecast())")),
    Way("an operator", "PERFORM 1 OPERATOR(public.@@@) 1;",
        made=(VIEW, f"CREATE FUNCTION public.like_it(int, int) RETURNS boolean LANGUAGE sql {PATH} AS 'SELECT w.ready FROM public.weather w'",
              "CREATE OPERATOR public.@@@ (LEFTARG = int, RIGHTARG = int, FUNCTION = public.like_it)")),
    Way("an operator named like one of the server's", "PERFORM public.mood();",
        made=(VIEW, f"CREATE FUNCTION public.like_it(text, text) RETURNS boolean LANGUAGE sql {PATH} AS 'SELECT w.ready FROM public.weather w'",
              "CREATE OPERATOR public.+ (LEFTARG = text, RIGHTARG = text, FUNCTION = public.like_it)",
              "CREATE FUNCTION public.mood() RETURNS boolean LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp"
              " AS 'BEGIN RETURN current_user::text + ''x''; END'")),
    Way("a function written like a column", "PERFORM public.mood();",
        made=(VIEW, f"CREATE FUNCTION public.forecast(record) RETURNS boolean LANGUAGE plpgsql {PATH} AS 'BEGIN RETURN (SELECT w.ready FROM public.weather w); END'",
              "CREATE FUNCTION public.mood() RETURNS boolean LANGUAGE sql SET search_path = pg_catalog, public, pg_temp"
              " AS 'SELECT s.forecast FROM (SELECT 1 AS a) s'")),
    Way("a function that a superuser put into pg_catalog", "PERFORM weathervane();",
        made=(VIEW, f"CREATE FUNCTION pg_catalog.weathervane() RETURNS boolean LANGUAGE sql {PATH} AS 'SELECT w.ready FROM public.weather w'")),
    Way("a cast between two types of the server", "PERFORM public.mood();",
        made=(VIEW, f"CREATE FUNCTION public.weigh(boolean) RETURNS float8 LANGUAGE sql {PATH} AS 'SELECT 1.0::float8 FROM public.weather w'",
              "CREATE CAST (boolean AS float8) WITH FUNCTION public.weigh(boolean) AS IMPLICIT",
              f"CREATE FUNCTION public.mood() RETURNS float8 LANGUAGE plpgsql {PATH} AS 'BEGIN RETURN sqrt(true); END'")),
    Way("a cast of a table's row", "PERFORM (SELECT min(n::text) FROM public.notes n);",
        made=(VIEW, "CREATE TABLE public.notes (a int)",
              f"CREATE FUNCTION public.told(public.notes) RETURNS text LANGUAGE sql {PATH} AS 'SELECT w.ready::text FROM public.weather w'",
              "CREATE CAST (public.notes AS text) WITH FUNCTION public.told(public.notes)")),
    Way("the order of a type", "PERFORM 1 FROM public.days d ORDER BY d.a;",
        made=(VIEW, "CREATE TYPE public.day AS (a int)",
              f"CREATE FUNCTION public.rank(public.day, public.day) RETURNS int LANGUAGE sql IMMUTABLE {PATH} AS 'SELECT 0 FROM public.weather w'",
              *(f"CREATE FUNCTION public.day_{n}(public.day, public.day) RETURNS boolean LANGUAGE sql IMMUTABLE {PATH} AS 'SELECT true'" for n in COMPARED),
              *(f"CREATE OPERATOR public.{o} (LEFTARG = public.day, RIGHTARG = public.day, FUNCTION = public.day_{n})" for n, o in COMPARED.items()),
              "CREATE OPERATOR CLASS public.by_day DEFAULT FOR TYPE public.day USING btree AS OPERATOR 1 public.<, OPERATOR 2 public.<=,"
              " OPERATOR 3 public.=, OPERATOR 4 public.>=, OPERATOR 5 public.>, FUNCTION 1 public.rank(public.day, public.day)",
              "CREATE TABLE public.days (a public.day)")),
    Way("dynamic SQL that nobody can know", "EXECUTE payload ->> 'sql';", "dynamic-sql-opaque", "dependency"),
    Way("a function with dynamic SQL that nobody can know", "PERFORM public.mood();", "dynamic-sql-opaque", "dependency", made=(OPAQUE,)),
    Way("a function of a third role, which nobody has analysed", "PERFORM public.forecast();", "function public.forecast()", "dependency",
        made=(ALIEN,), owner="reporting"),
)  # fmt: skip  # one case a line


def _analysed_now(attempt: Attempt) -> Json:
    """The evidence that the analyser gives for what the owner role holds at this moment."""
    document = attempt.document("static-analysis.json")
    objects = [
        o for o in read_inventory(attempt.connection, Role("qt001_cp_owner")).objects if o.ref.schema != "qt001_cp"
    ]
    digests = {o.ref.key: o.definition_digest for o in objects}
    document["routines"] = [
        {
            "kind": key[0],
            "identity": key[1],
            "definition": digests[key],
            "body_sha256": None,
            "edges": [{"verb": e.verb, "kind": e.kind, "identity": e.identity, "line": e.line} for e in a.edges],
            "unknown": [{"rule": u.rule, "line": u.line, "detail": u.detail} for u in a.unknown],
        }
        for key, a in sorted(analyse_estate(objects, read_names(attempt.connection)).items())
    ]
    return document


def _writer_with(attempt: Attempt, call: str) -> None:
    body = str(attempt.run("SELECT pg_get_functiondef('public.qt001_write(jsonb)'::regprocedure)"))
    guard = "PERFORM qt001_cp.require_acceptance('writer');"
    assert guard in body
    attempt.run(body.replace(guard, f"{guard}\n    {call}"))


def _found(attempt: Attempt, gate: str) -> list[str]:
    query = GATES.replace("$1", f"'{gate}'")
    return [str(text) for (text,) in attempt.connection.execute(query).fetchall()]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
def test_whatever_leads_to_the_legacy_authority_is_found(attempt: Attempt, way: Way) -> None:
    for statement in way.made:
        attempt.run(statement)
        _, kind, name, *_ = statement.replace("(", " (", 1).split(" ")
        if kind not in ("TRIGGER", "OPERATOR", "CAST"):
            attempt.run(f"ALTER {kind if kind != 'FUNCTION' else 'ROUTINE'} {name} OWNER TO {way.owner}")
    _writer_with(attempt, way.call)
    attempt.import_evidence(_analysed_now(attempt))
    assert [f for f in _found(attempt, way.gate) if way.found in f] != [], _found(attempt, way.gate)


def test_without_any_of_them_it_is_not(attempt: Attempt) -> None:
    _writer_with(attempt, "PERFORM 1;")
    attempt.import_evidence(_analysed_now(attempt))
    assert _found(attempt, "legacy") == []
    assert _found(attempt, "dependency") == []
