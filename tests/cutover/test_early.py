"""What FIX7b's checks say before anything is deployed: by their own SQL, and nothing of it stays."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from qt001_cp import estate
from qt001_cp.catalog.early import Early
from qt001_cp.catalog.inventory import read_inventory
from qt001_cp.cli.main import main
from qt001_cp.errors import EXIT_FINDINGS
from qt001_cp.policy_file import load_policy
from qt001_cp.servers import Server
from qt001_cp.workflow.early import early_of_policy
from tests.conftest import Stage
from tests.cutover.support import cluster, run
from tests.cutover.test_new_owner import STOCK, STOCK_RULES
from tests.kinds.conftest import policy_with

_ROUTINES = """
SET ROLE directus;
CREATE FUNCTION public.articles_sources() RETURNS bigint LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS 'SELECT count(*) FROM public.qt001_source';
CREATE FUNCTION public.articles_sources_definer() RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'BEGIN RETURN (SELECT count(*) FROM public.qt001_source); END';
RESET ROLE;
"""


@contextmanager
def _nothing_stays(stage: Stage) -> Iterator[None]:
    before = stage.scene.dump("--create")
    yield
    assert stage.scene.dump("--create") == before


def _early(stage: Stage, policy: Path) -> Early:
    with stage.connect() as connection:
        read = load_policy(policy)
        return early_of_policy(connection, read_inventory(connection, read.application), read)


def test_of_the_reference_estate_there_is_nothing_to_say(at_base: Stage) -> None:
    with _nothing_stays(at_base):
        early = _early(at_base, estate.policy_path())
    assert early.findings == []
    assert early.unasked is None


def test_a_loan_that_lacks_is_told_by_inventory_and_policy_init(
    at_base: Stage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with cluster(
        at_base, "CREATE ROLE stock_keeper LOGIN;\n", "DROP OWNED BY stock_keeper CASCADE;\nDROP ROLE stock_keeper;\n"
    ):
        run(at_base, STOCK)
        policy = policy_with(tmp_path, STOCK_RULES.format(disposition="retain", lend=""))
        database = at_base.scene.dsn("postgres")
        with _nothing_stays(at_base):
            assert main(["inventory", "--policy", str(policy), "--database", database]) == EXIT_FINDINGS
            assert "GRANT SELECT ON TABLE public.stock_level TO qt001_cp_owner;" in capsys.readouterr().out
            draft = tmp_path / "draft" / "policy.toml"
            main(["policy", "init", "--protect", "public.qt001*", "--out", str(draft), "--database", database])
            assert "GRANT SELECT ON TABLE public.stock_level TO qt001_cp_owner;" in capsys.readouterr().out


def test_retained_routines_that_read_what_goes_are_told(at_base: Stage) -> None:
    run(at_base, _ROUTINES)
    early = _early(at_base, estate.policy_path())
    assert early.findings == []
    for name in ("articles_sources()", "articles_sources_definer()"):
        assert any(
            f"function public.{name} stays with directus and reads table public.qt001_source" in n for n in early.notes
        )


def test_an_unpinned_search_path_and_a_foreign_key_are_told_in_one_go(at_base: Stage) -> None:
    run(
        at_base,
        "ALTER FUNCTION public.qt001_normalise(text) SECURITY DEFINER;\n"
        "ALTER FUNCTION public.qt001_normalise(text) RESET search_path;\n"
        "ALTER TABLE public.articles ADD source bigint REFERENCES public.qt001_source (id);\n",
    )
    told = {f["sqlstate"] for f in _early(at_base, estate.policy_path()).findings}
    assert told == {"QT104", "QT108"}


def test_an_event_trigger_of_a_stranger_is_not_run(at_base: Stage) -> None:
    run(
        at_base,
        "CREATE FUNCTION public.articles_ddl() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''ran''; END';\n"
        "ALTER FUNCTION public.articles_ddl() OWNER TO directus;\n"
        "CREATE EVENT TRIGGER articles_ddl ON ddl_command_start EXECUTE FUNCTION public.articles_ddl();\n",
    )
    early = _early(at_base, policy_with(at_base.folder, ""))
    assert early.findings == []
    assert "event trigger articles_ddl" in str(early.unasked)


def test_what_lies_behind_a_finding_is_told_with_it(at_base: Stage) -> None:
    run(
        at_base,
        "SET ROLE directus;\n"
        "CREATE TABLE public.articles_far (id int);\n"
        "CREATE FUNCTION public.articles_next() RETURNS bigint LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp"
        " RETURN (SELECT count(*) FROM public.articles_far);\n"
        "CREATE FUNCTION public.qt001_first() RETURNS bigint LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp"
        " RETURN public.articles_next();\n"
        "RESET ROLE;\n",
    )
    found = _early(at_base, estate.policy_path()).findings
    assert [f["sqlstate"] for f in found] == ["QT108"], found
    assert found[0]["found"].startswith("function public.articles_next(), not transferred")
    assert found[0]["found"].endswith("it leads on to table public.articles_far")


def test_one_membership_is_one_finding(at_base: Stage) -> None:
    with cluster(at_base, "GRANT qt001_service TO directus;\n", "REVOKE qt001_service FROM directus;\n"):
        found = [f for f in _early(at_base, estate.policy_path()).findings if "membership" in f["object"]]
    assert [(f["object"], f["mend"]) for f in found] == [
        ("membership of directus in qt001_service", "REVOKE qt001_service FROM directus;")
    ]
    assert " more" in found[0]["found"]


_AWAY = """
CREATE FOREIGN DATA WRAPPER early_wrapper;
GRANT USAGE ON FOREIGN DATA WRAPPER early_wrapper TO early_app;
GRANT CREATE ON SCHEMA public TO early_app;
SET ROLE early_app;
CREATE SERVER early_server FOREIGN DATA WRAPPER early_wrapper;
CREATE FOREIGN TABLE public.away (a int) SERVER early_server;
RESET ROLE;
"""
_AWAY_POLICY = """
schema = "qt001.policy/1"
name = "what lies in no schema"
[roles]
application = "early_app"
[verifier]
max_age_seconds = 900
[sign_off]
max_validity_seconds = 600
[[rule]]
kind = "foreign table"
disposition = "transfer"
reason = "what is protected"
[[rule]]
kind = ["server", "foreign-data wrapper"]
disposition = "retain"
reason = "stays with the application"
"""


def test_what_lies_in_no_schema_is_seen_before_the_bootstrap(server: Server, tmp_path: Path) -> None:
    """Where neither schema qt001_cp nor our roles are: a server has no schema, and that is not ours."""
    policy = tmp_path / "policy.toml"
    policy.write_text(_AWAY_POLICY, "utf-8")
    with server.connect("postgres") as admin:
        admin.execute("CREATE ROLE early_app LOGIN")
        admin.execute("CREATE DATABASE early_case OWNER early_app")
        try:
            server.psql(_AWAY, dbname="early_case")
            with server.connect("early_case") as opened:
                read = load_policy(policy)
                early = early_of_policy(opened, read_inventory(opened, read.application), read)
        finally:
            admin.execute("DROP DATABASE early_case WITH (FORCE)")
            admin.execute("DROP ROLE early_app")
    assert [f for f in early.findings if "server early_server" in str(f)], early.findings
