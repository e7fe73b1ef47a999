"""``python -m benchmarks.growth``: what the gates' computation costs when the application has made many tables more."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from benchmarks.guarded.measure import disk_folder
from benchmarks.guarded.stage import make_pair
from benchmarks.server import bench_server
from qt001_cp.rehearsal.scene import Scene

_AT_ONCE = 500
"""Tables made in one transaction: each takes a few lock slots."""
TARGET = 1.2


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.growth", description="Gates beside many new tables.")
    parser.add_argument("--tables", type=int, default=10_000, help="tables that the application makes (default 10000)")
    parser.add_argument("--objects", type=int, default=100, help="protected objects (default 100)")
    parser.add_argument("--postgres", type=int, default=18, help="major version (default 18)")
    parser.add_argument("--rounds", type=int, default=9, help="measurements of each figure (default 9)")
    parser.add_argument("--data", type=Path, default=disk_folder(), help="folder on a disk for the server's data")
    given = parser.parse_args()
    with bench_server(given.postgres, given.data) as server, tempfile.TemporaryDirectory() as folder:
        scene = make_pair(server, Path(folder), given.objects).guarded
        before = _computed(scene, given.rounds)
        _grow(scene, given.tables)
        after = _computed(scene, given.rounds)
    print(
        f"PostgreSQL {given.postgres}, {given.objects} protected objects: all gates {before:.3f} s,"
        f" beside {given.tables} new tables of the application {after:.3f} s: {after / before:.2f} times"
    )
    return 0 if after / before <= TARGET else 3


def _computed(scene: Scene, rounds: int) -> float:
    """The median of some looks at acceptance, without the first."""
    times = []
    with scene.connect() as connection:
        for _ in range(rounds + 1):
            start = time.perf_counter()
            row = connection.execute("SELECT accepted, reasons FROM qt001_cp.v_fix7_acceptance").fetchone()
            times.append(time.perf_counter() - start)
            if row is None or not row[0]:
                sys.exit(f"not open: {row}")
    return median(times[1:])


def _grow(scene: Scene, tables: int) -> None:
    with scene.connect() as connection:
        application = connection.execute("SELECT qt001_cp.application_role()").fetchone()
        assert application is not None
        connection.execute(f'CREATE SCHEMA growth AUTHORIZATION "{application[0]}"'.encode())
        connection.execute(f'SET ROLE "{application[0]}"'.encode())
        for first in range(0, tables, _AT_ONCE):
            last = min(first + _AT_ONCE, tables) - 1
            connection.execute(
                f"DO $$ BEGIN FOR n IN {first}..{last} LOOP EXECUTE format("
                f"'CREATE TABLE growth.post_%s (id serial PRIMARY KEY, title text)', n); END LOOP; END $$".encode()
            )
        connection.execute("RESET ROLE")
        connection.execute("ANALYZE")


if __name__ == "__main__":
    sys.exit(main())
