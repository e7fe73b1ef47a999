"""Precondition 4: the search path of every SECURITY DEFINER routine is pinned, pg_temp last, nothing writable in it."""

from __future__ import annotations

from pathlib import Path

from qt001_cp.model.names import path_schemas
from tests.conftest import Stage
from tests.cutover.support import edited_policy, findings, refused, reseal, run, sealed_with, stopped

_GATEWAY = "public.qt001_gateway(pg_catalog.jsonb)"
PATHS = {
    "qt001_gateway(jsonb)": "SET search_path = pg_catalog",
    "qt001_permit(jsonb)": "SET search_path = pg_temp, pg_catalog",
    "qt001_write(jsonb)": 'SET search_path = pg_catalog, "$user", pg_temp',
    "qt001_apply(uuid, jsonb)": "SET search_path = ''",
    "articles_count(text)": "SECURITY DEFINER",
}
"""pg_temp not named, named first, the user's own schema, nothing at all, and a retained routine that is not pinned."""


def test_every_insecure_path_is_found(at_fix7a_sealed: Stage) -> None:
    statements = "".join(f"ALTER FUNCTION public.{name} {path};\n" for name, path in PATHS.items())
    found = findings(at_fix7a_sealed, statements, sealed_again=True)
    named = {what.split("(")[0] for state, what in found if state == "QT104"}
    assert named == {f"function public.{name.split('(')[0]}" for name in PATHS}, found


def test_search_path_is_not_pinned(at_fix7a_sealed: Stage, tmp_path: Path) -> None:
    run(at_fix7a_sealed, "ALTER FUNCTION public.qt001_gateway(jsonb) RESET search_path;\n")
    reseal(at_fix7a_sealed, tmp_path)
    refused(at_fix7a_sealed, "QT104", _GATEWAY, "no pinned search_path", rehearsal="first")


def test_writable_schema_in_the_path(at_base: Stage, tmp_path: Path) -> None:
    rule = (
        '[[rule]]\nkind = "schema"\nname = "playground"\ndisposition = "retain"\nreason = "the application\'s own"\n\n'
    )
    head = '[[rule]]\nkind = "database"'
    policy = edited_policy(tmp_path, head, rule + head)
    run(
        at_base,
        "CREATE SCHEMA playground AUTHORIZATION directus;\n"
        "ALTER FUNCTION public.qt001_gateway(jsonb) SET search_path = pg_catalog, playground, pg_temp;\n",
    )
    sealed_with(at_base, tmp_path, policy)
    refused(at_base, "QT104", _GATEWAY, "playground", rehearsal="first")


def test_routine_of_the_control_plane_counts_too(at_recorded: Stage) -> None:
    statement = "ALTER FUNCTION qt001_cp.seal_manifest(text) RESET search_path;\n"
    stopped(at_recorded, statement, "QT104", "qt001_cp.seal_manifest(pg_catalog.text)", "no pinned search_path")


def test_a_path_is_read_as_postgresql_reads_it(at_fix7a_sealed: Stage) -> None:
    """By both twins: what PostgreSQL stores for a routine, names with commas, blanks and quotes in them, and of mixed case."""
    named = ("a,b", "a", "B c", 'd"e', "pg_catalog", "$user", "", "pg_temp")
    quoted = ", ".join('"' + name.replace('"', '""') + '"' for name in named[:-2]) + ", '', pg_temp"
    with at_fix7a_sealed.connect() as connection:
        connection.execute(f"ALTER FUNCTION public.slugify(text) SET search_path = {quoted}")
        row = connection.execute(
            "SELECT substr(c, 13), qt001_cp.path_schemas(substr(c, 13)) FROM pg_proc p, unnest(p.proconfig) c WHERE p.proname = 'slugify'"
        ).fetchone()
    assert row is not None
    assert tuple(row[1]) == path_schemas(row[0]) == named
    assert path_schemas("Public,pg_temp") == ("public", "pg_temp")
