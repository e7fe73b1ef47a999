"""``python -m benchmarks.guard``: proves and measures the writer's guard, and writes docs/guard-cost.md."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.guarded.estate import SERVICE
from benchmarks.guarded.measure import Figures, disk_folder, measure
from benchmarks.guarded.proof import CALL_ONE, WAYS, prove
from benchmarks.guarded.report import met, report
from benchmarks.guarded.stage import Pair, make_pair
from benchmarks.server import bench_server
from qt001_cp.servers import Server
from qt001_cp.workflow.revisions import project_folder

_SETTINGS = {"fsync": "on", "full_page_writes": "on", "shared_buffers": "256MB"}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.guard", description="What the writer's guard costs.")
    parser.add_argument("--objects", default="10,100,1000", help="numbers of protected objects (default 10,100,1000)")
    parser.add_argument("--postgres", default="15,18", help="major versions (default 15,18)")
    parser.add_argument("--clients", default="1,2", help="numbers of clients (default 1,2)")
    parser.add_argument("--seconds", type=int, default=1, help="length of one measurement (default 1)")
    parser.add_argument("--rounds", type=int, default=5, help="measurements of each figure (default 5)")
    parser.add_argument("--data", type=Path, default=disk_folder(), help="folder on a disk for the servers' data")
    parser.add_argument("--out", type=Path, default=project_folder() / "docs" / "guard-cost.md")
    given = parser.parse_args()
    figures = Figures()
    clients = [int(n) for n in given.clients.split(",")]
    for major in (int(m) for m in given.postgres.split(",")):
        with bench_server(major, given.data, settings=_SETTINGS) as server, tempfile.TemporaryDirectory() as folder:
            _version(figures, server, major)
            pairs = [make_pair(server, Path(folder) / n, int(n)) for n in given.objects.split(",")]
            figures.proved[major] = prove(pairs[0].guarded)
            print(f"  PostgreSQL {major}: {len(WAYS)} ways of changing refused at once", file=sys.stderr, flush=True)
            for pair in pairs:
                figures.judged[major, pair.objects] = _judged(pair)
            measure(figures, pairs, major, clients, given.seconds, given.rounds)
            given.out.write_text(report(figures, given.seconds, given.rounds), "utf-8")
    print(given.out.read_text("utf-8"))
    missed = met(figures)
    print("\n".join(missed) if missed else "every target is met", file=sys.stderr)
    return 3 if missed else 0


def _version(figures: Figures, server: Server, major: int) -> None:
    with server.connect("postgres") as connection:
        row = connection.execute("SHOW server_version").fetchone()
    assert row is not None
    figures.versions[major] = str(row[0])


def _judged(pair: Pair) -> float:
    """Seconds of a call that computes all gates: the first after something that might have changed one."""
    with pair.guarded.connect() as admin, pair.guarded.connect(SERVICE) as service:
        service.execute(CALL_ONE)
        admin.execute("GRANT USAGE ON SCHEMA public TO PUBLIC")
        start = time.perf_counter()
        service.execute(CALL_ONE)
        return time.perf_counter() - start


if __name__ == "__main__":
    sys.exit(main())
