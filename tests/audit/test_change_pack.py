"""A pack of a change that shows something else than the ledger has is found by ``qt001-cp audit --pack``."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from qt001_cp.audit.change_pack import change_pack, is_of_change
from qt001_cp.cli import main
from tests.review.conftest import Written, written

__all__ = ["written"]
pytestmark = pytest.mark.slow
Wrong = Callable[[str], str]


def _with(statement: str) -> Wrong:
    return lambda text: text.replace("COMMIT;", f"{statement}\n\nCOMMIT;")


def _replaced(old: str, new: str) -> Wrong:
    """Where it stands last: the document of the change has the texts too, before."""

    def wrong(text: str) -> str:
        before, found, after = text.rpartition(old)
        assert found
        return f"{before}{new}{after}"

    return wrong


def _without(call: str) -> Wrong:
    def wrong(text: str) -> str:
        start = text.index("DO ", text.index(f"PERFORM qt001_cp.{call}") - 60)
        tag = text[start + 3 : text.index("$", start + 4) + 1]
        end = text.index(f"{tag};", start + 10) + len(tag) + 1
        return text[:start] + text[end:]

    return wrong


FAULTS: dict[str, tuple[str, Wrong, str]] = {
    "a statement more": ("change.sql", _with("GRANT SELECT ON public.qt001_note TO PUBLIC;"), "it holds another statement: GRANT SELECT"),
    "a command of psql": ("change-back.sql", _with("\\! touch x\n;"), "it holds another statement: \\!"),
    "a text with more in it": ("change.sql", _replaced("CREATE INDEX", "DROP TABLE x;\nCREATE INDEX"), "run_change is not given the text forward of the ledger, whole"),
    "another text back": ("change-back.sql", _replaced("REVOKE UPDATE", "GRANT UPDATE"), "run_change is not given the text back"),
    "another change": ("change.sql", _replaced('"revision":"all_of_it"', '"revision":"another"'), "change_begin is not given the change of the pack, forward"),
    "the other way": ("change.sql", _replaced("'UTF8'), 'forward')", "'UTF8'), 'back')"), "change_begin is not given the change of the pack, forward"),
    "no look at the end": ("change.sql", _without('"change_end"'), "expected the calls start_run, change_begin"),
    "no look at the beginning": ("change-back.sql", _without('"change_begin"'), "expected the calls start_run, change_begin"),
    "other documents": ("change.sql", _replaced('"schema":"qt001.manifest.readiness/1"', '"schema":"qt001.manifest.readiness/2"'), "change_documents is not given the documents of the pack"),
    "a call in a call": ("change.sql", _replaced('"change_end"()', '"change_end"(qt001_cp.sign_off(\'a\', \'b\', 1))'), "it holds another statement: DO"),
    "kept, and a text": ("change-kept.sql", _replaced('"keep_change"', '"change_begin"'), "expected the calls start_run, keep_change"),
    "the emergency way takes less": ("fix7b-restore.sql", lambda text: "".join(line for line in text.splitlines(keepends=True) if "qt001_queue" not in line), "it lacks: ALTER TABLE"),
}  # fmt: skip  # one case a line


@pytest.fixture(scope="module")
def made(written: Written, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("packs") / "sound"
    with pytest.MonkeyPatch.context() as patched:
        patched.delenv("QT001_DATABASE_URL", raising=False)
        assert main(["review", str(written.bundle), "--out", str(folder)]) == 0
    return folder


def _ledger(made: Path) -> Mapping[str, Mapping[str, Any]]:
    """What the database would have of it."""
    bodies = [(made / "manifests" / f"{n}.json").read_bytes() for n in ("object", "change", "predecessor", "policy")]
    return {hashlib.sha256(body).hexdigest(): json.loads(body) for body in bodies}


def _again(made: Path, folder: Path, name: str, body: bytes) -> Path:
    """The pack with one file that says something else, and sums of it as it is."""
    shutil.copytree(made, folder)
    sums = (folder / "SHA256SUMS").read_text()
    was, now = (hashlib.sha256(b).hexdigest() for b in ((folder / name).read_bytes(), body))
    (folder / name).write_bytes(body)
    (folder / "SHA256SUMS").write_text(sums.replace(f"{was}  {name}\n", f"{now}  {name}\n"))
    return folder


def test_a_sound_pack_passes(made: Path) -> None:
    ledger = _ledger(made)
    assert is_of_change(made)
    check = change_pack(made, ledger, ledger.keys())
    assert check.faults == []
    assert check.looked_at > 15
    (fault,) = change_pack(made, ledger, ()).faults
    assert "is sealed in this database" in fault


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_a_wrong_script_is_found(made: Path, tmp_path: Path, fault: str) -> None:
    name, wrong, words = FAULTS[fault]
    body = wrong((made / name).read_text("utf-8"))
    assert body.encode() != (made / name).read_bytes()
    ledger = _ledger(made)
    found = change_pack(_again(made, tmp_path / "pack", name, body.encode()), ledger, ledger.keys()).faults
    assert any(words in f for f in found), found


@pytest.mark.parametrize(
    "body",
    [b"", b"\xff", b"[" * 100_000, b"[]", b"{}", b"null"],
    ids=["empty", "no text", "deep", "list", "none", "null"],
)
def test_what_is_no_manifest_is_no_change(tmp_path: Path, body: bytes) -> None:
    assert not is_of_change(tmp_path)
    (tmp_path / "manifests").mkdir()
    (tmp_path / "manifests" / "object.json").write_bytes(body)
    assert not is_of_change(tmp_path)


def test_a_touched_file_is_found(made: Path, tmp_path: Path) -> None:
    ledger = _ledger(made)
    touched = _again(made, tmp_path / "text", "forward.sql", b"SELECT 1;\n")
    assert change_pack(touched, ledger, ledger.keys()).faults == [
        "forward.sql: it is not the text of change all_of_it in the ledger"
    ]
    for name in ("change", "predecessor", "policy"):
        other = _again(made, tmp_path / name, f"manifests/{name}.json", b"{}")
        assert any(
            f.startswith(f"manifests/{name}.json: its sha256 is")
            for f in change_pack(other, ledger, ledger.keys()).faults
        )
    shutil.copytree(made, tmp_path / "late")
    (tmp_path / "late" / "forward.sql").write_text("SELECT 1;\n")
    assert any("SHA256SUMS says" in f for f in change_pack(tmp_path / "late", ledger, ledger.keys()).faults)
    without = {digest: d for digest, d in ledger.items() if d.get("schema") != "qt001.change/1"}
    assert any("is not in this database" in f for f in change_pack(made, without, ledger.keys()).faults)
