"""``qt001-cp sign``: the auditor's answer, in the database, and as a signed statement that leaves it."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final

import psycopg

from qt001_cp.audit import signature
from qt001_cp.cli.controlled import call
from qt001_cp.cli.database import add_database, connection, named
from qt001_cp.errors import EXIT_OK, FileProblem, UsageError
from qt001_cp.workflow.refusal import refusals

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
    query, args = _answer(arguments)
    if (arguments.key is None) != (arguments.envelope is None):
        raise UsageError("--key and --envelope belong together", hint="--key hana.pem --envelope sign-off.dsse.json")
    key = signature.private_key(arguments.key) if arguments.key else None
    with connection(arguments, needs_fix7a=True) as opened:
        if key is None:
            call(opened, "sign_off(text,text,int)", query, *args)
        else:
            with _new_file(arguments.envelope) as out, opened.transaction():
                event = call(opened, "sign_off(text,text,int)", query, *args)
                document = signature.sign(_statement(opened, event, arguments.subject), key)
                out.write(json.dumps(document, indent=1) + "\n")
                out.flush()
    print("refused" if arguments.refuse else "signed")
    return EXIT_OK


def _answer(arguments: argparse.Namespace) -> tuple[str, list[object]]:
    if arguments.refuse:
        if not arguments.reason:
            raise UsageError("a refusal needs its reason", hint="qt001-cp sign SUBJECT --refuse --reason '…'")
        return "SELECT qt001_cp.refuse_sign_off(%s, %s)", [arguments.subject, arguments.reason]
    if not arguments.scope or not arguments.valid:
        raise UsageError(
            "a sign-off needs a scope and a validity", hint="qt001-cp sign SUBJECT --scope '…' --valid SECONDS"
        )
    if not 0 < arguments.valid <= _LONGEST:
        raise UsageError(
            f"--valid {arguments.valid}: expected 1 to {_LONGEST} seconds, found {arguments.valid}",
            hint="a day is 86400; the longest that counts is max_validity_seconds of the policy",
        )
    return "SELECT qt001_cp.sign_off(%s, %s, %s)", [arguments.subject, arguments.scope, arguments.valid]


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
    with refusals():
        row = opened.execute(
            "SELECT verb, actor::text, detail, to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), current_database()"
            " FROM qt001_cp.v_event WHERE digest = %s",
            [event],
        ).fetchone()
    assert row is not None
    verb, actor, detail, at, database = row
    predicate = {"verdict": verb, "signer": actor, "at": at, "database": database, "event": event}
    for theirs, ours in (("scope", "scope"), ("valid_until", "validUntil"), ("reason", "reason")):
        if theirs in detail:
            predicate[ours] = detail[theirs]
    return signature.statement(f"{database}: qt001_cp.subject_digest()", subject, signature.SIGN_OFF, predicate)
