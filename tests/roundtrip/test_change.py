"""A change of what is protected, tried in a rehearsal: the team's revisions beside ours, and what refuses them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from qt001_cp.cli import main
from qt001_cp.emit.change import run_change
from qt001_cp.errors import FileProblem
from qt001_cp.model.change import Change, read_change
from qt001_cp.rehearsal.scene import OPERATOR
from tests.conftest import Stage
from tests.roundtrip.alembic_cli import alembic

ADD = "ALTER TABLE public.qt001_setting ADD COLUMN unit text DEFAULT 'm';\n"
DROP = "ALTER TABLE public.qt001_setting DROP COLUMN unit;\n"
_STATE = (
    "SELECT qt001_cp.sha256_hex(qt001_cp.state_document()), (SELECT string_agg(version_num, ',') FROM qt001_cp.alembic_version),"
    " (SELECT max(seq) FROM qt001_cp.event), (SELECT count(*) FROM qt001_cp.document)"
)


def _write(folder: Path, name: str, forward: str, back: str) -> None:
    assert main(["change", "new", name, "--folder", str(folder)]) == 0
    (folder / f"{name}.forward.sql").write_text(forward, "utf-8")
    (folder / f"{name}.back.sql").write_text(back, "utf-8")


def _state(stage: Stage) -> Any:
    with stage.connect() as admin:
        return admin.execute(_STATE).fetchone()


def _run(stage: Stage, folder: Path, *args: str, code: int = 0) -> str:
    done = alembic(stage, *args, folder=folder)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def _refused(stage: Stage, folder: Path, args: tuple[str, ...], *words: str) -> None:
    before = _state(stage)
    said = _run(stage, folder, *args, code=255)
    assert all(word in said for word in words), said
    assert _state(stage) == before


@contextmanager
def _moved(stage: Stage, move: str, back: str) -> Iterator[None]:
    with stage.connect() as admin:
        admin.execute(move.encode())
        yield
        admin.execute(back.encode())


@pytest.mark.slow
def test_what_is_tried_is_in_the_ledger(at_fix7c_done: Stage, tmp_path: Path) -> None:
    """Both texts, and what each way has done; a trial leaves the gates as they were."""
    deployed, folder = _state(at_fix7c_done), tmp_path / "changes"
    _write(folder, "add_unit", ADD, DROP)
    said = _run(at_fix7c_done, folder, "upgrade", "add_unit")
    assert "NOTICE: change add_unit forward: 1 object(s) are another" in said
    assert "NOTICE: gate definitions_exact is closed now" in said
    assert "add_unit (changes) (head)" in _run(at_fix7c_done, folder, "heads")
    assert "NOTICE: change add_unit back: 1 object(s) are another" in _run(
        at_fix7c_done, folder, "downgrade", "changes@base"
    )
    assert _state(at_fix7c_done)[:2] == deployed[:2]
    with at_fix7c_done.connect() as admin:
        kept = admin.execute(
            "SELECT verb, detail ->> 'direction', qt001_cp.document_json(subject) ->> 'back' FROM qt001_cp.event"
            " WHERE verb IN ('changing', 'changed') ORDER BY seq"
        ).fetchall()
        assert [k[:2] for k in kept] == [(v, d) for d in ("forward", "back") for v in ("changing", "changed")]
        assert {k[2] for k in kept} == {DROP}
        assert admin.execute("SELECT * FROM qt001_cp.ledger_findings()").fetchall() == []
        closed = admin.execute(
            "SELECT DISTINCT gate FROM qt001_cp.gate_findings() WHERE sqlstate <> 'QT105'"
        ).fetchall()
    assert {c[0] for c in closed} == {"scheduled_verifier_recent", "sign_off_present", "capability_evidence_real"}


@pytest.mark.slow
def test_two_changes_and_all_the_way_back(at_fix7c_done: Stage, tmp_path: Path) -> None:
    """A new body of the writer on top of a column; our own downgrade takes both first, and the printed file is the online run."""
    stage, folder = at_fix7c_done, tmp_path / "changes"
    with stage.connect() as admin:
        found = admin.execute("SELECT pg_get_functiondef('public.qt001_write(jsonb)'::regprocedure)").fetchone()
    assert found is not None
    writer = f"{found[0]};\n"
    _write(folder, "add_unit", ADD, DROP)
    _write(folder, "new_writer", writer.replace("BEGIN", "BEGIN  -- as of today", 1), writer)
    said = _run(stage, folder, "upgrade", "changes@head")
    assert "change new_writer forward: 1 object(s) are another" in said
    assert "new_writer" in _run(stage, folder, "current")
    printed = _run(stage, folder, "downgrade", "new_writer:add_unit", "--sql")
    script = printed[printed.index("BEGIN;") : printed.index("COMMIT;") + len("COMMIT;")]
    tampered = script.replace("BEGIN", "BEGIN --", 2).replace("BEGIN --;", "BEGIN;", 1)
    for text, code in ((tampered, 3), (script, 0)):
        done = stage.scene.server.psql(
            text, "-v", "VERBOSITY=verbose", dbname=stage.scene.database, user=OPERATOR, check=False
        )
        assert done.returncode == code, done.stderr
    assert _state(stage)[1] == "add_unit"
    _run(stage, folder, "upgrade", "new_writer")
    _run(stage, folder, "-x", f"manifest={stage.manifest_path}", "downgrade", "fix7b")
    with stage.connect() as admin:
        assert admin.execute("SELECT string_agg(version_num, ',') FROM qt001_cp.alembic_version").fetchone() == (
            "fix7b",
        )
        assert admin.execute("SELECT * FROM qt001_cp.drift()").fetchall() == []


FORBIDDEN = {
    "it becomes somebody else": ("SET ROLE qt001_cp_ledger", "42501"),
    "it becomes whom it was": ("RESET ROLE", "42501"),
    "it becomes a session of another": ("SET SESSION AUTHORIZATION qt001_auditor", "42501"),
    "it commits": ("COMMIT", "0A000"),
    "it commits in a block": ("DO $$ BEGIN COMMIT; END $$", "2D000"),
    "it writes the ledger": ("DELETE FROM qt001_cp.event", "42501"),
    "it does what it did already": (f"{ADD}{ADD}", "42701"),
}


PLAIN = "qt001_plain_dba"
"""An operator without superuser, who is no member of the owner role either."""


@contextmanager
def _plain_operator(stage: Stage) -> Iterator[psycopg.Connection]:
    with stage.connect() as admin:
        admin.execute(f"CREATE ROLE {PLAIN} LOGIN; GRANT qt001_cp_operator TO {PLAIN}".encode())
        admin.execute("INSERT INTO qt001_cp.person (login, person, duty) VALUES (%s, 'plain.dba', 'operator')", [PLAIN])
        try:
            with stage.connect(PLAIN) as operator:
                yield operator
        finally:
            admin.execute(f"DROP ROLE {PLAIN}".encode())


def _tried(operator: psycopg.Connection, texts: list[str]) -> list[str | None]:
    """The SQLSTATEs of texts that begin as their change's and are run one after the other; nothing of it stays."""
    body = Change("add_unit", texts[0], DROP).body()
    answers: list[str | None] = []
    with operator.transaction(force_rollback=True):
        operator.execute("SELECT qt001_cp.start_run('upgrade change add_unit', 'add_unit', qt001_cp.build(), NULL)")
        operator.execute("SELECT qt001_cp.change_begin(%s, 'forward')", [body])
        for text in texts:
            try:
                with operator.transaction():
                    operator.execute("SELECT qt001_cp.run_change(%s)", [text])
                answers.append(None)
            except psycopg.Error as refused:
                answers.append(refused.sqlstate)
    return answers


