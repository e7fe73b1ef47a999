"""The figures as Markdown: docs/guard-cost.md."""

from __future__ import annotations

import os
import statistics
from collections.abc import Callable
from dataclasses import replace

from benchmarks.guarded.measure import Figures, Setting
from benchmarks.report import machine

_HEAD = """# What the guard costs

Calls of the smallest estate (`benchmarks/guarded`): the writer alone asks the guard once; on the way through the gateway gateway,
permit, apply and writer each ask. Beside them in the same run the same routines without the question, in a copy of the same
database from before FIX7c.
pgbench, prepared statements, medians of transactions a second, one after the other. The data lies on a disk, `fsync` is on.
A call before each measurement makes the verdict fresh: it ends by itself after five minutes, and what its computation costs stands below.
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
        f"{rounds} round(s) of {seconds} s each. Load of the machine over the last 15 minutes: {os.getloadavg()[2]:.1f}.",
    ]
    lines += [
        "",
        "| call | PostgreSQL | synchronous_commit | clients | protected objects | unguarded | guarded | kept | guard a transaction |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for s in figures.guarded:
        plain, guarded = statistics.median(figures.plain[s]), figures.rate(s)
        lines.append(
            f"| {s.call} | {s.major} | {'on' if s.synchronous else 'off'} | {s.clients} | {s.objects:,} | {plain:,.0f}/s"
            f" | {guarded:,.0f}/s | {figures.kept(s):.0%} | {figures.microseconds(s):,.0f} µs |"
        )
    lines += [
        "",
        "## Flat in the number of objects",
        "",
        "Guarded transactions a second, the slowest size against the fastest (1.00 is the same; the target is 0.80); and the same of what is"
        " kept of the unguarded ones, which were measured beside each: a disk that was slower for a while is not in it.",
        "",
        "| call | PostgreSQL | synchronous_commit | clients | slowest / fastest | of what is kept |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    kept = _sizes(figures, figures.kept)
    for s, rates in _sizes(figures, figures.rate).items():
        lines.append(
            f"| {s.call} | {s.major} | {'on' if s.synchronous else 'off'} | {s.clients} | {min(rates) / max(rates):.2f} |"
            f" {min(kept[s]) / max(kept[s]):.2f} |"
        )
    lines += [
        "",
        "## When something has changed",
        "",
        "The first call after it computes all gates. It is the same that every call costs without event triggers.",
        "",
        "| PostgreSQL | protected objects | one call |",
        "| --- | --- | --- |",
    ]
    lines += [f"| {major} | {objects:,} | {taken:.2f} s |" for (major, objects), taken in figures.judged.items()]
    missed = met(figures)
    lines += [
        "",
        "## Targets",
        "",
        "At least 50 % kept with `synchronous_commit` on, and flat. " + ("Missed:" if missed else "All are met."),
    ]
    lines += ["", *(f"- {m}" for m in missed)] if missed else []
    lines += ["", "## Nothing is lost for it", ""]
    for major, ways in figures.proved.items():
        lines += [
            f"PostgreSQL {major}, before the figures were taken: after each of {', '.join(ways)} the very next call was refused, in the"
            " session that made the change and in one that was open before.",
            "",
        ]
    return "\n".join(lines)


def met(figures: Figures) -> list[str]:
    """What misses its target, in words; empty where nothing does."""
    missed = [
        f"{s.call}, PostgreSQL {s.major}, {s.clients} client(s), {s.objects} objects: kept {figures.kept(s):.0%}, wanted 50 %"
        for s in figures.guarded
        if s.synchronous and figures.kept(s) < 0.5
    ]
    return missed + [
        f"{s.call}, PostgreSQL {s.major}, {s.clients} client(s), synchronous_commit {'on' if s.synchronous else 'off'}: the slowest size"
        f" has {min(rates) / max(rates):.0%} of the fastest, wanted 80 %"
        for s, rates in _sizes(figures, figures.rate).items()
        if min(rates) < 0.8 * max(rates)
    ]


def _sizes(figures: Figures, rate: Callable[[Setting], float]) -> dict[Setting, list[float]]:
    """The rates of all sizes, by everything else."""
    found: dict[Setting, list[float]] = {}
    for s in figures.guarded:
        found.setdefault(replace(s, objects=0), []).append(rate(s))
    return found
