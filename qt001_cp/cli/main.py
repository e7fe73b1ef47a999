"""Parses the command line, runs one verb, turns errors into words and an exit code."""

from __future__ import annotations

import argparse
import errno
import io
import os
import sys
import traceback
from collections.abc import Sequence
from typing import Final

import psycopg

from qt001_cp.cli import (
    analysing,
    auditing,
    changing,
    drifting,
    evidence,
    inspecting,
    ledgering,
    manifest,
    policy,
    rehearsing,
    reporting,
    reviewing,
    signing,
    verifying,
)
from qt001_cp.cli.examples import add_examples
from qt001_cp.cli.output import complain
from qt001_cp.errors import EXIT_FAILED, EXIT_USAGE, Qt001Error, hint_of
from qt001_cp.project import project_folder
from qt001_cp.sql.build import version

TRACEBACK: Final = "QT001_TRACEBACK"
"""Set for who looks for a mistake of ours: the traceback too."""
EPILOG = """\
exit codes: 0 fine · 1 failed · 2 usage · 3 findings (drift, unclassified, blocked)

examples:
  qt001-cp rehearse --out rehearsal-1
  qt001-cp inventory --policy policy.toml --database postgresql://author@db/directus
  qt001-cp manifest generate --policy policy.toml --database … --out bundle --propose
  qt001-cp manifest seal bundle/object.json --database postgresql://operator@db/directus
  qt001-cp preflight bundle/object.json --database …
  qt001-cp review bundle/object.json --rehearsal rehearsal-1 --database … --out pack
  alembic -x manifest=bundle/object.json upgrade fix7a:fix7b --sql > fix7b.sql
  qt001-cp report --database … --out report.html
  export ALEMBIC_CONFIG="$(qt001-cp --project)/alembic.ini"      # then alembic works from any folder
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb; returns its exit code. This is the one place where an exception ends: in words, whatever it is."""
    _say_what_the_terminal_cannot()
    parser = _parser()
    try:
        arguments = parser.parse_args(argv)
    except SystemExit as exc:
        return EXIT_USAGE if exc.code not in (0, None) else 0
    if "run" not in arguments:
        parser.print_help()
        return EXIT_USAGE
    try:
        code: int = arguments.run(arguments)
        sys.stdout.flush()
        return code
    except (Exception, KeyboardInterrupt) as exc:
        if os.environ.get(TRACEBACK):
            traceback.print_exc()
        if isinstance(exc, BrokenPipeError):
            return _reader_has_gone()
        problem = _problem(exc)
        complain(arguments, problem)
        return _reader_has_gone() if _full(exc) else problem.exit_code


def _problem(exc: BaseException) -> Qt001Error:
    """The error for people behind ``exc``."""
    if _interrupted(exc):
        return Qt001Error("interrupted; nothing was left running")
    if isinstance(exc, Qt001Error):
        return exc
    if isinstance(exc, psycopg.Error):
        return Qt001Error(f"the server said: {str(exc).strip()}",
                          hint=hint_of(exc.sqlstate) or "check the connection string and the role")  # fmt: skip
    if isinstance(exc, OSError):
        hint = "make room, or write elsewhere" if _full(exc) else "check the path and its permissions"
        return Qt001Error(f"{exc.filename or 'the system'}: {exc.strerror or exc}", hint=hint)
    if isinstance(exc, MemoryError):
        return Qt001Error("there is not enough memory for this", hint="run it where there is more")
    return Qt001Error(
        f"an error of this program, not of yours: {type(exc).__name__}: {exc}",
        hint=f"{TRACEBACK}=1 before the same command prints where; please report it with that and qt001-cp --version",
    )


def _interrupted(exc: BaseException) -> bool:
    """Whether the error only followed a Ctrl-C: psycopg then cancels the query and closes the connection. What caused what
    may run in a circle."""
    seen: set[int] = set()
    todo: list[BaseException | None] = [exc]
    while todo:
        found = todo.pop()
        if found is None or id(found) in seen:
            continue
        if isinstance(found, KeyboardInterrupt):
            return True
        seen.add(id(found))
        todo += [found.__cause__, found.__context__]
    return False


def _full(exc: BaseException) -> bool:
    return isinstance(exc, OSError) and exc.errno in (errno.ENOSPC, errno.EDQUOT)


def _reader_has_gone() -> int:
    """``qt001-cp … | head``, or ``> a full disk``: what is left is for nobody, at the interpreter's end too."""
    if not isinstance(sys.stdout, io.TextIOWrapper):
        return EXIT_FAILED
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return EXIT_FAILED


def _say_what_the_terminal_cannot() -> None:
    """A terminal or log that is not UTF-8 gets \\u…, not a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


class _Version(argparse.Action):
    """Its build is a sum over all SQL: nobody else waits for it."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        print(f"{parser.prog} {version()}")
        parser.exit()


class _Project(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        print(project_folder())
        parser.exit()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="qt001-cp",
        description="Takes ownership and privileges from an over-powerful application role: rehearsed, reviewed, reversible.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="show program's version number and exit")
    parser.add_argument(
        "--project", action=_Project, nargs=0, help="print the folder with alembic.ini, scripts and docs, and exit"
    )
    verbs = parser.add_subparsers(title="verbs", metavar="VERB")
    for module in (
        rehearsing,
        policy,
        inspecting,
        manifest,
        analysing,
        reviewing,
        evidence,
        signing,
        verifying,
        reporting,
        drifting,
        ledgering,
        auditing,
        changing,
    ):
        module.add_verbs(verbs)
    add_examples(verbs)
    return parser


if __name__ == "__main__":
    sys.exit(main())
