"""A program in a process of its own: how long it took and how much memory it had at most."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from qt001_cp.workflow.revisions import project_folder

_EVERY: Final = 0.05


@dataclass(frozen=True)
class Child:
    """Seconds and peak resident memory of one process: VmHWM, looked at until it ends. ru_maxrss would count what its
    parent had when it started it."""

    seconds: float
    megabytes: float


def run_child(module: str, *arguments: str, stdout: IO[bytes] | int = subprocess.DEVNULL) -> Child:
    """Run ``python -m module`` from the checkout. Raises :class:`RuntimeError` with its words when it fails."""
    start = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", module, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
        cwd="/",
        env={**os.environ, "PYTHONPATH": str(project_folder())},
    )
    said, peak = b"", 0.0
    while process.poll() is None:
        peak = max(peak, _peak(process.pid))
        with suppress(subprocess.TimeoutExpired):
            _, said = process.communicate(timeout=_EVERY)
    if process.returncode != 0:
        raise RuntimeError(f"{module} {' '.join(arguments)} ended with {process.returncode}: {said.decode()[-2000:]}")
    return Child(time.monotonic() - start, peak)


def _peak(pid: int) -> float:
    """Megabytes; 0 once the process has ended (proc(5): /proc/pid/status)."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text("ascii"))
    return int(found.group(1)) / 1024 if found else 0.0
