"""Composes the pack: names to bytes. The same inputs give the same bytes; no clock is read."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from qt001_cp.emit.head import verbs
from qt001_cp.errors import FileProblem
from qt001_cp.model.documents import parse_document
from qt001_cp.model.manifest import ObjectManifest
from qt001_cp.model.preconditions import AFTERWARDS, FORWARD
from qt001_cp.ops.directives import LOCK_TIMEOUT, STATEMENT_TIMEOUT
from qt001_cp.plan.behaviour import touched, touching
from qt001_cp.plan.keep import told
from qt001_cp.plan.losses import losses, losses_page, unmeant
from qt001_cp.policy_file import read_file
from qt001_cp.review.changes import changes, grantors
from qt001_cp.review.pages import page
from qt001_cp.review.rehearsed import Rehearsed
from qt001_cp.review.sarif import analysis_sarif, findings_sarif
from qt001_cp.sql.build import build
from qt001_cp.workflow import revisions
from qt001_cp.workflow.preflight import Preflight

ANALYSIS: Final = "static-analysis.json"
SCHEMAS: Final = {"readiness.json": "qt001.manifest.readiness/1", "capability.json": "qt001.manifest.capability/1",
                  "dependency.json": "qt001.manifest.dependency/1", ANALYSIS: "qt001.evidence.static-analysis/1",
                  "inventory.json": "qt001.inventory/1"}  # fmt: skip
_AGAIN: Final = "generate the bundle again: qt001-cp manifest generate --policy … --out …"
DOCUMENTS: Final = ("readiness.json", "capability.json", "dependency.json", ANALYSIS)


@dataclass(frozen=True)
class Sources:
    """What the pack is made of. ``preflight``: of a live database."""

    manifest: Path
    rehearsal: Rehearsed | None = None
    preflight: Preflight | None = None


def make_pack(sources: Sources) -> dict[str, bytes]:
    """All files of the pack, SHA256SUMS included, by their name.

    Raises :class:`FileProblem` where a document is about another manifest.
    """
    manifest = ObjectManifest.from_bytes(read_file(sources.manifest), str(sources.manifest))
    x = {"manifest": str(sources.manifest)}
    texts = {
        "fix7b.sql": revisions.upgrade_sql("fix7a", "fix7b", **x),
        "fix7b-restore.sql": revisions.downgrade_sql("fix7b", "fix7a", **x),
    }
    files: dict[str, bytes] = {"manifests/object.json": manifest.body()}
    documents = documents_beside(sources.manifest.parent, manifest, _AGAIN)
    files |= {f"manifests/{name}": body for name, body in documents.items()}
    if set(DOCUMENTS) <= documents.keys():
        texts["fix7c.sql"] = revisions.upgrade_sql("fix7b", "fix7c", **x)
        texts["fix7c-back.sql"] = revisions.downgrade_sql("fix7c", "fix7b", **x)
    analysis = json.loads(documents[ANALYSIS]) if ANALYSIS in documents else None
    if analysis is not None:
        files["analysis.sarif"] = as_json(analysis_sarif(analysis["routines"], manifest.digest()))
    if sources.rehearsal is not None:
        files |= {f"rehearsal/{name}": body for name, body in sources.rehearsal.files.items()}
    answer = sources.preflight
    if answer is not None:
        files["preflight.json"] = as_json({"schema": "qt001.preflight/1", **answer.document(manifest.digest())})
        files["preflight.sarif"] = as_json(findings_sarif(answer.findings, "qt001-cp preflight", manifest.digest()))
    files |= {name: text.encode() for name, text in texts.items()}
    facts = _facts(manifest, sources, analysis, sorted(files))
    files["changes.md"] = page("changes.md.j2", facts)
    files["losses.md"] = losses_page(manifest).encode()
    files["index.md"] = page("index.md.j2", facts)
    files["index.html"] = page("index.html.j2", facts)
    return with_sums(files)


def with_sums(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """The files, and SHA256SUMS of them."""
    sums = "".join(f"{hashlib.sha256(files[name]).hexdigest()}  {name}\n" for name in sorted(files))
    return {**files, "SHA256SUMS": sums.encode()}


def write_pack(files: Mapping[str, bytes], out: Path) -> None:
    """All files or none: into a folder beside ``out``, which then takes its name.

    Raises :class:`FileProblem` where ``out`` is there and not an empty folder.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise FileProblem(f"{out} is there already", hint="name a new folder with --out")
    out.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    try:
        for name, body in files.items():
            (part / name).parent.mkdir(exist_ok=True)
            (part / name).write_bytes(body)
        part.chmod(0o777 & ~_umask())
        if out.exists():
            out.rmdir()
        part.rename(out)
    except OSError:
        shutil.rmtree(part, ignore_errors=True)
        raise


def _umask() -> int:
    value = os.umask(0o022)
    os.umask(value)
    return value


def documents_beside(folder: Path, manifest: ObjectManifest, again: str) -> dict[str, bytes]:
    """The documents beside the manifest, each about exactly this one. ``again``: what makes them anew."""
    found: dict[str, bytes] = {}
    for name in SCHEMAS:
        path = folder / name
        if not path.exists():
            continue
        body = read_file(path)
        data = parse_document(body, SCHEMAS[name], str(path))
        about = data.get("subject", data.get("object_manifest", manifest.digest()))
        if about != manifest.digest():
            raise FileProblem(
                f"{path}: expected a document about manifest {manifest.digest()}, found one about {about}",
                hint=again,
            )
        found[name] = body
    return found


def _facts(manifest: ObjectManifest, sources: Sources, analysis: Any, names: list[str]) -> dict[str, Any]:
    return {
        "manifest": manifest,
        "digest": manifest.digest(),
        "changes": changes(manifest),
        "not_enough": list(told(manifest)),
        "transferred": len(manifest.transferred),
        "lent": len(manifest.lent),
        "unmeant": unmeant(losses(manifest)),
        "touching": [f"{o.ref} of {o.before.owner.name} {touched(o)}" for o in touching(manifest)],
        "grantors": grantors(manifest),
        "retained": [o for o in manifest.objects if o.disposition == "retain"],
        "statements": {way: verbs(manifest, way) for way in ("forward", "restore")},
        "preconditions": FORWARD,
        "afterwards": AFTERWARDS,
        "preflight": sources.preflight,
        "unknown": [(r["identity"], u) for r in analysis["routines"] for u in r["unknown"]] if analysis else None,
        "rehearsed": sources.rehearsal,
        "lock_timeout": LOCK_TIMEOUT,
        "statement_timeout": STATEMENT_TIMEOUT,
        "files": names,
        "build": build(),
    }


def as_json(document: Mapping[str, Any]) -> bytes:
    """A document of a pack, for programs."""
    return (json.dumps(document, ensure_ascii=False, indent=1, sort_keys=True, default=str) + "\n").encode()
