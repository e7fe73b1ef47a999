"""After FIX7c too: with every name that our SQL uses planted before pg_catalog's, no verb and no routine runs it for a superuser."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from qt001_cp import estate
from qt001_cp.cli import main
from tests.conftest import Stage
from tests.cutover.support import run
from tests.routes.traps import tripped

_SYMBOLS = "= <> < > <= >= || ~ !~ ~* !~* ~~ !~~ -> ->> #> #>> @> <@ ? + - * /"
_TYPES = "text name oid jsonb json bytea bool int4 int8 timestamptz interval regclass regrole regproc xid8"
PLANT = (
    """
DO $plant$
DECLARE
    each record;
BEGIN
    FOR each IN
        SELECT DISTINCT p.proname, pg_get_function_identity_arguments(p.oid) AS arguments
        FROM pg_proc p
        WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.prokind = 'f' AND p.provariadic = 0 AND p.proargmodes IS NULL
          AND NOT EXISTS (SELECT FROM unnest(p.proargtypes) a(oid) JOIN pg_type t ON t.oid = a.oid WHERE t.typtype = 'p')
          AND p.proname IN (SELECT DISTINCT w.word[1] FROM pg_proc ours, regexp_matches(ours.prosrc, '[a-z_0-9]+', 'g') w(word)
                            WHERE ours.pronamespace = 'qt001_cp'::regnamespace)
    LOOP
        EXECUTE format('CREATE FUNCTION articles_first.%I(%s) RETURNS text LANGUAGE sql IMMUTABLE'
                       ' AS ''SELECT public.articles_trip()::pg_catalog.text''', each.proname, each.arguments);
    END LOOP;
    FOR each IN
        SELECT o.oid, o.oprname, format_type(o.oprleft, NULL) AS l, format_type(o.oprright, NULL) AS r
        FROM pg_operator o JOIN pg_type tl ON tl.oid = o.oprleft JOIN pg_type tr ON tr.oid = o.oprright
        WHERE o.oprnamespace = 'pg_catalog'::regnamespace AND o.oprname = ANY (string_to_array('{symbols}', ' '))
          AND 'p' NOT IN (tl.typtype, tr.typtype)
    LOOP
        EXECUTE format('CREATE FUNCTION articles_first.op_%s(%s, %s) RETURNS boolean LANGUAGE sql IMMUTABLE'
                       ' AS ''SELECT public.articles_trip()''', each.oid, each.l, each.r);
        EXECUTE format('CREATE OPERATOR articles_first.%s (FUNCTION = articles_first.op_%s, LEFTARG = %s, RIGHTARG = %s)',
                       each.oprname, each.oid, each.l, each.r);
    END LOOP;
    FOR each IN
        SELECT c.relname FROM pg_class c
        WHERE c.relkind IN ('r', 'p', 'v') AND c.relnamespace IN ('pg_catalog'::regnamespace, 'qt001_cp'::regnamespace,
                                                                  'qt001_cp_watch'::regnamespace)
    LOOP
        EXECUTE format('CREATE VIEW articles_first.%I AS SELECT public.articles_trip() AS oid', each.relname);
        EXECUTE format('GRANT ALL ON articles_first.%I TO PUBLIC', each.relname);
    END LOOP;
    FOR each IN SELECT t.name FROM unnest(string_to_array('{types}', ' ')) t(name) WHERE NOT EXISTS (
        SELECT FROM pg_class c WHERE c.relnamespace = 'articles_first'::regnamespace AND c.relname = t.name)
    LOOP
        EXECUTE format('CREATE DOMAIN articles_first.%I AS pg_catalog.%I CHECK (public.articles_trip())', each.name, each.name);
    END LOOP;
END
$plant$
""".replace("{symbols}", _SYMBOLS)
    .replace("{types}", _TYPES)
    .strip()
)
LAID = (
    "CREATE SCHEMA articles_first AUTHORIZATION directus;\n"
    "CREATE SEQUENCE public.articles_tripped;\n"
    "GRANT ALL ON SEQUENCE public.articles_tripped TO PUBLIC;\n"
    "CREATE FUNCTION public.articles_trip() RETURNS boolean LANGUAGE plpgsql IMMUTABLE"
    " AS 'BEGIN PERFORM pg_catalog.nextval(''public.articles_tripped''); RETURN true; END';\n"
    "ALTER FUNCTION public.articles_trip() OWNER TO directus;\n"
    "GRANT USAGE ON SCHEMA articles_first TO PUBLIC;\n"
)
SETTINGS = (
    "ALTER DATABASE directus_case SET search_path = articles_first, public, pg_catalog",
    "ALTER ROLE {superuser} IN DATABASE directus_case SET search_path = articles_first, public, pg_catalog",
)
ROUTINES = """
SELECT p.oid::regprocedure::text, p.proname, ARRAY(SELECT a.oid::regtype::text FROM unnest(p.proargtypes) WITH ORDINALITY a(oid, n) ORDER BY n)
FROM pg_proc p WHERE p.pronamespace IN ('qt001_cp'::regnamespace, 'qt001_cp_watch'::regnamespace) AND p.prokind = 'f'
  AND p.prorettype NOT IN ('trigger'::regtype, 'event_trigger'::regtype) ORDER BY 1
