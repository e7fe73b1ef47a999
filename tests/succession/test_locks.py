"""What the page says of the locks of a change is what another session sees; and what a rehearsal has read is the same."""

from __future__ import annotations

import pytest

from qt001_cp.rehearsal.locks import read_locks
from tests.conftest import Stage
from tests.succession import locks
from tests.succession.test_changes import writer_of


def test_the_page_tells_what_another_session_sees(at_fix7c_done: Stage) -> None:
    (told,) = locks.TABLE.findall(locks.PAGE.read_text("utf-8"))
    cells = [tuple(c.strip() for c in line.strip("|\n ").split("|"))[:3] for line in told.splitlines()[2:]]
    assert cells == list(locks.rows(at_fix7c_done))


@pytest.mark.parametrize("case", locks.CASES, ids=lambda case: case.what)
def test_a_rehearsal_reads_the_same(at_fix7c_done: Stage, case: locks.Case) -> None:
    """Our reading, in the transaction itself, against that of another session; nothing of it stays."""
    stage = at_fix7c_done
    text = case.forward.replace("{writer}", writer_of(stage))
    with stage.connect() as admin:
        if case.before:
            admin.execute("SET ROLE qt001_cp_owner")
            admin.execute(case.before.encode())
        before = stage.scene.dump("--schema-only")
        read = read_locks(stage.scene, text)
        assert stage.scene.dump("--schema-only") == before
        if case.before:
            admin.execute(case.forward.encode())
    ours = {(lock["kind"], lock["identity"]): lock["mode"] for statement in read for lock in statement["locks"]}
    assert sorted((*key, mode) for key, mode in ours.items()) == locks.held(stage, case)
    assert [s["rewritten"] for s in read] == [
        ["public.qt001_setting"] if "random" in s["statement"] else [] for s in read
    ]


def test_each_statement_has_what_it_adds(at_fix7c_done: Stage) -> None:
    """In the order of the text, with its line; what is locked already is not told again; SET ROLE stays refused."""
    text = (
        "-- a comment; with a semicolon\n"
        "CREATE INDEX one ON public.qt001_setting (updated_at);\n"
        "ALTER TABLE public.qt001_setting ADD COLUMN unit text DEFAULT ';';\n"
        "CREATE INDEX two ON public.qt001_setting (unit);\n"
        "DO $$ BEGIN\n    LOCK TABLE public.qt001_source IN SHARE MODE;\nEND $$;\n"
    )
    read = read_locks(at_fix7c_done.scene, text)
    assert [s["line"] for s in read] == [2, 3, 4, 7]
    assert [[(lock["identity"], lock["mode"]) for lock in s["locks"]] for s in read] == [
        [("public.qt001_setting", "ShareLock")],
        [("public.qt001_setting", "AccessExclusiveLock")],
        [],
        [("public.qt001_source", "ShareLock")],
    ]
    with pytest.raises(Exception, match='cannot set parameter "role" within security-definer function'):
        read_locks(at_fix7c_done.scene, "RESET ROLE;\n")
    with pytest.raises(Exception, match="permission denied"):
        read_locks(at_fix7c_done.scene, "CREATE ROLE sly;\n")
