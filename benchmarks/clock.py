"""Wall time and processor time of one measurement. On a machine with other work on it only the latter repeats itself."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from qt001_cp.servers import Server

_TICKS: Final = os.sysconf("SC_CLK_TCK")
_REAPED: Final = 0.2
"""Seconds until the server has taken note of a session's end."""


@dataclass
class Reading:
    """``seconds`` on the wall, ``cpu`` of this process, of client programs, and of the sessions that ended."""

    seconds: float = 0.0
    cpu: float = 0.0


@contextmanager
def clock(server: Server) -> Iterator[Reading]:
    """Measure a block that opens its own session and ends it. Nobody else may end one meanwhile."""
    reading = Reading()
    before, start = _cpu(server), time.perf_counter()
    yield reading
    reading.seconds = time.perf_counter() - start
    time.sleep(_REAPED)
    reading.cpu = _cpu(server) - before


def _cpu(server: Server) -> float:
    """Ours, our children's, and (proc(5): cutime, cstime) those of the server's children that have ended."""
    postmaster = (Path(server.host) / "data" / "postmaster.pid").read_text("utf-8").split()[0]
    fields = Path(f"/proc/{postmaster}/stat").read_text("utf-8").rpartition(")")[2].split()
    ours = os.times()
    return (
        (int(fields[13]) + int(fields[14])) / _TICKS
        + ours.user
        + ours.system
        + ours.children_user
        + ours.children_system
    )
