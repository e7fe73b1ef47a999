"""Verbs of evidence: ``evidence import|list``, ``bind``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from qt001_cp.cli.database import add_database, connection, named
from qt001_cp.cli.output import add_format, print_json, print_table
from qt001_cp.errors import EXIT_OK
from qt001_cp.model.canonical import digest, parse_canonical
from qt001_cp.policy_file import read_file
from qt001_cp.workflow.controlled import bind_evidence, import_evidence
from qt001_cp.workflow.ledger import evidence_events
from qt001_cp.workflow.seal import record_rehearsal


def add_verbs(verbs: Any) -> None:
    evidence = verbs.add_parser("evidence", help="import and list evidence")
    actions = evidence.add_subparsers(title="actions", metavar="ACTION", required=True)
    importing = actions.add_parser(
        "import", help="import a document of evidence (author), or a no-go record (operator)"
    )
    importing.add_argument("file", type=Path)
    importing.add_argument("--rehearsal", action="store_true", help="the file is nogo.json of a rehearsal")
    add_database(importing)
    importing.set_defaults(run=run_import)
    listing = actions.add_parser("list", help="what was imported and bound")
    add_database(listing)
    add_format(listing)
    listing.set_defaults(run=run_list)

    bind = verbs.add_parser("bind", help="bind evidence to a capability (author)")
    bind.add_argument("evidence", help="digest of the evidence")
    bind.add_argument("capability", help="its name in the capability manifest")
    add_database(bind)
    bind.set_defaults(run=run_bind)


def run_import(arguments: argparse.Namespace) -> int:
    body = read_file(arguments.file)
    parse_canonical(body, str(arguments.file))
    named(arguments)
    with connection(arguments, needs_fix7a=True) as opened:
        if arguments.rehearsal:
            record_rehearsal(opened, body)
        else:
            import_evidence(opened, body)
    print(f"imported {digest(body)}")
    return EXIT_OK


def run_list(arguments: argparse.Namespace) -> int:
    with connection(arguments, needs_fix7a=True) as opened:
        events = evidence_events(opened)
    if arguments.format == "json":
        print_json("qt001.evidence-list/1", {"events": events})
    else:
        fields = ("seq", "verb", "subject", "actor", "at", "detail")
        print_table("evidence", fields, [tuple(event[field] for field in fields) for event in events])
    return EXIT_OK


def run_bind(arguments: argparse.Namespace) -> int:
    named(arguments)
    with connection(arguments, needs_fix7a=True) as opened:
        bind_evidence(opened, arguments.evidence, arguments.capability)
    print(f"bound {arguments.evidence} to {arguments.capability}")
    return EXIT_OK
