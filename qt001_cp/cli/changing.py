"""``qt001-cp change new|prepare|propose``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from qt001_cp.cli.database import add_database, connection, named
from qt001_cp.cli.output import add_format, print_json, say
from qt001_cp.errors import EXIT_FAILED, EXIT_OK, UsageError
from qt001_cp.model.change import require_name
from qt001_cp.rehearsal.change import ChangeRehearsal, Where
from qt001_cp.rehearsal.scene import Scene
from qt001_cp.servers import open_server
from qt001_cp.workflow.changes import INI, new_change
from qt001_cp.workflow.prepare import propose_change
from qt001_cp.workflow.transferred import recorded_application

_EPILOG = """\
examples:
  qt001-cp change new add_unit                     # changes/add_unit.py, .forward.sql, .back.sql: write both texts
  qt001-cp change prepare add_unit --database "$COPY"          # on a copy: the documents and the no-go record
  qt001-cp change propose changes/add_unit --database "$AUTHOR"
  qt001-cp manifest seal changes/add_unit/object.json --database "$OPERATOR"
  qt001-cp evidence import changes/add_unit/nogo.json --rehearsal --database "$OPERATOR"
  alembic -c changes/alembic.ini -x manifest=changes/add_unit/object.json upgrade fix7c:add_unit --sql > add_unit.sql
"""


def add_verbs(verbs: Any) -> None:
    change = verbs.add_parser(
        "change",
        help="a change of what is protected, while it stays protected",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = change.add_subparsers(title="actions", metavar="ACTION", required=True)
    new = actions.add_parser("new", help="an Alembic revision on the team's own branch, and two files of SQL")
    _add_name(new)
    new.add_argument("--label", default="changes", help="the branch of the first one (default changes)")
    new.add_argument(
        "--server", action="store_true", help="the server is another major version: a change that does nothing else"
    )
    new.set_defaults(run=run_new)

    preparing = actions.add_parser(
        "prepare", help="on a copy that the bootstrap marked, as a superuser: its documents, and its no-go rehearsal"
    )
    _add_name(preparing)
    preparing.add_argument("--policy", type=Path, metavar="FILE", help="another policy (default: the deployed one)")
    preparing.add_argument("--out", type=Path, metavar="DIR", help="the folder to write (default: FOLDER/NAME)")
    add_database(preparing)
    add_format(preparing)
    preparing.set_defaults(run=run_prepare)

    proposing = actions.add_parser("propose", help="register a prepared change and its manifest as candidates (author)")
    proposing.add_argument("prepared", type=Path, metavar="DIR", help="what 'qt001-cp change prepare' has written")
    add_database(proposing)
    proposing.set_defaults(run=run_propose)


def _add_name(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", help="of the revision: a-z, 0-9 and _, 32 at most")
    parser.add_argument(
        "--folder", type=Path, default=Path("changes"), help="where the team's changes are (default changes)"
    )


def run_new(arguments: argparse.Namespace) -> int:
    files = new_change(arguments.folder, arguments.name, arguments.label, server=arguments.server)
    for path in files:
        say(str(path))
    first = "on a copy of that version" if arguments.server else "write both texts, then, on a copy"
    say(f"{first}: qt001-cp change prepare {arguments.name} --database COPY_DSN")
    return EXIT_OK


def run_prepare(arguments: argparse.Namespace) -> int:
    require_name(arguments.name)
    out: Path = arguments.out or arguments.folder / arguments.name
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out}: expected a folder, or nothing, found a file", hint="--out another folder")
    dsn = named(arguments, "a change is prepared on a copy of what is deployed, so it has to be named")
    with connection(arguments, needs_fix7a=True) as opened:
        application = recorded_application(opened)
        login, database = opened.info.user, opened.info.dbname
    if application is None:
        raise UsageError(f"{login} may not ask database {database} for its policy", hint="name a superuser of the copy")
    with open_server("dsn", dsn=dsn) as server:
        scene = Scene(server, database, application=application.name)
        where = Where(arguments.folder / INI, arguments.name, out, arguments.policy)
        rehearsal = ChangeRehearsal(scene, where, lambda what: print(what, file=sys.stderr))
        bundle = rehearsal.run()
    transcript, digest = rehearsal.transcript, bundle.succession.manifest.digest()
    lines = list(bundle.succession.lines())
    if arguments.format == "json":
        print_json(
            "qt001.prepared/1",
            {"manifest": digest, "out": str(out), "changes": lines, "rehearsal": transcript.to_json()},
        )
    else:
        for line in lines:
            say(line)
        for check in transcript.checks:
            say(f"{'✓' if check.passed else '✗'} {check.what}{'' if check.passed else ': ' + check.found}")
        refused = sum(o.passed for o in transcript.outcomes)
        say(f"{refused} of {len(transcript.outcomes)} attacks were refused; {out}: object manifest {digest}")
        say("PASSED" if transcript.passed else f"FAILED: see {out / 'transcript.md'}")
    return EXIT_OK if transcript.passed else EXIT_FAILED


def run_propose(arguments: argparse.Namespace) -> int:
    named(arguments)
    with connection(arguments, needs_fix7a=True) as opened:
        digest = propose_change(opened, arguments.prepared)
    say(
        f"proposed {digest}; the operator seals it: qt001-cp manifest seal {arguments.prepared / 'object.json'} --database …"
    )
    return EXIT_OK
