"""``qt001-cp drift``: is everything still as the sealed manifest has it; reads, and changes nothing."""

from __future__ import annotations

import argparse
from typing import Any

from qt001_cp.cli.database import add_database, connection, named
from qt001_cp.cli.output import add_format, print_json, say
from qt001_cp.errors import EXIT_FINDINGS, EXIT_OK
from qt001_cp.model.shown import visible
from qt001_cp.workflow.drifted import read_drift
from qt001_cp.workflow.refusal import refusals

EPILOG = """\
Compares owners, ACLs and definitions with the sealed object manifest, in the state that the deployed stage calls for. It needs
no duty and works on a hot standby. 'alembic check' asks the same and answers with the operations that lead back.

exit code 3: something differs

examples:
  qt001-cp drift --database "$AUDITOR"
  qt001-cp drift --database "$AUDITOR" --format json
"""


def add_verbs(verbs: Any) -> None:
    parser = verbs.add_parser(
        "drift",
        help="what is no longer as the sealed manifest has it",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_database(parser)
    add_format(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    named(arguments, "the database to compare has to be named")
    with connection(arguments, needs_fix7a=True) as opened, refusals():
        drift = read_drift(opened)
    if arguments.format == "json":
        print_json("qt001.drift/1", {"stage": drift.stage, "manifest": drift.manifest, "drift": drift.rows})
    else:
        for row in drift.rows:
            say(
                f"{visible(row['object'])}\n    expected {visible(row['expected'])}\n    found    {visible(row['found'])}"
            )
        say(f"{len(drift.rows)} difference(s) from object manifest {drift.manifest} at {drift.stage}")
    return EXIT_FINDINGS if drift.rows else EXIT_OK