@pytest.mark.slow
def test_the_text_runs_as_the_owner_and_postgresql_refuses_another_role_and_commit(at_fix7c_done: Stage) -> None:
    """By an operator who could do nothing of it himself. What PostgreSQL refuses in it; another text than the change's; the same
    text twice; a call outside a change; a script that has not done its work."""
    with _plain_operator(at_fix7c_done) as operator:
        for what, (text, sqlstate) in FORBIDDEN.items():
            assert _tried(operator, [text]) == [sqlstate], what
        assert _tried(operator, [ADD, ADD]) == [None, "QT112"]
        assert _tried(operator, ["SELECT 1", "SELECT 2"]) == [None, "QT112"]
        with operator.transaction(force_rollback=True):
            operator.execute("SELECT qt001_cp.start_run('upgrade change add_unit', 'add_unit', qt001_cp.build(), NULL)")
            operator.execute("SELECT qt001_cp.change_begin(%s, 'forward')", [Change("add_unit", ADD, DROP).body()])
            with pytest.raises(psycopg.Error, match="text forward: expected sha256") as other:
                operator.execute("SELECT qt001_cp.run_change('SELECT 2')")
            assert other.value.sqlstate == "QT103"
        with pytest.raises(psycopg.Error, match="expected the beginning of the script"):
            operator.execute("SELECT qt001_cp.run_change('SELECT 1')")
        for forged in ("SELECT qt001_cp.start_run('upgrade change add_unit', 'fix7b', qt001_cp.build(), NULL);"
                       " SELECT qt001_cp.note_step('change_begin'); SELECT qt001_cp.run_change('SELECT 1')",
                       "SELECT qt001_cp.start_run('upgrade change add_unit', 'fix7b', qt001_cp.build(), NULL);"
                       " SELECT qt001_cp.finish_run('upgrade change add_unit', '{}', '')"):  # fmt: skip
            with pytest.raises(psycopg.Error) as crafted, operator.transaction():
                operator.execute(forged)
            assert crafted.value.sqlstate == "QT112"


