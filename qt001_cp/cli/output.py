"""Text for people, JSON for programs; every JSON document names its schema."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from typing import Any, TextIO

import psycopg
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from qt001_cp.catalog.application import superuser
from qt001_cp.catalog.early import Early
from qt001_cp.errors import Qt001Error
from qt001_cp.model.names import Role
from qt001_cp.model.shown import in_json, lines, visible

FINDING_FIELDS = ("sqlstate", "object", "expected", "found", "mend")


def add_format(parser: argparse.ArgumentParser, *more: str) -> None:
    """``--format text|json``, and ``more`` where a verb has it."""
    parser.add_argument(
        "--format", choices=("text", "json", *more), default="text", help="for people or for programs (default text)"
    )


def say(text: object = "", file: TextIO | None = None) -> None:
    """Print for people: every line as it is, but for what would not show, or would act on the terminal."""
    print(lines(text), file=file or sys.stdout)


def warn_of_superuser(opened: psycopg.Connection, application: Role) -> None:
    """Before anything else: an application role that is superuser, on standard error."""
    found = superuser(opened, application)
    if found is not None:
        say(f"warning: {found.message}\n  hint: {found.hint}", sys.stderr)


def print_json(schema: str, document: Mapping[str, Any], file: TextIO | None = None) -> None:
    """Piece by piece: what can say itself as JSON (``to_json``) is asked when its turn comes, so that a large estate takes
    no more memory than its objects do. Anything else that JSON does not know is printed as its text."""
    encoder = json.JSONEncoder(ensure_ascii=False, indent=1, default=_said)
    out = file or sys.stdout
    pieces = encoder.iterencode({"schema": schema, **document})
    while piece := "".join(islice(pieces, 10_000)):
        out.write(in_json(piece))
    out.write("\n")


def _said(value: Any) -> Any:
    return value.to_json() if hasattr(value, "to_json") else str(value)


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    rows = list(rows)
    if not rows:
        say(f"{title}: none")
        return
    table = Table(title=title, title_justify="left", show_lines=False)
    for name in columns:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*(escape("" if value is None else visible(value)) for value in row))
    Console(width=None if sys.stdout.isatty() else 160).print(table)


def print_findings(findings: Sequence[Mapping[str, Any]]) -> None:
    """Findings as paragraphs: what, expected, found, and the next command."""
    for f in findings:
        expected, found = str(f["expected"]), str(f["found"])
        say(f"[{f['sqlstate']}] {visible(f['object'])}\n    expected {visible(expected)}\n    found    {visible(found)}\n"
            f"    mend     {f['mend']}")  # fmt: skip


def print_told(told: Sequence[Mapping[str, Any]]) -> None:
    """What has changed and closes nothing: a line each."""
    for t in told:
        expected, found = visible(t["expected"]), visible(t["found"])
        say(f"told: {visible(t['object'])}: expected {expected}, found {found}; no gate closes for it")


def print_early(early: Early) -> None:
    """What FIX7b's checks say of a plan before it is sealed."""
    print_findings(early.findings)
    for note in early.notes:
        say(f"warning: {visible(note)}")
    if early.unasked:
        say(f"warning: {visible(early.unasked)}")


def early_json(early: Early) -> dict[str, Any]:
    return {"findings": early.findings, "notes": early.notes, "unasked": early.unasked}


def complain(arguments: argparse.Namespace, error: Qt001Error) -> None:
    """An error on standard error; as JSON too where JSON was asked for."""
    if getattr(arguments, "format", "text") == "json":
        with suppress(OSError):  # standard output may be what the error is about
            print_json("qt001.error/1", {"message": error.message, "hint": error.hint, "exit_code": error.exit_code})
    say(f"qt001-cp: {error}", sys.stderr)
