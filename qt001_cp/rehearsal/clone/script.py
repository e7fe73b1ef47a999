"""The text of a plain dump made fit for the clone: without passwords, without what its server has not got."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from qt001_cp.rehearsal.clone.lexical import Code
from qt001_cp.rehearsal.clone.report import CloneReport

_NAME = r'("(?:[^"]|"")+"|[\w$]+)'
_CREATE_DATABASE = re.compile(rf"^CREATE DATABASE {_NAME}.*;$", re.MULTILINE)
_EXTENSION = re.compile(rf"^CREATE EXTENSION (?:IF NOT EXISTS )?{_NAME}(?: .*)?;$", re.MULTILINE)
_VERSION = re.compile(r"^-- Dumped from database version (\d+)", re.MULTILINE)
_TIMEOUT = re.compile(r"^SET transaction_timeout = 0;$", re.MULTILINE)
_MAPPING = re.compile(r"^CREATE USER MAPPING .*?^\);$", re.MULTILINE | re.DOTALL)
_OPTION = re.compile(r"((?:password|passcode|sslpassword)[a-z_]* )(E?'(?:[^']|'')*')", re.IGNORECASE)
_SUBSCRIPTION = re.compile(r"^CREATE SUBSCRIPTION .*$", re.MULTILINE)
_SECRET = re.compile(r"(password\s*=\s*)(''[^']*''|\\'.*?\\'|[^\s']+)", re.IGNORECASE)
_UNTRUSTED = re.compile(r"pl\w*u|pl(?:java|sh|r)")
_OUTSIDE = frozenset({"file_fdw", "adminpack"})
# Text compared with a list: PostgreSQL words the comparison so that, read again, it becomes another expression
# (the cast moves from the array to its elements). Without the cast of the array it is read as it was meant.
_REWORDED = re.compile(r"\(\((ARRAY\[(?:'(?:[^']|'')*'::character varying(?:\(\d+\))?(?:, )?)+\])\)::text\[\]\)")
_COLUMN = re.compile(r"^(ALTER (?:FOREIGN )?TABLE .+? ALTER COLUMN .+? SET \()([^()]+)\);$", re.MULTILINE)
_SETTABLE = frozenset({"n_distinct", "n_distinct_inherited"})
"""The options that somebody can give a column (PostgreSQL documentation, "ALTER TABLE"). What else stands there a server has noted for
itself, as Debian's 15.20 does (pg_attver), and no other takes it."""


@dataclass(frozen=True)
class Named:
    """What a dump says of itself; None where it does not."""

    database: str | None
    major: int | None


def named(text: str) -> Named:
    head = text[:20_000]
    version, database = _VERSION.search(head), next(Code(head).find(_CREATE_DATABASE), None)
    return Named(_plain(database[1]) if database else None, int(version[1]) if version else None)


def fitted(text: str, major: int, available: Collection[str], report: CloneReport) -> tuple[str, tuple[str, ...]]:
    """The script to load into a database that is there already, and the extensions that it does without.

    ``available``: the extensions of the clone's server. What is left out is in ``report``.
    """
    code = Code(text).sub(_CREATE_DATABASE, "")
    if major < 17:
        code = code.sub(_TIMEOUT, "")
    code = code.sub(_MAPPING, lambda m: _OPTION.sub(r"\1'not cloned'", m[0]))
    code = code.sub(_SUBSCRIPTION, lambda m: _SECRET.sub(r"\1not-cloned", m[0]))
    code = code.sub(_REWORDED, r"(\1)")
    code = code.sub(_COLUMN, _settable)
    missing = []
    for found in code.find(_EXTENSION):
        name = _plain(found[1])
        if name in available and (name in _OUTSIDE or _UNTRUSTED.fullmatch(name)):
            missing.append(name)
            report.lack(
                f"extension {name}", "on a clone it is off: it leads to files or programs", "its objects are not there"
            )
        elif name not in available:
            missing.append(name)
            report.lack(
                f"extension {name}",
                "the clone's server does not have it",
                "its objects, and what rests on them, are not in the clone; every statement that failed"
                " for it is listed",
            )
    for name in missing:
        either = re.escape(name) if re.fullmatch(r"[a-z_][a-z0-9_]*", name) else re.escape('"' + name + '"')
        made = rf"^(?:CREATE EXTENSION (?:IF NOT EXISTS )?|COMMENT ON EXTENSION ){either}(?: .*)?;$"
        code = code.sub(re.compile(made, re.MULTILINE), "")
    return code.text, tuple(missing)


def _plain(name: str) -> str:
    return name[1:-1].replace('""', '"') if name.startswith('"') else name


def without_notes(text: str) -> str:
    """A plain dump without the options of columns that its server has noted for itself."""
    return Code(text).sub(_COLUMN, _settable).text if _COLUMN.search(text) else text


def _settable(found: re.Match[str]) -> str:
    kept = [option for option in found[2].split(", ") if option.partition("=")[0] in _SETTABLE]
    return f"{found[1]}{', '.join(kept)});" if kept else ""
