"""Verbs that only read: ``inventory``, ``preflight``, ``status``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import psycopg

from qt001_cp import estate
from qt001_cp.catalog.early import Early
from qt001_cp.cli.database import add_database, connection
from qt001_cp.cli.output import (
    add_format,
    early_json,
    print_early,
    print_findings,
    print_json,
    print_table,
    print_told,
    say,
    warn_of_superuser,
)
from qt001_cp.cli.trees import print_html, print_tree
from qt001_cp.errors import EXIT_FINDINGS, EXIT_OK
from qt001_cp.model.manifest import ObjectManifest
from qt001_cp.model.names import Role
from qt001_cp.model.roles import Pair
from qt001_cp.plan.tree import counts, inventory_tree
from qt001_cp.policy_file import load_policy, read_file
from qt001_cp.sql.build import build
from qt001_cp.workflow.candidate import biggest_owner
from qt001_cp.workflow.early import early_of_policy
from qt001_cp.workflow.preflight import read_preflight
from qt001_cp.workflow.refusal import refusals
from qt001_cp.workflow.status import Status, clock_words, read_status, server_words
from qt001_cp.workflow.transferred import PROTECTED, is_cut_over, read_estate, recorded_application

INVENTORY = """\
exit code 3: a policy was given, and leaves something unclassified, or a check of FIX7b has a finding

examples:
  qt001-cp inventory --database postgresql://reader@db/directus
  qt001-cp inventory --policy policy.toml --database … --format html > estate.html
