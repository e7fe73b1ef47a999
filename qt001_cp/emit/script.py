"""Blocks of SQL around statements: the text that is printed, reviewed and run, online and offline alike."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final

from qt001_cp.emit.quoting import dollar_quoted, literal, quoted_by_digest, readable
from qt001_cp.emit.statements import statement, statements
from qt001_cp.model.canonical import digest
from qt001_cp.model.manifest import ObjectManifest
from qt001_cp.plan.order import LOCKED_FROM, PHASES, Direction, Placed, ordered

BLOCK: Final = 1000
"""Statements in one DO block, at most: one round trip, and one end of a statement, at which the server hands on every lock of the
transaction: few blocks, where there are many locks."""
STRING: Final = 10
"""Statements in one EXECUTE, at most: what an error shows as its context. PL/pgSQL would keep a plan of a statement that stands
in the block itself until the block ends, and the server asks every kept plan whether a change concerns it; of a string it keeps none."""
_LENT: Final = ("lend_create", "return_create")
_FOLLOW: Final = (
    "-- partitions of tables that grow: those that are there go back as they were, younger ones as their table\n"
)
_LOCKS: Final = "-- locks: every relation that moves, all or none; from here to the end writers of these wait\n"


def statement_blocks(manifest: ObjectManifest, direction: Direction) -> Iterator[str]:
    """The statements of one direction in DO blocks, each of one phase, with a comment that says what is in it.

    Each first has PostgreSQL compare its own text with the manifest. The tags of the quotes come from the manifest's digest:
    no object name can end a block or a string early. Before the first block that needs them, the cutover takes the locks of all
    relations in one go; FIX7c, whose statements lock none, has no such call.
    """
    return (text for _, text in _steps(manifest, direction))


def statement_steps(manifest: ObjectManifest, direction: Direction) -> tuple[str, ...]:
    """What PostgreSQL notes when these blocks have run, for the end of the script."""
    return tuple(step for step, _ in _steps(manifest, direction))


def move_steps(manifest: ObjectManifest, direction: Direction) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Of 'move' or 'unmove': the steps, each with its block, before the text of the change, with all locks first, and behind it.

    Nothing where the change moves nothing. Without superuser PostgreSQL asks whether the new owner may CREATE in the schema: it is
    lent that around what is given back, and nobody else ever sees it.
    """
    placed = ordered(manifest, direction)
    if not placed:
        return [], []
    blocks = [(part[0].late, _block(manifest, direction, first, part, len(placed))) for first, part in _parts(placed)]
    early, given = ([block for late, block in blocks if late is behind] for behind in (False, True))
    lent = [[(step, perform(f"qt001_cp.lend_create({literal(step)})"))] if given else [] for step in _LENT]
    return [_lock_step(manifest), *early], [*lent[0], *given, *lent[1], _last_step(manifest, direction, placed)]


def _steps(manifest: ObjectManifest, direction: Direction) -> Iterator[tuple[str, str]]:
    placed = ordered(manifest, direction)
    locked = direction not in ("forward", "restore")
    for first, part in _parts(placed):
        if not locked and part[0].phase >= LOCKED_FROM:
            locked = True
            yield from _locked(manifest, direction)
        yield _block(manifest, direction, first, part, len(placed))
    if not locked:
        yield from _locked(manifest, direction)
    yield _last_step(manifest, direction, placed)


def _locked(manifest: ObjectManifest, direction: Direction) -> Iterator[tuple[str, str]]:
    yield _lock_step(manifest)
    if manifest.growth and direction == "restore":
        call = f'qt001_cp."follow_partitions"({literal(manifest.digest())})'
        yield "follow_partitions", _FOLLOW + perform(call)


def _lock_step(manifest: ObjectManifest) -> tuple[str, str]:
    return "lock_relations", _LOCKS + perform(f'qt001_cp."lock_relations"({literal(manifest.digest())})')


def _last_step(manifest: ObjectManifest, direction: Direction, placed: Sequence[Placed]) -> tuple[str, str]:
    call = f"qt001_cp.require_last_statement({literal(manifest.digest())}, {literal(direction)}, {len(placed)})"
    return f"{len(placed)} statements", perform(call)


def _block(
    manifest: ObjectManifest, direction: Direction, first: int, part: Sequence[Placed], every: int
) -> tuple[str, str]:
    """The statements of one phase, behind the call that compares them."""
    manifest_digest, last = manifest.digest(), first + len(part) - 1
    tag = manifest_digest[:16]
    lines = [statement(p.object.ref, p.step, p.object.detail) for p in part]
    strings = ("\n".join(("", *lines[n : n + STRING], "")) for n in range(0, len(lines), STRING))
    body = (
        "\nBEGIN\n"
        f"PERFORM qt001_cp.require_statements({literal(manifest_digest)}, {literal(direction)},"
        f" pg_catalog.current_query(), {first}, {last});\n"
        + "".join(f"EXECUTE {dollar_quoted(s, f'run_{tag}')};\n" for s in strings)
        + "END\n"
    )
    text = _comment(part, first, every) + "DO " + dollar_quoted(body, f"qt001_{tag}")
    return f"statements {first} to {last}", text


def file_block(script: str, name: str, text: str) -> str:
    """A file of SQL as one statement, which runs only in a transaction in which its script has begun.

    The tags of the quotes come from the digest of the file. Where a character of it would not show, or turn others round, the
    text is a string with its number in it, so that what is read is what runs.
    """
    tag = digest(text.encode())[:16]
    text = f"\n{text}"
    shown = readable(text)
    quoted = dollar_quoted(text, f"sql_{tag}") if shown == literal(text) else shown
    body = f"\nBEGIN\nPERFORM qt001_cp.require_run({literal(script)});\nEXECUTE {quoted};\nEND\n"
    return f"-- {name}\nDO {dollar_quoted(body, f'file_{tag}')}"


def _parts(placed: Sequence[Placed]) -> Iterator[tuple[int, Sequence[Placed]]]:
    """The number of its first statement, from 1, and at most BLOCK statements of one phase."""
    first = 1
    for _, run in groupby(placed, key=lambda p: (p.late, p.phase)):
        of_phase = list(run)
        for start in range(0, len(of_phase), BLOCK):
            part = of_phase[start : start + BLOCK]
            yield first, part
            first += len(part)


def _comment(part: Sequence[Placed], first: int, every: int) -> str:
    """Counts and the words of the table of kinds: no name of an object is in it."""
    counts = Counter(p.object.ref.kind for p in part)
    listed = ", ".join(f"{n} {kind}" for kind, n in sorted(counts.items()))
    return f"-- {PHASES[part[0].phase]}: statements {first} to {first + len(part) - 1} of {every}: {listed}\n"


def perform(call: str) -> str:
    """Call a function of ours for its effect or its refusal, without a result for psql to print."""
    return "DO " + quoted_by_digest(f" BEGIN PERFORM {call}; END ", "call")


def restore_digest(manifest: ObjectManifest) -> str:
    """sha256 of the restore statements, one a line: what is registered for the manifest."""
    return statements_digest(statements(manifest, "restore"))


def statements_digest(lines: Sequence[str]) -> str:
    return digest("".join(line + "\n" for line in lines).encode())


def document_literal(body: bytes) -> str:
    """Canonical bytes as an SQL expression of type bytea, readable for a reviewer."""
    return f"pg_catalog.convert_to({readable(body.decode())}, 'UTF8')"
