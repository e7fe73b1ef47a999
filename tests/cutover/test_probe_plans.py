"""The probe of ``[[blocked]]`` reads as the operator: what the planner would run of the table's owner is looked for first."""

from __future__ import annotations

from typing import LiteralString

import psycopg
import pytest

from tests.conftest import Stage

_PLANT = """
CREATE FUNCTION public.planted(i int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user) THEN
        PERFORM public.planted_too();
    END IF;
    RETURN 1;
END $$;
CREATE FUNCTION public.planted_too() RETURNS void LANGUAGE plpgsql AS $$ BEGIN ALTER ROLE directus SUPERUSER; END $$;
"""
WHERE = {
    "index": "CREATE INDEX planted ON public.qt001_switch (public.planted(1))",
    "condition": "CREATE INDEX planted ON public.qt001_switch (name) WHERE public.planted(1) = 1",
    "statistics": "CREATE STATISTICS public.planted ON name, (public.planted(1)) FROM public.qt001_switch",
    "check": "ALTER TABLE public.qt001_switch ADD CHECK (public.planted(1) = 1); ALTER DATABASE directus_case SET constraint_exclusion = on",
}


@pytest.mark.parametrize("where", WHERE)
def test_what_the_planner_would_run_is_looked_for_before_the_table_is_read(at_fix7a_sealed: Stage, where: str) -> None:
    stage = at_fix7a_sealed
    with stage.connect("directus") as application:
        application.execute(_PLANT)
        application.execute(WHERE[where].encode())
    with stage.connect() as superuser:
        found = superuser.execute(
            "SELECT sqlstate, found FROM qt001_cp.blocked_findings(%s)", [stage.digest]
        ).fetchall()
        assert superuser.execute("SELECT rolsuper FROM pg_roles WHERE rolname = 'directus'").fetchone() == (False,)
    if where != "check":  # off for the probe, so it is read and nothing runs
        assert found
        assert all(code == "QT106" and "reading the table would run it" in words for code, words in found)
    else:
        assert found == []


@pytest.mark.parametrize(
    "reading",
    [
        "SELECT qt001_cp.blocked_findings(%s)",
        "SELECT qt001_cp.content_digest('public.qt001_source'::regclass, 'public', 'qt001_source') WHERE %s <> ''",
    ],
    ids=["blocked", "content"],
)
def test_no_index_is_made_between_the_look_and_the_read(at_fix7a_sealed: Stage, reading: LiteralString) -> None:
    stage = at_fix7a_sealed
    table = "qt001_switch" if "blocked" in reading else "qt001_source"
    with stage.connect() as superuser, stage.connect("directus") as application:
        superuser.execute("BEGIN")
        superuser.execute(reading, [stage.digest])
        application.execute("SET lock_timeout = '50ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            application.execute(f"CREATE INDEX planted ON public.{table} ((1))".encode())
        with pytest.raises(psycopg.errors.LockNotAvailable):
            application.execute(f"CREATE INDEX CONCURRENTLY planted ON public.{table} ((1))".encode())
        application.execute(f"DELETE FROM public.{table} WHERE false".encode())
        superuser.execute("ROLLBACK")
