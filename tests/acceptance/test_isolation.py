"""The guard sees the present: a transaction with an older snapshot is turned away, whatever the gates say."""

from __future__ import annotations

import psycopg
import pytest

from tests.acceptance.attempt import SERVICE
from tests.acceptance.test_sufficiency import CALL
from tests.conftest import Stage


@pytest.mark.parametrize("level", list(psycopg.IsolationLevel)[2:], ids=lambda level: level.name)
def test_older_snapshot_is_refused(opened: Stage, level: psycopg.IsolationLevel) -> None:
    with opened.scene.server.connect(opened.scene.database, SERVICE, autocommit=False) as service:
        service.isolation_level = level
        with pytest.raises(psycopg.Error) as refused:
            service.execute(CALL)
        assert refused.value.sqlstate == "QT305"
        assert "read committed" in str(refused.value)
        service.rollback()


def test_read_committed_writes(opened: Stage) -> None:
    with opened.scene.server.connect(opened.scene.database, SERVICE, autocommit=False) as service:
        service.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
        row = service.execute(CALL).fetchone()
        assert row is not None
        assert row[0]["outcome"] == "written"
        service.rollback()
