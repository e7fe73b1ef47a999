"""Contract, section 10 "Succession", sentence by sentence, where no other test is named after one."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

from qt001_cp.rehearsal.scene import OPERATOR, drop_scene
from qt001_cp.workflow import revisions
from tests.conftest import Library, Stage
from tests.roundtrip.test_parity import runs_what_is_printed
from tests.succession.support import COLUMN, deployed, marked, prepared, write
from tests.succession.test_changes import writer_of
from tests.succession.test_growth import TABLE, acls, grown
from tests.succession.test_refusals import refused

LATE = "public.only_here"
"""A table that is made after the change was rehearsed: a text can tell by it where it runs."""


def test_a_change_is_a_revision_with_two_ways_on_a_branch_that_depends_on_fix7c(tmp_path: Path) -> None:
    """As Alembic reads it: each branch has its one head."""
    ini = write(tmp_path, "one", *COLUMN)
    write(tmp_path, "two", *COLUMN)
    scripts = ScriptDirectory.from_config(Config(str(ini)))
    assert sorted(scripts.get_heads()) == ["fix7c", "two"]
    one = scripts.get_revision("one")
    assert (one.branch_labels, one.down_revision, one.dependencies) == ({"changes"}, None, "fix7c")
    assert all(callable(getattr(one.module, way)) for way in ("upgrade", "downgrade"))


@pytest.mark.slow
def test_online_and_sql_are_the_same_bytes(at_fix7c_done: Stage, tmp_path: Path) -> None:
    """There and back: what SQLAlchemy gives to the driver is what ``--sql`` prints."""
    change = prepared(at_fix7c_done, tmp_path, "add_unit", *COLUMN)
    operator, x = at_fix7c_done.scene.dsn(OPERATOR), {"manifest": str(change.where.out / "object.json")}
    change.sealed(operator)
    runs_what_is_printed(partial(change.forward, operator), revisions.change_sql(change.where.ini, "add_unit", **x))
    runs_what_is_printed(partial(change.back, operator), revisions.change_back_sql(change.where.ini, "add_unit", **x))


WILD = (
    "-- Für $qt001$ und $call$, 'so' \"oder\" so; %s :name \\d\n"
    "ALTER TABLE public.qt001_setting ADD COLUMN unit text DEFAULT 'it''s $$ here; \\ done';\n"
    "DO $qt001$ BEGIN\n    EXECUTE 'COMMENT ON COLUMN public.qt001_setting.unit IS ''%I :x''';\nEND $qt001$;\n",
    "ALTER TABLE public.qt001_setting DROP COLUMN unit;  -- « zurück »\n",
)


@pytest.mark.slow
def test_the_script_hands_the_sealed_text_over_whole_and_readable(at_fix7c_done: Stage, tmp_path: Path) -> None:
    """It stands in the printed script as it stands in its file, line by line, whatever is in it; and it is the sealed document's."""
    stage = at_fix7c_done
    change = prepared(stage, tmp_path, "wild", *WILD)
    operator, x = stage.scene.dsn(OPERATOR), {"manifest": str(change.where.out / "object.json")}
    change.sealed(operator)
    forward, back = (
        revisions.change_sql(change.where.ini, "wild", **x),
        revisions.change_back_sql(change.where.ini, "wild", **x),
    )
    assert (forward.count(WILD[0]), back.count(WILD[1])) == (1, 1)
    with stage.connect() as admin:
        said = admin.execute(
            "SELECT change ->> 'forward', change ->> 'back' FROM qt001_cp.document_json(qt001_cp.change_of(%s)) change",
            [change.digest],
        ).fetchone()
    assert said == WILD
    stage.scene.psql(forward, user=OPERATOR)
    stage.scene.psql(back, user=OPERATOR)
    assert deployed(stage) == stage.digest


SLY = {
    "another part of what it changes": ("ALTER TABLE public.qt001_setting ALTER value SET DEFAULT '[]'", "QT301", "qt001_setting"),
    "another protected table": ("ALTER TABLE public.qt001_source ADD COLUMN late int", "QT301", "qt001_source"),
    "another routine": ("ALTER FUNCTION public.qt001_touch() COST 4711", "QT301", "qt001_touch"),
    "a table that no manifest names": ("CREATE TABLE public.stray (a int)", "QT301", "stray"),
    "a function that no manifest names": ("CREATE FUNCTION public.stray() RETURNS int LANGUAGE sql AS 'SELECT 1'", "QT301", "stray"),
    "a default privilege for the application": (
        "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO directus", "QT301", "default acl"),
    "a privilege for a third role": ("GRANT SELECT ON public.qt001_source TO public_only", "QT301", "qt001_source"),
    "a partition with a privilege of its own": (
        "CREATE TABLE qt001_data.measurement_2040 PARTITION OF qt001_data.measurement FOR VALUES FROM ('2040-01-01') TO ('2041-01-01');"
        " GRANT SELECT ON qt001_data.measurement_2040 TO directus", "QT301", "measurement_2040"),
    "rows of a source table": ("DELETE FROM public.qt001_source_line", "QT301", "qt001_source_line"),
}  # fmt: skip  # one a line