"""
SAMPLES = {
    "text": "{manifest}", "name": "directus", "oid": "1259", "boolean": "true", "integer": "600", "bigint": "1", "bytea": "\\x7b7d",
    "jsonb": "[]", "text[]": "{}", "oid[]": "{1259}", "name[]": "{}", '"char"': "r", "aclitem[]": "{}", "regclass": "pg_class",
    "timestamp with time zone": "2026-01-01", "interval": "1 second", "smallint": "1", "xid": "3", "xid8": "3",
}  # fmt: skip


@pytest.fixture
def planted(at_fix7c_done: Stage) -> Stage:
    stage = at_fix7c_done
    run(stage, LAID)
    with stage.connect() as admin:
        admin.execute("SET ROLE directus")
        admin.execute(PLANT.encode())
        admin.execute("RESET ROLE")
        admin.execute("ALTER SEQUENCE public.articles_tripped RESTART")
        superuser = sql.Identifier(stage.scene.server.superuser)
        for setting in SETTINGS:
            admin.execute(sql.SQL(setting).format(superuser=superuser))
    assert not tripped(stage)
    return stage


@pytest.mark.slow
def test_no_verb_of_a_superuser_runs_it(planted: Stage, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    verbs = (
        ["inventory", "--policy", str(estate.policy_path())],
        [
            "policy",
            "init",
            "--application",
            "directus",
            "--protect",
            "public.tags",
            "--out",
            str(tmp_path / "policy.toml"),
        ],
        ["preflight", planted.manifest_path],
        ["status"],
        ["report", "--out", str(tmp_path / "report.html")],
        ["manifest", "verify", planted.manifest_path],
        ["review", planted.manifest_path, "--out", str(tmp_path / "pack")],
        ["evidence", "list"],
        ["verify"],
        ["scan"],
        ["audit"],
    )
    database = ["--database", planted.scene.dsn(planted.scene.server.superuser)]
    for verb in verbs:
        code = main([*verb, *database])
        said = capsys.readouterr()
        assert not tripped(planted), verb
        assert code in (0, 1, 3), (verb, said)
    assert "articles_first" in str(said), "the last of them has looked at this database"


@pytest.mark.slow
def test_no_routine_of_ours_runs_it(planted: Stage) -> None:
    """Each with an argument of each type, in a session that looks into the application's schema first; what was done is rolled back."""
    samples = {kind: value.replace("{manifest}", planted.digest) for kind, value in SAMPLES.items()}
    with psycopg.connect(
        planted.scene.server.conninfo("directus_case"), options="-c search_path=pg_catalog"
    ) as connection:
        routines = connection.execute(ROUTINES).fetchall()
    asked = 0
    with planted.connect() as admin:
        admin.execute("SET statement_timeout = '30s'")
        assert admin.execute("SHOW search_path").fetchone() == ("articles_first, public, pg_catalog",)
        for signature, name, kinds in routines:
            if any(kind not in samples for kind in kinds):
                continue
            schema = "qt001_cp_watch" if signature.startswith("qt001_cp_watch.") else "qt001_cp"
            given = ", ".join(
                f"{sql.Literal(samples[kind]).as_string(None)}::{kind if kind.startswith(chr(34)) else 'pg_catalog.' + _plain(kind)}"
                for kind in kinds
            )
            try:
                with admin.transaction(force_rollback=True):
                    admin.execute(f'SELECT * FROM {schema}."{name}"({given})'.encode())
            except psycopg.Error:
                pass
            asked += 1
            assert not tripped(planted), signature
        for view in ("v_fix7_gate", "v_fix7_acceptance", "v_event", "v_manifest"):
            admin.execute(f"SELECT * FROM qt001_cp.{view}".encode())
            assert not tripped(planted), view
        admin.execute("SELECT lower('x'::pg_catalog.text)")
    assert tripped(planted), "the traps are armed"
    assert asked > 100


def _plain(kind: str) -> str:
    """The name that pg_catalog has for a type that the grammar spells in its own way."""
    words = {
        "boolean": "bool",
        "integer": "int4",
        "bigint": "int8",
        "smallint": "int2",
        "timestamp with time zone": "timestamptz",
    }
    return words.get(kind, kind)
