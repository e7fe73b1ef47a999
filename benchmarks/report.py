"""The figures as Markdown: docs/performance.md."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg

import qt001_cp
from benchmarks.figures import Figures
from benchmarks.stage import FORWARD, RESTORE
from qt001_cp.emit.script import BLOCK, STRING

Cell = Callable[[Figures], str]
_HEAD = """# Performance

Every figure is a ratio to a yardstick that was measured beside it in the same run (A, B, A, B; the median of the ratios A ÷ B): first of
wall time, then of processor time, client and server together, which other work on the machine does not change. Measure again:

```
python -m benchmarks --sizes 1k,10k,50k --postgres 15,18 --out docs/performance.md
```

`--sizes 1k --postgres 18` takes a few minutes. The estate is the reference estate with schemas like it added
(`benchmarks/estate.py`); every timed cutover runs on a fresh copy of the same database. `fsync` is off: no disk is in the figures.
"""
_NOTES = """
- Inventory: `catalog.inventory.read_inventory` with a connection of its own, as the CLI calls it; `pg_dump -s` of the same database.
- Cutover and restore: the file that `alembic … --sql` prints, guards included, by `psql -f` as printed, on a sealed manifest with a made-up but
  complete no-go record; against the same statements without guards, one a line, by `psql -1 -f`.
- REASSIGN OWNED with DROP OWNED is no way to do it (it takes everything, and cannot be put back); it is here as the least that PostgreSQL needs.
- Under ACCESS EXCLUSIVE: from the moment when another session cannot read the first relation any more to the end of the script.
- Lock slots: `qt001_cp.lock_need()` before, and the distinct locks in `pg_locks` of the session just before COMMIT. `pg_locks` has more rows:
  one for each mode in which the same lock, and so the same slot, is held.
- Memory: the peak of the process's resident memory (`VmHWM`).
"""

_PARTS = f"""## What the parts are

Before a statement runs PostgreSQL itself checks everything: definitions are worded and hashed, the manifest is unpacked, the
statements are rendered, the graph is walked. Nobody waits for that: it takes no lock that another session could want. What others
feel begins with `lock_relations()`. So what runs behind it is short: the fingerprint of the catalogs, which the beginning took, is
compared with that of the end, the rows that the statements rewrite are compared without owner and ACL, owners and ACLs with the
manifest; only where one of these is not as expected are definitions worded again, which names what it is
([ADR 0018](adr/0018-fingerprint-within-the-run.md)).

The statements stand in DO blocks of {BLOCK:,}, in each in strings of {STRING} that PL/pgSQL executes. Of statements that stand in the block
itself PL/pgSQL keeps a plan each to the end of the block, and every change asks every kept plan whether it is concerned; and at the
end of every block the server hands on each lock of the transaction: small blocks cost that, where there are many locks, and
large ones the other. Relations are locked by one call behind all statements that lock none ([ADR 0016](adr/0016-late-locks.md)). It
opens them, their toast tables and indexes once before: the server keeps what it reads of them for the session, so that this is not read
while others wait.
"""
_WHY = """
- An inventory reads with two sessions at once from 300 relations on: it takes more of the processor than `pg_dump`, and less time
  where a second core is idle. On a small estate the start of the second session is a part of it, and of owners alone the first reading of
  the catalogs: `pg_dump -s` of 1,000 objects takes an eighth of a second.
