"""The folder of a rehearsal as the pack takes it: its files, and everything in them that did not go as it had to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from qt001_cp.errors import FileProblem
from qt001_cp.model.documents import parse_document
from qt001_cp.model.nogo import families_of
from qt001_cp.policy_file import read_file

RECORD: Final = "nogo.json"
TRANSCRIPT: Final = "transcript.json"
SCHEMAS: Final = {RECORD: "qt001.rehearsal/1", TRANSCRIPT: "qt001.transcript/1"}
FILES: Final = (RECORD, "transcript.md", TRANSCRIPT)


@dataclass(frozen=True)
class Rehearsed:
    """``families``: title → (cases, refused as they had to be). ``wrong``: in words; empty where it passed."""

    server: str
    cases: int
    families: Mapping[str, tuple[int, int]]
    wrong: tuple[str, ...]
    files: Mapping[str, bytes]


def read_rehearsal(folder: Path, digest: str, *, apply_path: bool = True) -> Rehearsed:
    """``apply_path``: whether the manifest has one; the families that speak of it are not missed otherwise.

    Raises :class:`FileProblem` where a file is missing or about another manifest, :class:`ManifestError` where it is broken."""
    files = {name: read_file(folder / name) for name in FILES if name == RECORD or (folder / name).exists()}
    record = _about(folder, RECORD, files, digest)
    families = {title: _counted(record["cases"], family) for family, title in families_of(apply_path or None).items()}
    wrong = [f"{c['family']}: {c['name']}: {c['sqlstate']} {c['message']}" for c in record["cases"] if not _held(c)]
    wrong += [f"{title}: no case was tried" for title, (tried, _) in families.items() if not tried]
    if TRANSCRIPT in files:
        transcript = _about(folder, TRANSCRIPT, files, digest)
        wrong = [f"{c['what']}: {c['found']}" for c in transcript["checks"] if not c["passed"]] + wrong
    return Rehearsed(record["server"], len(record["cases"]), families, tuple(wrong), files)


def _about(folder: Path, name: str, files: Mapping[str, bytes], digest: str) -> Any:
    document = parse_document(files[name], SCHEMAS[name], str(folder / name))
    if document["manifest"] != digest:
        raise FileProblem(
            f"{folder / name}: expected a rehearsal of manifest {digest}, found one of {document['manifest']}",
            hint="rehearse this manifest: qt001-cp rehearse",
        )
    return document


def _counted(cases: list[dict[str, Any]], family: str) -> tuple[int, int]:
    tried = [c for c in cases if c["family"] == family]
    return len(tried), sum(_held(c) for c in tried)


def _held(case: Mapping[str, Any]) -> bool:
    return case["sqlstate"] in case["expected"] and case["state_before"] == case["state_after"] != ""
