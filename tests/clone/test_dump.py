"""A clone of a dump: what is loaded, what is told, what is refused with which words."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from qt001_cp.cli import main
from qt001_cp.errors import UsageError
from qt001_cp.rehearsal.clone.make import from_dump, from_source
from qt001_cp.rehearsal.clone.origin import Clone
from qt001_cp.rehearsal.clone.report import CloneReport
from qt001_cp.rehearsal.clone.script import fitted
from qt001_cp.rehearsal.scene import PERSONS, drop_scene
from qt001_cp.servers import Server, open_server
from tests.clone.conftest import APPLICATION, DATABASE, POLICY, Shop

NAMED = (
    APPLICATION,
    "cashier",
    "bookkeeper",
    "apprentice",
    "reader",
    "locked",
    *(f"qt001_cp_{d}" for d in ("author", "verifier", "auditor")),
    *PERSONS,  # each has a search_path in that database
)
_MEMBERSHIPS = """
SELECT m.roleid::regrole::text, m.member::regrole::text, m.admin_option FROM pg_auth_members m
WHERE m.member::regrole::text = 'apprentice'
"""


@pytest.fixture(scope="module")
def empty() -> Iterator[Server]:
    with open_server("embedded") as server:
        yield server


@pytest.fixture
def dump(shop: Shop, tmp_path: Path) -> Path:
    path = tmp_path / "shop.sql"
    path.write_text(shop.scene.dump("--create", "--schema-only", "--exclude-schema=qt001_cp"), "utf-8")
    return path


def test_what_the_policy_lacks_is_told_before_a_server_starts(
    shop: Shop, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(POLICY.parent, tmp_path, dirs_exist_ok=True)
    policy, out, good = tmp_path / "policy.toml", tmp_path / "out", POLICY.read_text("utf-8")
    for old, new, code, says in (
        ('schema = "shelf"', 'schema = "shel"', 3, "table shelf.article"),
        ('"till.lever", ', '"till.never", ', 2, "apply_path.source_tables: till.never is not in the estate"),
        ('name = "shop"', 'name = "undecided"', 2, "still undecided: name"),
        ("repoint/writer.sql", "repoint/wrter.sql", 2, "wrter.sql"),
    ):
        policy.write_text(good.replace(old, new, 1), "utf-8")
        assert main(["rehearse", "--source", shop.dsn("reader"), "--policy", str(policy), "--out", str(out)]) == code
        assert says in capsys.readouterr().err, old
        assert not out.exists(), old


def _until_refused(shop: Shop) -> None:
    """A reload takes effect when the server gets to it."""
    for _ in range(1000):
        try:
            shop.scene.server.connect(DATABASE, "locked").close()
        except psycopg.OperationalError:
            return
        time.sleep(0.01)
    raise AssertionError("the server did not read its rules again")


def _lacks(clone: Clone) -> dict[str, str]:
    return {lack.object: lack.why for lack in clone.cloned.lacks.values()}


def test_roles_that_the_dump_names_are_made_and_told(empty: Server, dump: Path, shop: Shop) -> None:
    clone = from_dump(dump, None, POLICY, shop.manifest, data=False)
    scene = clone.new_scene(clone.prepare(empty))
    lacks = _lacks(clone)
    assert {k for k in lacks if k.startswith("role ")} == {f"role {r}" for r in NAMED}
    assert not [k for k in lacks if k.startswith(("table", "function", "view", "type", "schema", "database"))]
    assert any("was made in till.lever" in note for note in clone.cloned.notes)
    assert not any("roles cloned" in note for note in clone.cloned.notes)
    drop_scene(scene)


def test_roles_of_a_file_come_with_memberships_and_without_passwords(
    empty: Server, dump: Path, shop: Shop, tmp_path: Path
) -> None:
    roles = tmp_path / "roles.sql"
    roles.write_text(shop.scene.server.dump_roles(), "utf-8")
    assert "PASSWORD" in roles.read_text()
    clone = from_dump(dump, roles, POLICY, shop.manifest, data=False)
    scene = clone.new_scene(clone.prepare(empty))
    with scene.connect() as connection:
        assert connection.execute(_MEMBERSHIPS).fetchall() == [("bookkeeper", "apprentice", True)]
        assert connection.execute("SELECT count(*) FROM pg_authid WHERE rolpassword IS NOT NULL").fetchone() == (0,)
    assert _lacks(clone) == {}
    drop_scene(scene)


def test_a_lacking_extension_is_told_with_what_rests_on_it(empty: Server, dump: Path, shop: Shop) -> None:
    text = dump.read_text("utf-8").replace(
        "\nCREATE SCHEMA shelf;",
        "\nCREATE EXTENSION IF NOT EXISTS postgis WITH SCHEMA public;\nCOMMENT ON EXTENSION postgis IS 'x';\nCREATE SCHEMA shelf;",
    )
    assert "postgis" in text
    text += "\n-- Name: site; Type: TABLE; Schema: shelf; Owner: x\n--\n\nCREATE TABLE shelf.site (place public.geometry);\n"
    dump.write_text(text, "utf-8")
    clone = from_dump(dump, None, POLICY, shop.manifest, data=False)
    scene = clone.new_scene(clone.prepare(empty))
    lacks = _lacks(clone)
    assert lacks["extension postgis"] == "the clone's server does not have it"
    assert lacks["table shelf.site"] == '[42704] type "public.geometry" does not exist'
    with scene.connect() as connection:
        assert clone.manifest is not None
        assert list(clone.findings(clone.manifest))
        assert connection.execute("SELECT to_regclass('shelf.article')").fetchone() != (None,)
    drop_scene(scene)


def test_passwords_in_a_dump_are_not_loaded() -> None:
    report = CloneReport("a test")
    text = (
        "CREATE USER MAPPING FOR a SERVER s OPTIONS (\n    password 'geheim',\n    \"user\" 'bob'\n);\n"
        "CREATE SUBSCRIPTION s CONNECTION 'host=h password=geheim dbname=d' PUBLICATION p WITH (connect = false);\n"
        "CREATE DATABASE d WITH TEMPLATE = template0;\nSET transaction_timeout = 0;\n"
    )
    made, missing = fitted(text, 15, (), report)
    assert "geheim" not in made
    assert "bob" in made
    assert "dbname=d" in made
    assert "CREATE DATABASE" not in made
    assert "transaction_timeout" not in made
    assert missing == ()


_REFUSED = {
    "a missing file": (None, "cannot be read: No such file or directory"),
    "an empty file": ("", "the file is empty"),
    "a dump of the cluster": ("--\n-- PostgreSQL database cluster dump\n--\n", "a dump of a whole cluster"),
    "a file that says nothing": ("SELECT 1;\n", "does not say which database it is of"),
    "no version": ("CREATE DATABASE d WITH TEMPLATE = template0;\n", "does not say which version"),
    "an old version": (
        "-- Dumped from database version 12.3\nCREATE DATABASE d WITH TEMPLATE = template0;\n",
        "PostgreSQL 12 is not one of ours: expected 14 to 18",
    ),
    "a command for psql": (
        "-- Dumped from database version 18.1\nCREATE DATABASE d WITH TEMPLATE = template0;\n\\! touch {proof}\n",
        "the text holds a command for psql, and those are not run",
    ),
    "a dump that is cut off": (
        "-- Dumped from database version 18.1\nCREATE DATABASE d WITH TEMPLATE = template0;\n"
        "-- Name: half; Type: TABLE; Schema: public; Owner: x\nCREATE TABLE public.half (\n    a int,);\n",
        "line 5, table public.half: [42601] syntax error",
    ),
}


@pytest.mark.parametrize("case", _REFUSED)
def test_a_dump_that_cannot_be_cloned_is_refused_in_words(
    case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text, expected = _REFUSED[case]
    path = tmp_path / "given.sql"
    if text is not None:
        path.write_text(text.replace("{proof}", str(tmp_path / "proof")))
    code = main(["rehearse", "--dump", str(path), "--policy", str(POLICY), "--out", str(tmp_path / "out")])
    said = capsys.readouterr().err
    assert code in (1, 2)
    assert expected in said
    assert "hint: " in said
    assert "Traceback" not in said
    assert not (tmp_path / "proof").exists()


_USAGE = {
    "no policy": (["--source", "host=/nowhere"], "a clone is rehearsed with its own policy"),
    "options of a clone without one": (["--data"], "--data speaks of a database of your own"),
    "a server that others use": (
        ["--source", "x", "--policy", str(POLICY), "--server", "dsn"],
        "needs a disposable server",
    ),
    "a dead server": (
        ["--source", "host=/nowhere dbname=x", "--policy", str(POLICY)],
        "the source could not be reached",
    ),
    "no connection string": (["--source", "no such thing", "--policy", str(POLICY)], "the source could not be reached"),
}


@pytest.mark.parametrize("case", _USAGE)
def test_options_that_do_not_fit_are_refused_in_words(
    case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options, expected = _USAGE[case]
    assert main(["rehearse", *options, "--out", str(tmp_path / "out")]) in (1, 2)
    said = capsys.readouterr().err
    assert expected in said
    assert "hint: " in said
    assert not (tmp_path / "out").exists()


def test_a_login_that_may_not_read_is_told_what_it_needs(
    shop: Shop, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    dsn = shop.dsn("apprentice")
    assert main(["rehearse", "--source", dsn, "--policy", str(POLICY), "--out", str(tmp_path / "out")]) == 1
    said = capsys.readouterr().err
    assert "may not read" in said
    assert 'GRANT pg_read_all_data TO "apprentice"' in said


def test_a_manifest_of_another_policy_is_refused_before_anything_is_made(shop: Shop, tmp_path: Path) -> None:
    other = tmp_path / "policy.toml"
    other.write_text(POLICY.read_text().replace('name = "shop"', 'name = "another"', 1))
    with pytest.raises(UsageError, match="the manifest is about another estate: policy"):
        from_source(shop.dsn("reader"), other, shop.manifest, data=False)


def test_a_password_is_passed_on_and_a_wrong_one_is_told(
    shop: Shop, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    rules = Path(shop.scene.server.host, "data", "pg_hba.conf")
    before = rules.read_text()
    rules.write_text("local all locked scram-sha-256\n" + before)
    with shop.scene.connect() as connection:
        connection.execute("SELECT pg_reload_conf()")
    _until_refused(shop)
    dsn = shop.dsn("locked") + " password="
    assert main(["rehearse", "--source", dsn + "wrong1", "--policy", str(POLICY), "--out", str(tmp_path / "out")]) == 1
    said = capsys.readouterr().err
    assert 'password authentication failed for user "locked"' in said
    assert "wrong1" not in said
    clone = from_source(dsn + "'open sesame'", POLICY, shop.manifest, data=True)
    assert "open sesame" not in str(clone.cloned.to_json())
    assert "sesame" not in clone.schema
    rules.write_text(before)


def test_a_clone_with_data_has_the_rows(empty: Server, shop: Shop) -> None:
    clone = from_source(shop.dsn("reader"), POLICY, shop.manifest, data=True)
    scene = clone.new_scene(clone.prepare(empty))
    with scene.connect() as connection:
        assert connection.execute('SELECT count(*) FROM till."Receipt"').fetchone() == (2,)
    drop_scene(scene)


def test_the_clone_has_the_name_of_its_original(dump: Path) -> None:
    assert from_dump(dump, None, POLICY, None, data=False).database == DATABASE
