"""What moves without an event trigger: gates and guard say the same before and after."""

from __future__ import annotations

import psycopg
import pytest

from tests.acceptance.attempt import SERVICE
from tests.acceptance.support import CALL
from tests.concurrency.support import until
from tests.conftest import Stage

NUMBER = "SELECT number FROM qt001_cp.verdict"
ACCEPTED = "SELECT accepted FROM qt001_cp.v_fix7_acceptance"


def test_a_clustering_mark_is_storage(opened: Stage) -> None:
    with opened.connect(SERVICE) as service, opened.connect() as admin:
        service.execute(CALL)
        kept = admin.execute(NUMBER).fetchone()
        admin.execute("CLUSTER public.qt001_source USING qt001_source_pkey")
        assert admin.execute(ACCEPTED).fetchone() == (True,)
        service.execute(CALL)
        assert admin.execute(NUMBER).fetchone() == kept
        assert admin.execute("SELECT object FROM qt001_cp.drift()").fetchall() == []


ENDS = ("DISCARD TEMP", "DISCARD ALL", "its session ends")


@pytest.mark.parametrize("end", ENDS)
def test_what_goes_with_a_temporary_object(opened: Stage, end: str) -> None:
    """A trigger on a protected table whose function is temporary: it closes while it is there, and goes by cascade."""
    with opened.connect(SERVICE) as service, opened.connect() as admin:
        service.execute(CALL)
        with opened.connect() as other:
            other.execute(
                "CREATE FUNCTION pg_temp.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
                "CREATE TRIGGER extra BEFORE UPDATE ON public.qt001_setting FOR EACH ROW EXECUTE FUNCTION pg_temp.f()"
            )
            assert admin.execute(ACCEPTED).fetchone() == (False,)
            with pytest.raises(psycopg.Error) as refused:
                service.execute(CALL)
            assert "definitions_exact" in str(refused.value)
            if end.startswith("DISCARD"):
                other.execute(end.encode())
        _gone(admin)
        assert admin.execute(ACCEPTED).fetchone() == (True,)
        service.execute(CALL)


def test_no_verdict_is_kept_while_something_may_go_unseen(opened: Stage) -> None:
    """A permanent object that depends on a temporary one, open gates: each call is judged; afterwards one verdict is kept again."""
    with opened.connect(SERVICE) as service, opened.connect() as admin, opened.connect() as other:
        other.execute(
            "CREATE SCHEMA beside; CREATE TEMP TABLE t (a int);"
            "CREATE FUNCTION beside.f(t) RETURNS int LANGUAGE sql AS 'SELECT 1'; REVOKE ALL ON FUNCTION beside.f(t) FROM PUBLIC"
        )
        before = admin.execute(NUMBER).fetchone()
        service.execute(CALL)
        assert admin.execute(NUMBER).fetchone() == before
        other.execute("DISCARD TEMP")
        service.execute(CALL)
        kept = admin.execute(NUMBER).fetchone()
        assert kept != before
        service.execute(CALL)
        assert admin.execute(NUMBER).fetchone() == kept
        other.execute("DROP SCHEMA beside CASCADE")


def _gone(admin: psycopg.Connection) -> None:
    """The objects of a session go a moment after it has said goodbye."""
    query = "SELECT count(*) FROM pg_trigger WHERE tgname = 'extra'"
    until("the trigger is gone", lambda: admin.execute(query).fetchone() == (0,))
