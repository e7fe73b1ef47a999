"""The way back is closed when what would be put back has drifted, and only then."""

from __future__ import annotations

import psycopg
import pytest

from qt001_cp.rehearsal.scene import OPERATOR
from tests.conftest import Stage
from tests.cutover.support import refused_downgrade, run

DRIFT = {
    "a column grant": "GRANT SELECT (title) ON public.qt001_source TO public_only",
    "a revoke": "REVOKE SELECT ON public.qt001_setting FROM intern",
    "an owner": "ALTER TABLE public.qt001_source OWNER TO reporting",
    "an object gone": "DROP TABLE public.qt001_import_batch",
    "an object renamed": "ALTER TABLE qt001_data.holiday RENAME TO day_off",
    "a grant to PUBLIC": "GRANT CREATE ON SCHEMA qt001_data TO PUBLIC",
}
NO_REASON = {
    "a body": "CREATE OR REPLACE FUNCTION public.qt001_case_visible(confidential boolean, handler text) RETURNS boolean"
    " LANGUAGE sql STABLE AS 'SELECT true'",
    "a trigger": "ALTER TABLE public.qt001_source DISABLE TRIGGER qt001_source_guard",
    "the database": "ALTER DATABASE directus_case SET search_path = public",
}
"""What no statement of the way back touches."""


def test_grant_on_a_transferred_table(at_fix7b_done: Stage) -> None:
    run(at_fix7b_done, "GRANT SELECT ON public.qt001_source TO public_only;\n")
    refused_downgrade(at_fix7b_done, "fix7a", "QT113", "table public.qt001_source")


def test_source_of_the_apply_path(at_fix7c_done: Stage) -> None:
    run(at_fix7c_done, "ALTER FUNCTION public.qt001_write(jsonb) SET work_mem = '8MB';\n")
    refused_downgrade(at_fix7c_done, "fix7b", "QT113", "function public.qt001_write(pg_catalog.jsonb)")


@pytest.mark.parametrize("way", DRIFT)
def test_restore_refuses(at_fix7b_done: Stage, way: str) -> None:
    with at_fix7b_done.connect() as connection, connection.transaction(force_rollback=True):
        connection.execute(DRIFT[way])
        connection.execute(f"SET LOCAL SESSION AUTHORIZATION {OPERATOR}")
        with pytest.raises(psycopg.Error) as caught:
            connection.execute("SELECT qt001_cp.restore_begin(%s)", [at_fix7b_done.digest])
    assert caught.value.sqlstate == "QT113", str(caught.value)


@pytest.mark.parametrize("way", NO_REASON)
def test_restore_goes_on(at_fix7b_done: Stage, way: str) -> None:
    run(at_fix7b_done, NO_REASON[way])
    at_fix7b_done.downgrade("fix7a")


def test_retained_objects_may_move_meanwhile(at_fix7b_done: Stage) -> None:
    """The application goes on living: its own changes do not close the way back, and stay."""
    run(
        at_fix7b_done,
        "ALTER TABLE public.articles ADD COLUMN subtitle text;\n GRANT SELECT ON public.tags TO intern;\n",
    )
    before = at_fix7b_done.scene.dump("--table", "public.articles", "--table", "public.tags")
    at_fix7b_done.downgrade("fix7a")
    assert at_fix7b_done.scene.dump("--table", "public.articles", "--table", "public.tags") == before


def test_another_manifest_cannot_be_restored(at_fix7b_done: Stage) -> None:
    with at_fix7b_done.connect(OPERATOR) as operator, pytest.raises(psycopg.Error) as caught:
        operator.execute("SELECT qt001_cp.restore_begin(%s)", ["0" * 64])
    assert caught.value.sqlstate == "QT101"


def test_fix7b_is_not_taken_back_under_fix7c(at_fix7c_done: Stage) -> None:
    with at_fix7c_done.connect(OPERATOR) as operator, pytest.raises(psycopg.Error) as caught:
        operator.execute("SELECT qt001_cp.restore_begin(%s)", [at_fix7c_done.digest])
    assert caught.value.sqlstate == "QT122"
