"""What refuses a change that moves something, with its SQLSTATE; and nothing has moved."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from qt001_cp.rehearsal.scene import OPERATOR
from tests.conftest import Stage
from tests.roundtrip.alembic_cli import alembic
from tests.succession.support import Prepared, deployed, policy, prepared, schema
from tests.succession.test_moves import GIVE, TAKE, UNTIE
from tests.succession.test_refusals import refused, state


@pytest.fixture
def moves(at_fix7c_done: Stage, tmp_path: Path) -> Prepared:
    change = prepared(at_fix7c_done, tmp_path, "moves", *UNTIE, policy(tmp_path, TAKE, GIVE))
    change.sealed(at_fix7c_done.scene.dsn(OPERATOR))
    return change


def _moved(stage: Stage, statement: str, user: str | None = None) -> None:
    with stage.connect(user) as connection:
        connection.execute(statement.encode())


@pytest.mark.slow
def test_what_has_moved_meanwhile(moves: Prepared) -> None:
    """Before the change on what it takes, and before its way back on what it has given."""
    stage, operator = moves.stage, moves.stage.scene.dsn(OPERATOR)
    base = schema(stage)
    for move, undo, sqlstate, words in (
        ("GRANT UPDATE ON public.redirects TO intern", "REVOKE UPDATE ON public.redirects FROM intern", "QT310", "UPDATE for intern"),
        ("ALTER TABLE public.redirects ADD COLUMN late int", "ALTER TABLE public.redirects DROP COLUMN late", "QT301", "late"),
        ("CREATE VIEW public.redirects_now AS SELECT url_to FROM public.redirects; ALTER VIEW public.redirects_now OWNER TO directus", "DROP VIEW public.redirects_now", "QT108", "redirects_now"),
    ):  # fmt: skip  # one move a line
        _moved(stage, move)
        with refused(stage, sqlstate, words):
            moves.forward(operator)
        _moved(stage, undo)
    assert schema(stage) == base
    moves.forward(operator)
    after = schema(stage)
    for move, undo, sqlstate, words in (
        ("GRANT SELECT ON public.qt001_import_batch TO intern", "REVOKE SELECT ON public.qt001_import_batch FROM intern", "QT310", "SELECT for intern"),
        ("ALTER TABLE public.qt001_import_batch ADD COLUMN late int", "ALTER TABLE public.qt001_import_batch DROP COLUMN late", "QT301", "late"),
    ):  # fmt: skip  # one move a line
        _moved(stage, move)
        with refused(stage, sqlstate, words):
            moves.back(operator)
        _moved(stage, undo)
    assert schema(stage) == after
    moves.back(operator)
    assert schema(stage) == base


@pytest.mark.slow
def test_transactions_of_the_application_end_where_the_change_takes_something(moves: Prepared) -> None:
    """A transaction of the application, idle in it or not, and a lock of anybody on what is moved; an idle session is in nobody's way."""
    stage, operator = moves.stage, moves.stage.scene.dsn(OPERATOR)
    for way in (moves.forward, moves.back):
        with stage.connect("directus") as application, stage.connect() as reader:
            application.execute("SELECT 1")
            application.execute("BEGIN")
            with refused(stage, "QT108", "no open transaction of the application"):
                way(operator, lock_timeout="1s")
            application.execute("ROLLBACK")
            reader.execute("BEGIN; SELECT count(*) FROM public.redirects")
            before = state(stage)
            with pytest.raises(Exception, match=f"session {reader.info.backend_pid} of postgres"):
                way(operator, lock_timeout="1s")
            assert state(stage) == before
            reader.execute("ROLLBACK")
            way(operator)
    assert deployed(stage) == stage.digest


@pytest.mark.slow
def test_the_printed_script_is_complete_or_nothing(moves: Prepared) -> None:
    """The bytes of --sql by psql, there and back: each statement left out, another one put in; then as it is."""
    stage = moves.stage
    base = schema(stage)
    manifest = str(moves.where.out / "object.json")
    for verb, way, there in (
        ("upgrade", "fix7c:moves", moves.digest),
        ("downgrade", "moves:changes@base", stage.digest),
    ):
        done = alembic(None, "-x", f"manifest={manifest}", verb, way, "--sql", folder=moves.where.ini.parent)
        assert done.returncode == 0, done.stderr
        script = done.stdout[done.stdout.index("BEGIN;") :]
        statements = re.split(r"(?<=;)\n\n", script)
        assert sum("require_statements" in s for s in statements) >= 2
        assert sum("qt001_cp.lend_create(" in s for s in statements) == 2
        before, dump = state(stage), schema(stage)
        for number, left_out in enumerate(statements[1:-1], 1):
            if left_out.startswith("COMMIT") or ("SET LOCAL" in left_out and "DO $" not in left_out):
                continue  # a limit of time, or what is set already
            ran = _psql(stage, [s for n, s in enumerate(statements) if n != number])
            assert ran != 0, left_out
            assert state(stage) == before, left_out
        for smuggled in (
            "ALTER TABLE public.newsletter OWNER TO reporting;",
            "GRANT UPDATE ON public.articles TO PUBLIC;",
            "ALTER TABLE public.qt001_case OWNER TO directus;",
        ):
            at = next(n for n, s in enumerate(statements) if "run_change" in s)
            assert _psql(stage, [*statements[:at], smuggled, *statements[at:]]) != 0, smuggled
            assert state(stage) == before, smuggled
        assert schema(stage) == dump
        assert _psql(stage, statements) == 0
        assert deployed(stage) == there
    assert schema(stage) == base


def _psql(stage: Stage, statements: list[str]) -> int:
    text = "\n\n".join(statements)
    return stage.scene.server.psql(text, dbname=stage.scene.database, user=OPERATOR, check=False).returncode


@pytest.mark.slow
def test_a_script_without_its_moves(moves: Prepared) -> None:
    """Printed without the manifest, there and back; with it the way back goes."""
    stage, operator = moves.stage, moves.stage.scene.dsn(OPERATOR)
    with refused(stage, "QT103", "owners and privileges: expected the statements of manifest"):
        moves.forward(operator, manifest="")
    moves.forward(operator)
    with refused(stage, "QT103", "owners and privileges: expected the statements of manifest"):
        moves.back(operator, manifest="")
    moves.back(operator)


@pytest.mark.slow
def test_or_replace_is_refused_for_what_is_there(at_fix7c_done: Stage, tmp_path: Path) -> None:
    """CREATE OR REPLACE passes over nothing, whoever has it: not when it is sealed, and not when the change begins."""
    stage, operator = at_fix7c_done, at_fix7c_done.scene.dsn(OPERATOR)
    text = (
        "CREATE OR REPLACE FUNCTION public.qt001_today() RETURNS date LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp\n"
        "    AS $$ SELECT current_date $$;\nREVOKE EXECUTE ON FUNCTION public.qt001_today() FROM PUBLIC;\n",
        "DROP FUNCTION public.qt001_today();\n",
    )
    change = prepared(stage, tmp_path, "today", *text)
    squat = "CREATE FUNCTION public.qt001_today() RETURNS date LANGUAGE sql AS 'SELECT current_date'"
    change.sealed(operator)
    for owner in ("reporting", "qt001_service"):
        _moved(stage, f"{squat}; ALTER FUNCTION public.qt001_today() OWNER TO {owner}")
        with refused(stage, "QT310", f"an object of {owner}"):
            change.forward(operator)
        _moved(stage, "DROP FUNCTION public.qt001_today()")
    change.forward(operator)
    change.back(operator)
