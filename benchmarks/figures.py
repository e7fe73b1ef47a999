"""What is measured for one server and one size, each figure beside its yardstick: A, B, A, B, …"""

from __future__ import annotations

import statistics
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from benchmarks.child import Child, run_child
from benchmarks.clock import clock
from benchmarks.estate import APPLICATION
from benchmarks.inside import Inside, look_inside
from benchmarks.stage import FORWARD, RESTORE, Stage, drop_all, fresh, make_estate, make_sealed
from benchmarks.timing import Run, psql, timed_dump, watched
from qt001_cp.catalog import inventory
from qt001_cp.model.names import Role
from qt001_cp.model.roles import OWNER
from qt001_cp.servers import Server

Reader = Callable[[psycopg.Connection, Role], object]
OWNERS_ONLY: Reader | None = getattr(inventory, "read_owners", None)
"""Owners and ACLs without definitions, where the catalog offers it."""
_REVIEWED = {"cutover": FORWARD, "restore": RESTORE}
_FORBIDDEN = "REASSIGN OWNED BY {0} TO {1}; DROP OWNED BY {0};"


@dataclass
class Figures:
    """All of one server and one size. ``seconds``: every single measurement by name."""

    major: int
    version: str
    asked: int
    objects: int = 0
    transferred: int = 0
    statements: int = 0
    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    cpu: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    exclusive: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    steps: dict[str, float] = field(default_factory=dict)
    children: dict[str, Child] = field(default_factory=dict)
    inside: dict[str, Inside] = field(default_factory=dict)

    def median(self, name: str) -> float | None:
        return statistics.median(self.seconds[name]) if self.seconds.get(name) else None

    def ratio(self, name: str, yardstick: str) -> float | None:
        return _paired(self.seconds.get(name), self.seconds.get(yardstick))

    def cpu_ratio(self, name: str, yardstick: str) -> float | None:
        """Of all rounds together: processor time is counted in hundredths of a second."""
        above, below = sum(self.cpu.get(name, [])), sum(self.cpu.get(yardstick, []))
        return above / below if above and below else None

    def waiting(self, name: str, yardstick: str) -> float | None:
        """The seconds in which others wait, by the whole time of a yardstick."""
        return _paired(self.exclusive.get(name), self.seconds.get(yardstick))

    def add(self, name: str, run: Run) -> None:
        self.seconds[name].append(run.seconds)
        self.cpu[name].append(run.cpu)
        print(f"  {name}: {run.seconds:.3f} s, cpu {run.cpu:.2f} s", file=sys.stderr, flush=True)


def _paired(above: list[float] | None, below: list[float] | None) -> float | None:
    """The median of the ratios of the rounds: the two of a round ran one after the other, on the same machine as it was then."""
    if not above or not below:
        return None
    return statistics.median(a / b for a, b in zip(above, below, strict=True))


def measure(server: Server, size: int, rounds: int) -> Figures:
    """Everything for ``size`` objects on ``server``; the databases it made are gone afterwards."""
    figures = Figures(server.version // 10000, _version(server), size)
    print(f"PostgreSQL {figures.version}, {size} objects", file=sys.stderr, flush=True)
    with tempfile.TemporaryDirectory(prefix="qt001-bench-") as folder:
        try:
            stage = make_estate(server, Path(folder), size)
            figures.objects = stage.objects
            _reading(stage, figures, rounds)
            make_sealed(stage)
            manifest = stage.manifest()
            figures.transferred = len(manifest.transferred)
            figures.statements = (stage.folder / "bundle" / "forward.statements.sql").read_text("utf-8").count("\n")
            del manifest
            for _ in range(rounds):
                _cutover(stage, figures)
            fresh(stage)
            for name in _REVIEWED.values():
                figures.inside[name] = look_inside(stage, stage.folder / name)
            figures.steps, figures.children = stage.seconds, {**figures.children, **stage.children}
        finally:
            drop_all(server)
    return figures


def _reading(stage: Stage, figures: Figures, rounds: int) -> None:
    """The inventory beside pg_dump, on the database before FIX7a."""
    scene = stage.scene
    for _ in range(rounds):
        figures.add("inventory", _read(stage, inventory.read_inventory))
        figures.add("pg_dump -s", timed_dump(scene))
        if OWNERS_ONLY is not None:
            figures.add("owners and ACLs", _read(stage, OWNERS_ONLY))
    arguments = ["--policy", str(stage.policy), "--database", scene.dsn(stage.server.superuser), "--format", "json"]
    figures.children["inventory --format json"] = run_child("qt001_cp", "inventory", *arguments)


def _read(stage: Stage, reader: Reader) -> Run:
    with clock(stage.server) as reading, stage.scene.connect() as connection:
        reader(connection, Role(APPLICATION))
    return Run(reading.seconds, reading.cpu)


def _cutover(stage: Stage, figures: Figures) -> None:
    """The reviewed files, the bare statements, and the forbidden short cut, each there and back on a copy of its own.

    The reviewed files run twice: with nobody beside them, and with somebody who sees when they lock.
    """
    scene = fresh(stage)
    for name, script in _REVIEWED.items():
        figures.add(name, psql(scene, "-f", str(stage.folder / script)))
    scene = fresh(stage)
    for name, direction in (("bare cutover", "forward"), ("bare restore", "restore")):
        figures.add(name, psql(scene, "-1", "-f", str(stage.folder / "bundle" / f"{direction}.statements.sql")))
    scene = fresh(stage)
    for name, there, back in (
        ("REASSIGN cutover", APPLICATION, OWNER.name),
        ("REASSIGN restore", OWNER.name, APPLICATION),
    ):
        forbidden = stage.folder / f"{name}.sql"
        forbidden.write_text(_FORBIDDEN.format(there, back), "utf-8")
        figures.add(name, psql(scene, "-1", "-f", str(forbidden)))
    scene = fresh(stage)
    for name, script in _REVIEWED.items():
        figures.exclusive[name].append(watched(scene, stage.folder / script))


def _version(server: Server) -> str:
    with server.connect("postgres") as connection:
        return str(connection.info.parameter_status("server_version"))
