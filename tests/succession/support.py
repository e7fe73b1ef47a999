"""A change from its texts to its sealed manifest, and what people do after it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from qt001_cp.cli import main
from qt001_cp.estate import QT001, Reference
from qt001_cp.model.manifest import ObjectManifest
from qt001_cp.policy_file import read_file
from qt001_cp.rehearsal.change import ChangeRehearsal, Where
from qt001_cp.rehearsal.scene import AUTHOR, SCANNER, VERIFIER
from qt001_cp.workflow import revisions
from qt001_cp.workflow.changes import new_change
from tests.acceptance.support import sign
from tests.conftest import Stage

COLUMN = (
    "ALTER TABLE public.qt001_setting ADD COLUMN unit text DEFAULT 'm';\nCREATE INDEX qt001_setting_unit ON public.qt001_setting (unit);\n",
    "ALTER TABLE public.qt001_setting DROP COLUMN unit;\n",
)
PLAIN = "qt001_moves_dba"
"""An operator without superuser: see :func:`lent`."""
_REBIND = """
SELECT DISTINCT subject, detail ->> 'requirement' FROM qt001_cp.event WHERE verb = 'bound'
"""


@dataclass(frozen=True)
class Prepared:
    """A change with all that ``change prepare`` has written of it."""

    stage: Stage
    where: Where

    @property
    def manifest(self) -> ObjectManifest:
        path = self.where.out / "object.json"
        return ObjectManifest.from_bytes(read_file(path), str(path))

    @property
    def digest(self) -> str:
        return self.manifest.digest()

    def sealed(self, operator: str) -> None:
        """Proposed by the author, sealed by the operator, with its no-go record."""
        out = self.where.out
        assert main(["change", "propose", str(out), "--database", self.stage.scene.dsn(AUTHOR)]) == 0
        assert main(["manifest", "seal", str(out / "object.json"), "--database", operator]) == 0
        assert main(["evidence", "import", str(out / "nogo.json"), "--rehearsal", "--database", operator]) == 0

    def forward(self, operator: str, **x: str) -> str:
        manifest = str(self.where.out / "object.json")
        return revisions.change(self.where.ini, "upgrade", operator, self.where.name, **{"manifest": manifest, **x})

    def back(self, operator: str, **x: str) -> str:
        """By the manifest of the change, which says what it has moved."""
        manifest = str(self.where.out / "object.json")
        return revisions.change(
            self.where.ini, "downgrade", operator, f"{self.where.name}@-1", **{"manifest": manifest, **x}
        )


def write(folder: Path, name: str, forward: str, back: str) -> Path:
    """The files of a change; returns the alembic.ini."""
    new_change(folder, name, "changes")
    (folder / f"{name}.forward.sql").write_text(forward, "utf-8")
    (folder / f"{name}.back.sql").write_text(back, "utf-8")
    return folder / "alembic.ini"


def prepared(stage: Stage, folder: Path, name: str, forward: str, back: str, policy: Path | None = None) -> Prepared:
    """The change rehearsed in this database, which is marked for that time and no longer."""
    ini = write(folder / "changes", name, forward, back)
    where = Where(ini, name, folder / "changes" / name, policy)
    with marked(stage):
        rehearsal = ChangeRehearsal(stage.scene, where, lambda _: None)
        rehearsal.run()
    transcript = rehearsal.transcript
    wrong = [c for c in transcript.checks if not c.passed], [o.to_json() for o in transcript.outcomes if not o.passed]
    assert wrong == ([], []), wrong
    assert {o.case.family for o in transcript.outcomes} == set(transcript.titles())
    assert transcript.passed
    return Prepared(stage, where)


@contextmanager
def marked(stage: Stage) -> Iterator[None]:
    """A rehearsal for the length of the block, and afterwards a database in use."""
    with stage.connect() as admin:
        admin.execute("UPDATE qt001_cp.bootstrap SET rehearsal = true")
        yield
        admin.execute("UPDATE qt001_cp.bootstrap SET rehearsal = false")


def answer(stage: Stage) -> None:
    """What people and the schedule do after a deployment: evidence bound again, verifier, scanner, auditor."""
    with stage.connect(AUTHOR) as author:
        for subject, requirement in author.execute(_REBIND).fetchall():
            author.execute("SELECT qt001_cp.bind_evidence(%s, %s)", [subject, requirement])
    for login, call in ((VERIFIER, "verify"), (SCANNER, "scan")):
        with stage.connect(login) as runner:
            found = runner.execute(f"SELECT qt001_cp.{call}()".encode()).fetchone()
        assert found == ([],), found
    sign(stage)


def accepted(stage: Stage) -> bool:
    with stage.connect() as admin:
        row = admin.execute("SELECT accepted, reasons FROM qt001_cp.v_fix7_acceptance").fetchone()
    assert row is not None
    return bool(row[0])


def gates(stage: Stage) -> set[str]:
    """The closed ones."""
    with stage.connect() as admin:
        return {r[0] for r in admin.execute("SELECT DISTINCT gate FROM qt001_cp.gate_findings()").fetchall()}


def deployed(stage: Stage) -> str:
    with stage.connect() as admin:
        row = admin.execute("SELECT qt001_cp.deployed_manifest()").fetchone()
    assert row is not None
    return str(row[0])


def policy(folder: Path, *rules: str, reference: Reference = QT001) -> Path:
    """The reference estate's, with these rules before its own."""
    text = reference.policy_path.read_text("utf-8")
    at = text.index("[[rule]]")
    path = folder / "policy.toml"
    path.write_text(text[:at] + "\n".join([*rules, text[at:]]), "utf-8")
    return path


def schema(stage: Stage) -> str:
    """pg_dump's own words of all that is not the control plane's."""
    return stage.scene.dump("--schema-only", "--exclude-schema=qt001_cp")


@contextmanager
def lent(stage: Stage, *roles: str) -> Iterator[str]:
    """An operator without superuser who is a member of these roles, for the length of the block."""
    with stage.connect() as admin:
        admin.execute(f"CREATE ROLE {PLAIN} LOGIN; GRANT qt001_cp_operator TO {PLAIN}".encode())
        admin.execute("INSERT INTO qt001_cp.person (login, person, duty) VALUES (%s, 'moves.dba', 'operator')", [PLAIN])
        for role in roles:
            admin.execute(f"GRANT {role} TO {PLAIN}".encode())
        # Where the application may go on creating, nobody with a duty looks for names.
        admin.execute(f"ALTER ROLE {PLAIN} IN DATABASE {stage.scene.database} SET search_path = ''".encode())
        try:
            yield stage.scene.dsn(PLAIN)
        finally:
            admin.execute("DELETE FROM qt001_cp.person WHERE login = %s", [PLAIN])
            admin.execute(f"DROP OWNED BY {PLAIN}; DROP ROLE {PLAIN}".encode())


@contextmanager
def meanwhile(*works: Callable[[], object]) -> Iterator[list[BaseException]]:
    """Each again and again in a thread of its own until the block ends; what went wrong."""
    stop, wrong = threading.Event(), []

    def run(work: Callable[[], object]) -> None:
        while not stop.is_set():
            try:
                work()
            except BaseException as exc:
                wrong.append(exc)
                return
            time.sleep(0.01)

    threads = [threading.Thread(target=run, args=[work]) for work in works]
    for thread in threads:
        thread.start()
    try:
        yield wrong
    finally:
        stop.set()
        for thread in threads:
            thread.join()
