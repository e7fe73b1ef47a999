"""``policy schema``: protected routines, views and types move into a schema of their own before FIX7a, and back, so that CREATE stays
with the application where its migrations create; whoever calls them by name is looked at and told."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from qt001_cp import estate
from qt001_cp.cli import main
from qt001_cp.model.canonical import Json
from qt001_cp.rehearsal.scene import OPERATOR, Scene, drop_scene, new_scene
from qt001_cp.servers import Server
from qt001_cp.workflow import revisions
from tests.conftest import Stage
from tests.cutover.support import reseal

_ESTATE = """
SET SESSION AUTHORIZATION shop;
CREATE TYPE public."Level" AS ENUM ('info', 'alarm');
CREATE DOMAIN public.actor AS text CHECK (VALUE <> '');
CREATE TABLE public.trail (id serial PRIMARY KEY, who public.actor NOT NULL, level public."Level" NOT NULL);
CREATE FUNCTION public.note(who public.actor, level public."Level") RETURNS void LANGUAGE sql
    AS 'INSERT INTO public.trail (who, level) VALUES (who, level)';
CREATE FUNCTION public.note(who public.actor) RETURNS void LANGUAGE sql BEGIN ATOMIC SELECT public.note(who, 'info'); END;
CREATE VIEW public.alarms WITH (security_barrier = true) AS SELECT who FROM public.trail WHERE level = 'alarm';
GRANT SELECT ON public.alarms TO reporter;
CREATE FUNCTION public.by_path() RETURNS void LANGUAGE plpgsql AS 'BEGIN PERFORM note(''by path''); END';
CREATE FUNCTION public.by_schema() RETURNS void LANGUAGE plpgsql AS 'BEGIN PERFORM public . "note"(''by schema''); END';
CREATE FUNCTION public.pinned() RETURNS bigint LANGUAGE sql SET search_path = public, pg_temp AS 'SELECT count(*) FROM alarms';
CREATE FUNCTION public.other() RETURNS text LANGUAGE sql AS $$SELECT 'public.note is but a word here'::text$$;
RESET SESSION AUTHORIZATION;
"""
WISHES = ("--append-only", "public.trail", "--keep", "public.note=EXECUTE", "--read-only", "public.alarms")


@pytest.fixture
def shop(server: Server) -> Iterator[Scene]:
    scene = new_scene(server, "shop_case", reference=estate.LOG)
    with scene.connect() as admin:
        admin.execute("CREATE ROLE reporter LOGIN")
        admin.execute(_ESTATE)
    yield scene
    with scene.connect() as admin:
        admin.execute(
            "DROP OWNED BY reporter; DROP ROLE reporter; ALTER ROLE shop IN DATABASE shop_case RESET search_path"
        )
    drop_scene(scene)


def _made(
    scene: Scene, folder: Path, capsys: pytest.CaptureFixture[str], *wishes: str, name: str = "Guard Room"
) -> tuple[int, Json]:
    asked = ["policy", "schema", name, "--database", scene.dsn(OPERATOR), "--application", "shop", "--out", str(folder)]
    code = main([*asked, "--format", "json", *(wishes or WISHES)])
    said = capsys.readouterr()
    return code, json.loads(said.out) if said.out else {"error": said.err}


def _run(scene: Scene, file: Path) -> None:
    scene.server.psql(file.read_text("utf-8"), dbname=scene.database)


def test_there_and_back(shop: Scene, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = shop.dump("--create"), shop.server.dump_roles()
    code, said = _made(shop, tmp_path, capsys)
    assert (shop.dump("--create"), shop.server.dump_roles()) == before, "nothing is written to the database"
    assert code == 3, "two bodies have to be written anew"
    (moving,) = said["moving"]
    assert [o["identity"] for o in moving["objects"]] == [
        'public.note(public.actor)', 'public.note(public.actor,public."Level")', "public.alarms", 'public."Level"', "public.actor",
    ]  # fmt: skip
    assert moving["holders"] == ["reporter"]
    _run(shop, tmp_path / "schema-move.sql")
    with shop.connect("shop") as shopping:
        # A name without a schema goes on, by the role's search_path; so does what is bound by number.
        shopping.execute(
            "SELECT note('ann', 'alarm'); SELECT note('bob'); SELECT by_path(); INSERT INTO trail (who, level) VALUES ('eve', 'info')"
        )
        assert shopping.execute("SELECT who FROM alarms").fetchall() == [("ann",)]
        # What was told to break breaks.
        with pytest.raises(psycopg.errors.UndefinedFunction):
            shopping.execute("SELECT by_schema()")
        with pytest.raises(psycopg.errors.UndefinedTable):
            shopping.execute("SELECT pinned()")
        shopping.execute("CREATE TABLE made_by_a_migration ()")
        assert shopping.execute("SELECT to_regclass('public.made_by_a_migration')").fetchone() != (None,)
        shopping.execute("DROP TABLE made_by_a_migration; DELETE FROM trail; SELECT setval('trail_id_seq', 1, false)")
    _run(shop, tmp_path / "schema-back.sql")
    assert (shop.dump("--create"), shop.server.dump_roles()) == before


def test_callers_are_looked_at_and_told(shop: Scene, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, said = _made(shop, tmp_path, capsys)
    callers = {c["routine"]: (c["how"], c["breaks"]) for c in said["callers"]}
    assert callers == {
        "function public.by_path()": (
            "without a schema: it goes on where its caller's search_path has the new one",
            False,
        ),
        "function public.by_schema()": ("as public.note: its text has to say Guard Room.note after the move", True),
        "function public.pinned()": (
            "without a schema, and its search_path is pinned (public, pg_temp): it has to have Guard Room after the move",
            True,
        ),
    }
    assert (
        main(
            [
                "policy",
                "schema",
                "x",
                "--database",
                shop.dsn(OPERATOR),
                "--application",
                "shop",
                "--out",
                str(tmp_path / "x"),
                *WISHES,
            ]
        )
        == 3
    )
    text = capsys.readouterr().out
    assert "broken: function public.by_schema() names function public.note(public.actor) as public.note" in text
    assert "role reporter holds something on it" in text
    assert "a name with the old schema fails: look for it in the application's sources" in text


def test_init_says_what_can_move(shop: Scene, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And afterwards CREATE stays, with nothing left to find."""
    init = ["policy", "init", "--database", shop.dsn(OPERATOR), "--application", "shop"]
    main([*init, *WISHES, "--out", str(tmp_path / "before.toml")])
    said = capsys.readouterr().out
    assert "shop can no longer create in schema public after FIX7b" in said
    assert "can move before, so that CREATE stays: function public.note(public.actor), " in said
    assert ": qt001-cp policy schema NAME" in said
    assert "table public.trail" not in said.partition("can move before")[2].partition("\n")[0]
    text = (tmp_path / "before.toml").read_text()
    first, last = text.index('identity = "public"'), text.index("[[rule]]", text.index('identity = "public"'))
    kept = text[first:last].replace('privileges = ["USAGE"] }, {', 'privileges = ["USAGE", "CREATE"] }, {')
    (tmp_path / "before.toml").write_text(text[:first] + kept + text[last:])
    asked = ["inventory", "--policy", str(tmp_path / "before.toml"), "--database", shop.dsn(OPERATOR)]
    assert main(asked) == 3
    said = capsys.readouterr().out
    assert "[QT108] schema public" in said
    assert "CREATE for shop, with function public.note(public.actor) in it" in said
    assert "qt001-cp policy schema --help" in said
    with shop.connect("shop") as admin:
        admin.execute("DROP FUNCTION public.by_schema(), public.pinned()")
    code, _ = _made(shop, tmp_path, capsys, name="guard")
    assert code == 0
    _run(shop, tmp_path / "schema-move.sql")
    wishes = [
        "--append-only",
        "public.trail",
        "--keep",
        "guard.note=EXECUTE",
        "--read-only",
        "guard.alarms",
        "--retain",
        "public.by_path",
    ]
    main([*init, *wishes, "--out", str(tmp_path / "policy.toml")])
    said = capsys.readouterr().out
    assert "can no longer create" not in said
    assert "schema public" not in said
    _cut_over(shop, tmp_path)
    _run(shop, tmp_path / "schema-back.sql")


