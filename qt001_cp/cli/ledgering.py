"""``qt001-cp ledger export``: the ledger as a file, which outlives the database."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from qt001_cp.cli.database import add_database, connection, named
from qt001_cp.cli.output import add_format, print_json, say
from qt001_cp.errors import EXIT_OK
from qt001_cp.workflow.ledger import export

EPILOG = """\
All events in their canonical form, each with its digest, from one snapshot. What was written is read again and verified.
The downgrade to base asks for such a file, and 'qt001-cp audit --ledger' reads it, with a database or without one.

examples:
  qt001-cp ledger export --out ledger.jsonl --database "$OPERATOR"
  alembic -x ledger=ledger.jsonl downgrade fix7a:base --sql > fix7a-back.sql
  qt001-cp audit --ledger ledger.jsonl
"""


def add_verbs(verbs: Any) -> None:
    ledger = verbs.add_parser("ledger", help="export the ledger to a file, and verify what was written")
    actions = ledger.add_subparsers(title="actions", metavar="ACTION", required=True)
    parser = actions.add_parser(
        "export",
        help="write all events to a file (whoever holds a duty)",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="where it goes, such as ledger.jsonl")
    add_database(parser)
    add_format(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    named(arguments, "the database whose ledger is exported has to be named")
    with connection(arguments, needs_fix7a=True) as opened:
        made = export(opened, arguments.out)
    if arguments.format == "json":
        print_json(
            "qt001.ledger-export/1",
            {"file": arguments.out, "database": made.database, "events": made.events, "head": made.head},
        )
    else:
        say(f"{arguments.out}: {made.events} events of database {made.database}, verified; head {made.head}")
    return EXIT_OK
