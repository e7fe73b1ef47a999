"""The figures as Markdown: docs/guard-cost.md."""

from __future__ import annotations

import statistics

from benchmarks.guarded.measure import Figures, Setting
from benchmarks.report import machine

_HEAD = """# What the guard costs

The gateway of the smallest estate (`benchmarks/guarded`): gateway, permit, apply and writer each ask the guard, so one transaction
asks four times. Beside it in the same run the same routines without the question, in a copy of the same database from before FIX7c.
pgbench, prepared statements, medians of transactions a second, one after the other. The data lies on a disk, `fsync` is on.
Decision and price: [ADR 0013](adr/0013-kept-verdict.md). Measure again:

```
python -m benchmarks.guard
```
"""


def report(figures: Figures, seconds: int, rounds: int) -> str:
    """The page."""
    lines = [
        _HEAD,
        machine(", ".join(figures.versions.values())),
        f"{rounds} round(s) of {seconds} s each. Other work ran on the machine.",
    ]
    lines += ["", "| PostgreSQL | synchronous_commit | clients | protected objects | unguarded | guarded | kept | guard a transaction |",
              "| --- | --- | --- | --- | --- | --- | --- | --- |"]  # fmt: skip
    for s in figures.guarded:
        lines.append(
            f"| {s.major} | {'on' if s.synchronous else 'off'} | {s.clients} | {s.objects:,} | {statistics.median(figures.plain[s]):,.0f}/s"
            f" | {statistics.median(figures.guarded[s]):,.0f}/s | {figures.kept(s):.0%} | {figures.microseconds(s):,.0f} µs |"
        )
    lines += ["", "## Flat in the number of objects", "",
              "Guarded transactions a second, the slowest size against the fastest (1.00 is the same; the target is 0.80).", "",
              "| PostgreSQL | synchronous_commit | clients | slowest / fastest |", "| --- | --- | --- | --- |"]  # fmt: skip
    for major, synchronous, clients in dict.fromkeys((s.major, s.synchronous, s.clients) for s in figures.guarded):
        rates = [statistics.median(figures.guarded[s]) for s in figures.guarded if (s.major, s.synchronous, s.clients) == (major, synchronous, clients)]  # fmt: skip
        lines.append(f"| {major} | {'on' if synchronous else 'off'} | {clients} | {min(rates) / max(rates):.2f} |")
    lines += ["", "## When something has changed", "",
              "The first call after it computes all gates. It is the same that every call costs without event triggers.", "",
              "| PostgreSQL | protected objects | one call |", "| --- | --- | --- |"]  # fmt: skip
    lines += [f"| {major} | {objects:,} | {taken:.2f} s |" for (major, objects), taken in figures.judged.items()]
    lines += ["", "## Nothing is lost for it", ""]
    for major, ways in figures.proved.items():
        lines += [f"PostgreSQL {major}, before the figures were taken: after each of {', '.join(ways)} the very next call was refused, in the"
                  " session that made the change and in one that was open before.", ""]  # fmt: skip
    return "\n".join(lines)


def met(figures: Figures) -> list[str]:
    """What misses its target, in words; empty where nothing does."""
    missed = [
        f"PostgreSQL {s.major}, {s.clients} client(s), {s.objects} objects: kept {figures.kept(s):.0%} of the unguarded, wanted 50 %"
        for s in figures.guarded
        if s.synchronous and figures.kept(s) < 0.5
    ]
    for s in figures.guarded:
        fastest = max(statistics.median(figures.guarded[o]) for o in figures.guarded if _same(o, s))
        if statistics.median(figures.guarded[s]) < 0.8 * fastest:
            missed.append(f"{s}: more than 20 % below the fastest size")
    return missed


def _same(one: Setting, other: Setting) -> bool:
    return (one.major, one.synchronous, one.clients) == (other.major, other.synchronous, other.clients)
