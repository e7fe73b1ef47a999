"""The pack of a change: whole, of fixed bytes, old and new side by side, and harmless to read."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import psycopg
import pytest
from markdown_it import MarkdownIt

from qt001_cp.cli import main
from qt001_cp.model.canonical import canonical_bytes
from qt001_cp.rehearsal.scene import OPERATOR
from qt001_cp.review.effects import holds_up
from qt001_cp.review.side_by_side import side_by_side
from qt001_cp.servers import Server
from tests.conftest import Stage
from tests.report.browser import browser
from tests.report.hostile import BIDI, SCRIPT
from tests.review.conftest import IMAGE, Written
from tests.review.sarif_schema import valid
from tests.roundtrip.alembic_cli import alembic
from tests.succession.support import COLUMN, deployed, marked, prepared
from tests.succession.test_changes import VIEW, with_view

pytestmark = pytest.mark.slow
_PAGES = ("index.md", "changes.md", "index.html")


class _Tags(HTMLParser):
    """The elements of a page, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.seen: set[str] = set()
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: object) -> None:  # noqa: ARG002 - as the parser calls it
        self.seen.add(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("QT001_DATABASE_URL", raising=False)


def _files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def _pack(bundle: Path, out: Path, *more: str, code: int = 0) -> Path:
    assert main(["review", str(bundle), "--out", str(out), *more]) == code
    return out


@pytest.mark.usefixtures("offline")
def test_it_is_whole_of_fixed_bytes_and_no_server_is_asked(
    written: Written, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both texts and both scripts to the byte, as the team's own Alembic prints them."""
    with monkeypatch.context() as patched:
        patched.setattr(psycopg, "connect", lambda *_a, **_k: pytest.fail("a server was asked"))
        one = _files(_pack(written.bundle, tmp_path / "one"))
        assert one == _files(_pack(written.bundle / "object.json", tmp_path / "deep" / "two"))
    sums = subprocess.run(["sha256sum", "--quiet", "-c", "SHA256SUMS"], cwd=tmp_path / "one", check=False)
    assert sums.returncode == 0
    assert set(one) - {"SHA256SUMS"} == {line.split("  ")[1] for line in one["SHA256SUMS"].decode().splitlines()}
    assert (one["forward.sql"].decode(), one["back.sql"].decode()) == (written.forward, written.back)
    manifest, changes = str(written.bundle / "object.json"), written.bundle.parent
    for name, *words in (
        ("change.sql", "upgrade", "fix7c:all_of_it"),
        ("change-back.sql", "downgrade", "all_of_it:changes@base"),
    ):
        printed = alembic(None, "-x", f"manifest={manifest}", *words, "--sql", folder=changes)
        assert one[name].decode() == printed.stdout, name
    kept = ("-x", f"manifest={manifest}", "-x", "changes=keep", "downgrade", "all_of_it:changes@base", "--sql")
    assert one["change-kept.sql"].decode() == alembic(None, *kept, folder=changes).stdout
    for name in (
        "object",
        "predecessor",
        "change",
        "policy",
        "effects",
        "readiness",
        "capability",
        "dependency",
        "static-analysis",
    ):
        assert one[f"manifests/{name}.json"] == (written.bundle / f"{name}.json").read_bytes()
    for name in ("nogo.json", "transcript.md", "transcript.json"):
        assert one[f"rehearsal/{name}"] == (written.bundle / name).read_bytes()
    valid(one["analysis.sarif"].decode())


@pytest.mark.usefixtures("offline")
def test_old_and_new_stand_side_by_side(written: Written, tmp_path: Path) -> None:
    """What differs and what stands around it; of privileges the difference alone; whose they are; what is locked."""
    out = _pack(written.bundle, tmp_path / "pack")
    changes = (out / "changes.md").read_text("utf-8")
    setting = changes.partition("## changed: table public.qt001\\_setting")[2].partition("\n## ")[0]
    assert [line for line in setting.splitlines() if line.startswith("* ")] == [
        "* + UPDATE for reporting from qt001\\_cp\\_owner"
    ]
    assert re.search(r"^    \+ column unit text ", setting, re.MULTILINE)
    assert "\n    − " not in setting
    assert (
        "index qt001_setting_unit CREATE INDEX qt001_setting_unit ON public.qt001_setting USING btree (unit)" in setting
    )
    writer = changes.partition("## changed: function public.qt001\\_write")[2].partition("\n## ")[0]
    changed = [line for line in writer.splitlines() if line.startswith(("    − ", "    + "))]
    assert changed == ["    − BEGIN", f"    + BEGIN  -- {IMAGE}"], (
        "the source as PostgreSQL prints it, before and after"
    )
    assert "## born: view public.qt001\\_setting\\_names (curated view)" in changes
    index = (out / "index.md").read_text("utf-8")
    assert "| directus | view public.qt001\\_setting\\_names |  | SELECT |" in index
    assert "| reporting (another role) | table public.qt001\\_setting |  | UPDATE |" in index
    assert "curated view public.qt001\\_setting\\_names: born" in index
    assert "Nothing is taken from it" in index
    assert "| policy | another one |" in index
    assert "- table public.qt001\\_setting: **AccessExclusiveLock**, readers and writers wait" in index
    page = _Tags((out / "index.html").read_text("utf-8"))
    for text in (written.forward, written.back):
        for line in text.splitlines():
            if BIDI not in line:
                assert line in page.text
    assert "qt001_\\u202eelbat\\u202c_ok" in page.text


@pytest.mark.usefixtures("offline")
def test_nothing_of_a_text_leaves_its_place(written: Written, tmp_path: Path) -> None:
    """HTML by the parser of the standard library, Markdown by that of CommonMark: no element, no HTML, nothing that deceives."""
    out = _pack(written.bundle, tmp_path / "pack")
    page = (out / "index.html").read_text("utf-8")
    tags = _Tags(page)
    assert not {"script", "img", "a", "iframe"} & tags.seen
    assert SCRIPT in tags.text
    assert IMAGE in tags.text
    for name in _PAGES:
        text = (out / name).read_text("utf-8")
        assert BIDI not in text
        assert not set(text) & set("\u202e\u202c\u2028\u200f")
    for name in ("index.md", "changes.md"):
        parsed = MarkdownIt("commonmark").enable("table").parse((out / name).read_text("utf-8"))
        kinds = {t.type for token in parsed for t in (token, *(token.children or ()))}
        assert not kinds & {"html_block", "html_inline", "image"}, name
        headings = [t.content for t in parsed if t.type == "inline" and t.level == 1 and "SQLSTATE" in t.content]
        assert not any("ALTER TABLE" in h for h in headings)


def test_it_reads_on_a_phone_and_on_a_desk(written: Written, tmp_path: Path) -> None:
    out = tmp_path / "pack"
    main(["review", str(written.bundle), "--out", str(out)])
    wide = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
    beside = (
        "return [...document.querySelectorAll('.beside tbody tr')].filter(r => r.children.length == 3)"
        ".every(r => Math.abs(r.children[1].getBoundingClientRect().width - r.children[2].getBoundingClientRect().width) < 2)"
    )
    with browser(tmp_path / "profile") as chromium:
        for width in (360, 390, 1280):
            chromium.open(out / "index.html", width=width)
            assert chromium.run(wide) == 0, width
            assert chromium.run(beside), width


@pytest.mark.usefixtures("offline")
def test_a_failed_rehearsal_is_told_everywhere(
    written: Written, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "failed"
    folder.mkdir()
    shutil.copy(written.bundle / "nogo.json", folder)
    transcript = json.loads((written.bundle / "transcript.json").read_bytes())
    transcript["checks"].append(
        {"what": "what each statement locks was read, back", "passed": False, "found": "it was not"}
    )
    (folder / "transcript.json").write_bytes(canonical_bytes(transcript))
    out = _pack(written.bundle, tmp_path / "pack", "--rehearsal", str(folder), code=3)
    for text in (capsys.readouterr().out, (out / "index.md").read_text(), (out / "index.html").read_text()):
        assert "failed" in text
        assert "what each statement locks was read, back: it was not" in text
    assert "no-go family" in (out / "index.md").read_text()


def _without(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / "changes/all_of_it" / name).unlink()


def _another_text(folder: Path) -> None:
    path = folder / "changes/all_of_it.back.sql"
    path.write_text(f"{path.read_text('utf-8')}-- and more\n", "utf-8")


def _about_another(folder: Path) -> None:
    path = folder / "changes/all_of_it/effects.json"
    path.write_bytes(canonical_bytes({**json.loads(path.read_bytes()), "manifest": "0" * 64}))


def _unreadable(folder: Path) -> None:
    (folder / "changes/all_of_it.py").write_text("(", "utf-8")


def _another_predecessor(folder: Path) -> None:
    shutil.copy(folder / "changes/all_of_it/object.json", folder / "changes/all_of_it/predecessor.json")


_WRONG: dict[str, tuple[Callable[[Path], None], str]] = {
    "no predecessor": (_without("predecessor.json"), "predecessor.json"),
    "no effects": (_without("effects.json"), "effects.json"),
    "no analysis": (_without("static-analysis.json"), "expected the static analysis of the successor"),
    "another predecessor": (_another_predecessor, "which the successor names, found"),
    "another text": (_another_text, "expected the texts that were prepared, found others"),
    "effects of another": (_about_another, "expected what was read of manifest"),
    "no alembic.ini": (lambda folder: (folder / "changes/alembic.ini").unlink(), "expected the alembic.ini of the team's changes"),
    "a revision that cannot be read": (_unreadable, "cannot read change all_of_it"),
}  # fmt: skip  # one case a line


@pytest.mark.usefixtures("offline")
@pytest.mark.parametrize("wrong", sorted(_WRONG))
def test_what_is_not_of_this_change_is_refused_and_nothing_is_left(
    written: Written, tmp_path: Path, wrong: str, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(written.folder, tmp_path / "team")
    change, words = _WRONG[wrong]
    change(tmp_path / "team")
    assert main(["review", str(tmp_path / "team/changes/all_of_it"), "--out", str(tmp_path / "pack")]) == 2
    said = capsys.readouterr().err
    assert words in said
    assert "hint:" in said
    assert sorted(p.name for p in tmp_path.iterdir()) == ["team"]


@pytest.mark.usefixtures("offline")
def test_the_folder_of_the_changes_can_be_named(
    written: Written, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What lies elsewhere; and it speaks of a change alone."""
    shutil.copytree(written.bundle, tmp_path / "elsewhere")
    main(["review", str(tmp_path / "elsewhere"), "--out", str(tmp_path / "pack")])
    assert "--changes FOLDER" in capsys.readouterr().err
    _pack(tmp_path / "elsewhere", tmp_path / "pack", "--changes", str(written.bundle.parent))
    cutover = str(tmp_path / "pack/manifests/predecessor.json")
    assert main(["review", cutover, "--changes", str(written.bundle.parent), "--out", str(tmp_path / "other")]) == 2
    assert "found the manifest of a cutover" in capsys.readouterr().err


def test_who_waits_for_a_lock_is_what_postgresql_does(server: Server) -> None:
    """Each mode held by one session; another one reads and writes, and waits or does not."""
    with server.connect("postgres") as admin, server.connect("postgres") as other:
        admin.execute("CREATE TABLE public.waited_for (a int)")
        try:
            other.execute("SET lock_timeout = '100ms'")
            modes = ("ACCESS SHARE", "ROW SHARE", "ROW EXCLUSIVE", "SHARE UPDATE EXCLUSIVE", "SHARE", "SHARE ROW EXCLUSIVE", "EXCLUSIVE", "ACCESS EXCLUSIVE")  # fmt: skip
            for mode in modes:
                with admin.transaction():
                    admin.execute(f"LOCK TABLE public.waited_for IN {mode} MODE".encode())
                    row = admin.execute(
                        "SELECT mode FROM pg_locks WHERE relation = 'public.waited_for'::regclass"
                    ).fetchone()
                    waits = [
                        _waits(other, text)
                        for text in ("SELECT * FROM public.waited_for", "DELETE FROM public.waited_for")
                    ]
                words = {
                    (False, False): "readers and writers go on",
                    (False, True): "writers wait, readers do not",
                    (True, True): "readers and writers wait",
                }
                assert row is not None
                assert holds_up(row[0]) == words[waits[0], waits[1]], mode
        finally:
            admin.execute("DROP TABLE public.waited_for")


def _waits(session: psycopg.Connection, text: str) -> bool:
    try:
        session.execute(text.encode())
    except psycopg.errors.LockNotAvailable:
        return True
    return False


def test_two_texts_line_beside_line() -> None:
    """The rows give both texts back; what stays far from a difference is counted."""
    old, new = (
        "\n".join(map(str, range(40))),
        "\n".join(str(n) for n in range(40) if n != 20).replace("7\n", "seven\n", 1),
    )
    rows = side_by_side(old, new)
    assert [r.old for r in rows if r.sign in "-~"] == ["7", "20"]
    assert [r.new for r in rows if r.sign in "+~"] == ["seven"]
    left_out = sum(int(r.old.split()[0]) for r in rows if r.sign == "…")
    assert left_out + sum(r.sign in " -~" for r in rows) == 40
    assert side_by_side(old, old) == ()
    assert [r.sign for r in side_by_side(None, "a\nb")] == ["+", "+"]
    assert [r.sign for r in side_by_side("a\nb", None)] == ["-", "-"]
    assert [r.sign for r in side_by_side("a\r\nb", "a\nb")] == ["~"]


def test_the_pack_of_a_live_database(at_fix7c_done: Stage, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No go before it is sealed, go afterwards, and who is in the way; psql runs what the pack holds; the second change begins where
    the first one ends; what takes something says so; at another stage, and on an audit, too."""
    stage, operator = at_fix7c_done, at_fix7c_done.scene.dsn(OPERATOR)
    with_column = prepared(stage, tmp_path, "add_unit", *COLUMN)
    early = _pack(with_column.where.out, tmp_path / "early", "--database", operator, code=3)
    assert {f["sqlstate"] for f in json.loads((early / "preflight.json").read_text())["findings"]} >= {"QT101"}
    assert "✗ no go" in (early / "index.html").read_text()
    with_column.sealed(operator)
    with stage.connect() as reader, reader.transaction():
        reader.execute("LOCK TABLE public.qt001_setting IN ACCESS SHARE MODE")
        out = _pack(with_column.where.out, tmp_path / "one", "--database", operator)
    assert "✓ go" in (out / "index.html").read_text()
    assert [h["relations"] for h in json.loads((out / "preflight.json").read_text())["lock_holders"]] == [1]
    _run(stage, out / "change.sql")
    assert deployed(stage) == with_column.digest
    view = prepared(stage, tmp_path, "view_added", *VIEW, policy=with_view(tmp_path))
    view.sealed(operator)
    _run(stage, _pack(view.where.out, tmp_path / "two", "--database", operator) / "change.sql")
    gone = prepared(stage, tmp_path, "view_revoked", VIEW[1], VIEW[0])
    taken = _pack(gone.where.out, tmp_path / "three")
    text = (taken / "index.md").read_text()
    assert "**Something is taken from it**" in text
    assert "| directus | view public.qt001\\_setting\\_names | SELECT |  |" in text
    assert "- view public.qt001\\_setting\\_names is gone" in text
    assert "- view public.qt001\\_setting\\_names: **AccessExclusiveLock**" in text
    _run(stage, tmp_path / "two" / "change-back.sql")
    _run(stage, out / "change-back.sql")
    assert deployed(stage) == stage.digest
    capsys.readouterr()
    audit = ["audit", "--database", stage.scene.dsn("postgres"), "--manifest", stage.manifest_path, "--format", "json"]
    assert main([*audit, "--pack", str(out), "--pack", str(tmp_path / "two")]) == 0, capsys.readouterr().out
    assert main([*audit, "--pack", str(taken)]) == 3
    assert "is sealed in this database" in capsys.readouterr().out
    with marked(stage):
        stage.downgrade("fix7b")
    assert main(["review", str(with_column.where.out), "--database", operator, "--out", str(tmp_path / "late")]) == 1
    assert "expected FIX7c to be deployed, found stage fix7b" in capsys.readouterr().err
    assert not (tmp_path / "late").exists()


def _run(stage: Stage, script: Path) -> None:
    done = stage.scene.server.psql(script.read_text("utf-8"), dbname=stage.scene.database, user=OPERATOR, check=False)
    assert done.returncode == 0, done.stderr
