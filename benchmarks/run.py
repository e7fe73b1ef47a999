"""``python -m benchmarks``: measures, and writes the table of ratios."""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

from benchmarks.figures import Figures, measure
from benchmarks.report import met, report
from benchmarks.server import bench_server
from qt001_cp.workflow.revisions import project_folder

_ROUNDS, _LARGE = 3, 50_000


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="What inventory, cutover and restore cost."
    )
    parser.add_argument("--sizes", default="1k,10k,50k", help="numbers of objects (default 1k,10k,50k)")
    parser.add_argument(
        "--postgres", default="15,18", help="major versions (default 15,18); 15:10k measures that size alone on it"
    )
    parser.add_argument(
        "--rounds", type=int, help="measurements of each figure (default 9 at 1k, 5 at 10k, 3 at 50k objects)"
    )
    parser.add_argument("--out", type=Path, default=project_folder() / "docs" / "performance.md")
    given = parser.parse_args()
    all_figures: list[Figures] = []
    for asked in given.postgres.split(","):
        major, _, only = asked.partition(":")
        for size in (_size(s) for s in (only or given.sizes).split(",")):
            rounds = given.rounds or max(_ROUNDS, min(9, _LARGE // size))
            with bench_server(int(major), objects=size) as server:
                all_figures.append(measure(server, size, rounds))
                given.out.write_text(report(all_figures), "utf-8")
    print(given.out.read_text("utf-8"))
    missed = met(all_figures)
    print("\n".join(missed) if missed else "every target is met", file=sys.stderr)
    return 3 if missed else 0


def _size(text: str) -> int:
    found = re.fullmatch(r"(\d+)(k?)", text.strip())
    if found is None:
        raise SystemExit(f"--sizes: {text!r} is no number of objects, such as 500 or 10k")
    return int(found.group(1)) * (1000 if found.group(2) else 1)
