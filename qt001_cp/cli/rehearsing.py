"""``qt001-cp rehearse``."""

from __future__ import annotations

import argparse
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.console import Console

from qt001_cp.cli.output import add_format, print_json
from qt001_cp.errors import EXIT_FAILED, EXIT_OK, UsageError
from qt001_cp.rehearsal.nogo.case import FAMILIES
from qt001_cp.rehearsal.run import rehearse
from qt001_cp.rehearsal.transcript import Transcript
from qt001_cp.servers import open_server

_EPILOG = """\
examples:
  qt001-cp rehearse                          a folder rehearsal-<time> with manifest, SQL both ways, transcript
  qt001-cp rehearse --out /tmp/r --format json
"""


def add_verbs(verbs: Any) -> None:
    parser = verbs.add_parser("rehearse", help="the whole way on a disposable PostgreSQL, with every no-go family", epilog=_EPILOG,
                              formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("--out", type=Path, help="the folder to write (default: rehearsal-<time>)")
    parser.add_argument(
        "--server", choices=("embedded", "container", "dsn"), help="default embedded; see QT001_TEST_SERVER"
    )
    add_format(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    out: Path = arguments.out or Path(f"rehearsal-{datetime.now():%Y%m%d-%H%M%S}")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"{out} exists and is not an empty folder", hint="--out another folder")
    begun = time.monotonic()
    console = Console(stderr=True)
    with console.status("starting PostgreSQL") as status:

        def say(what: str) -> None:
            status.update(what)
            console.print(f"{time.monotonic() - begun:6.1f} s  {what}", markup=False, highlight=False)

        with open_server(arguments.server) as server:
            transcript = rehearse(server, out.resolve(), say)
    if arguments.format == "json":
        print_json("qt001.transcript/1", transcript.to_json())
    else:
        _summary(transcript, out, time.monotonic() - begun)
    return EXIT_OK if transcript.passed else EXIT_FAILED


def _summary(transcript: Transcript, out: Path, seconds: float) -> None:
    failed = [c for c in transcript.checks if not c.passed]
    print(f"\nrehearsal {'PASSED' if transcript.passed else 'FAILED'} in {seconds:.0f} s · {transcript.server}")
    print(f"manifest  {transcript.manifest}")
    print(f"checks    {len(transcript.checks) - len(failed)} of {len(transcript.checks)} hold")
    for family, (tried, passed) in transcript.families().items():
        print(f"no-go     {passed:5} of {tried:5} refused   {FAMILIES[family]}")
    closed = [gate for gate, is_open, _ in transcript.gates if not is_open]
    print(
        f"gates     {len(transcript.gates) - len(closed)} of {len(transcript.gates)} open; closed: {', '.join(closed) or 'none'}"
    )
    for check in failed:
        print(f"✗ {check.what}: {check.found}")
    for outcome in [o for o in transcript.outcomes if not o.passed][:20]:
        print(f"✗ {outcome.case.family}: {outcome.case.name}: {outcome.sqlstate} {outcome.message}")
    print(f"folder    {out}  (transcript.md, object.json, upgrade-*.sql, downgrade-*.sql)")
    sys.stdout.flush()
