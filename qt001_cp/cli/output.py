"""Text for people, JSON for programs; every JSON document names its schema."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TextIO

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from qt001_cp.errors import Qt001Error

FINDING_FIELDS = ("sqlstate", "object", "expected", "found", "mend")


def add_format(parser: argparse.ArgumentParser, *more: str) -> None:
    """``--format text|json``, and ``more`` where a verb has it."""
    parser.add_argument(
        "--format", choices=("text", "json", *more), default="text", help="for people or for programs (default text)"
    )


def print_json(schema: str, document: Mapping[str, Any], file: TextIO | None = None) -> None:
    print(json.dumps({"schema": schema, **document}, ensure_ascii=False, indent=1, default=str), file=file)


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    table = Table(title=title, title_justify="left", show_lines=False)
    for name in columns:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*(escape("" if value is None else str(value)) for value in row))
    Console(width=None if sys.stdout.isatty() else 160).print(table)


def print_findings(findings: Sequence[Mapping[str, Any]]) -> None:
    """Findings as paragraphs: what, expected, found, and the next command."""
    for f in findings:
        print(
            f"[{f['sqlstate']}] {f['object']}\n    expected {f['expected']}\n    found    {f['found']}\n    mend     {f['mend']}"
        )


def complain(arguments: argparse.Namespace, error: Qt001Error) -> None:
    """An error on standard error; as JSON too where JSON was asked for."""
    if getattr(arguments, "format", "text") == "json":
        print_json("qt001.error/1", {"message": error.message, "hint": error.hint, "exit_code": error.exit_code})
    print(f"qt001-cp: {error}", file=sys.stderr)
