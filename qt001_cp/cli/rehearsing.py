"""``qt001-cp rehearse``."""

from __future__ import annotations

import argparse
import shlex
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Any, TextIO

from rich.console import Console
from rich.markup import escape

from qt001_cp.cli.database import dsn
from qt001_cp.cli.output import add_format, print_json, say
from qt001_cp.errors import EXIT_FAILED, EXIT_OK, Qt001Error, UsageError
from qt001_cp.estate import REFERENCES
from qt001_cp.model.canonical import Json
from qt001_cp.model.nogo import FAMILIES
from qt001_cp.model.shown import visible
from qt001_cp.model.versions import SUPPORTED
from qt001_cp.plan.losses import unmeant
from qt001_cp.rehearsal.behaviour.smoke import Smoke
from qt001_cp.rehearsal.clone.make import from_dump, from_source
from qt001_cp.rehearsal.clone.origin import Clone
from qt001_cp.rehearsal.run import ReferenceEstate, rehearse
from qt001_cp.rehearsal.transcript import Transcript
from qt001_cp.servers import Server, open_server, server_kind

_SHOWN = 20
_EPILOG = """\
examples:
  qt001-cp rehearse                          # a folder rehearsal-<time> with manifest, SQL both ways, transcript
  qt001-cp rehearse --out /tmp/r --format json
  qt001-cp rehearse --estate log             # an append-only audit log, a policy without an apply path
  qt001-cp rehearse --source postgresql://reader@db/shop --policy policy.toml --manifest bundle/object.json
  qt001-cp rehearse --source postgresql://reader@db/shop --policy policy.toml --postgres 18   # before the server moves
  qt001-cp rehearse --dump shop.sql --roles roles.sql --policy policy.toml

A clone has the schema, the roles and the memberships of its source, and no password. From a live source everything is
read in one read-only transaction; its login needs pg_read_all_data (pg_dump locks what it dumps) and nothing more. A
dump is one of pg_dump --create, the roles are those of pg_dumpall --roles-only --no-role-passwords. Where the clone is
exactly the original's estate, nogo.json is the no-go record of the original too:
  qt001-cp evidence import nogo.json --rehearsal --database ...
"""


