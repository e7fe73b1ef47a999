"""``qt001-cp audit``: the independent re-check."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from qt001_cp.audit import exported, signature
from qt001_cp.audit.check import Check
from qt001_cp.audit.ledger import heads_of
from qt001_cp.audit.run import Outside, Report, audit
from qt001_cp.cli.database import add_database, named
from qt001_cp.cli.output import add_format, print_json, say
from qt001_cp.errors import EXIT_FINDINGS, EXIT_OK, FileProblem, UsageError
from qt001_cp.policy_file import read_file, write_whole
from qt001_cp.servers import wheel

EPILOG = """\
It reads the database by queries and digests of its own and by pg_dump, in one read-only snapshot. pg_dump locks every
table for reading: the login needs pg_read_all_data, or that part is reported as not looked at (exit code 3).

examples:
  qt001-cp audit --database postgresql://hana@db/directus --manifest object.json --head ledger-heads.txt
  qt001-cp audit --database … --key hana.pem --out audit.dsse.json
  qt001-cp audit --database … --envelope sign-off.dsse.json --trust hana.pub
  qt001-cp audit --database … --manifest object.json --pack pack
  qt001-cp audit --database … --code scripts/bootstrap.sql --code fix7a.sql --code fix7c.sql --code release.sql
  qt001-cp audit --ledger ledger.jsonl
"""


def add_verbs(verbs: Any) -> None:
    parser = verbs.add_parser(
        "audit",
        help="the independent re-check: other queries, pg_dump, digests, chain, signatures (auditor)",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--manifest", type=Path, help="the object manifest as it was received")
    parser.add_argument("--head", type=Path, metavar="FILE", help="heads of the chain that were kept elsewhere")
    parser.add_argument(
        "--ledger", type=Path, action="append", default=[], metavar="FILE",
        help="a ledger that 'qt001-cp ledger export' wrote; without --database it is verified by itself",
    )  # fmt: skip
    parser.add_argument("--envelope", type=Path, action="append", default=[], help="a signed statement (DSSE)")
    parser.add_argument("--trust", type=Path, action="append", default=[], metavar="PUB", help="a public key (PEM)")
    parser.add_argument(
        "--pack", type=Path, action="append", default=[], metavar="DIR", help="a review pack: its sums, and its SQL"
    )
    parser.add_argument(
        "--code", type=Path, action="append", default=[], metavar="FILE",
        help="a script that has made the control plane, in their order: bootstrap.sql, the printed fix7a.sql and fix7c.sql, each release",
    )  # fmt: skip
    parser.add_argument("--key", type=Path, metavar="PEM", help="sign the audit's statement with this Ed25519 key")
    parser.add_argument("--out", type=Path, help="write the in-toto statement, or its envelope, here")
    add_database(parser)
    add_format(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    if arguments.ledger and not arguments.database:
        return _files(arguments)
    named(arguments, "the database to audit has to be named")
    if arguments.envelope and not arguments.trust:
        raise UsageError("an envelope needs a key that is trusted", hint="--trust hana.pub")
    key = signature.private_key(arguments.key) if arguments.key else None
    if key is not None and arguments.out is None:
        raise UsageError("a signed statement needs a file", hint="--out audit.dsse.json")
    for path in arguments.code:
        read_file(path)
    for path in arguments.trust:
        signature.public_key(path)
    outside = Outside(
        read_file(arguments.manifest) if arguments.manifest else None,
        tuple(_heads(arguments.head)) if arguments.head else (),
        tuple(arguments.ledger),
        tuple(arguments.envelope),
        tuple(arguments.trust),
        tuple(arguments.pack),
        tuple(arguments.code),
    )
    dsn = arguments.database.replace("postgresql+psycopg://", "postgresql://", 1)
    report = audit(dsn, outside, wheel.programs() / "pg_dump", os.environ)
    statement = signature.statement("object.json", report.digest, signature.AUDIT, report.predicate())
    if arguments.out is not None:
        document = signature.sign(statement, key) if key is not None else statement
        write_whole(arguments.out, [(json.dumps(document, ensure_ascii=False, indent=1) + "\n").encode()])
    if arguments.format == "json":
        print_json("qt001.audit/1", {"manifest": report.digest, **report.predicate()})
    else:
        _print(report)
    return EXIT_OK if report.passed else EXIT_FINDINGS


def _heads(path: Path) -> list[str]:
    found = heads_of(read_file(path).decode("utf-8", "replace"))
    if not found:
        raise FileProblem(
            f"{path}: it holds no digest of 64 hexadecimal digits",
            hint="psql -At -c 'SELECT now(), seq, digest FROM qt001_cp.v_event ORDER BY seq DESC LIMIT 1'",
        )
    return found


def _files(arguments: argparse.Namespace) -> int:
    """Exported ledgers, where there is no database to hold them against."""
    asked = {
        name: getattr(arguments, name)
        for name in ("manifest", "head", "envelope", "trust", "pack", "code", "key", "out")
    }
    more = [f"--{name}" for name, value in asked.items() if value]
    if more:
        raise UsageError(
            f"{', '.join(more)} asks for a database to audit", hint="--database DSN, or --ledger FILE alone"
        )
    checks = [exported.alone(path) for path in arguments.ledger]
    passed = all(c.passed for c in checks)
    if arguments.format == "json":
        print_json("qt001.ledger-audit/1", {"passed": passed, "checks": [c.to_json() for c in checks]})
    else:
        _print_checks(checks)
        say("passed" if passed else "not passed")
    return EXIT_OK if passed else EXIT_FINDINGS


def _print(report: Report) -> None:
    say(f"audit of {report.database} at {report.stage}, object manifest {report.digest}")
    _print_checks(report.checks)
    say("passed" if report.passed else "not passed")


def _print_checks(checks: Iterable[Check]) -> None:
    for c in checks:
        mark = "✓" if c.passed else "·" if c.unseen else "✗"
        say(
            f"  {mark} {c.name}"
            + (f" ({c.looked_at})" if c.looked_at else "")
            + (f": not looked at: {c.unseen}" if c.unseen else "")
        )
        for fault in c.faults:
            say(f"      {fault}")
        for told in c.told:
            say(f"      told: {told}")
        for note in c.notes:
            say(f"      note: {note}")
