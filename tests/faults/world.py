"""A database on a server that may be killed: its scripts, its photographs, what they hold."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from qt001_cp import estate
from qt001_cp.rehearsal.scene import AUTHOR, OPERATOR, Scene
from qt001_cp.workflow import revisions
from qt001_cp.workflow.bundle import OBJECT, make_bundle
from qt001_cp.workflow.seal import propose, seal
from tests.conftest import exported
from tests.faults.cluster import Cluster

DATABASE = "directus_fault"
STAGES = ("base", "fix7a", "fix7b", "fix7c")


@dataclass(frozen=True)
class Photograph:
    """``dump``: owners, ACLs, definitions, every row, the ledger, the version. ``roles``: attributes and memberships."""

    dump: str
    roles: str


@dataclass
class World:
    """One database, the cluster it lives in, and the author's bundle."""

    cluster: Cluster
    scene: Scene
    folder: Path

    def text(self, start: str, end: str) -> str:
        """The script from one stage to the next, or back, as it is printed for the operator."""
        up = STAGES.index(end) > STAGES.index(start)
        lower = start if up else end
        x = {"lock_timeout": "5min", "statement_timeout": "10min"}
        if lower != "base":
            x["manifest"] = str(self.folder / OBJECT)
        else:
            x |= {"policy": str(estate.policy_path())} if up else {"ledger": exported(self.scene)}
        if (start, end) == ("fix7a", "fix7b"):
            x["rehearsal"] = "first"
        return (revisions.upgrade_sql if up else revisions.downgrade_sql)(start, end, **x)

    def bring(self, stage: str) -> None:
        """From base to ``stage``."""
        for start, end in pairwise(STAGES[: STAGES.index(stage) + 1]):
            self.scene.psql(self.text(start, end))
            if end == "fix7a":
                self._seal()

    def _seal(self) -> None:
        with self.scene.connect(AUTHOR) as author, self.scene.connect(OPERATOR) as operator:
            bundle = make_bundle(author, estate.policy_path())
            bundle.write(self.folder)
            propose(author, bundle.manifest)
            seal(operator, bundle.manifest)

    def statements(self, text: str) -> list[str]:
        """The tags of the statements that the script runs, in order; it is rolled back."""
        head, commit, rest = text.rpartition("COMMIT;")
        assert commit
        assert not rest.strip()
        said = self.scene.psql(f"{head}ROLLBACK;")
        return [line.partition("statement: ")[2] for line in said.splitlines() if "NOTICE:  statement: " in line]

    def photograph(self) -> Photograph:
        """A sequence that was used since the last checkpoint jumps ahead in a recovery, so there is one first."""
        with self.scene.connect() as connection:
            connection.execute("CHECKPOINT")
        return Photograph(self.scene.dump("--create"), self.scene.server.dump_roles())

    def version(self) -> str | None:
        with self.scene.connect() as connection:
            if connection.execute("SELECT to_regclass('qt001_cp.alembic_version') IS NULL").fetchone() == (True,):
                return None
            row = connection.execute("SELECT version_num FROM qt001_cp.alembic_version").fetchone()
        return None if row is None else str(row[0])