"""


def report(figures: Sequence[Figures]) -> str:
    """The whole document."""
    versions = ", ".join(dict.fromkeys(f.version for f in figures))
    missed = met(figures)
    parts = [
        _HEAD,
        machine(versions),
        "## Ratios\n",
        _table(figures, [(r.name, r.target, r.cell) for r in _RATIOS], growth=True),
        _NOTES,
        "## Targets\n",
        "All are met.\n" if not missed else "Missed in this run, by wall time:\n",
        *(f"- {m}" for m in missed),
        *(_fixed(figures) if missed else ()),
        _WHY if missed else "",
        _PARTS,
        "## Seconds, for orientation\n",
        _table(figures, _seconds(figures)),
    ]
    for f in figures:
        sizes = [g.asked for g in figures if g.major == f.major]
        if f.asked in (min(sizes), max(sizes)):
            parts.append(_profile(f))
    return "\n".join(parts)


def machine(versions: str) -> str:
    """One line: the machine, and what ran on it."""
    cpu = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    return (
        f"Machine: {os.cpu_count()} cores ({cpu}), {memory:.0f} GB. PostgreSQL {versions}; Python {platform.python_version()},"
        f" psycopg {psycopg.__version__}, qt001-cp {qt001_cp.__version__}.\n"
    )


def met(figures: Sequence[Figures]) -> list[str]:
    """What misses its target, in words; empty where nothing does."""
    missed = []
    for row in _RATIOS:
        for f in figures:
            value = row.value(f) if row.value is not None else None
            if value is not None and row.limit is not None and value > row.limit:
                missed.append(
                    f"{row.name}, PostgreSQL {f.major}, {f.asked:,} objects: {value:.3g}, wanted {row.target}"
                )
    for name in _GROWING:
        for f in figures:
            value = _growth_of(figures, f, name)
            if value is not None and value > _GROWTH:
                missed.append(f"times 10k → 50k: {name}, PostgreSQL {f.major}: {value:.1f}, wanted ≤ {_GROWTH}")
    return missed


def _table(figures: Sequence[Figures], rows: Sequence[tuple[str, str, Cell]], *, growth: bool = False) -> str:
    heads = [f"{f.major}: {f.asked:,}" for f in figures]
    lines = ["| | target | " + " | ".join(heads) + " |", "| --- | ---: |" + " ---: |" * len(figures)]
    lines += [f"| {name} | {target} | " + " | ".join(cell(f) for f in figures) + " |" for name, target, cell in rows]
    lines += [
        f"| times 10k → 50k: {name} | ≤ {_GROWTH} | " + " | ".join(_growth(figures, f, name) for f in figures) + " |"
        for name in _GROWING
        if growth
    ]
    return "\n".join(lines) + "\n"


def _number(value: float | None, form: str) -> str:
    return "–" if value is None else format(value, form)


def _ratio(name: str, yardstick: str) -> Cell:
    return lambda f: f"{_number(f.ratio(name, yardstick), '.2f')} / {_number(f.cpu_ratio(name, yardstick), '.2f')}"


def _slots(name: str) -> Cell:
    def cell(f: Figures) -> str:
        inside = f.inside.get(name)
        if inside is None:
            return "–"
        return (
            f"{inside.predicted:,} / {inside.held:,} ({inside.predicted / inside.held - 1:+.1%}); {inside.rows:,} rows"
        )

    return cell


@dataclass(frozen=True)
class Row:
    """One line of the table; ``value`` is held against ``limit``, where there is one."""

    name: str
    cell: Cell
    target: str = ""
    limit: float | None = None
    value: Callable[[Figures], float | None] | None = None


@dataclass(frozen=True)
class _Against:
    """What is measured against a yardstick, and how much of it it may take."""

    name: str
    yardstick: str
    label: str
    limit: float

    def row(self) -> Row:
        return Row(
            self.label,
            _ratio(self.name, self.yardstick),
            f"≤ {self.limit}",
            self.limit,
            lambda f: f.ratio(self.name, self.yardstick),
        )


def _exclusive(name: str) -> Row:
    """At 1,000 objects it is a few hundredths of a second, of which most do not grow: no target."""
    yardstick = f"bare {name}"
    return Row(
        f"{name} under ACCESS EXCLUSIVE ÷ bare statements",
        lambda f: _number(f.waiting(name, yardstick), ".2f"),
        "≤ 0.55 from 10k",
        0.55,
        lambda f: f.waiting(name, yardstick) if f.asked >= 10_000 else None,
    )


def _predicted(script: str, label: str) -> Row:
    def value(f: Figures) -> float | None:
        inside = f.inside.get(script)
        return None if inside is None else abs(inside.predicted / inside.held - 1)

    return Row(f"lock slots of the {label}, predicted / held", _slots(script), "≤ 1 %", 0.01, value)


def _peak(name: str) -> Row:
    def value(f: Figures) -> float | None:
        return f.children[name].megabytes if name in f.children else None

    return Row(f"memory of `{name}`, MB", lambda f: _number(value(f), ".0f"), "< 300", 300, value)


_TARGETS = (
    _Against("inventory", "pg_dump -s", "inventory with definitions ÷ `pg_dump -s`", 0.5),
    _Against("owners and ACLs", "pg_dump -s", "owners and ACLs alone ÷ `pg_dump -s`", 0.15),
    _Against("cutover", "pg_dump -s", "whole cutover ÷ `pg_dump -s`", 5),
    _Against("restore", "pg_dump -s", "whole restore ÷ `pg_dump -s`", 5),
)
_RATIOS: tuple[Row, ...] = (
    Row("objects", lambda f: f"{f.objects:,}"),
    Row("of them transferred", lambda f: f"{f.transferred:,}"),
    Row("statements", lambda f: f"{f.statements:,}"),
    *(a.row() for a in _TARGETS),
    _exclusive("cutover"),
    _exclusive("restore"),
    Row("whole cutover ÷ bare statements", _ratio("cutover", "bare cutover")),
    Row("whole restore ÷ bare statements", _ratio("restore", "bare restore")),
    Row("bare statements ÷ REASSIGN + DROP OWNED", _ratio("bare cutover", "REASSIGN cutover")),
    _predicted(FORWARD, "cutover"),
    _predicted(RESTORE, "restore"),
    _peak("manifest generate"),
    _peak("alembic upgrade --sql"),
    _peak("inventory --format json"),
)
_BLOCK = "PERFORM qt001_cp.require_statements("
_GROWING = ("inventory", "cutover", "restore")
_GROWTH = 6


def _seconds(figures: Sequence[Figures]) -> list[tuple[str, str, Cell]]:
    measured = dict.fromkeys(name for f in figures for name in f.seconds)
    steps = dict.fromkeys(name for f in figures for name in f.steps)
    return [(n, "", _median(n)) for n in measured] + [(n, "", _step(n)) for n in steps]


def _median(name: str) -> Cell:
    return lambda f: _number(f.median(name), ".2f")


def _step(name: str) -> Cell:
    return lambda f: _number(f.steps.get(name), ".1f")


def _growth(figures: Sequence[Figures], last: Figures, name: str) -> str:
    value = _growth_of(figures, last, name)
    return "" if value is None else f"{value:.1f}"


def _growth_of(figures: Sequence[Figures], last: Figures, name: str) -> float | None:
    first = next((f for f in figures if f.major == last.major and f.asked == 10_000), None)
    if first is None or last.asked != 50_000:
        return None
    above, below = last.median(name), first.median(name)
    return None if above is None or not below else above / below


def _fixed(figures: Sequence[Figures]) -> list[str]:
    """Of the smallest estate: what does not grow, by the line through it and the next one, and what the targets leave for that."""
    said = []
    for major in dict.fromkeys(f.major for f in figures):
        small, *others = sorted((f for f in figures if f.major == major), key=lambda f: f.objects)
        for name in dict.fromkeys(a.name for a in _TARGETS) if others else ():
            whole, more = (1000 * (f.median(name) or 0) for f in (small, others[0]))
            grows = (more - whole) / (others[0].objects - small.objects) * small.objects
            left = ", ".join(
                f"{a.limit} × {a.yardstick} leaves {a.limit * 1000 * (small.median(a.yardstick) or 0) - grows:.0f} ms for that"
                for a in _TARGETS
                if a.name == name
            )
            said.append(
                f"- {name}, PostgreSQL {major}, {small.asked:,} objects: of {whole:.0f} ms {whole - grows:.0f} do not grow with the estate;"
                f" beside what grows, {left}"
            )
    return said and ["\nOf the smallest estate, by the line through it and the next one:\n", *said]


def _profile(f: Figures) -> str:
    parts = [f"## Where the time goes: PostgreSQL {f.major}, {f.objects:,} objects\n"]
    for name, inside in f.inside.items():
        parts += [
            f"`{name}`, with `track_functions = all`, which slows it down. Milliseconds; own: without what it calls.\n",
            "| statement | ms |",
            "| --- | ---: |",
        ]
        blocks = [ms for head, ms in inside.statements if head.startswith(_BLOCK)]
        parts += [
            f"| `{head[:100]}` | {ms:,.0f} |"
            for head, ms in inside.statements
            if ms >= 1 and not head.startswith(_BLOCK)
        ]
        parts.append(f"| the statements, {len(blocks)} blocks | {sum(blocks):,.0f} |")
        parts += ["", "| function | calls | total | own |", "| --- | ---: | ---: | ---: |"]
        parts += [f"| {x.name} | {x.calls:,} | {x.total:,.0f} | {x.own:,.0f} |" for x in inside.functions[:20]]
        parts.append("")
    return "\n".join(parts)
