"""A lock that is not free: the stage gives up after lock_timeout, nothing has changed, readers go on; a person retries."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import psycopg
import pytest

from qt001_cp.errors import UsageError
from qt001_cp.ops.directives import LOCK_TIMEOUT
from qt001_cp.rehearsal.scene import OPERATOR
from qt001_cp.workflow.revisions import project_folder
from tests.concurrency.support import back, forward, running, stage_of, until, waits_for_a_lock
from tests.conftest import Stage
from tests.cutover.support import refused_in_psql, unchanged
from tests.roundtrip.alembic_cli import alembic

READS = "SELECT count(*) FROM public.qt001_source"


def test_reader_that_holds_a_table(at_recorded: Stage) -> None:
    with at_recorded.connect("reporting") as reader:
        reader.execute("BEGIN")
        reader.execute(READS)
        text = forward(at_recorded, lock_timeout="300ms")
        refused_in_psql(
            at_recorded,
            text,
            "55P03",
            "public.qt001_source: expected all locks free",
            " of reporting, client backend",
            "pg_terminate_backend(",
        )
        reader.execute("ROLLBACK")
    at_recorded.scene.psql(forward(at_recorded))


def test_application_begins_to_read_while_the_cutover_waits(at_recorded: Stage) -> None:
    """Its open SELECT began after the cutover did, so it is no old transaction: its lock alone stops the cutover."""
    with unchanged(at_recorded), at_recorded.connect() as reader, at_recorded.connect("directus") as app:
        reader.execute("BEGIN")
        reader.execute("SELECT 1 FROM public.qt001_switch")
        with running(at_recorded, forward(at_recorded, lock_timeout="3s")) as cutover:
            until("the cutover waits", lambda: waits_for_a_lock(at_recorded))
            app.execute("BEGIN")
            app.execute(READS)
            reader.execute("ROLLBACK")
            code, said = cutover.end()
        assert code == 3
        assert "ERROR:  55P03:" in said, said
        assert "qt001_source" in said, said
        app.execute("ROLLBACK")


def test_old_transaction_of_the_application_ends_in_time(at_recorded: Stage) -> None:
    with at_recorded.connect("directus") as app:
        app.execute("BEGIN")
        app.execute(READS)
        with running(at_recorded, forward(at_recorded, lock_timeout="50s")) as cutover, at_recorded.connect() as seen:
            until("the cutover waits for it", lambda: _in_during_begin(seen))
            app.execute("COMMIT")
            code, said = cutover.end()
    assert code == 0, said


def test_readers_go_on_while_the_cutover_waits(at_recorded: Stage) -> None:
    """The application reads a table that the cutover queues for; it is answered long before the cutover gives up."""
    with at_recorded.connect() as reader, at_recorded.connect("directus") as app:
        reader.execute("BEGIN")
        reader.execute("SELECT 1 FROM public.qt001_switch")
        with running(at_recorded, forward(at_recorded, lock_timeout="50s")) as cutover:
            until("the cutover waits", lambda: waits_for_a_lock(at_recorded))
            for _ in range(5):
                app.execute("SELECT state FROM public.qt001_switch")
                app.execute(READS)
            assert cutover.process.poll() is None, "the cutover had ended"
            reader.execute("ROLLBACK")
            code, said = cutover.end()
    assert code == 0, said


@pytest.mark.parametrize("name", ["lock_timeout", "statement_timeout"])
@pytest.mark.parametrize("value", ["soon", "2 s", "-1", "1.5s", "", "2s; SELECT 1", "99999999999", "40d", "1us"])
def test_limit_that_is_none_is_refused_when_printing(at_recorded: Stage, name: str, value: str) -> None:
    with pytest.raises(UsageError) as caught:
        forward(at_recorded, **{name: value})
    assert f"-x {name}=" in caught.value.message
    assert caught.value.hint is not None


def test_wrong_limit_on_the_command_line(at_recorded: Stage) -> None:
    done = alembic(
        None,
        "-x",
        f"manifest={at_recorded.manifest_path}",
        "-x",
        "lock_timeout=soon",
        "upgrade",
        "fix7a:fix7b",
        "--sql",
    )
    assert done.returncode != 0
    assert "-x lock_timeout=soon: expected a whole number and a unit" in done.stdout + done.stderr


def test_limits_are_printed(at_recorded: Stage) -> None:
    for text in (
        forward(at_recorded, lock_timeout="2s", statement_timeout="90min"),
        back(at_recorded, lock_timeout="2s", statement_timeout="90min"),
    ):
        assert "SET LOCAL lock_timeout = '2s';" in text
        assert "SET LOCAL statement_timeout = '90min';" in text
    assert f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}';" in forward(at_recorded)


def _in_during_begin(connection: psycopg.Connection) -> bool:
    query = (
        "SELECT EXISTS (SELECT 1 FROM pg_stat_activity WHERE application_name = 'running' AND wait_event = 'PgSleep')"
    )
    return connection.execute(query).fetchone() == (True,)


def _run_reviewed(stage: Stage, file: Path, *args: str) -> subprocess.Popen[str]:
    server = stage.scene.server
    env = server.env(stage.scene.database, OPERATOR)
    env["PATH"] = f"{server.bin}{os.pathsep}{env['PATH']}"
    script = str(project_folder() / "scripts" / "run-reviewed")
    return subprocess.Popen(
        [script, str(file), *args],
        env={**env, "PGAPPNAME": "running"},
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def test_retry_after_a_lock_timeout(at_recorded: Stage, tmp_path: Path) -> None:
    """It gives up once, and again, until the reader is gone; the file that runs is the one that was hashed."""
    file = tmp_path / "fix7b.sql"
    file.write_text(forward(at_recorded, lock_timeout="200ms"), "utf-8")
    said = ""
    with at_recorded.connect("reporting") as reader:
        reader.execute("BEGIN")
        reader.execute(READS)
        process = _run_reviewed(at_recorded, file, "--tries", "50", "--wait", "0")
        assert process.stdout is not None
        for line in process.stdout:
            said += line
            if line.startswith("sha256"):
                file.write_text("SELECT 1/0;", "utf-8")
            if line.startswith("try 2"):
                reader.execute("ROLLBACK")
    assert process.wait() == 0, said
    assert "ERROR:  55P03:" in said
    with at_recorded.connect() as connection:
        assert stage_of(connection) == "fix7b"


def test_no_retry_without_being_told(at_recorded: Stage, tmp_path: Path) -> None:
    """Not a second time without --tries; with --tries, but nobody to ask and no --wait, not either."""
    file = tmp_path / "fix7b.sql"
    file.write_text(forward(at_recorded, lock_timeout="200ms"), "utf-8")
    with unchanged(at_recorded), at_recorded.connect("reporting") as reader:
        reader.execute("BEGIN")
        reader.execute(READS)
        for more in ((), ("--tries", "3")):
            process = _run_reviewed(at_recorded, file, *more)
            said, _ = process.communicate()
            assert process.returncode == 3, said
            assert "try 1 of" in said, said
            assert "try 2" not in said, said


def test_no_retry_of_another_refusal(at_fix7a_sealed: Stage, tmp_path: Path) -> None:
    file = tmp_path / "fix7b.sql"
    file.write_text(forward(at_fix7a_sealed), "utf-8")
    with unchanged(at_fix7a_sealed):
        process = _run_reviewed(at_fix7a_sealed, file, "--tries", "3", "--wait", "0")
        said, _ = process.communicate()
    assert process.returncode == 3
    assert "not tried again" in said, said
    assert "(QT105)" in said, said
    assert "try 2" not in said, said


@pytest.mark.parametrize("call", [(), ("--tries", "0"), ("--tries", "x"), ("--wait",), ("--fast",), ("other.sql",)])
def test_wrong_call_of_the_script(at_recorded: Stage, tmp_path: Path, call: tuple[str, ...]) -> None:
    file = tmp_path / "fix7b.sql"
    if call:
        file.write_text("SELECT 1", "utf-8")
    process = _run_reviewed(at_recorded, file, *call)
    said, _ = process.communicate()
    assert process.returncode == 2, said
    assert "usage: run-reviewed" in said