def add_verbs(verbs: Any) -> None:
    parser = verbs.add_parser(
        "rehearse",
        help="the whole way on a disposable PostgreSQL, with every no-go family",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--out", type=Path, help="the folder to write (default: rehearsal-<time>)")
    parser.add_argument(
        "--server", choices=("embedded", "container", "dsn"), help="default embedded; see QT001_TEST_SERVER"
    )
    parser.add_argument(
        "--estate",
        choices=sorted(REFERENCES),
        help="which estate of the package: qt001, with an apply path (the default), or log, an application that owns its own"
        " audit log",
    )
    clone = parser.add_argument_group("on a clone of your own database")
    one = clone.add_mutually_exclusive_group()
    one.add_argument("--source", metavar="DSN", type=dsn, help="the live database; nothing is written to it")
    one.add_argument("--dump", type=Path, metavar="FILE", help="a dump of it, plain or of another format of pg_dump")
    clone.add_argument("--roles", type=Path, metavar="FILE", help="with --dump: roles and memberships")
    clone.add_argument("--policy", type=Path, metavar="FILE", help="the policy of that database")
    clone.add_argument(
        "--manifest", type=Path, metavar="FILE", help="the object manifest that this is to be the record of"
    )
    clone.add_argument(
        "--postgres",
        type=int,
        metavar="N",
        choices=SUPPORTED,
        help="the major version of the clone's server (default: that of the original): what it will be there, before it moves",
    )
    clone.add_argument(
        "--data", action="store_true", help="clone the rows too (default: only those that say what is blocked)"
    )
    parser.add_argument(
        "--smoke",
        metavar="FILE.sql|COMMAND",
        help="your own test, before and after each stage: SQL as the application, rolled back; or a command, with the clone's"
        " DSN in QT001_SMOKE_DSN. It alone executes routines",
    )
    add_format(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    out: Path = arguments.out or Path(f"rehearsal-{datetime.now():%Y%m%d-%H%M%S}")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(
            f"{out} exists and is not an empty folder", hint=f"--out another folder, or rm -r {shlex.quote(str(out))}"
        )
    smoke = Smoke(arguments.smoke) if arguments.smoke else None
    clone = _clone(arguments)
    begun = time.monotonic()
    console = Console(stderr=True)
    with console.status("starting PostgreSQL") as status:

        def tell(what: str) -> None:
            status.update(escape(visible(what)))
            console.print(f"{time.monotonic() - begun:6.1f} s  {visible(what)}", markup=False, highlight=False)

        with open_server(arguments.server, major=clone.major if clone else None, confined=True) as server:
            console.print(whose_code(clone, server), markup=False, highlight=False, soft_wrap=True)
            if clone is not None:
                server = clone.prepare(server)
            try:
                origin = clone or ReferenceEstate(REFERENCES[arguments.estate or "qt001"])
                transcript = rehearse(server, out.resolve(), tell, origin, smoke)
            except Qt001Error:
                if clone is not None:
                    _lacks(clone.report(), sys.stderr)
                raise
    if arguments.format == "json":
        print_json("qt001.transcript/1", transcript.to_json())
    else:
        _summary(transcript, out, time.monotonic() - begun)
    return EXIT_OK if transcript.passed else EXIT_FAILED


def whose_code(clone: Clone | None, server: Server) -> str:
    """One line before anything of the source runs: whose code runs where, and what keeps it there."""
    whose = (
        f"the code of {visible(clone.cloned.origin)}, as its own roles, none a superuser"
        if clone
        else "our reference estate"
    )
    if server.kind == "embedded":
        return f"runs here: {whose}; in a PostgreSQL {'; '.join(server.held)}"
    if server.kind == "container":
        return f"runs in a container: {whose}; its network is the engine's: give it none for a source that you do not trust"
    return f"runs on the server that was given: {whose}"


def _clone(arguments: argparse.Namespace) -> Clone | None:
    """The clone that the options ask for; None is the reference estate. Raises :class:`Qt001Error`."""
    beside = [f"--{name}" for name in ("roles", "policy", "manifest", "postgres", "data") if getattr(arguments, name)]
    if not arguments.source and not arguments.dump:
        if beside:
            raise UsageError(f"{beside[0]} speaks of a database of your own", hint="--source DSN, or --dump FILE")
        return None
    if arguments.estate:
        raise UsageError("--estate speaks of an estate of the package", hint="leave it out beside --source or --dump")
    if arguments.policy is None:
        raise UsageError(
            "a clone is rehearsed with its own policy", hint="--policy FILE; qt001-cp policy init drafts one"
        )
    if server_kind(arguments.server) == "dsn":
        raise UsageError(
            "a clone leaves roles behind, so it needs a disposable server", hint="--server embedded, or container"
        )
    if arguments.source:
        if arguments.roles:
            raise UsageError("--source reads the roles itself", hint="leave --roles out")
        clone = from_source(arguments.source, arguments.policy, arguments.manifest, data=arguments.data)
    else:
        clone = from_dump(arguments.dump, arguments.roles, arguments.policy, arguments.manifest, data=arguments.data)
    return clone.on(arguments.postgres or clone.major)


def _lacks(origin: Json, to: TextIO) -> None:
    say(f"clone     of {origin['from']}; data {'cloned' if origin['data'] else 'not cloned'}", file=to)
    for note in origin["notes"]:
        say(f"          {note}", file=to)
    for lack in origin["not_cloned"]:
        say(f"not cloned: {lack['object']}: {lack['why']}; that means: {lack['meaning']}", file=to)


def _summary(transcript: Transcript, out: Path, seconds: float) -> None:
    failed = [c for c in transcript.checks if not c.passed]
    say(f"\nrehearsal {'PASSED' if transcript.passed else 'FAILED'} in {seconds:.0f} s · {transcript.server}")
    say(f"manifest  {transcript.manifest}")
    if transcript.origin is not None:
        _lacks(transcript.origin, sys.stdout)
    say(f"checks    {len(transcript.checks) - len(failed)} of {len(transcript.checks)} hold")
    for family, (tried, passed) in transcript.families().items():
        say(f"no-go     {passed:5} of {tried:5} refused   {FAMILIES[family]}")
    others = unmeant(transcript.losses)
    say(f"losses    {len(transcript.losses)}; {len(others)} of roles that the policy does not speak of (losses.md)")
    for loss in others[:_SHOWN]:
        say(f"          {loss.role}: {', '.join(loss.verbs)} on {loss.object}")
    lost = {(d.who, d.verb, d.object) for _, d in transcript.differences if d.intended}
    say(
        f"behaviour {transcript.exercised} attempts at each stage; {len(lost)} that the manifest takes;"
        f" {len(transcript.not_exercised)} exercised nothing (transcript.json)"
    )
    closed = [gate for gate, is_open, _ in transcript.gates if not is_open]
    say(
        f"gates     {len(transcript.gates) - len(closed)} of {len(transcript.gates)} open; closed: {', '.join(closed) or 'none'}"
    )
    for check in failed:
        say(f"✗ {check.what}: {check.found}")
    for outcome in [o for o in transcript.outcomes if not o.passed][:_SHOWN]:
        say(f"✗ {outcome.case.family}: {outcome.case.name}: {outcome.sqlstate} {outcome.message}")
    say(f"folder    {out}  (transcript.md, losses.md: who loses what; object.json, upgrade-*.sql, downgrade-*.sql)")
    if transcript.origin is not None and transcript.passed:
        say(
            f"next      qt001-cp evidence import {out / 'nogo.json'} --rehearsal --database …  (once the manifest is sealed)"
        )
    sys.stdout.flush()
