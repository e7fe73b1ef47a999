"""``qt001-cp review``: the operator's pack."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qt001_cp.cli.database import add_database, connection
from qt001_cp.cli.output import add_format, print_findings, print_json, say
from qt001_cp.errors import EXIT_FINDINGS, EXIT_OK, UsageError
from qt001_cp.model.manifest import ObjectManifest
from qt001_cp.policy_file import read_file
from qt001_cp.review.change_pack import ChangeSources, make_change_pack
from qt001_cp.review.pack import Sources, make_pack, write_pack
from qt001_cp.review.rehearsed import RECORD, Rehearsed, read_rehearsal
from qt001_cp.workflow.bundle import OBJECT
from qt001_cp.workflow.change_preflight import read_change_preflight, require_fix7c
from qt001_cp.workflow.changes import INI
from qt001_cp.workflow.preflight import read_preflight
from qt001_cp.workflow.refusal import refusals

EPILOG = """\
Without --database the pack has no preflight and no lock slots, and says so.
Of a change it is what 'qt001-cp change prepare' has written: both texts, old and new side by side, what the application will
notice, what each statement locks, the no-go record, the script both ways.
exit code 3: preflight has findings, or the rehearsal failed; the pack is written all the same, and says so

examples:
  qt001-cp review bundle/object.json --out pack
  qt001-cp review bundle/object.json --rehearsal rehearsal --database postgresql://dora@db/directus --out pack
  qt001-cp review changes/add_unit --database postgresql://dora@db/directus --out pack
  (cd pack && sha256sum -c SHA256SUMS)
"""


def add_verbs(verbs: Any) -> None:
    parser = verbs.add_parser(
        "review",
        help="the operator's pack: the SQL both ways, what it changes, preflight, rehearsal, SHA256SUMS",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "manifest", type=Path, help="the object manifest, or its folder; its documents are taken from the same folder"
    )
    parser.add_argument("--rehearsal", type=Path, metavar="DIR", help="what 'qt001-cp rehearse --out DIR' wrote")
    parser.add_argument(
        "--changes",
        type=Path,
        metavar="DIR",
        help="of a change: the folder of the team's alembic.ini (default: the one above the manifest's)",
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="a new folder")
    add_database(parser)
    add_format(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    path: Path = arguments.manifest / OBJECT if arguments.manifest.is_dir() else arguments.manifest
    manifest = ObjectManifest.from_bytes(read_file(path), str(path))
    if arguments.changes is not None and manifest.succession is None:
        raise UsageError(
            f"{path}: expected the successor that a change brings, found the manifest of a cutover",
            hint="leave --changes out",
        )
    made = _cutover(arguments, path, manifest) if manifest.succession is None else _change(arguments, path, manifest)
    write_pack(made.files, arguments.out)
    wrong = made.rehearsed.wrong if made.rehearsed is not None else ()
    findings = made.findings or []
    if arguments.format == "json":
        print_json(
            "qt001.review/1",
            {
                "manifest": manifest.digest(),
                "out": str(arguments.out),
                "files": sorted(made.files),
                "go": not findings if made.findings is not None else None,
                "findings": findings,
                "rehearsal_passed": not wrong if made.rehearsed is not None else None,
                "rehearsal_failures": wrong,
            },
        )
    else:
        say(f"{arguments.out}: {len(made.files)} files; begin with index.html or index.md")
        if made.findings is None:
            say(f"no database was named: no preflight{'' if manifest.succession else ', no lock slots'}")
        if wrong:
            say("✗ the rehearsal in this pack failed:" + "".join(f"\n    {what}" for what in wrong[:20]))
        print_findings(findings)
    return EXIT_FINDINGS if findings or wrong else EXIT_OK


@dataclass(frozen=True)
class _Made:
    """``findings``: None where no database was asked."""

    files: Mapping[str, bytes]
    rehearsed: Rehearsed | None
    findings: list[dict[str, Any]] | None


def _cutover(arguments: argparse.Namespace, path: Path, manifest: ObjectManifest) -> _Made:
    answer = None
    if arguments.database:
        with connection(arguments, needs_fix7a=True) as opened, refusals():
            answer = read_preflight(opened, manifest)
    rehearsed = _rehearsed(arguments.rehearsal, manifest) if arguments.rehearsal else None
    files = make_pack(Sources(path, rehearsed, answer))
    return _Made(files, rehearsed, answer.findings if answer is not None else None)


def _change(arguments: argparse.Namespace, path: Path, manifest: ObjectManifest) -> _Made:
    """What 'change prepare' wrote lies in one folder: its rehearsal too."""
    answer = None
    if arguments.database:
        with connection(arguments, needs_fix7a=True) as opened, refusals():
            require_fix7c(opened)
            answer = read_change_preflight(opened, manifest.digest())
    folder = arguments.rehearsal or (path.parent if (path.parent / RECORD).exists() else None)
    rehearsed = _rehearsed(folder, manifest) if folder is not None else None
    ini = (arguments.changes or path.resolve().parent.parent) / INI
    files = make_change_pack(ChangeSources(path, ini, rehearsed, answer))
    return _Made(files, rehearsed, answer.findings if answer is not None else None)


def _rehearsed(folder: Path, manifest: ObjectManifest) -> Rehearsed:
    return read_rehearsal(folder, manifest.digest(), apply_path=manifest.apply_path is not None)
