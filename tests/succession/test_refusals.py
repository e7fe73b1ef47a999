"""What refuses a succession, with its SQLSTATE; and nothing has moved."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from qt001_cp.errors import Refused
from qt001_cp.rehearsal.scene import OPERATOR
from qt001_cp.workflow.seal import withdraw
from tests.conftest import Stage
from tests.roundtrip.alembic_cli import alembic
from tests.succession.support import COLUMN, Prepared, deployed, prepared

_STATE = (
    "SELECT qt001_cp.sha256_hex(qt001_cp.state_document()), (SELECT string_agg(version_num, ',') FROM qt001_cp.alembic_version),"
    " (SELECT max(seq) FROM qt001_cp.event)"
)


def state(stage: Stage) -> object:
    with stage.connect() as admin:
        return admin.execute(_STATE).fetchone()


@contextmanager
def refused(stage: Stage, sqlstate: str, words: str) -> Iterator[None]:
    before = state(stage)
    with pytest.raises(Refused, match=words) as said:
        yield
    assert said.value.sqlstate == sqlstate, said.value
    assert state(stage) == before


@pytest.fixture
def column(at_fix7c_done: Stage, tmp_path: Path) -> Prepared:
    return prepared(at_fix7c_done, tmp_path, "add_unit", *COLUMN)


@pytest.mark.slow
def test_it_refuses_unless_exactly_the_predecessor_is_live(column: Prepared) -> None:
    """Nothing sealed; no no-go record; drift; another text; another manifest; what is sealed is withdrawn."""
    stage, operator = column.stage, column.stage.scene.dsn(OPERATOR)
    with refused(stage, "QT310", "one whose manifest is sealed and waits"):
        column.forward(operator)
    record = column.where.out / "nogo.json"
    kept = record.read_bytes()
    column.sealed(operator)
    for move, undo, words in (
        ("ALTER TABLE public.qt001_setting ADD COLUMN late int", "ALTER TABLE public.qt001_setting DROP COLUMN late", "qt001_setting"),
        ("GRANT TRIGGER ON public.qt001_setting TO intern", "REVOKE TRIGGER ON public.qt001_setting FROM intern", "TRIGGER"),
        ("CREATE TABLE public.stray (a int); ALTER TABLE public.stray OWNER TO qt001_cp_owner", "DROP TABLE public.stray", "stray"),
    ):  # fmt: skip
        with stage.connect() as admin:
            admin.execute(move.encode())
        with refused(stage, "QT310", words):
            column.forward(operator)
        with stage.connect() as admin:
            admin.execute(undo.encode())
    other = column.where.ini.with_name("add_unit.forward.sql")
    text = other.read_text("utf-8")
    other.write_text(f"{text}-- and more\n", "utf-8")
    with pytest.raises(Exception, match="another text of this one"):
        column.forward(operator)
    other.write_text(text, "utf-8")
    with stage.connect(OPERATOR) as connection:
        withdraw(connection, column.digest, "not wanted")
    with refused(stage, "QT310", "one whose manifest is sealed and waits"):
        column.forward(operator)
    assert record.read_bytes() == kept


@pytest.mark.slow
def test_storage_that_has_changed_meanwhile(column: Prepared) -> None:
    """It is told, and keeps no change from being made or taken back."""
    stage, operator = column.stage, column.stage.scene.dsn(OPERATOR)
    column.sealed(operator)
    with stage.connect() as admin:
        admin.execute("ALTER TABLE public.qt001_setting SET (fillfactor = 90)")
    column.forward(operator)
    assert deployed(stage) == column.digest
    column.back(operator)


@pytest.mark.slow
def test_a_text_that_does_another_thing_than_on_the_copy(at_fix7c_done: Stage, tmp_path: Path) -> None:
    """It asks where it is. The difference is named, and all of it is undone."""
    stage = at_fix7c_done
    sly = (
        "DO $$ BEGIN\n"
        "    ALTER TABLE public.qt001_setting ADD COLUMN unit text;\n"
        "    IF pg_catalog.to_regclass('public.only_here') IS NOT NULL THEN\n"
        "        GRANT SELECT ON public.qt001_setting TO directus;\n"
        "    END IF;\n"
        "END $$;\n"
    )
    change = prepared(stage, tmp_path, "sly", sly, "ALTER TABLE public.qt001_setting DROP COLUMN unit;\n")
    operator = stage.scene.dsn(OPERATOR)
    change.sealed(operator)
    with stage.connect() as admin:
        admin.execute("CREATE TABLE public.only_here (a int)")
    with refused(stage, "QT301", "SELECT for directus by qt001_cp_owner"):
        change.forward(operator)


@pytest.mark.slow
def test_the_printed_script_is_complete_or_nothing(column: Prepared) -> None:
    """The bytes of --sql by psql; each of its statements left out, each line where it could be cut off."""
    stage, operator = column.stage, column.stage.scene.dsn(OPERATOR)
    column.sealed(operator)
    manifest = str(column.where.out / "object.json")
    done = alembic(
        None, "-x", f"manifest={manifest}", "upgrade", "fix7c:add_unit", "--sql", folder=column.where.ini.parent
    )
    assert done.returncode == 0, done.stderr
    script = done.stdout[done.stdout.index("BEGIN;") :]
    statements = re.split(r"(?<=;)\n\n", script)
    assert len(statements) > 12
    before = state(stage)
    for left_out in range(1, len(statements) - 1):
        text = "\n\n".join(s for number, s in enumerate(statements) if number != left_out)
        if "SET LOCAL" in statements[left_out]:
            continue  # a limit of time, or what is set already
        ran = stage.scene.server.psql(text, dbname=stage.scene.database, user=OPERATOR, check=False)
        assert ran.returncode != 0 or statements[left_out].startswith("COMMIT"), statements[left_out]
        assert state(stage) == before, statements[left_out]
    for cut in range(2, next(n for n, s in enumerate(statements) if s.startswith("COMMIT"))):
        text = "\n\n".join(statements[:cut])
        stage.scene.server.psql(
            f"{text};\nCOMMIT;", "-v", "ON_ERROR_STOP=0", dbname=stage.scene.database, user=OPERATOR, check=False
        )
        assert state(stage) == before, statements[cut]
    ran = stage.scene.server.psql(script, dbname=stage.scene.database, user=OPERATOR, check=False)
    assert ran.returncode == 0, ran.stderr
    assert deployed(stage) == column.digest
    column.back(operator)


@pytest.mark.slow
def test_a_lock_is_waited_for_in_bounded_tries_and_then_its_holder_is_named(column: Prepared) -> None:
    """Who reads for a moment is waited for; who stays is named. Others wait half a second at most behind the change."""
    stage, operator = column.stage, column.stage.scene.dsn(OPERATOR)
    column.sealed(operator)
    with stage.connect() as reader, stage.connect() as other:
        reader.execute("BEGIN; SELECT count(*) FROM public.qt001_setting")
        waits: list[float] = []
        stop = threading.Event()

        def read() -> None:
            while not stop.is_set():
                begun = time.monotonic()
                other.execute("SELECT count(*) FROM public.qt001_setting")
                waits.append(time.monotonic() - begun)
                time.sleep(0.05)

        thread = threading.Thread(target=read)
        thread.start()
        try:
            with refused(stage, "QT312", f"session {reader.info.backend_pid} of"):
                column.forward(operator)
        finally:
            stop.set()
            thread.join()
        assert max(waits) < 5, "a reader behind the change waits for one try, not for all"
        threading.Timer(1.0, lambda: reader.execute("ROLLBACK")).start()
        column.forward(operator)
    assert deployed(stage) == column.digest
    column.back(operator)
