"""Names and bodies that hold our own quotes, or characters that do not show: the scripts go the whole way, and what a reviewer
reads in them is what psql runs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.record import made_record
from qt001_cp.audit.pack import pack
from qt001_cp.cli import main
from qt001_cp.emit.quoting import literal, readable
from qt001_cp.emit.script import file_block, perform
from qt001_cp.rehearsal.scene import OPERATOR, drop_scene
from qt001_cp.workflow import revisions
from qt001_cp.workflow.seal import record_rehearsal
from tests.conftest import Library, Stage
from tests.cutover.support import sealed_with
from tests.kinds.conftest import policy_with

HIDDEN = re.compile(
    "[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]"
)
TAGS = ("$qt001$;x", "$call$;x", "$run$", "$qt001_0123456789abcdef$", "$body$", "$$")
UNSEEN = (
    "\u202etfel",
    "zero\u200bwidth",
    "a\u2066b\u2069",
    "escape\x1b[2J",
    "tab\there",
    "carriage\rreturn",
    "back\\slash'quote \u2028",
)
PLACES = {
    "public.qt001_write(pg_catalog.jsonb)": "-- \u202e\u200b old\there\\ 'x'\r\n",
}


@pytest.fixture
def awkward(library: Library, tmp_path: Path) -> Iterator[Stage]:
    """A retained and a transferred function of each name; the writer's old and new source with what does not show."""
    stage = library.copy("base")
    stage.folder = tmp_path
    try:
        with stage.connect() as connection:
            for name in (*TAGS, *UNSEEN):
                for prefix in ("articles ", "qt001 "):
                    quoted = f'"{prefix}{name}"'
                    connection.execute(
                        f"CREATE FUNCTION public.{quoted}() RETURNS int LANGUAGE sql STABLE AS 'SELECT 1'".encode()
                    )
                    connection.execute(f"ALTER FUNCTION public.{quoted}() OWNER TO directus".encode())
                    connection.execute(f"REVOKE EXECUTE ON FUNCTION public.{quoted}() FROM PUBLIC".encode())
            for identity, comment in PLACES.items():
                (text,) = connection.execute("SELECT pg_get_functiondef(%s::regprocedure)", [identity]).fetchone() or (
                    "",
                )
                assert "\nBEGIN\n" in text
                connection.execute(text.replace("\nBEGIN\n", f"\n{comment}BEGIN\n", 1).encode())
        policy = policy_with(tmp_path, "")
        writer = tmp_path / "repoint" / "writer.sql"
        writer.write_text(
            writer.read_text("utf-8").replace("BEGIN\n", "-- \u202enew\u2066 \x07\\ 'y'\nBEGIN\n", 1), "utf-8"
        )
        sealed_with(stage, tmp_path, policy)
        assert stage.bundle is not None
        with stage.connect(OPERATOR) as operator:
            record_rehearsal(operator, made_record(stage.bundle.manifest))
        yield stage
    finally:
        drop_scene(stage.scene)


def test_the_whole_way_with_names_that_hold_our_quotes(awkward: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    x = {"manifest": awkward.manifest_path}
    before, roles = awkward.scene.dump("--create"), awkward.scene.server.dump_roles()
    scripts = {"b": revisions.upgrade_sql("fix7a", "fix7b", **x), "c": revisions.upgrade_sql("fix7b", "fix7c", **x),
               "c back": revisions.downgrade_sql("fix7c", "fix7b", **x), "b back": revisions.downgrade_sql("fix7b", "fix7a", **x)}  # fmt: skip
    for name, text in scripts.items():
        assert HIDDEN.findall(text) == [], name
    awkward.scene.psql(scripts["b"])
    at_fix7b = awkward.scene.dump("--create")
    awkward.scene.psql(scripts["c"])
    with awkward.connect() as connection:
        (body,) = connection.execute("SELECT prosrc FROM pg_proc WHERE proname = 'qt001_write'").fetchone() or ("",)
        kept = {bytes(r[0]) for r in connection.execute("SELECT body FROM qt001_cp.document").fetchall()}
    assert "\u202enew\u2066 \x07\\ 'y'" in body
    assert {
        (awkward.folder / f"{n}.json").read_bytes()
        for n in ("object", "readiness", "capability", "dependency", "static-analysis")
    } <= kept
    assert main(["status", "--database", awkward.scene.dsn(OPERATOR)]) == 3
    assert "[QT102]" not in capsys.readouterr().out
    awkward.scene.psql(scripts["c back"])
    assert awkward.scene.dump("--create", "--exclude-schema=qt001_cp") == _without_ours(awkward, at_fix7b)
    awkward.scene.psql(scripts["b back"])
    assert awkward.scene.dump("--create", "--exclude-schema=qt001_cp") == _without_ours(awkward, before)
    assert awkward.scene.server.dump_roles() == roles


def _without_ours(stage: Stage, whole: str) -> str:
    """The dump of now without our schema, where the whole of before has every line of it."""
    now = stage.scene.dump("--create", "--exclude-schema=qt001_cp")
    missing = set(now.splitlines()) - set(whole.splitlines())
    assert missing == set()
    with stage.connect() as connection:
        (body,) = connection.execute("SELECT prosrc FROM pg_proc WHERE proname = 'qt001_write'").fetchone() or ("",)
    assert next(iter(PLACES.values())) in body
    return now


def test_the_pack_of_it_shows_everything_and_the_audit_reads_it(
    awkward: Stage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "pack"
    assert main(["review", awkward.manifest_path, "--out", str(out), "--database", awkward.scene.dsn(OPERATOR)]) in (
        0,
        3,
    )
    for file in out.glob("*"):
        if file.suffix in (".sql", ".md", ".html"):
            assert HIDDEN.findall(file.read_text("utf-8")) == [], file.name
    assert awkward.bundle is not None
    assert pack(out, awkward.bundle.manifest.to_json(), awkward.digest, ()).faults == []
    fix7c = (out / "fix7c.sql").read_text("utf-8")
    assert "U&'" in fix7c
    assert "\\202Enew\\2066 \\0007\\\\ ''y''" in fix7c
    capsys.readouterr()
    for verb in (
        ["manifest", "show"],
        ["manifest", "show", "--format", "json"],
        ["preflight", "--database", awkward.scene.dsn(OPERATOR)],
    ):
        main(
            [*verb[:2], awkward.manifest_path, *verb[2:]]
            if verb[0] == "manifest"
            else ["preflight", awkward.manifest_path, *verb[1:]]
        )
        assert HIDDEN.findall(capsys.readouterr().out) == [], verb
    for words in (["inventory", "--application", "directus"], ["inventory", "--application", "directus", "--format", "json"], ["analyse", "--policy",
                  str(awkward.folder / "policy.toml")], ["evidence", "list"]):  # fmt: skip
        main([*words, "--database", awkward.scene.dsn(OPERATOR)])
        assert HIDDEN.findall(capsys.readouterr().out) == [], words


def test_a_call_that_holds_any_tag_is_quoted() -> None:
    call = "f('$call$ $qt001$')"
    for _ in range(5):
        text = perform(call)
        tag = text.split()[1]
        assert re.fullmatch(r"\$call_[0-9a-f]{16}\$", tag)
        assert text.count(tag) == 2
        call = f"f('{tag}', {literal(text)})"


def test_what_shows_stays_as_it_is() -> None:
    plain = "CREATE FUNCTION f() … $x$ Größe 日本 \\ ' \n$x$"
    assert plain in file_block("upgrade fix7c", "source", plain)
    assert readable(plain) == literal(plain)
