"""A review pack that shows something else than the sealed manifest asks for is found by ``qt001-cp audit --pack``."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from qt001_cp.audit.pack import pack
from qt001_cp.cli import main
from qt001_cp.errors import FileProblem
from qt001_cp.review import pack as review
from qt001_cp.workflow import revisions
from tests.conftest import Stage

Wrong = Callable[[str], str]


def _without(part: str) -> Wrong:
    """The script without the lines that hold ``part``."""
    return lambda text: "".join(line for line in text.splitlines(keepends=True) if part not in line)


def _with(statement: str) -> Wrong:
    return lambda text: text.replace("COMMIT;", f"{statement}\n\nCOMMIT;")


def _swapped(text: str) -> str:
    """The guard at the end comes first."""
    end = next(line for line in text.splitlines() if '"cutover_end"' in line)
    return text.replace(end, "").replace("SET LOCAL client_encoding", f"{end}\n\nSET LOCAL client_encoding", 1)


def _locked_late(text: str) -> str:
    """The locks come just before the last look."""
    locks = next(line for line in text.splitlines() if '"lock_relations"' in line)
    end = next(line for line in text.splitlines() if '"restore_end"' in line)
    return text.replace(locks + "\n", "").replace(end, f"{locks}\n\n{end}")


def _turned(text: str) -> str:
    """Two owners change in another order."""
    lines = text.splitlines()
    at = next(
        n for n, line in enumerate(lines) if line.startswith("ALTER TABLE") and lines[n + 1].startswith("ALTER TABLE")
    )
    lines[at], lines[at + 1] = lines[at + 1], lines[at]
    return "\n".join(lines)


# The fault of review, or of what it prints with: (the script, how it is wrong, the words).
FAULTS: dict[str, tuple[str, Wrong, str]] = {
    "review leaves a statement out": ("fix7b.sql", _without("qt001_queue"), 'it lacks: ALTER TABLE "public"."qt001_queue"'),
    "review shows another object": (
        "fix7b-restore.sql", lambda text: text.replace('"qt001_note"', '"qt001_notes"'), 'it holds, and should not: ALTER VIEW "public"."qt001_notes"'),
    "review leaves the preconditions out": ("fix7b.sql", _without('"cutover_begin"'), "expected one call of qt001_cp.cutover_begin"),
    "review asks of another manifest": (
        "fix7b-restore.sql", lambda text: text.replace('"restore_end"(\'', '"restore_end"(\'0'), "expected one call of qt001_cp.restore_end"),
    "review shows another order": ("fix7b.sql", _turned, "its statements stand in another order"),
    "review counts wrong": ("fix7b.sql", lambda text: re.sub(r", 1, (\d+)\);", ", 1, 7);", text, count=1), "a block says statements 1 to 7"),
    "review asks afterwards first": ("fix7b.sql", _swapped, "its guards do not stand around its statements"),
    "review leaves the locks out": ("fix7b.sql", _without('"lock_relations"'), "expected one call of qt001_cp.lock_relations"),
    "review locks too late": ("fix7b-restore.sql", _locked_late, "qt001_cp.lock_relations stands behind statements"),
    "review adds a statement": ("fix7b.sql", _with("GRANT SELECT ON public.qt001_note TO PUBLIC;"), "it holds another statement: grant select"),
    "review adds a command of psql": ("fix7b-restore.sql", _with("\\! touch x\n;"), "it holds another statement: \\!"),
    "review shows an old source": (
        "fix7c.sql", _without("qt001_cp.require_acceptance('writer')"), "the new source of public.qt001_write(pg_catalog.jsonb)"),
    "review leaves the retirement out": ("fix7c.sql", _without("qt001_is_ready"), 'it lacks: REVOKE EXECUTE ON FUNCTION "public"."qt001_is_ready"()'),
}  # fmt: skip  # one case a line


BACK = {"fix7a": "fix7b-restore.sql", "fix7b": "fix7c-back.sql"}


def _made(stage: Stage, folder: Path) -> Path:
    review.write_pack(review.make_pack(review.Sources(Path(stage.manifest_path))), folder)
    return folder


def test_a_wrong_pack_is_found(
    at_fix7a_sealed: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = json.loads(Path(at_fix7a_sealed.manifest_path).read_bytes())
    packs = {"sound": _made(at_fix7a_sealed, tmp_path / "sound")}
    assert pack(packs["sound"], manifest, at_fix7a_sealed.digest, ()).faults == []
    printed = {
        name: (packs["sound"] / name).read_text()
        for name in ("fix7b.sql", "fix7b-restore.sql", "fix7c.sql", "fix7c-back.sql")
    }
    for number, (fault, (script, wrong, words)) in enumerate(FAULTS.items()):
        texts = {**printed, script: wrong(printed[script])}
        assert texts[script] != printed[script], fault
        with monkeypatch.context() as patch:
            patch.setattr(revisions, "upgrade_sql", lambda _, to, t=texts, **_x: t[f"{to}.sql"])
            patch.setattr(revisions, "downgrade_sql", lambda _, to, t=texts, **_x: t[BACK[to]])
            packs[fault] = _made(at_fix7a_sealed, tmp_path / str(number))
        found = pack(packs[fault], manifest, at_fix7a_sealed.digest, ()).faults
        assert found, (fault, found)
        assert all(f.startswith(f"{script}: ") for f in found), (fault, found)
        assert any(words in f for f in found), (fault, found)
    base = ["audit", "--database", at_fix7a_sealed.scene.dsn("postgres"), "--manifest", at_fix7a_sealed.manifest_path]
    assert main([*base, "--pack", str(packs["sound"])]) == 0
    assert main([*base, "--pack", str(packs["review adds a statement"])]) == 3
    assert "it holds another statement: grant select on public.qt001_note to public" in capsys.readouterr().out


def _edit(folder: Path) -> None:
    (folder / "index.html").write_text("all is well")


def _foreign(folder: Path) -> None:
    (folder / "fix7a.sql").write_text("")


def _lost(folder: Path) -> None:
    (folder / "changes.md").unlink()


def _reformatted(folder: Path) -> None:
    """And its sum is right."""
    body = (folder / "manifests" / "object.json").read_bytes()
    _sum(folder, "manifests/object.json", json.dumps(json.loads(body), indent=1).encode())


def _no_way_back(folder: Path) -> None:
    """And nothing lists it."""
    (folder / "fix7b-restore.sql").unlink()
    sums = folder / "SHA256SUMS"
    sums.write_text("".join(s for s in sums.read_text().splitlines(keepends=True) if "fix7b-restore.sql" not in s))


def _other_document(folder: Path) -> None:
    _sum(folder, "manifests/readiness.json", b"{}")


def _sum(folder: Path, name: str, body: bytes) -> None:
    sums = folder / "SHA256SUMS"
    before = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    (folder / name).write_bytes(body)
    sums.write_text(sums.read_text().replace(before, hashlib.sha256(body).hexdigest()))


@pytest.mark.parametrize(
    ("touch", "words"),
    [
        (_edit, "SHA256SUMS says"),
        (_foreign, "fix7a.sql: SHA256SUMS does not list it"),
        (_lost, "changes.md: it is listed, and not there"),
        (_reformatted, "the manifest of this database is"),
        (_no_way_back, "fix7b-restore.sql: it is missing"),
        (_other_document, "manifests/readiness.json: no document of this database"),
    ],
)
def test_a_touched_pack_is_found(
    at_fix7a_sealed: Stage, tmp_path: Path, touch: Callable[[Path], None], words: str
) -> None:
    manifest = json.loads(Path(at_fix7a_sealed.manifest_path).read_bytes())
    folder = _made(at_fix7a_sealed, tmp_path / "pack")
    assert at_fix7a_sealed.bundle is not None
    sealed = {hashlib.sha256(body).hexdigest() for body in at_fix7a_sealed.bundle.files.values()}
    assert pack(folder, manifest, at_fix7a_sealed.digest, sealed).faults == []
    touch(folder)
    (found,) = pack(folder, manifest, at_fix7a_sealed.digest, sealed).faults
    assert words in found


def test_a_folder_that_is_no_pack(tmp_path: Path) -> None:
    with pytest.raises(FileProblem, match="qt001-cp review --out"):
        pack(tmp_path, {}, "", ())
