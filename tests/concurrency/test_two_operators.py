"""Two operators at once, by psql and by Alembic: one runs, the other is refused at once, in either order."""

from __future__ import annotations

import pytest

from qt001_cp.errors import Refused
from qt001_cp.rehearsal.scene import OPERATOR
from tests.concurrency.support import back, forward, running, stage_of, until, waits_for_a_lock
from tests.conftest import Stage
from tests.cutover.support import refused_in_psql


def test_second_is_refused_while_the_first_waits(at_recorded: Stage) -> None:
    """The first, by psql, waits for a reader; the second comes by psql and by Alembic; then the first ends well."""
    with at_recorded.connect("reporting") as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT 1 FROM public.qt001_source")
        with running(at_recorded, forward(at_recorded, lock_timeout="50s")) as first:
            until("the first waits", lambda: waits_for_a_lock(at_recorded))
            refused_in_psql(at_recorded, forward(at_recorded), "QT123", "another session")
            with pytest.raises(Refused) as caught:
                at_recorded.upgrade("fix7b")
            assert caught.value.sqlstate == "QT123"
            reader.execute("ROLLBACK")
            code, said = first.end()
    assert code == 0, said
    with at_recorded.connect() as connection:
        assert stage_of(connection) == "fix7b"


def test_second_by_psql_after_the_first_by_alembic(at_recorded: Stage) -> None:
    """The first holds the lock of a stage in an open transaction, as Alembic does before its COMMIT."""
    with at_recorded.connect(OPERATOR) as first:
        first.execute("BEGIN")
        first.execute("SET LOCAL lock_timeout = '5s'; SET LOCAL statement_timeout = '60s'")
        first.execute("SELECT qt001_cp.cutover_begin(%s, false)", [at_recorded.digest])
        with running(at_recorded, forward(at_recorded)) as second:
            code, said = second.end()
        assert code == 3, said
        assert "ERROR:  QT123:" in said, said
        first.execute("ROLLBACK")
    at_recorded.upgrade("fix7b")


def test_both_at_the_same_moment(at_recorded: Stage) -> None:
    """Several times: whoever comes second is refused with QT123, or comes after the first and is refused with QT122."""
    for text, end in ((forward(at_recorded), "fix7b"), (back(at_recorded), "fix7a"), (forward(at_recorded), "fix7b")):
        with running(at_recorded, text) as one, running(at_recorded, text) as other:
            ended = [one.end(), other.end()]
        assert sorted(code for code, _ in ended) == [0, 3], ended
        said = next(said for code, said in ended if code == 3)
        assert "ERROR:  QT123:" in said or "ERROR:  QT122:" in said, said
        with at_recorded.connect() as connection:
            assert stage_of(connection) == end
