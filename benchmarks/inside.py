"""One cutover looked at from inside: each statement's time, each function's calls and time, the lock slots it needs.

It runs the printed script with two things added, before its BEGIN and before its COMMIT. Its times are not those of the
table: counting costs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.stage import Stage, scalar
from qt001_cp.rehearsal.scene import OPERATOR

_COUNT: Final = r"""
\echo :locks
SELECT count(*), count(DISTINCT (locktype, database, relation, page, tuple, virtualxid, transactionid::text, classid, objid, objsubid))
FROM pg_catalog.pg_locks WHERE pid = pg_catalog.pg_backend_pid();
\echo :functions
SELECT funcname, calls, total_time, self_time FROM pg_catalog.pg_stat_xact_user_functions ORDER BY self_time DESC;
\echo :end
"""


@dataclass(frozen=True)
class Function:
    """One function of qt001_cp in one transaction; milliseconds, with and without what it calls."""

    name: str
    calls: int
    total: float
    own: float


@dataclass(frozen=True)
class Inside:
    """``statements``: (first words, milliseconds) as psql times them. ``predicted`` and ``held`` are lock slots;
    ``rows`` of pg_locks are more, one for each mode in which the same slot is held."""

    statements: tuple[tuple[str, float], ...]
    functions: tuple[Function, ...]
    predicted: int
    rows: int
    held: int


def look_inside(stage: Stage, script: Path) -> Inside:
    """Run ``script`` in the database of ``stage`` and report. Raises :class:`ServerError`."""
    scene = stage.scene
    text = script.read_text("utf-8")
    start = text.index("BEGIN;")
    end = text.rindex("COMMIT;")
    prepared = stage.folder / f"inside-{script.name}"
    body = text[start:end]
    prepared.write_text(f"SET track_functions = 'all';\n\\timing on\n{body}\n\\timing off\n{_COUNT}COMMIT;\n", "utf-8")
    with scene.connect(OPERATOR) as connection:
        predicted = scalar(connection, "SELECT qt001_cp.lock_need(%s)", stage.manifest().digest())
    done = scene.server.run(
        "psql",
        "-X",
        "-q",
        "-A",
        "-t",
        "-F",
        "\t",
        "-v",
        "ON_ERROR_STOP=1",
        "-f",
        str(prepared),
        dbname=scene.database,
        user=OPERATOR,
    )
    timed, _, counted = done.stdout.partition(":locks\n")
    held, _, functions = counted.partition(":functions\n")
    milliseconds = [float(m) for m in re.findall(r"^Time: ([0-9.]+) ms", timed, re.MULTILINE)]
    rows = [line.split("\t") for line in functions.partition(":end")[0].splitlines() if line]
    return Inside(
        tuple(zip(_heads(body), milliseconds, strict=False)),
        tuple(Function(r[0], int(r[1]), float(r[2]), float(r[3])) for r in rows),
        round(predicted),
        *map(int, held.split()),
    )


def _heads(body: str) -> list[str]:
    """The first line of each statement that psql sends, and the second one too where the first says nothing."""
    heads: list[str] = []
    begun = False
    quote: str | None = None
    for line in body.splitlines():
        if quote is None and (not line or line.startswith("--")):
            continue
        if not begun:
            heads.append(line)
        elif heads[-1].startswith("DO $") and line.startswith("PERFORM"):
            heads[-1] = line
        begun = True
        for mark in re.findall(r"\$\w*\$", line):
            quote = mark if quote is None else None if mark == quote else quote
        if quote is None and line.rstrip().endswith(";"):
            begun = False
    return heads