@pytest.mark.slow
@pytest.mark.parametrize("what", SLY)
def test_nothing_else_has_changed_by_this_transaction(at_fix7c_done: Stage, tmp_path: Path, what: str) -> None:
    """Unchanged objects are compared with the predecessor's digests, changed ones with the clone's: a text that does more where it finds
    itself in the database is refused, and all of it is undone."""
    stage, (more, sqlstate, named) = at_fix7c_done, SLY[what]
    text = (
        "ALTER TABLE public.qt001_setting ADD COLUMN unit text;\n"
        f"DO $here$ BEGIN\n    IF pg_catalog.to_regclass('{LATE}') IS NOT NULL THEN\n        {more};\n    END IF;\nEND $here$;\n"
    )
    change = prepared(stage, tmp_path, "sly", text, "ALTER TABLE public.qt001_setting DROP COLUMN unit;\n")
    change.sealed(stage.scene.dsn(OPERATOR))
    with stage.connect() as admin:
        admin.execute(f"CREATE TABLE {LATE} (a int)".encode())
    with refused(stage, sqlstate, named):
        change.forward(stage.scene.dsn(OPERATOR))


@pytest.mark.slow
def test_sessions_stay_where_the_change_takes_nothing_from_the_application(
    at_fix7c_done: Stage, tmp_path: Path
) -> None:
    """In the middle of a transaction, which goes on behind it."""
    stage, operator = at_fix7c_done, at_fix7c_done.scene.dsn(OPERATOR)
    change = prepared(stage, tmp_path, "add_unit", *COLUMN)
    change.sealed(operator)
    for way in (change.forward, change.back):
        with stage.connect("directus") as application:
            application.execute("BEGIN; INSERT INTO public.newsletter (email) VALUES ('open@example.org')")
            way(operator)
            application.execute(
                "UPDATE public.newsletter SET email = 'still@example.org' WHERE email = 'open@example.org'"
            )
            application.execute("COMMIT; DELETE FROM public.newsletter WHERE email = 'still@example.org'")
    assert deployed(stage) == stage.digest


@pytest.mark.slow
def test_the_emergency_way_gives_the_apply_path_its_sources_without_fix7c(library: Library, tmp_path: Path) -> None:
    """Whatever a change had made of them: with FIX7c back they are those that FIX7b has left."""
    before = library.copy("fix7b")
    wanted = writer_of(before)
    drop_scene(before.scene)
    stage = library.copy("fix7c")
    try:
        operator, now = stage.scene.dsn(OPERATOR), writer_of(stage)
        new = now.replace("BEGIN", "BEGIN  -- as of today", 1)
        change = prepared(stage, tmp_path, "new_writer", f"{new};\n", f"{now};\n")
        change.sealed(operator)
        change.forward(operator)
        change.back(operator, changes="keep")
        with marked(stage):
            revisions.downgrade(operator, "fix7b", manifest=str(change.where.out / "object.json"))
            assert writer_of(stage) == wanted != now
            revisions.upgrade(operator, "fix7c", manifest=str(change.where.out / "object.json"))
        assert writer_of(stage) == new
    finally:
        drop_scene(stage.scene)


@pytest.mark.slow
def test_partitions_follow_their_parent_where_a_change_is_kept(
    at_fix7c_done: Stage, operator: str, tmp_path: Path
) -> None:
    """And what no manifest names is listed and left where it is."""
    stage = at_fix7c_done
    change = prepared(
        stage, tmp_path, "new_table", "CREATE TABLE public.qt001_unit (a int);\n", "DROP TABLE public.qt001_unit;\n"
    )
    change.sealed(operator)
    change.forward(operator)
    grown(stage)
    change.back(operator, changes="keep")
    with stage.connect() as admin:
        admin.execute("CREATE TABLE public.stray (a int); ALTER TABLE public.stray OWNER TO qt001_cp_owner")
    with marked(stage):
        said = revisions.downgrade(stage.scene.dsn(OPERATOR), "fix7a", manifest=str(change.where.out / "object.json"))
    left = [line.split("qt001_cp_owner: ")[1] for line in said.splitlines() if "Left with qt001_cp_owner: " in line]
    assert left == ["table public.qt001_unit", "table public.stray, which no manifest names"]
    with stage.connect() as admin:
        owner = "SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = %s::regclass"
        assert [admin.execute(owner, [n]).fetchone() for n in ("public.qt001_unit", "public.stray")] == [
            ("qt001_cp_owner",)
        ] * 2
        event = "SELECT detail -> 'left' FROM qt001_cp.event WHERE verb = 'restored' ORDER BY seq DESC LIMIT 1"
        assert admin.execute(event).fetchone() == (left,)
    held = {name: (owner, acl) for name, _, owner, acl in acls(stage)}
    parent = TABLE.rpartition(".")[2]
    assert held["measurement_2030"] == held[parent]
    assert held["measurement_2030"][0] == "directus"