@pytest.mark.slow
def test_what_refuses_a_change(at_fix7c_done: Stage, tmp_path: Path) -> None:
    """Each refusal with its SQLSTATE, and nothing has moved."""
    stage, folder = at_fix7c_done, tmp_path / "changes"
    up, down = ("upgrade", "add_unit"), ("downgrade", "changes@base")
    _write(folder, "add_unit", ADD, "SELECT 1;\n")
    with _moved(
        stage, "UPDATE qt001_cp.bootstrap SET rehearsal = false", "UPDATE qt001_cp.bootstrap SET rehearsal = true"
    ):
        _refused(stage, folder, up, "QT310", "one whose manifest is sealed and waits, or a rehearsal")
    with _moved(
        stage,
        "GRANT SELECT ON public.qt001_setting TO public_only",
        "REVOKE SELECT ON public.qt001_setting FROM public_only",
    ):
        _refused(stage, folder, up, "QT310", "table public.qt001_setting")
    _run(stage, folder, *up)
    _refused(stage, folder, down, "QT311", "table public.qt001_setting", "add_unit.back.sql")
    (folder / "add_unit.back.sql").write_text(DROP)
    _refused(stage, folder, down, "QT310", "change add_unit", "which went forward")


UNREADABLE = {
    "a tab": "SELECT\t1;\n",
    "a carriage return": "SELECT 1;\r\n",
    "IF NOT EXISTS": "CREATE TABLE IF NOT EXISTS public.t (a int);\n",
}


@pytest.mark.parametrize("word", UNREADABLE)
def test_if_not_exists_and_what_cannot_be_read_is_refused(tmp_path: Path, word: str) -> None:
    """Or that passes over what is there. In a comment or a string it is a word like others."""
    _write(tmp_path, "add_unit", UNREADABLE[word], DROP)
    with pytest.raises(FileProblem, match=word):
        run_change(read_change(tmp_path / "add_unit.py"), "forward")
    (tmp_path / "add_unit.forward.sql").write_text("SELECT 'IF NOT EXISTS'; -- IF NOT EXISTS\n")
    assert "IF NOT EXISTS" in run_change(read_change(tmp_path / "add_unit.py"), "forward")


def test_names_and_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What no revision, file or branch can be called; what is there already; a history with two ends."""
    folder = tmp_path / "changes"
    for name in ("", "Add", "1st", "fix7c", "head", "add-unit", "../x", "a" * 33, "changes"):
        assert main(["change", "new", name, "--folder", str(folder)]) == 2
    assert not folder.exists()
    assert main(["change", "new", "one", "--folder", str(folder)]) == 0
    before = {f.name: f.read_bytes() for f in folder.iterdir() if f.is_file()}
    assert sorted(before) == ["alembic.ini", "one.back.sql", "one.forward.sql", "one.py"]
    assert main(["change", "new", "one", "--folder", str(folder)]) == 2
    assert "found one" in capsys.readouterr().err
    assert {f.name: f.read_bytes() for f in folder.iterdir() if f.is_file()} == before
    assert main(["change", "new", "two", "--folder", str(folder)]) == 0
    assert 'down_revision = "one"' in (folder / "two.py").read_text()
    assert 'depends_on = "fix7c"' in (folder / "one.py").read_text()
    shutil.copy(folder / "two.py", folder / "three.py")
    (folder / "three.py").write_text((folder / "three.py").read_text().replace('"two"', '"three"'))
    assert main(["change", "new", "four", "--folder", str(folder)]) == 2
    assert "three, two" in capsys.readouterr().err