"""


def add_verbs(verbs: Any) -> None:
    inventory = verbs.add_parser(
        "inventory",
        help="the estate of the application role, as it is now",
        epilog=INVENTORY,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    who = inventory.add_mutually_exclusive_group()
    who.add_argument("--policy", type=Path, help="the policy; says the application role, and classifies")
    who.add_argument(
        "--application",
        metavar="ROLE",
        help="the application role, without a policy (default: the login"
        " that owns the most; where no database is named, the reference estate with its policy)",
    )
    add_database(inventory)
    add_format(inventory, "html")
    inventory.set_defaults(run=run_inventory)

    preflight = verbs.add_parser("preflight", help="every precondition of FIX7b, without changing anything")
    preflight.add_argument("manifest", type=Path, help="the sealed object manifest")
    preflight.add_argument(
        "--restore", action="store_true", help="the preconditions of the way back, from FIX7b to FIX7a"
    )
    add_database(preflight)
    add_format(preflight)
    preflight.set_defaults(run=run_preflight)

    status = verbs.add_parser("status", help="stage, manifests, gates with their reasons")
    add_database(status)
    add_format(status)
    status.set_defaults(run=run_status)


def run_inventory(arguments: argparse.Namespace) -> int:
    reference = not arguments.database and not arguments.application
    policy = load_policy(arguments.policy or estate.policy_path()) if arguments.policy or reference else None
    with connection(arguments) as opened, refusals():
        role = policy.application if policy else _application(opened, arguments.application)
        warn_of_superuser(opened, role)
        inventory = read_estate(opened, role)
        # The checks of FIX7b are about a cutover that is to come.
        early = early_of_policy(opened, inventory, policy) if policy and not is_cut_over(opened) else Early()
    unclassified = [o for o in inventory.objects if policy is not None and policy.rule_for(o.ref) is None]
    tree = inventory_tree(inventory, policy)
    if arguments.format == "json":
        print_json(
            "qt001.inventory/1",
            {
                **inventory.head(),
                "objects": inventory.objects,
                "unclassified": [str(o.ref) for o in unclassified],
                "counts": counts(inventory.objects),
                "tree": tree,
                **early_json(early),
            },
        )
        return EXIT_FINDINGS if unclassified or early.findings else EXIT_OK
    protected = sum(PROTECTED in o.why for o in inventory.objects)
    facts = [
        f"{len(inventory.objects)} objects: "
        + ", ".join(f"{n} {kind}" for kind, n in counts(inventory.objects).items()),
        *([f"{protected} of them protected: the owner role of the control plane owns them"] if protected else []),
        f"{len(unclassified)} unclassified" if policy else f"of {role.name}; no policy, so nothing is classified",
    ]
    if arguments.format == "html":
        print_html(f"estate of {inventory.application.name} in {inventory.database}", facts, tree)
    else:
        print_tree(tree)
        say("\n".join(facts) + "".join(f"\n  {o.ref}" for o in unclassified))
        print_early(early)
    return EXIT_FINDINGS if unclassified or early.findings else EXIT_OK


def _say_pair(stage: dict[str, Any]) -> None:
    """Whose names are not the default ones, and who else has them: of that somebody should know."""
    pair, beside = Pair.from_json(stage["pair"]), stage["pair_beside"]
    if beside or not pair.is_default:
        say(f"owner role {pair.owner.name}, ledger role {pair.ledger.name}" + (
            f": also of database {', '.join(beside)}; who is a member here is one there (docs/cluster.md)" if beside else ""))  # fmt: skip


def _application(opened: psycopg.Connection, named: str | None) -> Role:
    """The role that was named, else the one that FIX7a recorded, else the login that owns the most."""
    if named:
        return Role(named)
    return recorded_application(opened) or Role(biggest_owner(opened))


def run_preflight(arguments: argparse.Namespace) -> int:
    manifest = ObjectManifest.from_bytes(read_file(arguments.manifest), str(arguments.manifest))
    with connection(arguments, needs_fix7a=True) as opened, refusals():
        answer = read_preflight(opened, manifest, restore=arguments.restore)
    if arguments.format == "json":
        print_json("qt001.preflight/1", answer.document(manifest.digest()))
    else:
        way = "the way back from FIX7b" if arguments.restore else "FIX7b"
        say(f"preflight of {way} with manifest {manifest.digest()}")
        if answer.server is not None:
            say(server_words(answer.server))
        for a in answer.preconditions:
            say(f"  {a.mark} {a.precondition.number} {a.precondition.title}")
            say(f"      {a.evidence or 'not asked: nothing to ask about before that'}")
            for warning in a.warnings:
                say(f"      warning: {warning}")
        print_findings(answer.findings)
        say("go" if not answer.findings else f"no go: {len(answer.findings)} finding(s); nothing was changed")
    return EXIT_FINDINGS if answer.findings else EXIT_OK


def run_status(arguments: argparse.Namespace) -> int:
    with connection(arguments, needs_fix7a=True) as opened, refusals():
        status = read_status(opened)
    if arguments.format == "json":
        print_json("qt001.status/1", status.document())
    else:
        _print_status(status)
    return EXIT_FINDINGS if status.drift or status.beyond or any(not g["open"] for g in status.gates) else EXIT_OK


def _print_status(status: Status) -> None:
    rehearsal, accepted = " (rehearsal)" if status.stage["rehearsal"] else "", "yes" if status.accepted else "no"
    say(f"stage {status.stage['stage']}, epoch {status.stage['epoch']}{rehearsal}; accepted: {accepted}")
    if status.standby is not None:
        say(
            f"hot standby, as its primary was at {status.standby['replayed_at'] or 'its start'}; it answers and records nothing"
        )
    found = status.stage["build"]
    release = f" of release {status.stage['revision']}" if status.stage["revision"] != status.stage["stage"] else ""
    say(f"build {found}{release}" + ("" if found == build() else f", not this program's, which is {build()}"))
    if status.server is not None:
        say(server_words(status.server))
    if status.acceptance:
        say(f"subject {status.acceptance['subject_digest']}")
    if status.guard:
        say(f"guard {status.guard['mode']}: {status.guard['reason']}")
    lent = ", ".join(status.stage["lent_to"]) or "nobody"
    say(f"ledger role: lent to {lent}; administrator: {status.stage['administrator']}, who ran the bootstrap")
    _say_pair(status.stage)
    for step in status.clock_steps:
        say(clock_words(step))
    print_table(
        "manifests",
        ("kind", "digest", "state", "sealed by"),
        [(m["kind"], m["digest"], m["state"], m["sealed_by"]) for m in status.manifests],
    )
    if status.gates:
        print_table(
            "gates",
            ("", "gate", "open", "reason", "mend"),
            [(g["ordinal"], g["gate"], "yes" if g["open"] else "no", g["reason"], g["mend"]) for g in status.gates],
        )
    for d in status.drift:
        say(f"drift: {d['object']}: expected {d['expected']}, found {d['found']}")
    print_told(status.told)
    print_findings(status.beyond)
