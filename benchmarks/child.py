"""A program in a process of its own: how long it took and how much memory it had at most."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import IO

from qt001_cp.workflow.revisions import project_folder


@dataclass(frozen=True)
class Child:
    """Seconds and peak resident memory (getrusage: ru_maxrss) of one process."""

    seconds: float
    megabytes: float


def run_child(module: str, *arguments: str, stdout: IO[bytes] | int = subprocess.DEVNULL) -> Child:
    """Run ``python -m module`` from the checkout. Raises :class:`RuntimeError` with its words when it fails."""
    start = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", module, *arguments],
        stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.PIPE, cwd="/",
        env={**os.environ, "PYTHONPATH": str(project_folder())},
    )  # fmt: skip
    assert process.stderr is not None
    said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stderr.close()
    if process.returncode != 0:
        raise RuntimeError(f"{module} {' '.join(arguments)} ended with {process.returncode}: {said.decode()[-2000:]}")
    return Child(time.monotonic() - start, usage.ru_maxrss / 1024)
