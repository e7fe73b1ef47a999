"""The pack of a change on somebody's disk: its sums, its documents, and that its scripts run both texts of the ledger, whole, and no more.

Its pages, what the rehearsal has read of locks, and the SARIF are for reading: they are compared with their sums, and with nothing else.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from qt001_cp.audit.check import Check
from qt001_cp.audit.lexical import Token, tokens, unescaped
from qt001_cp.audit.pack import script_faults, summed

_OBJECT: Final = "manifests/object.json"
_DOCUMENTS: Final = tuple(f"manifests/{n}.json" for n in ("static-analysis", "readiness", "capability", "dependency"))
_TEXTS: Final = {"forward.sql": "forward", "back.sql": "back"}
_SCRIPTS: Final = {
    "change.sql": ("forward", ("start_run", "change_begin", "run_change", "change_documents", "change_end", "finish_run")),
    "change-back.sql": ("back", ("start_run", "change_begin", "run_change", "change_end", "finish_run")),
    "change-kept.sql": ("back", ("start_run", "keep_change", "finish_run")),
}  # fmt: skip  # one script a line
_OURS: Final = ("fix7c-back.sql", "fix7b-restore.sql")
"""The emergency way goes on with these, from the successor."""
_NAME: Final = "[a-z][a-z0-9_]*"
_PLAIN: Final = re.compile(
    rf"""begin|commit
      | set\ local\ (client_encoding|standard_conforming_strings|search_path|lock_timeout|statement_timeout|row_security|jit
                    |check_function_bodies|client_min_messages)\ =\ ['\w,\ ]*
      | update\ qt001_cp\.alembic_version\ set\ version_num='{_NAME}'\ where\ qt001_cp\.alembic_version\.version_num\ =\ '{_NAME}'""",
    re.VERBOSE,
)
_WORDS: Final = frozenset({"pg_catalog", "convert_to", "array", "text", "null"})
"""What may stand in a call beside strings: nothing that runs something else."""


class _Call(NamedTuple):
    """A call of one of our functions, with its strings in order."""

    name: str
    given: tuple[str, ...]


def is_of_change(folder: Path) -> bool:
    """Whether the pack is of a change: its object manifest says that it is a successor."""
    try:
        data = json.loads((folder / _OBJECT).read_bytes())
    except (OSError, ValueError, RecursionError):
        return False  # what it is then, the audit of the other pack says
    return isinstance(data, dict) and "succession" in data


def change_pack(folder: Path, found: Mapping[str, Mapping[str, Any]], sealed: Collection[str]) -> Check:
    """``found``: the documents of the ledger by digest; ``sealed``: the subjects that somebody has sealed. Raises :class:`FileProblem`."""
    check = Check(f"pack {folder.name}")
    sums, bodies, faults = summed(folder)
    check.looked_at, check.faults = len(bodies), faults
    made = {name: hashlib.sha256(body).hexdigest() for name, body in bodies.items()}
    check.faults += [
        f"{name}: its sha256 is {made[name]}, SHA256SUMS says {sums[name]}"
        for name in sorted(made)
        if made[name] != sums[name]
    ]
    digest = made.get(_OBJECT, "")
    manifest = found.get(digest)
    if manifest is None or digest not in sealed:
        check.faults.append(f"{_OBJECT}: no manifest with its sha256 {digest or 'none'} is sealed in this database")
        return check
    said = manifest["succession"]
    for name, wanted in (
        ("change", said["change"]),
        ("predecessor", said["predecessor"]),
        ("policy", manifest["policy"]["sha256"]),
    ):
        file = f"manifests/{name}.json"
        if made.get(file) != wanted:
            check.faults.append(
                f"{file}: its sha256 is {made.get(file, 'none: it is missing')}, the successor names {wanted}"
            )
    change = found.get(said["change"])
    if change is None:
        check.faults.append(f"the change {said['change']} of the successor is not in this database")
        return check
    check.faults += _texts(bodies, change)
    for name in (*_SCRIPTS, *_OURS):
        if name not in bodies:
            check.faults.append(f"{name}: it is missing")
        elif name in _OURS:
            check.faults += [f"{name}: {fault}" for fault in script_faults(name, _text(bodies[name]), manifest, digest)]
        else:
            check.faults += [f"{name}: {fault}" for fault in _script(name, _text(bodies[name]), change, made)]
    return check


def _texts(bodies: Mapping[str, bytes], change: Mapping[str, Any]) -> Iterator[str]:
    for name, way in _TEXTS.items():
        if bodies.get(name) != str(change[way]).encode():
            yield f"{name}: it is not the text of change {change['revision']} in the ledger"


def _text(body: bytes) -> str:
    return body.decode("utf-8", errors="replace")


def _script(name: str, text: str, change: Mapping[str, Any], made: Mapping[str, str]) -> Iterator[str]:
    way, wanted = _SCRIPTS[name]
    calls: list[_Call] = []
    for statement in _statements(text):
        call = _call(statement)
        if call is not None:
            calls.append(call)
        elif not _PLAIN.fullmatch(_lowered(text, statement)):
            yield f"it holds another statement: {text[statement[0].start : statement[-1].end][:120]}"
    names = tuple(call.name for call in calls)
    if names != wanted:
        yield f"expected the calls {', '.join(wanted)}, found {', '.join(names) or 'none'}"
        return
    title = f"{'upgrade' if way == 'forward' else 'downgrade'} change {change['revision']}"
    for call in calls:
        yield from _given(call, way, title, change, made)


def _given(call: _Call, way: str, title: str, change: Mapping[str, Any], made: Mapping[str, str]) -> Iterator[str]:
    """What each call is given, against the ledger's change and the documents of the pack."""
    body = made.get("manifests/change.json")
    if call.name in ("start_run", "finish_run") and call.given[:1] != (title,):
        yield f"{call.name} is not of {title}"
    elif call.name == "change_begin" and (_sha256s(call.given[:1]) != [body] or call.given[1:] != ("UTF8", way)):
        yield f"change_begin is not given the change of the pack, {way}"
    elif call.name == "keep_change" and _sha256s(call.given[:1]) != [body]:
        yield "keep_change is not given the change of the pack"
    elif call.name == "run_change" and call.given != (change[way],):
        yield f"run_change is not given the text {way} of the ledger, whole"
    elif call.name == "change_documents" and _sha256s(call.given[::2]) != [made.get(name) for name in _DOCUMENTS]:
        yield "change_documents is not given the documents of the pack"
    elif call.name == "change_end" and call.given:
        yield "change_end is given something"


def _sha256s(given: tuple[str, ...]) -> list[str | None]:
    return [hashlib.sha256(text.encode()).hexdigest() for text in given]


def _statements(text: str) -> Iterator[list[Token]]:
    """The tokens of each statement, without its end."""
    statement: list[Token] = []
    for token in tokens(text):
        if token.kind == "mark" and token.text == ";":
            if statement:
                yield statement
            statement = []
        else:
            statement.append(token)
    if statement:
        yield statement


def _call(statement: list[Token]) -> _Call | None:
    """``DO $$ BEGIN PERFORM qt001_cp.NAME(…); END $$``, with nothing but strings and what makes them up; None for anything else."""
    if [t.kind for t in statement] != ["word", "string"] or statement[0].text != "do":
        return None
    body = statement[1].text
    inner = list(tokens(body))
    head, name, rest = inner[:4], inner[4:5], inner[5:]
    opens, given, closes = rest[:1], rest[1:-3], rest[-3:]
    if (
        [t.text for t in head] != ["begin", "perform", "qt001_cp", "."]
        or [t.text for t in opens] != ["("]
        or [t.text for t in closes] != [")", ";", "end"]
        or not all(t.kind == "string" or (t.kind == "mark" and t.text in "(),[]:.") or t.text in _WORDS for t in given)
    ):
        return None
    return _Call(name[0].text, tuple(_string(body, t) for t in given if t.kind == "string"))


def _string(body: str, token: Token) -> str:
    return unescaped(token.text) if body[token.start] in "uU" else token.text


def _lowered(text: str, statement: list[Token]) -> str:
    """Without comments, each space one; what stands in quotes is lowered too: no name of ours has capitals."""
    words, end = "", statement[0].start
    for token in statement:
        words += (" " if token.start > end and words else "") + " ".join(text[token.start : token.end].split())
        end = token.end
    return words.lower()
