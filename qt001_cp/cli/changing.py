"""``qt001-cp change new``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from qt001_cp.cli.output import say
from qt001_cp.errors import EXIT_OK
from qt001_cp.workflow.changes import new_change


def add_verbs(verbs: Any) -> None:
    change = verbs.add_parser("change", help="a change of what is protected, tried in a rehearsal")
    actions = change.add_subparsers(title="actions", metavar="ACTION", required=True)
    new = actions.add_parser("new", help="an Alembic revision on the team's own branch, and two files of SQL")
    new.add_argument("name", help="of the revision: a-z, 0-9 and _, 32 at most")
    new.add_argument(
        "--folder", type=Path, default=Path("changes"), help="where the team's changes are (default changes)"
    )
    new.add_argument("--label", default="changes", help="the branch of the first one (default changes)")
    new.set_defaults(run=run_new)


def run_new(arguments: argparse.Namespace) -> int:
    files = new_change(arguments.folder, arguments.name, arguments.label)
    for path in files:
        say(str(path))
    ini = arguments.folder / "alembic.ini"
    say(f"write both texts, then, in a rehearsal: alembic -c {ini} -x database=OPERATOR_DSN upgrade {arguments.name}")
    return EXIT_OK
