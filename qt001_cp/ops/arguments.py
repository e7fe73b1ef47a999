"""The ``-x`` arguments of our revisions, each with a clear error when it is missing or wrong."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from alembic import context

from qt001_cp.errors import FileProblem, Refused, UsageError
from qt001_cp.model.canonical import parse_canonical
from qt001_cp.model.ledger_file import Exported, read_ledger
from qt001_cp.model.manifest import ObjectManifest
from qt001_cp.model.policy import Policy
from qt001_cp.model.roles import DEFAULT, Pair
from qt001_cp.policy_file import load_policy, read_file, read_lines

KNOWN = {
    "policy": "the policy (TOML), for fix7a; for a release where it names an owner and a ledger role of its own",
    "manifest": "the sealed object manifest (JSON), for fix7b and fix7c",
    "ledger": "the ledger as 'qt001-cp ledger export' wrote it, for the downgrade to base, which takes the ledger away",
    "documents": "the folder with readiness, capability, dependency manifest and analysis, for fix7c"
    " (default: the folder of the manifest)",
    "rehearsal": "'first': this run makes the no-go record; only in a database marked as a rehearsal",
    "sessions": "'keep': idle sessions of the application that began after the sealing may stay open (default: none); the rows of"
    " a cursor WITH HOLD of theirs can be read on, behind a pooler by any of its clients (docs/pooler.md)",
    "changes": "'keep', for the downgrade of a change: its way back does not run, what it has made stays; what goes back behind it goes"
    " back from the object manifest that the change has brought",
    "draft": "with which a change is tried that moves something; qt001-cp change prepare makes it",
    "lock_timeout": "how long a statement waits for a lock (default 5s)",
    "statement_timeout": "how long a statement runs (default 10min)",
    "database": "a libpq URI or connection string (default: QT001_DATABASE_URL)",
    "help": "these arguments, and nothing is done: alembic -x help current",
}

DOCUMENTS: Final = ("static-analysis.json", "readiness.json", "capability.json", "dependency.json")
"""What belongs to an object manifest that is deployed."""
_DURATION: Final = re.compile(r"([0-9]{1,9})(us|ms|s|min|h|d)?")
_MILLISECONDS: Final = {"us": 0.001, "ms": 1, "s": 1000, "min": 60_000, "h": 3_600_000, "d": 86_400_000}
_LONGEST: Final = 2**31 - 1


def arguments() -> dict[str, str]:
    """All ``-x`` arguments. ``-x help`` prints them and ends the program.

    Raises :class:`UsageError` for one that nobody reads.
    """
    given = context.get_x_argument(as_dictionary=True)
    listed = "\n".join(f"    -x {k + ('' if k == 'help' else '=…'):20} {v}" for k, v in KNOWN.items())
    if "help" in given:
        context.config.print_stdout("the arguments of this project are\n%s", listed)
        raise SystemExit(0)
    for name in given:
        if name not in KNOWN:
            raise UsageError(f"unknown argument -x {name}", hint=f"the arguments are\n{listed}")
    return {name: str(value) for name, value in given.items()}


def _file(name: str, revision: str) -> Path:
    value = arguments().get(name)
    if not value:
        raise UsageError(f"{revision} needs {KNOWN[name]}", hint=f"alembic -x {name}=FILE …")
    return Path(value)


def policy(revision: str) -> Policy:
    return load_policy(_file("policy", revision))


def manifest(revision: str, argument: str = "manifest") -> ObjectManifest:
    path = _file(argument, revision)
    return ObjectManifest.from_bytes(read_file(path), str(path))


def document(name: str, revision: str) -> bytes:
    """One of the other documents of FIX7c, as canonical bytes."""
    folder = arguments().get("documents")
    path = (Path(folder) if folder else _file("manifest", revision).parent) / name
    if not path.exists():
        raise FileProblem(f"{revision} needs {path}, which is missing", hint="qt001-cp manifest generate writes it")
    body = read_file(path)
    parse_canonical(body, str(path))
    return body


def documents(revision: str) -> tuple[bytes, ...]:
    """All of them, in the order in which the server takes them."""
    return tuple(document(name, revision) for name in DOCUMENTS)


def exported() -> Exported:
    """The export that the downgrade to base asks for; the whole file is verified.

    Raises :class:`Refused` (QT209) where none is given, :class:`FileProblem` or :class:`ManifestError` for what is none.
    """
    value = arguments().get("ledger")
    if not value:
        raise Refused(
            "downgrade to base refused: expected an export of the ledger, which it takes away for good, found none",
            sqlstate="QT209",
            hint="qt001-cp ledger export --out ledger.jsonl --database …, keep the file, then"
            " alembic -x ledger=ledger.jsonl downgrade base (or with fix7a:base --sql)",
        )
    return read_ledger(read_lines(Path(value)), value)


def pair() -> Pair:
    """The pair that the policy or the manifest names which was given; the default where none was."""
    given = arguments()
    if given.get("policy"):
        return policy("a release").pair
    return manifest("a release").pair if given.get("manifest") else DEFAULT


def first_rehearsal() -> bool:
    value = arguments().get("rehearsal", "")
    if value not in ("", "first"):
        raise UsageError(f"-x rehearsal={value} is unknown", hint="the only value is 'first'")
    return value == "first"


def keep_sessions() -> bool:
    value = arguments().get("sessions", "")
    if value not in ("", "keep"):
        raise UsageError(f"-x sessions={value} is unknown", hint="the only value is 'keep'")
    return value == "keep"


def keep_changes() -> bool:
    value = arguments().get("changes", "")
    if value not in ("", "keep"):
        raise UsageError(f"-x changes={value} is unknown", hint="the only value is 'keep'")
    return value == "keep"


def timeouts() -> dict[str, str]:
    """The limits that were given. Raises :class:`UsageError` for what PostgreSQL would not take.

    Zero, no limit, is left to the guard in the script (QT109): it sees what is in force. Source: PostgreSQL
    documentation, "Setting Parameters" (19.1.1): an integer, and one of its units of time.
    """
    given = arguments()
    return {name: _duration(name, given[name]) for name in ("lock_timeout", "statement_timeout") if name in given}


def _duration(name: str, value: str) -> str:
    found = _DURATION.fullmatch(value)
    if found is None:
        raise UsageError(
            f"-x {name}={value}: expected a whole number and a unit, found {value!r}",
            hint=f"the units are us, ms, s, min, h, d: -x {name}=2s",
        )
    milliseconds = int(found[1]) * _MILLISECONDS[found[2] or "ms"]
    if milliseconds != 0 and not 1 <= milliseconds <= _LONGEST:
        raise UsageError(
            f"-x {name}={value}: expected 1ms to {_LONGEST}ms, found {value}", hint=f"for example -x {name}=2s"
        )
    return value
