"""``qt001-cp sign``: the auditor's answer, in the database, and as a signed statement that leaves it."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, Any, Final

import psycopg

from qt001_cp.audit import signature
from qt001_cp.cli.database import add_database, connection, named
from qt001_cp.errors import EXIT_OK, FileProblem, UsageError
from qt001_cp.workflow import ledger
from qt001_cp.workflow.controlled import refuse_sign_off, sign_off

_LONGEST: Final = 2**31 - 1
"""Seconds are an integer of PostgreSQL's."""

EPILOG = """\
The answer is an event in the database. With --key it also becomes an in-toto statement in a DSSE envelope (Ed25519), which
'qt001-cp audit --envelope' checks, and any other reader of DSSE.

examples:
  qt001-cp sign SUBJECT --scope 'writes until the next review' --valid 86400 --database "$AUDITOR"
  qt001-cp sign SUBJECT --refuse --reason 'the comparison covers 40 of 900 sheets' --database "$AUDITOR"
  qt001-cp sign SUBJECT --scope … --valid 86400 --key hana.pem --envelope sign-off.dsse.json --database "$AUDITOR"
"""


def add_verbs(verbs: Any) -> None:
    sign = verbs.add_parser(
        "sign",
        help="sign, or refuse, exactly today's subject (auditor)",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    sign.add_argument("subject", help="the subject digest that 'qt001-cp status' prints")
    sign.add_argument("--scope", help="what the sign-off is for")
    sign.add_argument("--valid", type=int, metavar="SECONDS", help="how long it is valid")
    sign.add_argument("--refuse", action="store_true", help="refuse instead; needs --reason")
    sign.add_argument("--reason")
    sign.add_argument("--key", type=Path, metavar="PEM", help="sign the answer with this Ed25519 key too")
    sign.add_argument(
        "--envelope", type=Path, metavar="FILE", help="where the signed answer goes; a file that is not there"
    )
    add_database(sign)
    sign.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    named(arguments)
    answer = _answer(arguments)
    if (arguments.key is None) != (arguments.envelope is None):
        raise UsageError("--key and --envelope belong together", hint="--key hana.pem --envelope sign-off.dsse.json")
    key = signature.private_key(arguments.key) if arguments.key else None
    with connection(arguments, needs_fix7a=True) as opened:
        if key is None:
            answer(opened)
        else:
            with _new_file(arguments.envelope) as out, opened.transaction():
                document = signature.sign(_statement(opened, answer(opened), arguments.subject), key)
                out.write(json.dumps(document, indent=1) + "\n")
                out.flush()
    print("refused" if arguments.refuse else "signed")
    return EXIT_OK


def _answer(arguments: argparse.Namespace) -> Callable[[psycopg.Connection], str]:
    """What writes the answer into the database, and says which event it is."""
    if arguments.refuse:
        if not arguments.reason:
            raise UsageError("a refusal needs its reason", hint="qt001-cp sign SUBJECT --refuse --reason '…'")
        return partial(refuse_sign_off, subject=arguments.subject, reason=arguments.reason)
    if not arguments.scope or not arguments.valid:
        raise UsageError(
            "a sign-off needs a scope and a validity", hint="qt001-cp sign SUBJECT --scope '…' --valid SECONDS"
        )
    if not 0 < arguments.valid <= _LONGEST:
        raise UsageError(
            f"--valid {arguments.valid}: expected 1 to {_LONGEST} seconds, found {arguments.valid}",
            hint="a day is 86400; the longest that counts is max_validity_seconds of the policy",
        )
    return partial(sign_off, subject=arguments.subject, scope=arguments.scope, seconds=arguments.valid)


@contextmanager
def _new_file(path: Path) -> Iterator[IO[str]]:
    """The file, gone again when the database refuses. Raises :class:`FileProblem` before anything is asked of it."""
    try:
        out = path.open("x", encoding="utf-8")
    except OSError as exc:
        raise FileProblem(f"{path}: cannot be made: {exc.strerror}", hint="name a file that is not there yet") from exc
    try:
        with out:
            yield out
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _statement(opened: psycopg.Connection, event: str, subject: str) -> dict[str, Any]:
    """What the database recorded, as it recorded it."""
    said = ledger.answer(opened, event)
    database, detail = said["database"], said["detail"]
    predicate = {
        "verdict": said["verb"],
        "signer": said["actor"],
        "at": said["at"],
        "database": database,
        "system": detail.get("system"),
        "timeline": detail.get("timeline"),
        "event": event,
    }
    for theirs, ours in (("scope", "scope"), ("valid_until", "validUntil"), ("reason", "reason")):
        if theirs in detail:
            predicate[ours] = detail[theirs]
    return signature.statement(f"{database}: qt001_cp.subject_digest()", subject, signature.SIGN_OFF, predicate)
