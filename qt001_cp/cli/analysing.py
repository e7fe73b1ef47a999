"""``qt001-cp analyse``: what the routines and views of the estate reach."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from qt001_cp import estate
from qt001_cp.catalog.cross_check import read_cross_check
from qt001_cp.catalog.inventory import read_inventory
from qt001_cp.catalog.names import read_names
from qt001_cp.catalog.reach import read_reach
from qt001_cp.cli.database import add_database, connection
from qt001_cp.cli.output import add_format, print_json, say
from qt001_cp.errors import EXIT_FINDINGS, EXIT_OK, UsageError
from qt001_cp.model.names import Role
from qt001_cp.model.shown import in_json
from qt001_cp.plan.analysis import analyse_estate, cross_checked
from qt001_cp.policy_file import load_policy
from qt001_cp.review.sarif import analysis_sarif
from qt001_cp.workflow.candidate import biggest_owner
from qt001_cp.workflow.refusal import refusals


def add_verbs(verbs: Any) -> None:
    parser = verbs.add_parser(
        "analyse", help="what each routine and view reads, writes and calls; unknown stays unknown"
    )
    parser.add_argument(
        "--policy",
        type=Path,
        help="the policy; says the application role (default: the login that"
        " owns the most; where no database is named, the reference estate's)",
    )
    parser.add_argument("--only", metavar="IDENTITY", help="one routine or view")
    parser.add_argument(
        "--cross-check",
        action="store_true",
        help="ask the extension plpgsql_check too; what it sees and we do not is a finding",
    )
    add_database(parser)
    add_format(parser, "sarif")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    path = arguments.policy or (None if arguments.database else estate.policy_path())
    policy = load_policy(path) if path else None
    with connection(arguments) as opened, refusals():
        inventory = read_inventory(
            opened, policy.application if policy else Role(biggest_owner(opened, "--policy FILE"))
        )
        names = read_names(opened)
        everything = {o.ref.key for o in inventory.objects}
        seen = read_cross_check(opened, everything) if arguments.cross_check else {}
        edges = read_reach(opened) if seen else []
    wanted = [o for o in inventory.objects if arguments.only in (None, o.ref.identity)]
    if not wanted:
        raise UsageError(f"{arguments.only} is not in the estate", hint="write it as 'qt001-cp inventory' prints it")
    found = analyse_estate(wanted, names)
    analyses = sorted(
        cross_checked(found, {key: others for key, others in seen.items() if key in found}, edges).items()
    )
    blind = sum(len(a.unknown) for _, a in analyses)
    routines = [
        {
            "kind": kind,
            "identity": identity,
            "edges": [{"verb": e.verb, "kind": e.kind, "identity": e.identity, "line": e.line} for e in a.edges],
            "unknown": [{"rule": u.rule, "line": u.line, "detail": u.detail} for u in a.unknown],
        }
        for (kind, identity), a in analyses
    ]
    if arguments.format == "json":
        print_json("qt001.analysis/1", {"routines": routines})
    elif arguments.format == "sarif":
        print(in_json(json.dumps(analysis_sarif(routines), ensure_ascii=False, indent=1)))
    else:
        for (kind, identity), analysis in analyses:
            say(f"{kind} {identity}")
            for e in analysis.edges:
                say(f"    {e.verb:7} {e.kind} {e.identity}  (line {e.line})")
            for u in analysis.unknown:
                say(f"    UNKNOWN {u.rule}: {u.detail}  (line {u.line})")
        say(f"{len(analyses)} analysed, {blind} unknown")
    return EXIT_FINDINGS if blind else EXIT_OK
