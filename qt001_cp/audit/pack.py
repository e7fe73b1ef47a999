"""A review pack on somebody's disk: its sums, its documents, and whether its SQL is what the sealed manifest asks for.

Its pages (index, changes, SARIF) are for reading: they are compared with their sums, and with nothing else.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from qt001_cp.audit import rendering
from qt001_cp.audit.check import Check
from qt001_cp.audit.lexical import tokens, unescaped
from qt001_cp.errors import FileProblem

_SCRIPTS: Final = {
    "fix7b.sql": ("forward", ("cutover_begin", "lock_relations", "cutover_end")),
    "fix7b-restore.sql": ("restore", ("restore_begin", "lock_relations", "restore_end")),
    "fix7c.sql": ("retire", ("deploy_begin", "deploy_documents", "deploy_end")),
    "fix7c-back.sql": ("revive", ("undeploy_begin", "undeploy_end")),
}
_WHOLE: Final = ("fix7b.sql", "fix7b-restore.sql")
"""Scripts that hold nothing but statements and guards. The others carry the frozen files of a revision."""
_DOCUMENTS: Final = tuple(f"manifests/{n}.json" for n in ("readiness", "capability", "dependency", "static-analysis"))
_LOCKING: Final = re.compile(r"^ALTER (TABLE|VIEW|MATERIALIZED VIEW|FOREIGN TABLE|SEQUENCE) ")
"""Statements that lock a relation against everybody (PostgreSQL documentation, "Explicit Locking", 13.3.1)."""
_FILE: Final = re.compile(
    r"^DO (\$file_[0-9a-f]{16}\$)\nBEGIN\nPERFORM qt001_cp\.require_run\('[a-z0-9 ]+'\);\n"
    r"EXECUTE (\$sql_[0-9a-f]{16}\$)\n(.*?)\2;\nEND\n\1;$",
    re.MULTILINE | re.DOTALL,
)
"""A file of a revision, run only where its script has begun: what counts is what stands in it."""
_TAG: Final = r"\$call_[0-9a-f]{16}\$"
_HIDDEN: Final = re.compile(r"U&'((?:[^']|'')*)'")
"""A text with characters that do not show stands as a string with their numbers."""
_ALLOWED: Final = re.compile(
    rf"""begin|commit|reset\ role
      | set\ local\ (client_encoding|standard_conforming_strings|search_path|lock_timeout|statement_timeout|row_security|jit
                    |check_function_bodies|client_min_messages)\ =\ ['\w,\ ]*
      | do\ {_TAG}\ begin\ perform\ qt001_cp\."\w+"\(['\w,\ \[\]:]*\);\ end\ {_TAG}
      | do\ {_TAG}\ begin\ perform\ qt001_cp\.require_last_statement\(['\w,\ ]*\);\ end\ {_TAG}
      | update\ qt001_cp\.alembic_version\ set\ version_num='fix7[ab]'\ where\ qt001_cp\.alembic_version\.version_num\ =\ 'fix7[ab]'""",
    re.VERBOSE,
)


def pack(folder: Path, manifest: Mapping[str, Any], digest: str, sealed: Collection[str]) -> Check:
    """``sealed``: the digests of the documents of the database, where FIX7c has brought them there. Raises :class:`FileProblem`."""
    check = Check(f"pack {folder.name}")
    sums, bodies, check.faults = summed(folder)
    for name, body in bodies.items():
        check.looked_at += 1
        made = hashlib.sha256(body).hexdigest()
        crlf = hashlib.sha256(body.replace(b"\r\n", b"\n")).hexdigest()
        if made != sums[name] == crlf:
            check.faults.append(
                f"{name}: its lines end in CR LF, those of the pack that was made in LF: a copy changed them"
            )
        else:
            check.faults += [f"{name}: {fault}" for fault in _digest(name, made, sums[name], digest, sealed)]
    check.faults += [f"{name}: it is missing" for name in ("manifests/object.json", *_WHOLE) if name not in bodies]
    for name in _SCRIPTS.keys() & bodies.keys():
        try:
            text = bodies[name].decode()
        except UnicodeDecodeError:
            check.faults.append(f"{name}: it is not text in UTF-8")
            continue
        check.faults += [f"{name}: {fault}" for fault in script_faults(name, text, manifest, digest)]
    return check


def summed(folder: Path) -> tuple[dict[str, str], dict[str, bytes], list[str]]:
    """What SHA256SUMS says, the files that it lists, and where the two are not of each other. Raises :class:`FileProblem`."""
    sums = _sums(folder)
    there = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()} - {"SHA256SUMS"}
    faults = [f"{name}: SHA256SUMS does not list it" for name in sorted(there - sums.keys())]
    faults += [f"{name}: it is listed, and not there" for name in sorted(sums.keys() - there)]
    return sums, {name: (folder / name).read_bytes() for name in sorted(there & sums.keys())}, faults


def _digest(name: str, made: str, listed: str, manifest: str, sealed: Collection[str]) -> Iterator[str]:
    if made != listed:
        yield f"its sha256 is {made}, SHA256SUMS says {listed}"
    if name == "manifests/object.json" and made != manifest:
        yield f"its sha256 is {made}, the manifest of this database is {manifest}"
    elif name in _DOCUMENTS and sealed and made not in sealed:
        yield f"no document of this database has its sha256 {made}"


def _sums(folder: Path) -> dict[str, str]:
    try:
        text = (folder / "SHA256SUMS").read_text("utf-8")
    except (OSError, ValueError) as exc:
        raise FileProblem(
            f"{folder / 'SHA256SUMS'}: cannot be read: {exc}", hint="name the folder that 'qt001-cp review --out' made"
        ) from exc
    listed = (line.partition("  ") for line in text.splitlines())
    return {name: sha256 for sha256, _, name in listed}


class _Block(NamedTuple):
    """Statements that run together: where they begin, which numbers they say they have, and whether one locks a relation."""

    start: int
    first: int
    last: int
    statements: list[str]
    locks: bool


_A_BLOCK: Final = f'DO $call_{0:016}$ BEGIN PERFORM qt001_cp."statements"(); END $call_{0:016}$;'
"""What stands in the place of a block when all the rest of a script is looked at."""


def script_faults(name: str, text: str, manifest: Mapping[str, Any], digest: str) -> list[str]:
    """What a script of ours holds that this manifest does not ask for, and what it lacks."""
    way, calls = _SCRIPTS[name]
    pattern = _pattern(way, digest)
    blocks = [_block(match, digest) for match in pattern.finditer(text)]
    rest = _FILE.sub(_bare, pattern.sub(lambda match: _A_BLOCK.ljust(len(match[0])), text))
    if way == "restore" and manifest.get("growth"):
        calls = (*calls[:-1], "follow_partitions", calls[-1])
    wanted, found = rendering.statements(manifest, way), [s for block in blocks for s in block.statements]
    faults = [*_numbers(blocks), *_differing(wanted, found), *_calls(rest, calls, digest, blocks)]
    if name == "fix7c.sql":
        shown = [unescaped(m[1].replace("''", "'")) for m in _HIDDEN.finditer(text)]
        faults += [
            f"the new source of {r['identity']} is not in it"
            for r in manifest["repoint"]
            if r["after"].strip() not in text and not any(r["after"].strip() in s for s in shown)
        ]
    if name in _WHOLE:
        faults += [f"it holds another statement: {s[:120]}" for s in _statements(rest) if not _ALLOWED.fullmatch(s)]
    return faults


def _bare(file: re.Match[str]) -> str:
    """What stands in a file, at its place."""
    return " " * (file.start(3) - file.start()) + file[3] + " " * (file.end() - file.end(3))


def _pattern(way: str, digest: str) -> re.Pattern[str]:
    run = re.escape(_run(digest))
    return re.compile(
        rf"^DO (\$qt001_{digest[:16]}\$)\nBEGIN\nPERFORM qt001_cp\.require_statements\('{digest}', '{way}',"
        rf" pg_catalog\.current_query\(\), (\d+), (\d+)\);\nEXECUTE {run}\n(.*?)\n{run};\nEND\n\1;$",
        re.MULTILINE | re.DOTALL,
    )


def _run(digest: str) -> str:
    return f"$run_{digest[:16]}$"


def _block(match: re.Match[str], digest: str) -> _Block:
    run = _run(digest)
    lines = match[4].replace(f"\n{run};\nEXECUTE {run}\n", "\n").split("\n")
    return _Block(match.start(), int(match[2]), int(match[3]), lines, any(map(_LOCKING.match, lines)))


def _numbers(blocks: list[_Block]) -> Iterator[str]:
    """A block's statements have the numbers that it says, and those of all blocks are one row."""
    before = 0
    for block in blocks:
        first, last = before + 1, before + len(block.statements)
        if (block.first, block.last) != (first, last):
            yield f"a block says statements {block.first} to {block.last}, it has {first} to {last}"
        before = last


def _differing(wanted: list[str], found: list[str]) -> Iterator[str]:
    lacking, more = Counter(wanted) - Counter(found), Counter(found) - Counter(wanted)
    yield from (f"it lacks: {s}" for s in lacking.elements())
    yield from (f"it holds, and should not: {s}" for s in more.elements())
    if not lacking and not more and wanted != found:
        yield "its statements stand in another order"


def _calls(text: str, calls: tuple[str, ...], digest: str, blocks: list[_Block]) -> list[str]:
    """Each guard once, with this manifest, in this order, around the statements; the locks before the first that needs them."""
    places = {
        call: [m.start() for m in re.finditer(rf"""PERFORM qt001_cp\."{call}"\('{digest}'""", text)] for call in calls
    }
    faults = [
        f"expected one call of qt001_cp.{call} for this manifest, found {len(found)}"
        for call, found in places.items()
        if len(found) != 1
    ]
    return faults or list(_misplaced({call: found[0] for call, found in places.items()}, blocks))


def _misplaced(guards: dict[str, int], blocks: list[_Block]) -> Iterator[str]:
    begin, *between, end = guards.values()
    inner = [*between, *(block.start for block in blocks)]
    late = [block.start for block in blocks if block.locks or "lock_relations" not in guards]
    behind = [name for name, place in list(guards.items())[1:-1] if late and place > min(late)]
    if not begin < min(inner, default=end) <= max(inner, default=begin) < end:
        yield "its guards do not stand around its statements"
    elif behind:
        yield f"qt001_cp.{behind[0]} stands behind statements that it has to come before"
    elif between != sorted(between):
        yield "its guards do not stand around its statements"


def _statements(text: str) -> list[str]:
    """The statements of a script without comments, in lower case, each space one."""
    made: list[str] = []
    end, words = 0, ""
    for t in tokens(text):
        if t.kind == "mark" and t.text == ";":
            made.append(words.strip())
            words = ""
        else:
            words += (" " if t.start > end and words else "") + " ".join(text[t.start : t.end].split())
        end = t.end
    # What stands in quotes is lowered too: no name of ours has capitals.
    return [s.lower() for s in [*made, words.strip()] if s]
