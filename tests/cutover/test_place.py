"""Precondition 9 and the place: locks and timeouts, server, database, stage, one operator at a time."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from psycopg import sql

from qt001_cp.errors import Refused
from qt001_cp.rehearsal.scene import OPERATOR
from tests.conftest import Stage
from tests.cutover.support import of_another_major, printed, refused, refused_in_psql, reseal, unchanged

_LOCKS = """
SELECT count(*) FILTER (WHERE NOT fastpath), count(*) FROM (
    SELECT DISTINCT fastpath, locktype, database, relation, classid, objid, objsubid FROM pg_catalog.pg_locks
    WHERE pid = pg_catalog.pg_backend_pid() AND locktype NOT IN ('virtualxid', 'transactionid')) held
"""


@pytest.mark.parametrize("setting", ["lock_timeout", "statement_timeout"])
def test_no_limit(at_recorded: Stage, setting: str) -> None:
    refused(at_recorded, "QT109", setting, "no limit", **{setting: "0"})


def test_no_limit_in_the_printed_text(at_recorded: Stage) -> None:
    text = printed(at_recorded).replace("SET LOCAL lock_timeout = '5s';\n", "SET LOCAL lock_timeout = 0;\n")
    refused_in_psql(at_recorded, text, "QT109", "lock_timeout")


def test_isolation(at_recorded: Stage) -> None:
    refused(at_recorded, "QT109", "transaction isolation", options="-c default_transaction_isolation=serializable")


def test_lock_need_is_what_the_cutover_takes(at_recorded: Stage) -> None:
    """At least the slots of the shared table; at most every lock, as where no backend has fast-path slots left."""
    body, commit = printed(at_recorded).rsplit("COMMIT;", 1)
    assert not commit.strip()
    said = at_recorded.scene.psql(f"{body}\\t on\n\\a\n\\echo LOCKS\n{_LOCKS};\nROLLBACK;\n")
    shared, every = map(int, said.split("LOCKS")[1].split()[0].split("|"))
    with at_recorded.connect(OPERATOR) as operator:
        row = operator.execute("SELECT qt001_cp.lock_need(%s)", [at_recorded.digest]).fetchone()
    assert row is not None
    assert shared <= row[0] <= every + 20, f"needs {row[0]}, took {shared} in the shared table, {every} in all"


def test_too_few_lock_slots(at_recorded: Stage) -> None:
    """The server has fewer slots than the cutover needs: another session holds the others."""
    with at_recorded.connect() as greedy:
        greedy.execute("BEGIN")
        row = greedy.execute(
            "SELECT current_setting('max_locks_per_transaction')::int"
            " * (current_setting('max_connections')::int + current_setting('max_prepared_transactions')::int)"
        ).fetchone()
        assert row is not None
        greedy.execute("SELECT count(pg_advisory_xact_lock(n)) FROM generate_series(1, %s) n", [row[0] - 100])
        refused(at_recorded, "QT109", "lock slots")
        greedy.execute("ROLLBACK")


def test_another_major_version(at_recorded: Stage) -> None:
    """The server was upgraded after sealing."""
    of_another_major(at_recorded, at_recorded.manifest.server_major - 1)
    refused(at_recorded, "QT120", "major version")


def test_a_manifest_of_another_major_version_is_not_sealed(at_fix7a_sealed: Stage, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="expected one of major version") as caught:
        reseal(at_fix7a_sealed, tmp_path, edit=lambda m: replace(m, server_major=m.server_major - 1))
    assert caught.value.sqlstate == "QT120"


def test_another_database(at_recorded: Stage) -> None:
    """The mark of a rehearsal names its database too, so the printed text is what gets that far."""
    text, old = printed(at_recorded), at_recorded.scene.database
    with at_recorded.scene.server.connect("postgres") as admin:
        rename = sql.SQL("ALTER DATABASE {} RENAME TO {}")
        admin.execute(rename.format(sql.Identifier(old), sql.Identifier("directus_copy")))
        try:
            elsewhere = replace(at_recorded, scene=replace(at_recorded.scene, database="directus_copy"))
            refused_in_psql(elsewhere, text, "QT121", "directus_copy")
            refused(elsewhere, "QT124", "directus_copy")
        finally:
            admin.execute(rename.format(sql.Identifier("directus_copy"), sql.Identifier(old)))


def test_database_that_is_no_rehearsal(at_recorded: Stage) -> None:
    with at_recorded.connect() as connection:
        connection.execute("UPDATE qt001_cp.bootstrap SET rehearsal = false")
    refused(at_recorded, "QT124", at_recorded.scene.database)
    refused_in_psql(at_recorded, printed(at_recorded, rehearsal="first"), "QT105")
    at_recorded.scene.psql(printed(at_recorded))


def test_second_run(at_fix7b_done: Stage) -> None:
    refused_in_psql(at_fix7b_done, printed(at_fix7b_done), "QT122", "stage")
    with unchanged(at_fix7b_done):
        at_fix7b_done.upgrade("fix7b")


def test_two_operators(at_recorded: Stage) -> None:
    with at_recorded.connect(OPERATOR) as other:
        other.execute("SELECT pg_advisory_lock(hashtextextended('qt001_cp.cutover', 0))")
        refused(at_recorded, "QT123", "another session")
        refused_in_psql(at_recorded, printed(at_recorded), "QT123")


def test_lock_that_somebody_holds(at_recorded: Stage) -> None:
    """The cutover waits for no longer than its lock_timeout."""
    with at_recorded.connect("reporting") as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT 1 FROM public.qt001_source")
        text = printed(at_recorded, lock_timeout="200ms")
        refused_in_psql(at_recorded, text, "55P03")
        reader.execute("ROLLBACK")