def _cut_over(shop: Scene, folder: Path) -> None:
    """The next migration of the application works, and it hides nothing from itself unseen."""
    stage = Stage(shop, folder)
    revisions.upgrade(shop.dsn(OPERATOR), "fix7a", policy=str(folder / "policy.toml"))
    reseal(stage, folder, policy=folder / "policy.toml")
    stage.upgrade("fix7b", rehearsal="first")
    with shop.connect("shop") as shopping:
        shopping.execute("SELECT note('ann'); CREATE TABLE made_by_a_migration ()")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            shopping.execute("DELETE FROM trail")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            shopping.execute("CREATE FUNCTION guard.note(text) RETURNS void LANGUAGE sql AS ''")
        shopping.execute("CREATE VIEW public.alarms AS SELECT 1 AS one")
    with shop.connect() as admin:
        hidden = admin.execute("SELECT object FROM qt001_cp.hidden_findings(%s)", [stage.digest]).fetchall()
        assert hidden == [("view public.alarms",)]
        admin.execute("DROP VIEW public.alarms; DROP TABLE public.made_by_a_migration; DELETE FROM public.trail")
    stage.downgrade("fix7a")
    stage.downgrade("base")


def test_where_nothing_has_to_move(shop: Scene, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, said = _made(shop, tmp_path, capsys, "--append-only", "audit.log", "--read-only", "audit.permission")
    assert (code, said["moving"], said["files"]) == (0, [], [])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["audit", "pg_mine"])
