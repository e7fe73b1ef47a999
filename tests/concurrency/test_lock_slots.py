"""Lock slots: what preflight says against what the cutover holds at its end."""

from __future__ import annotations

import json

import pytest

from qt001_cp.cli import main
from qt001_cp.rehearsal.scene import OPERATOR
from tests.concurrency.support import forward
from tests.conftest import Stage

_HELD = """
SELECT count(*) FROM (
    SELECT DISTINCT locktype, database, relation, page, tuple, virtualxid, transactionid::text, classid, objid, objsubid
    FROM pg_catalog.pg_locks WHERE pid = pg_catalog.pg_backend_pid()) one
"""


def test_predicted_is_held_at_the_end(at_recorded: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    """Within one in a hundred; pg_locks is read by the script's own session, before its COMMIT."""
    body, commit = forward(at_recorded).rsplit("COMMIT;", 1)
    assert not commit.strip()
    said = at_recorded.scene.psql(f"{body}\\t on\n\\a\n\\echo LOCKS\n{_HELD};\nROLLBACK;\n")
    held = int(said.split("LOCKS")[1].split()[0])
    call = ["preflight", at_recorded.manifest_path, "--database", at_recorded.scene.dsn(OPERATOR)]
    assert main([*call, "--format", "json"]) == 0
    slots = json.loads(capsys.readouterr().out)["lock_slots"]
    assert abs(slots["needed"] - held) <= held / 100, f"predicted {slots['needed']}, held {held}"
    assert main(call) == 0
    assert f"{slots['needed']} lock slots needed, " in capsys.readouterr().out


def test_free_slots_are_those_that_nobody_holds(at_recorded: Stage) -> None:
    query = "SELECT capacity, free FROM qt001_cp.lock_estimate(%s)"
    with at_recorded.connect() as greedy, at_recorded.connect(OPERATOR) as operator:
        capacity, before = operator.execute(query, [at_recorded.digest]).fetchone() or (0, 0)
        greedy.execute("BEGIN")
        greedy.execute("SELECT count(pg_advisory_xact_lock(n)) FROM generate_series(1, 1000) n")
        row = operator.execute(query, [at_recorded.digest]).fetchone()
        greedy.execute("ROLLBACK")
        product = operator.execute(
            "SELECT current_setting('max_locks_per_transaction')::int"
            " * (current_setting('max_connections')::int + current_setting('max_prepared_transactions')::int)"
        ).fetchone()
    assert row is not None
    assert product is not None
    assert row[0] == capacity == product[0]
    assert 990 <= before - row[1] <= 1010
