"""The figures as Markdown: docs/performance.md."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Sequence
from pathlib import Path

import psycopg

import qt001_cp
from benchmarks.figures import Figures
from benchmarks.stage import FORWARD, RESTORE

Cell = Callable[[Figures], str]
_HEAD = """# Performance

Every figure is a ratio to a yardstick that was measured beside it in the same run (A, B, A, B; medians): first of wall time, then
of processor time, client and server together, which other work on the machine does not change. Measure again:

```
python -m benchmarks --sizes 1k,10k,50k --postgres 15:10k,18 --rounds 2 --out docs/performance.md
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

_PARTS = """## What the parts are

Before a statement runs, and after the last one, PostgreSQL itself compares. What follows from the catalogs and the ledger alone is
computed when the no-go record comes in (`keep_checked`), and kept with a stamp: how many rows each catalog has, and which of
them later transactions made. The cutover computes the stamp again; another one, and everything is computed as if nothing had
been kept. Afterwards the rows that the statements rewrite are compared without owner and ACL, owners and ACLs with the manifest,
and the stamp of all other rows with the kept one; where one of these is not as expected, the definitions are worded and
compared, which names what it is.

| milliseconds, 18, 10,000 objects, `track_functions = all` | everything compared | with the stamp |
| --- | ---: | ---: |
| `cutover_begin`: preconditions, what is before, locks | 4,692 | 355 |
| the statements | 1,095 | 738 |
| `cutover_end`: postconditions | 1,919 | 369 |
| `restore_begin` | 5,173 | 261 |
| the statements back | 1,521 | 762 |
| `restore_end` | 1,707 | 314 |

Where the first column went: wording and hashing definitions twice (`live_object`, 1.8 s), unpacking the manifest 25 times (1.1 s),
rendering the statements three times (1.0 s), the reach walk (0.8 s), the catalog rows before and after (0.8 s), the operator's
powers (0.5 s), lock slots (0.3 s).
What is left in the second: the stamp twice, the rewritten rows, the locks one by one. The columns are from two runs on a machine with other work.
Without a kept stamp (another login than the one that recorded the rehearsal, anything changed since) the first column is what it costs.
Recording the rehearsal costs what the cutover no longer does.

## What is not met, and why

- **Cutover and restore ÷ bare statements.** In a DO block the statements alone take 0.9 to 1.0 of the bare ones, through a socket with
  no network in between; so whatever a guard costs comes on top. Their part falls as the estate grows: a constant of about 0.1 s at 1,000 objects.
- **÷ REASSIGN + DROP OWNED.** The bare statements themselves are 1.6 to 1.9 of it, guards or not.
- **Under ACCESS EXCLUSIVE.** All locks are taken before the first statement, all or none, so that no writer is ever the victim of a deadlock
  (`during_lock`). The faster the preconditions in front, the larger the share of what follows; in seconds it is half of what it was.
- **Inventory.** See the ratios; definitions are worded by `pg_get_viewdef` and its like, on one connection here.
"""


def report(figures: Sequence[Figures]) -> str:
    """The whole document."""
    versions = ", ".join(dict.fromkeys(f.version for f in figures))
    parts = [_HEAD, machine(versions), "## Ratios\n", _table(figures, _RATIOS), _NOTES, _PARTS, "## Seconds, for orientation\n",
             _table(figures, _seconds(figures))]  # fmt: skip
    parts += [_profile(f) for f in figures if f.asked == max(g.asked for g in figures if g.major == f.major)]
    return "\n".join(parts)


def machine(versions: str) -> str:
    """One line: the machine, and what ran on it."""
    cpu = next((line.partition(":")[2].strip() for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines()
                if line.startswith("model name")), platform.machine())  # fmt: skip
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    return (f"Machine: {os.cpu_count()} cores ({cpu}), {memory:.0f} GB. PostgreSQL {versions}; Python {platform.python_version()},"
            f" psycopg {psycopg.__version__}, qt001-cp {qt001_cp.__version__}.\n")  # fmt: skip


def _table(figures: Sequence[Figures], rows: Sequence[tuple[str, str, Cell]]) -> str:
    heads = [f"{f.major}: {f.asked:,}" for f in figures]
    lines = ["| | target | " + " | ".join(heads) + " |", "| --- | ---: |" + " ---: |" * len(figures)]
    lines += [f"| {name} | {target} | " + " | ".join(cell(f) for f in figures) + " |" for name, target, cell in rows]
    lines += [f"| times 10k → 50k: {name} | ≤ 6 | " + " | ".join(_growth(figures, f, name) for f in figures) + " |"
              for name in ("inventory", "cutover", "restore") if rows is _RATIOS]  # fmt: skip
    return "\n".join(lines) + "\n"


def _number(value: float | None, form: str) -> str:
    return "–" if value is None else format(value, form)


def _ratio(name: str, yardstick: str) -> Cell:
    return lambda f: f"{_number(f.ratio(name, yardstick), '.2f')} / {_number(f.cpu_ratio(name, yardstick), '.2f')}"


def _share(name: str) -> Cell:
    return lambda f: _number(f.share(name), ".0%")


def _slots(name: str) -> Cell:
    def cell(f: Figures) -> str:
        inside = f.inside.get(name)
        if inside is None:
            return "–"
        return (
            f"{inside.predicted:,} / {inside.held:,} ({inside.predicted / inside.held - 1:+.1%}); {inside.rows:,} rows"
        )

    return cell


def _memory(name: str) -> Cell:
    return lambda f: _number(f.children[name].megabytes if name in f.children else None, ".0f")


_RATIOS: list[tuple[str, str, Cell]] = [
    ("objects", "", lambda f: f"{f.objects:,}"),
    ("of them transferred", "", lambda f: f"{f.transferred:,}"),
    ("statements", "", lambda f: f"{f.statements:,}"),
    ("inventory with definitions ÷ `pg_dump -s`", "≤ 0.5", _ratio("inventory", "pg_dump -s")),
    ("owners and ACLs alone ÷ `pg_dump -s`", "≤ 0.15", _ratio("owners and ACLs", "pg_dump -s")),
    ("cutover ÷ bare statements", "≤ 1.0", _ratio("cutover", "bare cutover")),
    ("cutover ÷ REASSIGN + DROP OWNED", "≤ 1.5", _ratio("cutover", "REASSIGN cutover")),
    ("restore ÷ bare statements", "≤ 1.0", _ratio("restore", "bare restore")),
    ("restore ÷ REASSIGN + DROP OWNED", "≤ 1.5", _ratio("restore", "REASSIGN restore")),
    ("cutover under ACCESS EXCLUSIVE", "≤ 75 %", _share("cutover")),
    ("restore under ACCESS EXCLUSIVE", "≤ 75 %", _share("restore")),
    ("lock slots of the cutover, predicted / held", "≤ 1 %", _slots(FORWARD)),
    ("lock slots of the restore, predicted / held", "≤ 1 %", _slots(RESTORE)),
    ("memory of `manifest generate`, MB", "< 300", _memory("manifest generate")),
    ("memory of `alembic upgrade --sql`, MB", "< 300", _memory("alembic upgrade --sql")),
    ("memory of `inventory --format json`, MB", "", _memory("inventory --format json")),
]


def _seconds(figures: Sequence[Figures]) -> list[tuple[str, str, Cell]]:
    measured = dict.fromkeys(name for f in figures for name in f.seconds)
    steps = dict.fromkeys(name for f in figures for name in f.steps)
    return [(n, "", _median(n)) for n in measured] + [(n, "", _step(n)) for n in steps]


def _median(name: str) -> Cell:
    return lambda f: _number(f.median(name), ".2f")


def _step(name: str) -> Cell:
    return lambda f: _number(f.steps.get(name), ".1f")


def _growth(figures: Sequence[Figures], last: Figures, name: str) -> str:
    first = next((f for f in figures if f.major == last.major and f.asked == 10_000), None)
    if first is None or last.asked != 50_000:
        return ""
    above, below = last.median(name), first.median(name)
    return "–" if above is None or not below else f"{above / below:.1f}"


def _profile(f: Figures) -> str:
    parts = [f"## Where the time goes: PostgreSQL {f.major}, {f.objects:,} objects\n"]
    for name, inside in f.inside.items():
        parts += [f"`{name}`, with `track_functions = all`, which slows it down. Milliseconds; own: without what it calls.\n",
                  "| statement | ms |", "| --- | ---: |"]  # fmt: skip
        parts += [f"| `{head[:100]}` | {ms:,.0f} |" for head, ms in inside.statements if ms >= 1]
        parts += ["", "| function | calls | total | own |", "| --- | ---: | ---: | ---: |"]
        parts += [f"| {x.name} | {x.calls:,} | {x.total:,.0f} | {x.own:,.0f} |" for x in inside.functions[:20]]
        parts.append("")
    return "\n".join(parts)
