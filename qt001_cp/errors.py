"""The project's one tree of errors.

Every error that a person can cause or meet is a :class:`Qt001Error`: it says what was expected, what was found,
and the next command to type. ``qt001-cp`` prints it without a traceback and ends with ``exit_code``.

Refusals by PostgreSQL carry an SQLSTATE of class ``QT`` (docs/sqlstates.md); :class:`Refused` wraps those.
"""

from __future__ import annotations

import re

EXIT_OK = 0
EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_FINDINGS = 3
MEMBERSHIP_HINT = (
    "this login lacks the membership of its duty, or has it without INHERIT, or the operator's lacks the owner role or the ledger role:"
    ' docs/operator.md, "Without superuser"'
)
"""For SQLSTATE 42501 without a hint of ours."""
_HINTS = {
    "42501": MEMBERSHIP_HINT,
    "25006": "ALTER DATABASE … RESET default_transaction_read_only; (or ALTER ROLE … RESET, where the login has it) and connect"
    " again; a standby is read-only by nature: name the primary in the DSN",
}


def hint_of(sqlstate: str | None) -> str | None:
    """What to type where PostgreSQL itself refuses, by its SQLSTATE, and has no hint."""
    return _HINTS.get(sqlstate or "")


class Qt001Error(Exception):
    """An error for people: ``message`` says what is wrong, ``hint`` what to type next."""

    exit_code: int = EXIT_FAILED
    usual_hint: str | None = None
    """What to type where the one who raises it knows nothing better."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint or self.usual_hint

    def __str__(self) -> str:
        return self.message if self.hint is None else f"{self.message}\n  hint: {self.hint}"


class UsageError(Qt001Error):
    """The call itself is wrong: an option is missing or contradicts another."""

    exit_code = EXIT_USAGE


class FileProblem(UsageError):
    """A file that was named is missing, unreadable, or not what it has to be."""


class PolicyError(UsageError):
    """The policy file breaks its schema; the message names the key."""


class ManifestError(Qt001Error):
    """A document is not canonical, has the wrong schema, or contradicts itself."""

    usual_hint = "take the file as 'qt001-cp manifest generate' wrote it"


class NotRestorable(Qt001Error):
    """An owner or ACL that could not be put back exactly; refused before anything is sealed."""


class Findings(Qt001Error):
    """The work was done and found something: drift, an unclassified object, a closed gate."""

    exit_code = EXIT_FINDINGS


class DatabaseProblem(Qt001Error):
    """The server could not be reached, or refused for a reason that is not ours."""


def unreachable(error: Exception, what: str = "server") -> DatabaseProblem:
    """No connection: libpq's words, which may repeat the DSN but never its password, and what mends that."""
    said = _PASSWORD.sub(lambda m: (m[1] or "") + "…", str(error).strip())
    hint = next((hint for words, hint in _UNREACHABLE.items() if any(w in said for w in words.split("|"))), _TRY)
    return DatabaseProblem(f"the {what} could not be reached: {said}", hint=hint)


_PASSWORD = re.compile(r"(://[^:/@\s]*:)[^@\s]*(?=@)|(?<=password=)\S+")
_TRY = "try the same connection with psql: psql -X -d DSN -c 'SELECT 1'"
_UNREACHABLE = {
    'percent-encoded|missing "="|invalid|unterminated': "a DSN is postgresql://user@host:5432/database, where a space is %20,"
    " a slash %2F and an @ %40, or host=… port=… user=… dbname='…'",
    "no password supplied|password authentication failed": "set PGPASSWORD, or write ~/.pgpass (mode 0600), or put the password"
    " into the DSN: postgresql://user:password@host/database",
    "definition of service": "the services are in ~/.pg_service.conf, or in the file that PGSERVICEFILE names",
    '" does not exist': "the names in the DSN are those of the server, upper and lower case as they were made",
    "Connection refused|No such file|resolve host|timeout|No route": "check host and port, and that the server runs:"
    " pg_isready -h HOST -p PORT",
}


class Refused(Qt001Error):
    """PostgreSQL refused with an SQLSTATE of class QT (or 42501); nothing was changed."""

    exit_code = EXIT_FINDINGS

    def __init__(self, message: str, *, sqlstate: str, hint: str | None = None) -> None:
        super().__init__(f"[{sqlstate}] {message}", hint=hint)
        self.sqlstate = sqlstate
