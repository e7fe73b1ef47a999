"""``qt001-cp verify`` and ``qt001-cp scan``: the pair that a schedule runs, each as a login of its own."""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

from qt001_cp.cli.database import add_database, connection, named
from qt001_cp.cli.heads import check_heads, keep_head
from qt001_cp.cli.output import add_format, print_findings, print_json, print_told, say
from qt001_cp.errors import EXIT_FINDINGS, EXIT_OK
from qt001_cp.model.shown import in_json
from qt001_cp.review.prometheus import findings_prometheus
from qt001_cp.review.sarif import findings_sarif
from qt001_cp.workflow.controlled import look
from qt001_cp.workflow.rows import dict_rows
from qt001_cp.workflow.status import CLOCK, clock_words, read_told, standby

EPILOG = """\
Each records its run, but on a hot standby, where it only looks. Acceptance closes when one of the two is older than
max_age_seconds of the policy, found something, or when both ran as the same login. scripts/ has a systemd timer, cron
lines, and a job for pg_cron.

examples:
  qt001-cp verify --database postgresql://vera@db/directus --keep-head /var/lib/qt001/heads
  qt001-cp scan --database postgresql://sven@db/directus --format prometheus > qt001_scan.prom
"""


def add_verbs(verbs: Any) -> None:
    for name, words in (
        ("verify", "the scheduled verifier: look at everything, record what was found (verifier)"),
        ("scan", "the scheduled scanner, its pair: another login, another code path (verifier)"),
    ):
        parser = verbs.add_parser(name, help=words, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter)
        parser.add_argument(
            "--head",
            type=Path,
            metavar="FILE",
            help="earlier heads of the chain, kept elsewhere: each has to be in it still",
        )
        parser.add_argument("--keep-head", type=Path, metavar="FILE", help="the same, and append today's head")
        add_database(parser)
        add_format(parser, "sarif", "prometheus")
        parser.set_defaults(run=run)
        parser.set_defaults(verb=name)


def run(arguments: argparse.Namespace) -> int:
    named(arguments)
    verb, heads = arguments.verb, arguments.keep_head or arguments.head
    with connection(arguments, needs_fix7a=True) as opened:
        rewritten = check_heads(opened, heads, must_exist=arguments.keep_head is None) if heads else []
        findings = look(opened, verb) + rewritten
        clock_steps = dict_rows(opened, CLOCK)
        if arguments.keep_head and not rewritten:
            keep_head(opened, arguments.keep_head)
        told = read_told(opened) if verb == "verify" else []
        database, recorded = opened.info.dbname, standby(opened) is None
    if arguments.format == "json":
        document = {"findings": findings, "recorded": recorded, "clock_steps": clock_steps}
        if verb == "verify":
            document["told"] = told
        print_json(f"qt001.{'verification' if verb == 'verify' else 'scan'}-run/1", document)
    elif arguments.format == "sarif":
        print(in_json(json.dumps(findings_sarif(findings, f"qt001-cp {verb}"), ensure_ascii=False, indent=1)))
    elif arguments.format == "prometheus":
        print(findings_prometheus(findings, database, verb, time.time()), end="")
    else:
        print_findings(findings)
        print_told(told)
        for step in clock_steps:
            say(clock_words(step))
        say(f"{len(findings)} finding(s); {'recorded' if recorded else 'not recorded: this server is a standby'}")
    return EXIT_FINDINGS if findings else EXIT_OK
