"""The checker is a target too: nothing of ours runs the application's code, not even as a superuser."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from qt001_cp import estate
from qt001_cp.cli import main
from qt001_cp.errors import Refused
from qt001_cp.rehearsal.scene import AUDITOR, AUTHOR, OPERATOR, PERSONS, bootstrap, drop_scene, teardown
from qt001_cp.workflow import revisions
from tests.concurrency.support import running, until, waits_for_a_lock
from tests.conftest import Library, Stage
from tests.cutover.support import APPLICATION, edited_policy, printed, refused, reseal, run, sealed_with
from tests.routes.traps import tripped

_TRIP = "PERFORM pg_catalog.nextval(''public.articles_tripped'')"
_NAMES = (
    "count(boolean)",
    "format(text, text)",
    "current_setting(text)",
    "current_database()",
    "now()",
    "pg_get_userbyid(oid)",
    "to_regclass(text)",
    "to_regprocedure(text)",
    "quote_ident(text)",
    "version()",
    "current_schema()",
    "lower(text)",
    "pg_get_expr(pg_node_tree, oid)",
    "set_config(text, text, boolean)",
    "array_agg(name)",
    "sha256(bytea)",
)
_OPERANDS = (
    "text, text",
    "name, text",
    "name, name",
    "text, name",
    "oid, oid",
    "integer, integer",
    "varchar, text",
    '"char", "char"',
)
_RELATIONS = ("pg_class", "pg_proc", "pg_namespace", "pg_roles", "pg_database", "pg_settings", "alembic_version")


def _traps() -> str:
    """Functions, operators and views before pg_catalog's, domains, policies, and a setting that leads to them all."""
    lines = [
        "CREATE SEQUENCE public.articles_tripped",
        "GRANT ALL ON SEQUENCE public.articles_tripped TO PUBLIC",
        "CREATE SCHEMA articles_first",
        "GRANT USAGE ON SCHEMA articles_first TO PUBLIC",
        f"CREATE FUNCTION public.articles_trip() RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS 'BEGIN {_TRIP}; RETURN true; END'",
        "CREATE FUNCTION public.articles_trip(text) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT public.articles_trip()'",
    ]
    for name in _NAMES:
        lines.append(
            f"CREATE FUNCTION articles_first.{name} RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT public.articles_trip()::text'"
        )
    for number, operands in enumerate(_OPERANDS):
        left, right = operands.split(", ")
        lines.append(
            f"CREATE FUNCTION articles_first.same{number}({operands}) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT public.articles_trip()'"
        )
        lines += [
            f"CREATE OPERATOR articles_first.{symbol} (FUNCTION = articles_first.same{number}, LEFTARG = {left}, RIGHTARG = {right})"
            for symbol in ("=", "<>", "~", "!~")
        ]
    for relation in _RELATIONS:
        lines.append(
            f"CREATE VIEW articles_first.{relation} AS SELECT public.articles_trip() AS oid, 'x'::text AS rolname"
        )
        lines.append(f"GRANT SELECT ON articles_first.{relation} TO PUBLIC")
    lines += [
        "CREATE DOMAIN public.articles_trap AS text CHECK (public.articles_trip(VALUE))",
        "CREATE TABLE public.articles_trapped (id integer, t public.articles_trap)",
        "CREATE VIEW public.articles_spring AS SELECT public.articles_trip() AS sprung",
        "CREATE INDEX ON public.articles_trapped ((public.articles_trip(t::text)))",
        "ALTER TABLE public.articles_trapped ADD CHECK (public.articles_trip()) NOT VALID",
        "ALTER TABLE public.qt001_switch ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY",
        "CREATE POLICY spring ON public.qt001_switch USING (public.articles_trip())",
        "ALTER SEQUENCE public.articles_tripped RESTART",
        "ALTER DATABASE directus_case SET search_path = articles_first, public, pg_catalog",
    ]
    return "SET ROLE directus;\n" + "".join(f"{line};\n" for line in lines) + "RESET ROLE;\n"


@pytest.fixture
def trapped(library: Library) -> Iterator[Stage]:
    with _laid(library) as stage:
        yield stage


