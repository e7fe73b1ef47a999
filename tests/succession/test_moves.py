"""What the application has becomes protected by a change, and what is protected is given back: there and back, and the emergency way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from qt001_cp import estate
from qt001_cp.cli import main
from qt001_cp.errors import ManifestError, PolicyError, Refused
from qt001_cp.rehearsal.change import ChangeRehearsal, Where
from qt001_cp.rehearsal.scene import OPERATOR, drop_scene
from qt001_cp.workflow import revisions
from tests.acceptance.support import open_all
from tests.conftest import Library, Stage
from tests.succession.support import (
    Prepared,
    accepted,
    answer,
    deployed,
    gates,
    lent,
    marked,
    meanwhile,
    policy,
    prepared,
    schema,
    write,
)

TAKE = """
[[rule]]
kind = ["table", "sequence"]
schema = "public"
name = "redirects*"
disposition = "transfer"
reason = "who moves a page is decided by QT001 from now on"
"""
GIVE = """
[[rule]]
kind = "table"
identity = "public.qt001_import_batch"
disposition = "retain"
reason = "the editors keep the list of imports"
"""
NOTHING = ("-- the rules of the policy say it all\n", "-- and so does the way back\n")
UNTIE = (
    "ALTER TABLE public.qt001_import_batch ALTER id DROP DEFAULT;\nALTER TABLE public.redirects ADD COLUMN until date;\n"
    "GRANT SELECT ON public.redirects TO intern;\n",
    "REVOKE SELECT ON public.redirects FROM intern;\nALTER TABLE public.redirects DROP COLUMN until;\n"
    "ALTER TABLE public.qt001_import_batch ALTER id SET DEFAULT qt001_data.next_batch();\n",
)
"""A table whose default is a protected routine is untied before it is given back; what is taken gets a column and a reader."""
_WORK = "INSERT INTO public.newsletter (email) VALUES (gen_random_uuid()::text)"
_HELD = """
SELECT o.oid::regclass::text FROM pg_class o WHERE o.oid = ANY (%s::regclass[]::oid[]) AND (pg_has_role('directus', o.relowner, 'MEMBER')
    OR o.relkind <> 'S' AND has_table_privilege('directus', o.oid, 'INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER'))
"""


@contextmanager
def watched(stage: Stage, change: Prepared) -> Iterator[None]:
    """The application works on, and nobody sees it own or hold what is protected before the block and after it."""
    given = {o.ref.identity for o in change.manifest.moved}
    kept = [
        o
        for o in change.manifest.transferred
        if o.ref.kind in ("table", "sequence", "view") and o.ref.identity not in given
    ]
    names = [o.ref.identity for o in kept if o.after is not None and o.after.owner.name == "qt001_cp_owner"]
    with stage.connect() as poll, stage.connect("directus") as application:
        before = poll.execute(_HELD, [names]).fetchall()

        def look() -> None:
            assert poll.execute(_HELD, [names]).fetchall() == before

        with meanwhile(look, lambda: application.execute(_WORK)) as wrong:
            yield
    assert wrong == []


@pytest.mark.slow
def test_a_table_taken_and_one_given_back_is_a_succession(
    at_fix7c_done: Stage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the application connected and at work; gates open before, after, and after the way back; the audit agrees each time."""
    stage = at_fix7c_done
    base = schema(stage)
    change = prepared(stage, tmp_path, "moves", *UNTIE, policy(tmp_path, TAKE, GIVE))
    open_all(stage, test_authority=False)
    change.sealed(stage.scene.dsn(OPERATOR))
    assert accepted(stage)
    audit = ["audit", "--database", stage.scene.dsn("postgres"), "--manifest"]
    with stage.connect() as reader, lent(stage, "directus", "qt001_cp_owner") as operator, watched(stage, change):
        reader.execute("SELECT count(*) FROM public.redirects")
        change.forward(operator)
    assert deployed(stage) == change.digest
    with stage.connect("directus") as application:
        application.execute("INSERT INTO public.qt001_import_batch (id, file_name) VALUES (4711, 'own.csv')")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            application.execute("SELECT * FROM public.redirects")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            application.execute("SELECT nextval('public.redirects_id_seq')")
    answer(stage)
    assert accepted(stage)
    assert main([*audit, str(change.where.out / "object.json")]) == 0, capsys.readouterr().out
    with lent(stage, "directus", "qt001_cp_owner") as operator, watched(stage, change):
        change.back(operator)
    assert schema(stage) == base
    assert deployed(stage) == stage.digest
    answer(stage)
    assert accepted(stage)
    assert main([*audit, stage.manifest_path]) == 0, capsys.readouterr().out


