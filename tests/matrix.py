"""Runs the tests with marker ``matrix``, and a rehearsal, on each major version; see docs/versions.md.

``python -m tests.matrix [MAJOR ...]``: without a MAJOR all of them. Ends with 0 where everything passed, 1 where
something failed, 2 where a MAJOR is not one of ours, 4 where nothing failed but a server could not be had.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from qt001_cp.errors import Qt001Error
from qt001_cp.servers import open_server
from qt001_cp.servers.binaries import VARIABLE, wanted_major
from qt001_cp.servers.pinned import MAJORS

ROOT = Path(__file__).parents[1]
NONE = "none"
NO_SERVER = 4


@dataclass
class Result:
    """What one version gave. ``server`` is its full version, or why there was none."""

    major: int
    server: str
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    rehearsal: str = "not run"
    seconds: float = 0

    @property
    def fine(self) -> bool:
        return self.passed > 0 and self.failed == 0 and self.rehearsal == "passed"


def main(arguments: list[str]) -> int:
    try:
        majors = [wanted_major(a) or 0 for a in arguments] or list(MAJORS)
    except Qt001Error as exc:
        print(exc, file=sys.stderr)
        return 2
    # A server of one version that the caller has named cannot be all of them.
    os.environ.setdefault("QT001_TEST_SERVER", "embedded")
    results = []
    for major in majors:
        print(f"\n=== PostgreSQL {major}", flush=True)
        results.append(_one(major))
    print(f"\n{'major':<6} {'server':<10} {'passed':>6} {'failed':>6} {'skipped':>7}  {'rehearsal':<9} {'seconds':>7}")
    for r in results:
        print(
            f"{r.major:<6} {r.server:<10} {r.passed:>6} {r.failed:>6} {r.skipped:>7}  {r.rehearsal:<9} {r.seconds:>7.0f}"
        )
    if any(not r.fine and r.server != NONE for r in results):
        return 1
    return 0 if all(r.fine for r in results) else NO_SERVER


def _one(major: int) -> Result:
    begun = time.monotonic()
    try:
        with open_server(major=major) as server:
            result = Result(major, f"{server.version // 10000}.{server.version % 10000}")
    except Qt001Error as exc:
        print(exc, file=sys.stderr)
        return Result(major, NONE, seconds=time.monotonic() - begun)
    environment = {**os.environ, VARIABLE: str(major)}
    with tempfile.TemporaryDirectory(prefix="qt001-matrix-") as folder:
        report = Path(folder, "report.xml")
        workers = os.environ.get("QT001_TEST_WORKERS") or str(min(4, os.cpu_count() or 1))
        command = ["-m", "pytest", "-q", "-n", workers, "-m", "matrix", f"--junitxml={report}"]
        done = subprocess.run([sys.executable, *command], cwd=ROOT, env=environment, check=False)
        _count(report, result)
        if done.returncode != 0:
            result.failed = max(result.failed, 1)
        command = ["-m", "qt001_cp", "rehearse", "--out", str(Path(folder, "rehearsal"))]
        done = subprocess.run([sys.executable, *command], cwd=ROOT, env=environment, check=False)
        result.rehearsal = "passed" if done.returncode == 0 else "FAILED"
    result.seconds = time.monotonic() - begun
    return result


def _count(report: Path, result: Result) -> None:
    """Add up pytest's report; without one nothing has passed."""
    if report.exists():
        for suite in ElementTree.parse(report).iter("testsuite"):  # noqa: S314 - pytest wrote it a moment ago
            total, failed, errors, skipped = (int(suite.get(k, 0)) for k in ("tests", "failures", "errors", "skipped"))
            result.failed += failed + errors
            result.skipped += skipped
            result.passed += total - failed - errors - skipped


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
