"""``qt001-cp change new|prepare|propose``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from qt001_cp.cli.database import add_database, connection, dsn, named
from qt001_cp.cli.output import add_format, print_json, say
from qt001_cp.errors import EXIT_FAILED, EXIT_OK, UsageError
from qt001_cp.model.change import require_name
from qt001_cp.model.roles import DEFAULT
from qt001_cp.model.versions import SUPPORTED, require_later
from qt001_cp.rehearsal.change import ChangeRehearsal, Where
from qt001_cp.rehearsal.made_copy import Original, make_copy, of_dump, of_source
from qt001_cp.rehearsal.scene import Scene
from qt001_cp.rehearsal.transcript import Transcript
from qt001_cp.servers import Server, open_server, server_kind
from qt001_cp.workflow.changes import INI, new_change
from qt001_cp.workflow.prepare import ChangeBundle, propose_change
from qt001_cp.workflow.transferred import recorded_application, recorded_pair

_EPILOG = """\
examples:
  qt001-cp change new add_unit                     # changes/add_unit.py, .forward.sql, .back.sql: write both texts
  qt001-cp change prepare add_unit --source "$ADMIN"           # on a copy: the documents and the no-go record
  qt001-cp change propose changes/add_unit --database "$AUTHOR"
  qt001-cp manifest seal changes/add_unit/object.json --database "$OPERATOR"
  qt001-cp evidence import changes/add_unit/nogo.json --rehearsal --database "$OPERATOR"
  alembic -c changes/alembic.ini -x manifest=changes/add_unit/object.json upgrade fix7c:add_unit --sql > add_unit.sql
"""


_COPIES = """\
--database names a copy that the bootstrap marked, as a superuser. With --source, or --dump and --roles, a PostgreSQL of the same
major version is started here, gets roles and database, and ends with the command. --source reads the deployed database in which
the login may read everything (pg_read_all_data, and BYPASSRLS where there is row security), and writes nothing there. What a
dump holds is run by a superuser of that PostgreSQL: take one of your own.
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
        "prepare",
        help="on a copy: its documents, and its no-go rehearsal",
        epilog=_COPIES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_name(preparing)
    where = preparing.add_mutually_exclusive_group()
    where.add_argument(
        "--source",
        metavar="DSN",
        type=dsn,
        help="the deployed database itself: a copy of it is made here, and thrown away",
    )
    where.add_argument(
        "--dump", type=Path, metavar="FILE", help="the same from a dump of yours (pg_dump --create, with its rows)"
    )
    add_database(where)
    preparing.add_argument("--roles", type=Path, metavar="FILE", help="with --dump: pg_dumpall --roles-only")
    preparing.add_argument(
        "--postgres",
        type=int,
        metavar="N",
        choices=SUPPORTED,
        help="with --source or --dump: the major version of the copy (default: that of the original; another one for a change"
        " that follows the server)",
    )
    preparing.add_argument("--policy", type=Path, metavar="FILE", help="another policy (default: the deployed one)")
    preparing.add_argument("--out", type=Path, metavar="DIR", help="the folder to write (default: FOLDER/NAME)")
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
    if arguments.server:
        say(f"before the server moves: qt001-cp change prepare {arguments.name} --source DSN --postgres N")
    else:
        say(f"write both texts, then, on a copy: qt001-cp change prepare {arguments.name} --source DSN")
    return EXIT_OK


def run_prepare(arguments: argparse.Namespace) -> int:
    require_name(arguments.name)
    out: Path = arguments.out or arguments.folder / arguments.name
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out}: expected a folder, or nothing, found a file", hint="--out another folder")
    if arguments.postgres is not None and arguments.source is None and arguments.dump is None:
        raise UsageError(
            "--postgres says what copy is made here, and --database names one", hint="leave one of them out"
        )
    if (arguments.dump is None) != (arguments.roles is None):
        raise UsageError(
            "--dump and --roles belong together: a dump of a database names its roles, and has none",
            hint="pg_dumpall --roles-only --no-role-passwords > roles.sql; then --dump FILE --roles roles.sql",
        )
    with _copy(arguments) as scene:
        rehearsal = ChangeRehearsal(scene, Where(arguments.folder / INI, arguments.name, out, arguments.policy), _say)
        bundle = rehearsal.run()
    return _told(arguments, rehearsal.transcript, bundle, out)


@contextmanager
def _copy(arguments: argparse.Namespace) -> Iterator[Scene]:
    """The copy that is named, or one that is made here, and gone afterwards. Raises :class:`Qt001Error`."""
    if arguments.source is not None:
        with of_source(arguments.source, _say) as original, _thrown_away(original, arguments.postgres) as server:
            yield make_copy(original, server, _say)
    elif arguments.dump is not None:
        original = of_dump(arguments.dump, arguments.roles)
        with _thrown_away(original, arguments.postgres) as server:
            yield make_copy(original, server, _say)
    else:
        with _named_copy(arguments) as scene:
            yield scene


@contextmanager
def _thrown_away(original: Original, major: int | None) -> Iterator[Server]:
    require_later(major or original.major, original.major, original.what)
    kind = server_kind()
    if kind == "dsn":
        raise UsageError(
            "a copy leaves roles behind, so it needs a disposable server",
            hint="QT001_TEST_SERVER=embedded, or container",
        )
    with open_server(kind, major=major or original.major, confined=True) as server:
        _say(
            f"{original.what} is copied to a PostgreSQL {server.version // 10000} of its own, {'; '.join(server.held) or server.kind}"
        )
        yield server


@contextmanager
def _named_copy(arguments: argparse.Namespace) -> Iterator[Scene]:
    given = named(
        arguments, "a change is prepared on a copy of what is deployed: --database COPY, --source DSN or --dump FILE"
    )
    with connection(arguments, needs_fix7a=True) as opened:
        application = recorded_application(opened)
        pair = recorded_pair(opened) if application else DEFAULT
        login, database = opened.info.user, opened.info.dbname
    if application is None:
        raise UsageError(f"{login} may not ask database {database} for its policy", hint="name a superuser of the copy")
    with open_server("dsn", dsn=given) as server:
        yield Scene(server, database, application=application.name, pair=pair)


def _say(what: str) -> None:
    say(what, file=sys.stderr)


def _told(arguments: argparse.Namespace, transcript: Transcript, bundle: ChangeBundle, out: Path) -> int:
    digest, lines = bundle.succession.manifest.digest(), list(bundle.succession.lines())
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