@pytest.mark.slow
def test_an_operator_who_lacks_a_membership(at_fix7c_done: Stage, tmp_path: Path) -> None:
    """QT107 with the statement that mends it, there and back; what the statement gives is enough."""
    stage = at_fix7c_done
    change = prepared(stage, tmp_path, "moves", *NOTHING, policy(tmp_path, TAKE))
    change.sealed(stage.scene.dsn(OPERATOR))
    for way in (change.forward, change.back):
        with lent(stage) as operator:
            for _ in range(2):
                with pytest.raises(Refused, match=r"role (directus|qt001_cp_owner): expected a membership") as lacking:
                    way(operator)
                assert lacking.value.sqlstate == "QT107"
                mend = str(lacking.value).rpartition("hint: ")[2].partition(";")[0]
                with stage.connect() as admin:
                    admin.execute(mend.encode())
            way(operator)
    assert deployed(stage) == stage.digest


@pytest.mark.slow
def test_kept_and_all_the_way_back(library: Library, tmp_path: Path) -> None:
    """-x changes=keep, FIX7c and FIX7b back: what was taken is the application's with its own ACL, what was given back stays so. The
    application itself undoes what the text had done to its tables; then pg_dump says the same as before FIX7a."""
    base = library.copy("base")
    there = schema(base)
    drop_scene(base.scene)
    stage = library.copy("fix7c")
    try:
        operator = stage.scene.dsn(OPERATOR)
        change = prepared(stage, tmp_path, "moves", *UNTIE, policy(tmp_path, TAKE, GIVE))
        change.sealed(operator)
        change.forward(operator)
        manifest = str(change.where.out / "object.json")
        change.back(operator, changes="keep")
        assert deployed(stage) == change.digest
        assert gates(stage) <= {"scheduled_verifier_recent", "sign_off_present", "capability_evidence_real"}
        with marked(stage):
            for _ in range(2):
                revisions.downgrade(operator, "fix7b", manifest=manifest)
                revisions.upgrade(operator, "fix7c", manifest=manifest)
            revisions.downgrade(operator, "fix7a", manifest=manifest)
        with stage.connect("directus") as application:
            for statement in UNTIE[1].splitlines()[1:]:
                application.execute(statement.encode())
        assert schema(stage) == there
    finally:
        drop_scene(stage.scene)


@pytest.mark.slow
def test_a_changed_policy_is_a_succession(at_fix7c_done: Stage, tmp_path: Path) -> None:
    """A change behind one that moved something moves nothing itself; what one has taken the next one gives back, with its own ACL."""
    stage, operator = at_fix7c_done, at_fix7c_done.scene.dsn(OPERATOR)
    base = schema(stage)
    taken = prepared(stage, tmp_path, "taken", *NOTHING, policy(tmp_path, TAKE))
    taken.sealed(operator)
    taken.forward(operator)
    column = prepared(
        stage, tmp_path, "a_column", "ALTER TABLE public.redirects ADD COLUMN until date;\nGRANT SELECT ON public.redirects TO intern;\n",
        "REVOKE SELECT ON public.redirects FROM intern;\nALTER TABLE public.redirects DROP COLUMN until;\n",
    )  # fmt: skip  # a statement a line
    column.sealed(operator)
    column.forward(operator)
    assert column.manifest.moved == ()
    given = prepared(stage, tmp_path, "given", *NOTHING, policy=estate.policy_path())
    assert {o.ref.identity for o in given.manifest.moved} == {"public.redirects", "public.redirects_id_seq"}
    given.sealed(operator)
    given.forward(operator)
    with stage.connect("directus") as application:
        application.execute("SELECT until FROM public.redirects")
        assert application.execute("SELECT has_table_privilege('intern', 'public.redirects', 'SELECT')").fetchone() == (
            False,
        )
    given.back(operator)
    column.back(operator)
    taken.back(operator)
    assert schema(stage) == base


def _rehearsed(stage: Stage, folder: Path, texts: tuple[str, str], *rules: str) -> None:
    ini = write(folder / "changes", "moves", *texts)
    with marked(stage):
        ChangeRehearsal(stage.scene, Where(ini, "moves", folder / "out", policy(folder, *rules)), lambda _: None).run()


LONE = TAKE.replace('["table", "sequence"]', '"table"')
PATH = GIVE.replace("public.qt001_import_batch", "public.qt001_source")
LEGACY = GIVE.replace('"table"', '"function"').replace("public.qt001_import_batch", "public.qt001_is_ready()")
WITH_KEY = TAKE.replace("redirects*", "tags*")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rule", "error", "words"),
    [
        (LONE, ManifestError, "to whose column it belongs"),
        (PATH, ManifestError, "part of the apply path"),
        (LEGACY, (ManifestError, PolicyError), "legacy authority"),
        (WITH_KEY, Refused, "no object under the control of directus|no retained object that depends"),
        (GIVE, Refused, "no retained object that depends"),
    ],
    ids=[
        "a table without its sequence",
        "the apply path",
        "legacy authority",
        "a foreign key",
        "a default of a protected routine",
    ],
)
def test_what_no_change_moves(
    at_fix7c_done: Stage, tmp_path: Path, rule: str, error: type[Exception], words: str
) -> None:
    base = schema(at_fix7c_done)
    with pytest.raises(error, match=words):
        _rehearsed(at_fix7c_done, tmp_path, NOTHING, rule)
    assert schema(at_fix7c_done) == base
    assert deployed(at_fix7c_done) == at_fix7c_done.digest