def test_a_schema_that_is_there_or_cannot_be_is_refused(
    shop: Scene, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    code, said = _made(shop, tmp_path, capsys, name=name)
    assert code == 2
    assert f"schema {name} is there already, or is no name for one" in json.dumps(said)
    assert list(tmp_path.iterdir()) == []


def test_a_path_that_was_set_comes_back(shop: Scene, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with shop.connect() as admin:
        admin.execute("ALTER ROLE shop IN DATABASE shop_case SET search_path = public, 'a, b'")
    before = shop.dump("--create")
    _made(shop, tmp_path, capsys)
    _run(shop, tmp_path / "schema-move.sql")
    with shop.connect("shop") as shopping:
        assert shopping.execute("SHOW search_path").fetchone() == ('public, "a, b", "Guard Room"',)
    _run(shop, tmp_path / "schema-back.sql")
    assert shop.dump("--create") == before


def test_member_of_an_extension_moves_with_it(shop: Scene, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An index of a protected table needs an operator class of public; ``policy schema`` has nothing to move there."""
    policy = tmp_path / "policy.toml"
    with shop.connect() as admin:
        admin.execute(
            "CREATE EXTENSION pg_trgm WITH SCHEMA public; CREATE TABLE public.words (word text);"
            " ALTER TABLE public.words OWNER TO shop; CREATE INDEX alike ON public.words USING gin (word public.gin_trgm_ops)"
        )
        index = admin.execute("SELECT 'public.alike'::regclass::oid, pg_relation_filenode('public.alike')").fetchone()
    init = ["policy", "init", "--database", shop.dsn(OPERATOR), "--application", "shop"]
    assert main([*init, "--append-only", "public.words", "--out", str(policy)]) == 3
    capsys.readouterr()
    asked = ["inventory", "--policy", str(policy), "--database", shop.dsn(OPERATOR)]
    assert main(asked) == 3
    said = capsys.readouterr().out
    assert "[QT108] schema public" in said
    typed = re.search(r"ALTER EXTENSION pg_trgm SET SCHEMA another;", said)
    assert typed is not None, said
    with shop.connect() as admin:
        admin.execute("CREATE SCHEMA another")
        admin.execute(typed[0].encode())
    main(asked)
    assert "QT108" not in capsys.readouterr().out
    with shop.connect() as admin:
        after = admin.execute("SELECT 'public.alike'::regclass::oid, pg_relation_filenode('public.alike')").fetchone()
    assert after == index, "no index is lost"