@contextmanager
def _laid(library: Library) -> Iterator[Stage]:
    stage = library.copy("base")
    run(stage, _traps())
    yield stage
    drop_scene(stage.scene)


def test_the_traps_are_armed(trapped: Stage) -> None:
    """A session that trusts the database's search_path runs the application's code with its first comparison."""
    assert not tripped(trapped)
    with trapped.connect(OPERATOR) as operator:
        operator.execute("SELECT relname = 'x'::text FROM pg_catalog.pg_class LIMIT 1")
    assert tripped(trapped)


def test_no_verb_and_no_stage_runs_the_application_s_code(
    trapped: Stage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rule = '[[rule]]\nidentity = "articles_first"\nkind = "schema"\ndisposition = "retain"\nreason = "theirs"\n\n'
    rule += '[[rule]]\nschema = "articles_first"\ndisposition = "retain"\nreason = "theirs"\n\n'
    head = '[[rule]]\nkind = "database"'
    policy = edited_policy(tmp_path, head, rule + head)
    operator, author = ["--database", trapped.scene.dsn(OPERATOR)], ["--database", trapped.scene.dsn(AUTHOR)]

    bootstrap(trapped.scene.server, "directus_case", rehearsal=True)
    assert not tripped(trapped), "bootstrap"
    assert main(["inventory", "--policy", str(policy), *operator]) in (0, 3)
    assert not tripped(trapped), "inventory"
    revisions.upgrade(trapped.scene.dsn(OPERATOR), "fix7a", policy=str(policy))
    assert not tripped(trapped), "fix7a"
    assert main(["manifest", "generate", "--policy", str(policy), "--out", str(tmp_path), *author]) in (0, 3)
    assert not tripped(trapped), "manifest generate"
    with pytest.raises(Refused, match="QT108"):
        reseal(trapped, tmp_path, policy=policy)
    assert not tripped(trapped), "proposing and sealing, which the path of the database stops at its end"
    own = "".join(
        f"ALTER ROLE {login} IN DATABASE directus_case SET search_path = '';\n" for login in ("qt001_service", *PERSONS)
    )
    run(trapped, own)
    reseal(trapped, tmp_path, policy=policy)
    run(trapped, own.replace("SET search_path = ''", "RESET search_path"))
    assert not tripped(trapped), "sealing"
    assert main(["preflight", trapped.manifest_path, *operator]) == 3
    said = capsys.readouterr().out
    assert "setting search_path for every role" in said
    assert main(["status", *operator]) == 0
    assert main(["manifest", "verify", trapped.manifest_path, "--database", trapped.scene.dsn(AUDITOR)]) == 0
    with pytest.raises(Refused):
        trapped.upgrade("fix7b", rehearsal="first")
    assert not tripped(trapped), "preflight, status, the cutover online"
    done = trapped.scene.server.psql(
        printed(trapped), "-v", "VERBOSITY=verbose", dbname="directus_case", user=OPERATOR, check=False
    )
    assert "ERROR:  QT10" in done.stderr, done.stderr
    assert not tripped(trapped), "the printed cutover"
    trapped.downgrade("base")
    assert not tripped(trapped), "the way back"
    teardown(trapped.scene.server, "directus_case")
    assert not tripped(trapped), "teardown"


def test_fix7a_refuses_an_event_trigger_of_the_application(at_base: Stage) -> None:
    """It would run in every statement of ours, with the operator's rights."""
    run(
        at_base,
        "CREATE FUNCTION public.articles_hook() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';\n"
        "ALTER FUNCTION public.articles_hook() OWNER TO directus;\n"
        "CREATE EVENT TRIGGER hook ON ddl_command_end EXECUTE FUNCTION public.articles_hook();\n",
    )
    before = at_base.scene.dump()
    with pytest.raises(Refused) as caught:
        revisions.upgrade(at_base.scene.dsn(OPERATOR), "fix7a", policy="qt001_cp/estate/policy.toml")
    assert caught.value.sqlstate == "QT108"
    assert "hook (function articles_hook of directus)" in str(caught.value)
    assert at_base.scene.dump() == before


def test_a_policy_of_the_application_does_not_run_in_a_probe(at_fix7a_sealed: Stage, tmp_path: Path) -> None:
    """The rows that say what is blocked are behind row security: a probe without BYPASSRLS is refused, not answered."""
    run(
        at_fix7a_sealed,
        "ALTER TABLE public.qt001_switch ENABLE ROW LEVEL SECURITY;\n"
        "CREATE POLICY spring ON public.qt001_switch USING (false);\n"
        "GRANT SELECT, UPDATE ON public.qt001_switch TO qt001_cp_operator;\n",
    )
    reseal(at_fix7a_sealed, tmp_path)
    with at_fix7a_sealed.connect() as connection, connection.transaction(force_rollback=True):
        connection.execute("SET LOCAL ROLE qt001_cp_operator")
        found = connection.execute(
            "SELECT sqlstate, found FROM qt001_cp.blocked_findings(%s)", [at_fix7a_sealed.digest]
        ).fetchall()
    assert {state for state, _ in found} == {"QT106"}
    assert all("row-level security" in said for _, said in found)


def test_a_view_that_takes_the_place_of_what_is_probed_does_not_run(at_fix7a_sealed: Stage) -> None:
    """The probe waits for a lock; the application gives the name to a view of its own, and lets go."""
    stage = at_fix7a_sealed
    run(
        stage,
        "CREATE SEQUENCE public.articles_tripped;\n"
        "GRANT ALL ON SEQUENCE public.articles_tripped TO PUBLIC;\n"
        f"CREATE FUNCTION public.articles_trip() RETURNS boolean LANGUAGE plpgsql AS 'BEGIN {_TRIP}; RETURN true; END';\n",
    )
    query = f"SET search_path = pg_catalog, pg_temp; SELECT sqlstate, found FROM qt001_cp.blocked_findings('{stage.digest}');"
    with stage.connect(APPLICATION) as application:
        application.execute("BEGIN")
        application.execute("ALTER TABLE public.qt001_switch RENAME TO articles_switch")
        application.execute(
            "CREATE VIEW public.qt001_switch AS SELECT s.name, CASE WHEN public.articles_trip() THEN 'blocked' END AS state"
            " FROM public.articles_switch s"
        )
        with running(stage, query) as probe:
            until("the probe waits for the table", lambda: waits_for_a_lock(stage))
            application.execute("COMMIT")
            code, said = probe.end()
    assert code == 0, said
    assert "QT106" in said, said
    assert "another relation in its place" in said, said
    assert not tripped(stage)


def test_a_setting_that_quotes_every_name_hides_no_route(at_base: Stage, tmp_path: Path) -> None:
    """The owner of the database has every name quoted: what is compared by name has to go on matching."""
    run(
        at_base,
        "CREATE FUNCTION public.articles_hook() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';\n"
        "CREATE TRIGGER hook AFTER INSERT ON public.qt001_source FOR EACH ROW EXECUTE FUNCTION public.articles_hook();\n"
        "ALTER DATABASE directus_case SET quote_all_identifiers = on;\n",
        APPLICATION,
    )
    sealed_with(at_base, tmp_path, estate.policy_path())
    refused(at_base, "QT108", "trigger hook → function public.articles_hook() owned by directus", rehearsal="first")
    with at_base.connect(OPERATOR) as operator:
        found = operator.execute(
            "SELECT DISTINCT sqlstate FROM qt001_cp.fix7b_findings(%s)", [at_base.digest]
        ).fetchall()
    assert ("QT108",) in found, found


def test_what_words_a_name_pins_how_names_are_written(at_fix7c_done: Stage) -> None:
    with at_fix7c_done.connect() as connection:
        unpinned = connection.execute(
            "SELECT p.oid::regprocedure::text FROM pg_proc p WHERE p.pronamespace = 'qt001_cp'::regnamespace"
            " AND p.prosrc ~ 'pg_identify_object|format_type|pg_get_[a-z]+def|pg_get_expr|::regprocedure'"
            " AND NOT 'quote_all_identifiers=off' = ANY (p.proconfig)"
        ).fetchall()
    assert unpinned == []
