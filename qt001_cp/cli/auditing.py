"""``qt001-cp audit``: the independent re-check."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any

from qt001_cp.audit import signature
from qt001_cp.audit.ledger import heads_of
from qt001_cp.audit.run import Outside, Report, audit
from qt001_cp.cli.database import add_database
from qt001_cp.cli.output import add_format, print_json
from qt001_cp.errors import EXIT_FINDINGS, EXIT_OK, FileProblem, UsageError
from qt001_cp.policy_file import read_file
from qt001_cp.servers import wheel

EPILOG = """\
It reads the database by queries and digests of its own and by pg_dump, in one read-only snapshot. pg_dump locks every
table for reading: the login needs pg_read_all_data, or that part is reported as not looked at (exit code 3).

examples:
  qt001-cp audit --database postgresql://hana@db/directus --manifest object.json --head ledger-heads.txt
  qt001-cp audit --database … --key hana.pem --out audit.dsse.json
  qt001-cp audit --database … --envelope sign-off.dsse.json --trust hana.pub
  qt001-cp audit --database … --manifest object.json --pack pack
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
    parser.add_argument("--envelope", type=Path, action="append", default=[], help="a signed statement (DSSE)")
    parser.add_argument("--trust", type=Path, action="append", default=[], metavar="PUB", help="a public key (PEM)")
    parser.add_argument(
        "--pack", type=Path, action="append", default=[], metavar="DIR", help="a review pack: its sums, and its SQL"
    )
    parser.add_argument("--key", type=Path, metavar="PEM", help="sign the audit's statement with this Ed25519 key")
    parser.add_argument("--out", type=Path, help="write the in-toto statement, or its envelope, here")
    add_database(parser)
    add_format(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    if not arguments.database:
        raise UsageError("the database to audit has to be named", hint="--database DSN, or set QT001_DATABASE_URL")
    if arguments.envelope and not arguments.trust:
        raise UsageError("an envelope needs a key that is trusted", hint="--trust hana.pub")
    key = signature.private_key(arguments.key) if arguments.key else None
    if key is not None and arguments.out is None:
        raise UsageError("a signed statement needs a file", hint="--out audit.dsse.json")
    for path in arguments.trust:
        signature.public_key(path)
    outside = Outside(
        read_file(arguments.manifest) if arguments.manifest else None,
        tuple(_heads(arguments.head)) if arguments.head else (),
        tuple(arguments.envelope),
        tuple(arguments.trust),
        tuple(arguments.pack),
    )
    dsn = arguments.database.replace("postgresql+psycopg://", "postgresql://", 1)
    report = audit(dsn, outside, wheel.programs() / "pg_dump", os.environ)
    statement = signature.statement("object.json", report.digest, signature.AUDIT, report.predicate())
    if arguments.out is not None:
        document = signature.sign(statement, key) if key is not None else statement
        arguments.out.write_text(json.dumps(document, ensure_ascii=False, indent=1) + "\n", "utf-8")
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


def _print(report: Report) -> None:
    print(f"audit of {report.database} at {report.stage}, object manifest {report.digest}")
    for c in report.checks:
        mark = "✓" if c.passed else "·" if c.unseen else "✗"
        print(
            f"  {mark} {c.name}"
            + (f" ({c.looked_at})" if c.looked_at else "")
            + (f": not looked at: {c.unseen}" if c.unseen else "")
        )
        for fault in c.faults:
            print(f"      {fault}")
    print("passed" if report.passed else "not passed")
