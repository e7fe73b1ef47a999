"""The text of a plain dump made fit for the clone: without passwords, without what its server has not got."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from qt001_cp.rehearsal.clone.report import CloneReport

_NAME = r'("(?:[^"]|"")+"|[\w$]+)'
_CREATE_DATABASE = re.compile(rf"^CREATE DATABASE {_NAME}.*;$", re.MULTILINE)
_EXTENSION = re.compile(rf"^CREATE EXTENSION (?:IF NOT EXISTS )?{_NAME}(?: .*)?;$", re.MULTILINE)
_VERSION = re.compile(r"^-- Dumped from database version (\d+)", re.MULTILINE)
_TIMEOUT = re.compile(r"^SET transaction_timeout = 0;$", re.MULTILINE)
_ROLE_PASSWORD = re.compile(r"^((?:ALTER|CREATE) ROLE .*?) (?:ENCRYPTED )?PASSWORD '(?:[^']|'')*'", re.MULTILINE)
_MAPPING = re.compile(r"^CREATE USER MAPPING .*?^\);$", re.MULTILINE | re.DOTALL)
_OPTION = re.compile(r"((?:password|passcode|sslpassword)[a-z_]* )(E?'(?:[^']|'')*')", re.IGNORECASE)
_SUBSCRIPTION = re.compile(r"^CREATE SUBSCRIPTION .*$", re.MULTILINE)
_SECRET = re.compile(r"(password\s*=\s*)(''[^']*''|\\'.*?\\'|[^\s']+)", re.IGNORECASE)
# Text compared with a list: PostgreSQL words the comparison so that, read again, it becomes another expression
# (the cast moves from the array to its elements). Without the cast of the array it is read as it was meant.
_REWORDED = re.compile(r"\(\((ARRAY\[(?:'(?:[^']|'')*'::character varying(?:\(\d+\))?(?:, )?)+\])\)::text\[\]\)")


@dataclass(frozen=True)
class Named:
    """What a dump says of itself; None where it does not."""

    database: str | None
    major: int | None


def named(text: str) -> Named:
    head = text[:20_000]
    version, database = _VERSION.search(head), _CREATE_DATABASE.search(head)
    return Named(_plain(database[1]) if database else None, int(version[1]) if version else None)


def without_role_passwords(text: str) -> str:
    return _ROLE_PASSWORD.sub(r"\1", text)


def fitted(text: str, major: int, available: Collection[str], report: CloneReport) -> tuple[str, tuple[str, ...]]:
    """The script to load into a database that is there already, and the extensions that it does without.

    ``available``: the extensions of the clone's server. What is left out is in ``report``.
    """
    text = _CREATE_DATABASE.sub("", text)
    if major < 17:
        text = _TIMEOUT.sub("", text)
    text = _MAPPING.sub(lambda m: _OPTION.sub(r"\1'not cloned'", m[0]), text)
    text = _SUBSCRIPTION.sub(lambda m: _SECRET.sub(r"\1not-cloned", m[0]), text)
    text = _REWORDED.sub(r"(\1)", text)
    missing = []
    for found in _EXTENSION.finditer(text):
        name = _plain(found[1])
        if name not in available:
            missing.append(name)
            report.lack(
                f"extension {name}",
                "the clone's server does not have it",
                "its objects, and what rests on them, are not in the clone; every statement that failed"
                " for it is listed",
            )
    for name in missing:
        either = re.escape(name) if re.fullmatch(r"[a-z_][a-z0-9_]*", name) else re.escape('"' + name + '"')
        text = re.sub(
            rf"^(?:CREATE EXTENSION (?:IF NOT EXISTS )?|COMMENT ON EXTENSION ){either}(?: .*)?;$",
            "",
            text,
            flags=re.MULTILINE,
        )
    return text, tuple(missing)


def _plain(name: str) -> str:
    return name[1:-1].replace('""', '"') if name.startswith('"') else name
