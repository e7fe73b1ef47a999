"""``qt001-cp report``: one database at its stage, as one HTML file or as JSON."""

from __future__ import annotations

import argparse
import io
import sys
from pathlib import Path
from typing import Any

from qt001_cp.cli.database import add_database, connection
from qt001_cp.cli.output import print_json, say
from qt001_cp.errors import EXIT_FINDINGS, EXIT_OK, UsageError
from qt001_cp.model.manifest import ObjectManifest
from qt001_cp.policy_file import read_file, write_whole
from qt001_cp.report.facts import SCHEMA, Report
from qt001_cp.report.page import html, verdict
from qt001_cp.report.read import read_report
from qt001_cp.workflow.refusal import refusals
from qt001_cp.workflow.transferred import require_names

EPILOG = """\
One file without script: stages, what is deployed and by which changes, gates or preconditions with reasons, the estate before
and after, the ways in as a graph, no-go results, drift, and what remains blocked. It reads in one read-only snapshot and changes nothing; any of
the four duties may make it. --manifest is only needed before a manifest is sealed.

examples:
  qt001-cp report --database postgresql://hana@db/directus --out report.html
  qt001-cp report --database postgresql://dora@db/directus --manifest bundle/object.json --out report.html
  qt001-cp report --database postgresql://hana@db/directus --format json > report.json
"""


def add_verbs(verbs: Any) -> None:
    parser = verbs.add_parser(
        "report",
        help="stages, gates, estate, ways in, no-go results and what remains blocked, as one HTML file",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--manifest", type=Path, metavar="FILE", help="the object manifest; default: the database's own"
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help="where the report goes; an older one is replaced")
    add_database(parser)
    parser.add_argument(
        "--format", choices=("html", "json"), default="html", help="for people or programs (default html)"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    if arguments.format == "html" and arguments.out is None:
        raise UsageError("a report for people is a file", hint="--out report.html, or --format json")
    manifest = None
    if arguments.manifest is not None:
        manifest = ObjectManifest.from_bytes(read_file(arguments.manifest), str(arguments.manifest))
    with connection(arguments, needs_fix7a=True) as opened, refusals():
        require_names(opened)
        report = read_report(opened, manifest)
    _write(arguments, report)
    return EXIT_OK if report.in_order else EXIT_FINDINGS


def _write(arguments: argparse.Namespace, report: Report) -> None:
    if arguments.format == "json" and arguments.out is None:
        print_json(SCHEMA, report.to_json())
        return
    if arguments.format == "json":
        made = io.StringIO()
        print_json(SCHEMA, report.to_json(), made)
        write_whole(arguments.out, [made.getvalue().encode()])
    else:
        write_whole(arguments.out, [html(report)])
    say(f"{arguments.out}: {verdict(report)[1]}", file=sys.stderr if arguments.format == "json" else sys.stdout)
