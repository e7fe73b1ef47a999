"""Composes the pack of a change: names to bytes. The same inputs give the same bytes; no clock is read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from markupsafe import Markup

from qt001_cp.errors import FileProblem
from qt001_cp.model.canonical import digest as digest_of
from qt001_cp.model.change import EFFECTS, PREDECESSOR, Change, file_of, read_change
from qt001_cp.model.documents import parse_document
from qt001_cp.model.manifest import ObjectManifest
from qt001_cp.model.shown import lines
from qt001_cp.ops.directives import STATEMENT_TIMEOUT
from qt001_cp.policy_file import read_file
from qt001_cp.review.effects import Effects, held, read_effects
from qt001_cp.review.pack import ANALYSIS, as_json, documents_beside, with_sums
from qt001_cp.review.pages import page
from qt001_cp.review.rehearsed import Rehearsed
from qt001_cp.review.sarif import analysis_sarif, findings_sarif
from qt001_cp.review.succession import changed_objects, notices
from qt001_cp.sql.build import build
from qt001_cp.workflow import revisions
from qt001_cp.workflow.change_preflight import ChangePreflight

_AGAIN: Final = "prepare the change again: qt001-cp change prepare NAME --database …"
REFUSALS: Final = (
    ("QT101", "the successor is sealed here, is of what is deployed now, and its change was proposed"),
    ("QT310", "what is protected is exactly what is deployed; rows and row security are not less"),
    ("QT105", "the no-go record of this successor is in this database"),
    ("QT108", "where the change takes something from the application: none of its sessions is in a transaction"),
    ("QT103", "the text is the sealed one, to the byte"),
    ("QT312", "each lock that the text needs is there within half a second, in one of ten tries"),
    (
        "QT301",
        "afterwards: everything is what the successor says, and every gate that does not wait for people is open",
    ),
)
"""What the script of a change refuses, and with which SQLSTATE; then nothing has changed."""


@dataclass(frozen=True)
class ChangeSources:
    """What the pack is made of. ``manifest``: the successor's file, with its documents beside it; ``ini``: the team's alembic.ini;
    ``preflight``: of a live database."""

    manifest: Path
    ini: Path
    rehearsal: Rehearsed | None = None
    preflight: ChangePreflight | None = None


@dataclass(frozen=True)
class _Read:
    """The files beside a successor, each checked against the digests that it names."""

    new: ObjectManifest
    old: ObjectManifest
    change: Change
    effects: Effects
    files: Mapping[str, bytes]


def make_change_pack(sources: ChangeSources) -> dict[str, bytes]:
    """All files of the pack, SHA256SUMS included, by their name.

    Raises :class:`FileProblem` where a file is missing, or is not the one that the successor names.
    """
    read = _read(sources)
    name, manifest = read.change.revision, str(sources.manifest)
    scripts = {
        "change.sql": revisions.change_sql(sources.ini, name, manifest=manifest),
        "change-back.sql": revisions.change_back_sql(sources.ini, name, manifest=manifest),
        "change-kept.sql": revisions.change_back_sql(sources.ini, name, manifest=manifest, changes="keep"),
        "fix7c-back.sql": revisions.downgrade_sql("fix7c", "fix7b", manifest=manifest),
        "fix7b-restore.sql": revisions.downgrade_sql("fix7b", "fix7a", manifest=manifest),
        "forward.sql": read.change.forward,
        "back.sql": read.change.back,
    }
    files = dict(read.files)
    analysis = json.loads(files[f"manifests/{ANALYSIS}"])
    files["analysis.sarif"] = as_json(analysis_sarif(analysis["routines"], read.new.digest()))
    if sources.rehearsal is not None:
        files |= {f"rehearsal/{name}": body for name, body in sources.rehearsal.files.items()}
    answer = sources.preflight
    if answer is not None:
        files["preflight.json"] = as_json({"schema": "qt001.change-preflight/1", **answer.document(read.new.digest())})
        files["preflight.sarif"] = as_json(findings_sarif(answer.findings, "qt001-cp review", read.new.digest()))
    files |= {name: text.encode() for name, text in scripts.items()}
    facts = _facts(read, sources, analysis, sorted(files))
    files |= {name: page(f"change-{name}.j2", facts) for name in ("changes.md", "index.md", "index.html")}
    return with_sums(files)


def _read(sources: ChangeSources) -> _Read:
    folder = sources.manifest.parent
    body = read_file(sources.manifest)
    new = ObjectManifest.from_bytes(body, str(sources.manifest))
    assert new.succession is not None
    files = {"manifests/object.json": body}
    for name, wanted in (
        ("change.json", new.succession["change"]),
        (PREDECESSOR, new.succession["predecessor"]),
        ("policy.json", new.policy["sha256"]),
    ):
        files[f"manifests/{name}"] = _named(folder / name, wanted)
    data = parse_document(files["manifests/change.json"], "qt001.change/1", str(folder / "change.json"))
    change = Change(data["revision"], data["forward"], data["back"])
    _as_written(sources.ini, change)
    old = ObjectManifest.from_bytes(files[f"manifests/{PREDECESSOR}"], str(folder / PREDECESSOR))
    effects, read = read_effects(folder, new.digest())
    files[f"manifests/{EFFECTS}"] = read
    documents = documents_beside(folder, new, _AGAIN)
    if ANALYSIS not in documents:
        raise FileProblem(
            f"{folder / ANALYSIS}: expected the static analysis of the successor, found no file", hint=_AGAIN
        )
    files |= {f"manifests/{name}": body for name, body in documents.items()}
    return _Read(new, old, change, effects, files)


def _named(path: Path, wanted: str) -> bytes:
    body = read_file(path)
    if digest_of(body) != wanted:
        raise FileProblem(
            f"{path}: expected sha256 {wanted}, which the successor names, found {digest_of(body)}", hint=_AGAIN
        )
    return body


def _as_written(ini: Path, change: Change) -> None:
    """The script is printed from the team's files, so these have to be what was prepared. Raises :class:`FileProblem`."""
    revisions.require_ini(ini)
    revision = ini.with_name(f"{change.revision}.py")
    if read_change(revision) != change:
        raise FileProblem(
            f"{file_of(revision, 'forward')}, {file_of(revision, 'back').name}: expected the texts that were prepared, found others",
            hint=_AGAIN.replace("NAME", change.revision),
        )


def _facts(read: _Read, sources: ChangeSources, analysis: Any, names: list[str]) -> dict[str, Any]:
    effects = read.effects
    objects = changed_objects(read.old, read.new, effects.sources)
    return {
        "name": read.change.revision,
        "manifest": read.new,
        "digest": read.new.digest(),
        "predecessor": read.old.digest(),
        "texts": {way: getattr(read.change, way).split("\n") for way in ("forward", "back")},
        "objects": objects,
        "count": {what: sum(o.what == what for o in objects) for what in ("changed", "born", "gone")},
        "curated": [o for o in objects if o.curated],
        "notices": notices(read.old, read.new),
        "other_policy": read.old.policy != read.new.policy,
        "effects": effects,
        "statements": {"forward": effects.forward, "back": effects.back},
        "held": {"forward": held(effects.forward), "back": held(effects.back)},
        "refusals": REFUSALS,
        "preflight": sources.preflight,
        "rehearsed": sources.rehearsal,
        "unknown": [(r["identity"], u) for r in analysis["routines"] for u in r["unknown"]],
        "statement_timeout": STATEMENT_TIMEOUT,
        "shown_lines": lines,
        "newline": Markup("\n"),
        "files": names,
        "build": build(),
    }
