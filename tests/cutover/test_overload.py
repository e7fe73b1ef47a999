"""A routine that stays with the application, with schema and name of a transferred one: a caller's untyped argument takes it."""

from __future__ import annotations

from pathlib import Path

from tests.conftest import Stage
from tests.cutover.support import edited_policy, refused, run, sealed_with

OVERLOAD = (
    "CREATE FUNCTION public.qt001_gateway(text) RETURNS text LANGUAGE sql AS 'SELECT current_user::text';\n"
    "ALTER FUNCTION public.qt001_gateway(text) OWNER TO directus;\n"
)
RULE = """[[rule]]
identity = "public.qt001_gateway(pg_catalog.text)"
kind = "function"
disposition = "retain"
reason = "theirs"

"""
HEAD = '[[rule]]\nkind = "database"'


def test_it_takes_the_call_of_a_caller_who_names_no_type(at_base: Stage) -> None:
    """The attack: what the finding is for."""
    run(at_base, OVERLOAD)
    with at_base.connect() as connection:
        assert connection.execute("SELECT public.qt001_gateway('{}')").fetchone() == ("postgres",)


def test_it_is_found_before_the_cutover(at_base: Stage, tmp_path: Path) -> None:
    run(at_base, OVERLOAD)
    sealed_with(at_base, tmp_path, edited_policy(tmp_path, HEAD, RULE + HEAD))
    refused(at_base, "QT108", "function public.qt001_gateway(pg_catalog.text)", "owner directus", rehearsal="first")


def test_it_closes_a_gate_afterwards(at_fix7c_done: Stage) -> None:
    run(at_fix7c_done, OVERLOAD)
    with at_fix7c_done.connect() as connection:
        found = connection.execute(
            "SELECT object, found FROM qt001_cp.gate_findings() WHERE gate = 'application_role_contained'"
        ).fetchall()
    assert ("function public.qt001_gateway(pg_catalog.text)", "owner directus") in found


def test_one_of_another_schema_or_role_is_none(at_recorded: Stage) -> None:
    run(
        at_recorded,
        "CREATE SCHEMA apart;\nCREATE FUNCTION apart.qt001_gateway(text) RETURNS text LANGUAGE sql AS 'SELECT $1';\n"
        "CREATE FUNCTION public.qt001_gateway(text) RETURNS text LANGUAGE sql AS 'SELECT $1';\n",
    )
    with at_recorded.connect() as connection:
        assert connection.execute("SELECT * FROM qt001_cp.overload_findings(%s)", [at_recorded.digest]).fetchall() == []
