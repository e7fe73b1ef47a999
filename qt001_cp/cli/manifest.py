"""``qt001-cp manifest generate|diff|show|seal|withdraw|verify``."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import Any, Final

from qt001_cp import estate
from qt001_cp.cli.database import add_database, connection, named, require_fix7a
from qt001_cp.cli.output import add_format, print_early, print_json, say
from qt001_cp.cli.trees import print_html, print_tree
from qt001_cp.emit.script import restore_digest
from qt001_cp.errors import EXIT_FINDINGS, EXIT_OK
from qt001_cp.model.manifest import OBJECT_SCHEMA, ObjectManifest
from qt001_cp.plan.behaviour import behaviour
from qt001_cp.plan.difference import difference
from qt001_cp.plan.keep import told
from qt001_cp.plan.tree import counts, manifest_tree
from qt001_cp.policy_file import load_policy, read_file
from qt001_cp.workflow.bundle import OBJECT, make_bundle
from qt001_cp.workflow.early import early_of_manifest
from qt001_cp.workflow.ledger import manifest_state
from qt001_cp.workflow.refusal import refusals
from qt001_cp.workflow.seal import propose, seal, withdraw
from qt001_cp.workflow.transferred import require_not_cut_over

_DIGEST: Final = re.compile("[0-9a-f]{64}")


def add_verbs(verbs: Any) -> None:
    manifest = verbs.add_parser("manifest", help="generate, compare, show, seal, withdraw and verify object manifests")
    actions = manifest.add_subparsers(title="actions", metavar="ACTION", required=True)

    generate = actions.add_parser("generate", help="the candidate manifest and the documents that go with it (author)")
    generate.add_argument("--policy", type=Path, help="the policy (default: the reference estate's)")
    generate.add_argument("--out", type=Path, default=Path("bundle"), help="the folder to write (default bundle)")
    generate.add_argument("--propose", action="store_true", help="also register it as a candidate; needs --database")
    add_database(generate)
    generate.set_defaults(run=run_generate)

    diff = actions.add_parser("diff", help="two manifests, for a person to read")
    diff.add_argument("old", type=Path)
    diff.add_argument("new", type=Path)
    add_format(diff)
    diff.set_defaults(run=run_diff)

    show = actions.add_parser("show", help="what a manifest does to each object")
    show.add_argument("file", type=Path)
    add_format(show, "html")
    show.set_defaults(run=run_show)

    sealing = actions.add_parser("seal", help="seal a candidate and register its restore script (operator)")
    sealing.add_argument("file", type=Path)
    add_database(sealing)
    sealing.set_defaults(run=run_seal)

    withdrawing = actions.add_parser("withdraw", help="a sealed manifest that waits is not wanted (operator)")
    withdrawing.add_argument("manifest", help="its file, or its digest")
    withdrawing.add_argument("--reason", required=True, help="why, for the ledger")
    add_database(withdrawing)
    withdrawing.set_defaults(run=run_withdraw)

    verify = actions.add_parser("verify", help="the file's bytes and digest, and its state in a database")
    verify.add_argument("file", type=Path)
    add_database(verify)
    add_format(verify)
    verify.set_defaults(run=run_verify)


def _load(path: Path) -> ObjectManifest:
    return ObjectManifest.from_bytes(read_file(path), str(path))


def run_generate(arguments: argparse.Namespace) -> int:
    if arguments.propose:
        named(arguments)
    with connection(arguments, needs_fix7a=True) as opened, refusals():
        require_not_cut_over(opened)
        policy = arguments.policy or estate.policy_path()
        bundle = make_bundle(opened, policy)
        early = early_of_manifest(opened, bundle.manifest, load_policy(policy))
        path = bundle.write(arguments.out)
        if arguments.propose:
            propose(opened, bundle.manifest)
    say(f"{path}: {_counted(bundle.manifest)}")
    say(f"{bundle.manifest.digest()}  {OBJECT}" + ("  proposed" if arguments.propose else ""))
    for line in told(bundle.manifest):
        say(f"kept, but: {line}")
    print_early(early)
    return EXIT_FINDINGS if early.findings else EXIT_OK


def _counted(manifest: ObjectManifest) -> str:
    """How many objects, and what becomes of them."""
    moved, lent = len(manifest.transferred), len(manifest.lent)
    retained = len(manifest.objects) - moved - lent
    return f"{len(manifest.objects)} objects, {moved} transferred, {retained} retained" + (
        f", {lent} lent by their owners" if lent else ""
    )


def run_diff(arguments: argparse.Namespace) -> int:
    lines = difference(_load(arguments.old), _load(arguments.new))
    if arguments.format == "json":
        print_json("qt001.difference/1", {"differences": lines})
    else:
        say("\n".join(lines) if lines else "no difference")
    return EXIT_FINDINGS if lines else EXIT_OK


def run_show(arguments: argparse.Namespace) -> int:
    manifest = _load(arguments.file)
    if arguments.format == "json":
        print_json(OBJECT_SCHEMA, {**manifest.head(), "objects": manifest.objects})
        return EXIT_OK
    facts = [
        f"object manifest {manifest.digest()}",
        f"database {manifest.database}, PostgreSQL {manifest.server_major}, application role {manifest.application.name},"
        f" policy {manifest.policy['name']!r}",
        f"{_counted(manifest)}: " + ", ".join(f"{n} {kind}" for kind, n in counts(manifest.objects).items()),
    ]
    if arguments.format == "html":
        print_html(
            f"what {manifest.application.name} loses and keeps in {manifest.database}", facts, manifest_tree(manifest)
        )
    else:
        say("\n".join([*facts, *(f"kept, but: {line}" for line in told(manifest))]))
        print_tree(manifest_tree(manifest))
        for line in behaviour(manifest):
            say(f"warning: {line}")
    return EXIT_OK


def run_seal(arguments: argparse.Namespace) -> int:
    manifest = _load(arguments.file)
    named(arguments)
    with connection(arguments, needs_fix7a=True) as opened:
        seal(opened, manifest)
    say(f"sealed {manifest.digest()}; restore script registered with {restore_digest(manifest)}")
    return EXIT_OK


def run_withdraw(arguments: argparse.Namespace) -> int:
    given = arguments.manifest
    digest = given if _DIGEST.fullmatch(given) else _load(Path(given)).digest()
    named(arguments)
    with connection(arguments, needs_fix7a=True) as opened:
        withdraw(opened, digest, arguments.reason)
    say(f"withdrawn {digest}")
    return EXIT_OK


def run_verify(arguments: argparse.Namespace) -> int:
    manifest = _load(arguments.file)
    state = None
    if arguments.database:
        with connection(arguments) as opened, refusals():
            require_fix7a(opened)
            state = manifest_state(opened, manifest.digest())
    if arguments.format == "json":
        print_json("qt001.verification/1", {"digest": manifest.digest(), "state": state})
    else:
        say(f"{manifest.digest()}  {arguments.file}: canonical" + (f", {state} in the database" if state else ""))
    return EXIT_OK if state in (None, "sealed", "deployed") else EXIT_FINDINGS
