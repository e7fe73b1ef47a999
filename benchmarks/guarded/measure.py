"""Transactions a second of the guarded and the unguarded gateway, by pgbench, one after the other: A, B, A, B."""

from __future__ import annotations

import itertools
import re
import statistics
import sys
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from benchmarks.guarded.estate import CALLS, SERVICE
from benchmarks.guarded.stage import Pair
from qt001_cp.rehearsal.scene import Scene
from qt001_cp.servers.server import conninfo

_TPS: Final = re.compile(r"^tps = ([0-9.]+)", re.MULTILINE)


@dataclass(frozen=True)
class Setting:
    """One line of the table."""

    major: int
    synchronous: bool
    clients: int
    objects: int
    call: str


@dataclass
class Figures:
    """``guarded``, ``plain``: every single measurement of transactions a second."""

    guarded: dict[Setting, list[float]] = field(default_factory=lambda: defaultdict(list))
    plain: dict[Setting, list[float]] = field(default_factory=lambda: defaultdict(list))
    judged: dict[tuple[int, int], float] = field(default_factory=dict)
    proved: dict[int, list[str]] = field(default_factory=dict)
    versions: dict[int, str] = field(default_factory=dict)

    def rate(self, setting: Setting) -> float:
        """Guarded transactions a second."""
        return statistics.median(self.guarded[setting])

    def kept(self, setting: Setting) -> float:
        """The share of the unguarded transactions that is left."""
        return self.rate(setting) / statistics.median(self.plain[setting])

    def microseconds(self, setting: Setting) -> float:
        """What the guard adds to one transaction of one client."""
        return setting.clients * 1e6 * (1 / self.rate(setting) - 1 / statistics.median(self.plain[setting]))


def measure(
    figures: Figures, pairs: Sequence[Pair], major: int, clients: Sequence[int], seconds: int, rounds: int
) -> None:
    """Add the measurements of one server. The sizes take turns: what else runs on the machine meets all of them."""
    for call, synchronous, number in itertools.product(CALLS, (True, False), clients):
        for _, pair in itertools.product(range(rounds), pairs):
            setting = Setting(major, synchronous, number, pair.objects, call)
            figures.plain[setting].append(_pgbench(pair.plain, setting, seconds))
            _refresh(pair.guarded, call)
            figures.guarded[setting].append(_pgbench(pair.guarded, setting, seconds))
        for setting in list(figures.guarded)[-len(pairs) :]:
            line = f"  {setting}: {figures.kept(setting):.0%} of {statistics.median(figures.plain[setting]):.0f}"
            print(line, file=sys.stderr, flush=True)


def _refresh(scene: Scene, call: str) -> None:
    """One call before: a verdict that has just ended is computed anew here, and not within the measurement."""
    with scene.connect(SERVICE) as service:
        service.execute(CALLS[call].format(n="1").encode())


def _pgbench(scene: Scene, setting: Setting, seconds: int) -> float:
    server = scene.server
    options = ("options", f"-c synchronous_commit={'on' if setting.synchronous else 'off'}")
    target = conninfo(server.host, server.port, scene.database, SERVICE, extra=(options,))
    with tempfile.NamedTemporaryFile("w", suffix=".sql", encoding="utf-8") as file:
        file.write("\\set n random(1, 1000)\n" + CALLS[setting.call].format(n=":n") + "\n")
        file.flush()
        clients = str(setting.clients)
        call = [
            "-n",
            "-M",
            "prepared",
            "-T",
            str(seconds),
            "-c",
            clients,
            "-j",
            clients,
            "-f",
            file.name,
            target,
        ]
        said = server.run("pgbench", *call, dbname=scene.database, user=SERVICE).stdout
    found = _TPS.search(said)
    if found is None or "number of failed transactions: 0 " not in said:
        raise RuntimeError(f"pgbench said: {said}")
    return float(found[1])


def disk_folder() -> Path:
    """Where the servers' data lies: not on a tmpfs."""
    return Path("/var/tmp")  # noqa: S108 - a disk is measured; the server makes a folder of its own in it
