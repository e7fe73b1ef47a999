"""``qt001-cp review``: the operator's pack."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from qt001_cp.cli.database import add_database, connection
from qt001_cp.cli.output import add_format, print_findings, print_json, say
from qt001_cp.errors import EXIT_FINDINGS, EXIT_OK, UsageError
from qt001_cp.model.manifest import ObjectManifest
from qt001_cp.policy_file import read_file
from qt001_cp.review.pack import Sources, make_pack, write_pack
from qt001_cp.review.rehearsed import read_rehearsal
from qt001_cp.workflow.preflight import read_preflight
from qt001_cp.workflow.refusal import refusals

EPILOG = """\
Without --database the pack has no preflight and no lock slots, and says so.
exit code 3: preflight has findings, or the rehearsal failed; the pack is written all the same, and says so

examples:
  qt001-cp review bundle/object.json --out pack
  qt001-cp review bundle/object.json --rehearsal rehearsal --database postgresql://dora@db/directus --out pack
  (cd pack && sha256sum -c SHA256SUMS)
"""


def add_verbs(verbs: Any) -> None:
    parser = verbs.add_parser(
        "review",
        help="the operator's pack: the SQL both ways, what it changes, preflight, rehearsal, SHA256SUMS",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("manifest", type=Path, help="the object manifest; its documents are taken from the same folder")
    parser.add_argument("--rehearsal", type=Path, metavar="DIR", help="what 'qt001-cp rehearse --out DIR' wrote")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="a new folder")
    add_database(parser)
    add_format(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    manifest = ObjectManifest.from_bytes(read_file(arguments.manifest), str(arguments.manifest))
    if manifest.succession is not None:
        raise UsageError(
            f"{arguments.manifest}: expected the manifest of a cutover, found the successor that a change brings",
            hint="its pack is the folder that 'qt001-cp change prepare' wrote: transcript.md, and both texts; what becomes another:"
            " qt001-cp manifest diff OLD NEW",
        )
    answer = None
    if arguments.database:
        with connection(arguments, needs_fix7a=True) as opened, refusals():
            answer = read_preflight(opened, manifest)
    rehearsed = None
    if arguments.rehearsal:
        path = manifest.apply_path is not None
        rehearsed = read_rehearsal(arguments.rehearsal, manifest.digest(), apply_path=path)
    files = make_pack(Sources(arguments.manifest, rehearsed, answer))
    write_pack(files, arguments.out)
    wrong = rehearsed.wrong if rehearsed is not None else ()
    findings = answer.findings if answer is not None else []
    if arguments.format == "json":
        print_json(
            "qt001.review/1",
            {
                "manifest": manifest.digest(),
                "out": str(arguments.out),
                "files": sorted(files),
                "go": not findings if answer is not None else None,
                "findings": findings,
                "rehearsal_passed": not wrong if rehearsed is not None else None,
                "rehearsal_failures": wrong,
            },
        )
    else:
        say(f"{arguments.out}: {len(files)} files; begin with index.html or index.md")
        if answer is None:
            say("no database was named: no preflight, no lock slots")
        if wrong:
            say("✗ the rehearsal in this pack failed:" + "".join(f"\n    {what}" for what in wrong[:20]))
        print_findings(findings)
    return EXIT_FINDINGS if findings or wrong else EXIT_OK
