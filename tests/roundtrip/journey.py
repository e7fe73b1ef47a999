"""The whole way there and back, twice, with a photograph at every stop."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from qt001_cp import estate
from qt001_cp.model.roles import SCHEMA
from qt001_cp.rehearsal.scene import AUTHOR, OPERATOR, Scene
from qt001_cp.rehearsal.state import data_digest
from qt001_cp.workflow import revisions
from qt001_cp.workflow.bundle import OBJECT, make_bundle
from qt001_cp.workflow.seal import propose, seal
from tests.conftest import exported

How = Literal["online", "psql"]
ROUTE = (
    "base",
    "fix7a",
    "sealed",
    "fix7b",
    "fix7c",
    "back at fix7b",
    "back at fix7a",
    "fix7b again",
    "back at fix7a again",
    "back at base",
    "fix7a again",
    "back at base again",
)
_ORDER = ("base", "fix7a", "fix7b", "fix7c")


@dataclass(frozen=True)
class Photograph:
    """``whole``: everything, rows too, but for the ledger's. ``catalog``: definitions, owners, ACLs. ``outside``: all but the control plane."""

    whole: str
    catalog: str
    outside: str
    roles: str
    data: str


@dataclass
class Journey:
    """One database on its way; ``seen`` has its photographs by stop."""

    scene: Scene
    how: How
    folder: Path
    seen: dict[str, Photograph]
    digest: str = ""

    def travel(self) -> None:
        at = "base"
        for stop in ROUTE:
            if stop == "sealed":
                self._seal()
            elif stop != "base":
                to = next(name for name in _ORDER if name in stop)
                self._move(at, to)
                at = to
            self.seen[stop] = self._photograph()

    def _move(self, start: str, end: str) -> None:
        up = _ORDER.index(end) > _ORDER.index(start)
        x = self._arguments(start if not up else end, up)
        if self.how == "online":
            (revisions.upgrade if up else revisions.downgrade)(self.scene.dsn(OPERATOR), end, **x)
        else:
            self.scene.psql((revisions.upgrade_sql if up else revisions.downgrade_sql)(start, end, **x))

    def _arguments(self, revision: str, up: bool) -> dict[str, str]:
        if revision == "fix7a":
            return {"policy": str(estate.policy_path())} if up else {"ledger": exported(self.scene)}
        first = {"rehearsal": "first"} if revision == "fix7b" and up else {}
        return {"manifest": str(self.folder / OBJECT), **first}

    def _seal(self) -> None:
        with self.scene.connect(AUTHOR) as author, self.scene.connect(OPERATOR) as operator:
            bundle = make_bundle(author, estate.policy_path())
            bundle.write(self.folder)
            propose(author, bundle.manifest)
            seal(operator, bundle.manifest)
        self.digest = bundle.manifest.digest()

    def _photograph(self) -> Photograph:
        with self.scene.connect() as connection:
            data = data_digest(connection, without=SCHEMA)
        return Photograph(
            self.scene.dump_without_ledger("--create"),
            self.scene.dump("--create", "--schema-only"),
            self.scene.dump("--create", "--exclude-schema", SCHEMA),
            self.scene.server.dump_roles(),
            data,
        )
