"""Parses the command line, runs one verb, turns errors into words and an exit code."""

from __future__ import annotations

import argparse
import errno
import io
import os
import sys
from collections.abc import Sequence

import psycopg

from qt001_cp.cli import (
    analysing,
    auditing,
    evidence,
    inspecting,
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
from qt001_cp.errors import EXIT_FAILED, EXIT_USAGE, MEMBERSHIP_HINT, Qt001Error
from qt001_cp.project import project_folder
from qt001_cp.sql.build import version

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
    """Run one verb; returns its exit code. Never ends in a traceback for what a person can cause."""
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
    except Qt001Error as exc:
        if _interrupted(exc):
            return _interruption(arguments)
        complain(arguments, exc)
        return exc.exit_code
    except BrokenPipeError:
        return _reader_has_gone()
    except psycopg.Error as exc:
        if _interrupted(exc):
            return _interruption(arguments)
        hint = MEMBERSHIP_HINT if exc.sqlstate == "42501" else "check the connection string and the role"
        complain(arguments, Qt001Error(f"the server said: {str(exc).strip()}", hint=hint))
        return EXIT_FAILED
    except OSError as exc:
        full = exc.errno in (errno.ENOSPC, errno.EDQUOT)
        hint = "make room, or write elsewhere" if full else "check the path and its permissions"
        complain(arguments, Qt001Error(f"{exc.filename or 'the system'}: {exc.strerror}", hint=hint))
        return _reader_has_gone() if full else EXIT_FAILED
    except KeyboardInterrupt:
        return _interruption(arguments)


def _interruption(arguments: argparse.Namespace) -> int:
    complain(arguments, Qt001Error("interrupted; nothing was left running"))
    return EXIT_FAILED


def _interrupted(exc: BaseException | None) -> bool:
    """Whether the error only followed a Ctrl-C: psycopg then cancels the query and closes the connection."""
    while exc is not None and not isinstance(exc, KeyboardInterrupt):
        exc = exc.__cause__ or exc.__context__
    return exc is not None


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
    parser.add_argument("--version", action="version", version=f"qt001-cp {version()}")
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
        auditing,
    ):
        module.add_verbs(verbs)
    add_examples(verbs)
    return parser


if __name__ == "__main__":
    sys.exit(main())
