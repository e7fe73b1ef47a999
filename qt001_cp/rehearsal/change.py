"""A change rehearsed on a copy of what is deployed: tried, prepared, sealed, attacked, made, and taken back."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psycopg

from qt001_cp.emit.statements import statement
from qt001_cp.errors import DatabaseProblem
from qt001_cp.model.canonical import Json, canonical_bytes
from qt001_cp.model.change import EFFECTS, EFFECTS_SCHEMA, PREDECESSOR, Change, Way, read_change
from qt001_cp.model.manifest import ObjectManifest
from qt001_cp.model.roles import SCHEMA
from qt001_cp.plan.order import ordered
from qt001_cp.rehearsal.locks import read_locks
from qt001_cp.rehearsal.nogo import canonical, succession
from qt001_cp.rehearsal.nogo.families import at_fix7c, demand_of
from qt001_cp.rehearsal.nogo.runner import run_cases
from qt001_cp.rehearsal.scene import AUTHOR, OPERATOR, SCANNER, VERIFIER, Scene, hire
from qt001_cp.rehearsal.state import data_digest
from qt001_cp.rehearsal.transcript import Transcript
from qt001_cp.servers.dump import as_sets
from qt001_cp.workflow import revisions
from qt001_cp.workflow.prepare import (
    ChangeBundle,
    Deployed,
    moving,
    prepare,
    propose_change,
    propose_draft,
    read_deployed,
)
from qt001_cp.workflow.seal import record_rehearsal, seal, withdraw

_SOURCE = "SELECT pg_catalog.pg_get_functiondef(pg_catalog.to_regprocedure(%s))"
_TO_BE_TRIED = "SELECT object FROM qt001_cp.to_be_tried(%s) object"
_TAKES = (
    "SELECT qt001_cp.takes_from_application(qt001_cp.predecessor(digest), digest) FROM (SELECT %s::text) known(digest)"
)
Say = Callable[[str], None]


@dataclass(frozen=True)
class Where:
    """``ini``: the team's alembic.ini, beside the files of the change; ``out``: the folder to write; ``policy``: another one than
    the deployed, or None."""

    ini: Path
    name: str
    out: Path
    policy: Path | None = None

    @property
    def change(self) -> Change:
        return read_change(self.ini.with_name(f"{self.name}.py"))


class ChangeRehearsal:
    """One change on one copy. The copy is left as it was found, but for its ledger. ``follows_server``: the copy is another major version
    than what is deployed, and the change is that alone."""

    def __init__(self, scene: Scene, where: Where, say: Say) -> None:
        self.scene, self.where, self.say = scene, where, say
        self.change = where.change
        self.follows_server = False
        self.transcript = Transcript(server=f"PostgreSQL {scene.server.version // 10000}, {scene.server.kind}")
        self.predecessor = b""
        self.effects: Json = {}

    def run(self) -> ChangeBundle:
        """Everything; the bundle is written, with the no-go record and the transcript. Raises :class:`Qt001Error`."""
        self._open()
        before = self._photograph()
        bundle = self._prepared()
        manifest = bundle.succession.manifest
        self.transcript.manifest = manifest.digest()
        self.transcript.apply_path = manifest.apply_path is not None
        self._check("the trial leads back to what was there", before == self._photograph())
        path = bundle.write(self.where.out)
        with self.scene.connect(AUTHOR) as author, self.scene.connect(OPERATOR) as operator:
            propose_change(author, self.where.out)
            seal(operator, manifest)
        try:
            self._attacked(bundle, path)
            self._check("pg_dump is the same before the change and after its way back", before == self._photograph())
        finally:
            if not self.follows_server:
                with self.scene.connect(OPERATOR) as operator:
                    withdraw(operator, manifest.digest(), "rehearsed")
        (self.where.out / "nogo.json").write_bytes(self.transcript.record())
        (self.where.out / "transcript.md").write_text(self.transcript.to_markdown(), "utf-8")
        (self.where.out / "transcript.json").write_bytes(canonical_bytes(self.transcript.to_json()))
        (self.where.out / PREDECESSOR).write_bytes(self.predecessor)
        (self.where.out / EFFECTS).write_bytes(self._effects(manifest.digest()))
        return bundle

    def _open(self) -> None:
        """The copy is marked, its ledger is its own, and its duties have logins that the cases know."""
        with self.scene.connect() as admin:
            row = admin.execute("SELECT pg_catalog.to_regprocedure('qt001_cp.is_rehearsal()') IS NOT NULL").fetchone()
            marked = admin.execute("SELECT qt001_cp.is_rehearsal()").fetchone() if row == (True,) else (False,)
        if marked != (True,):
            raise DatabaseProblem(
                f"database {self.scene.database}: expected a copy that the bootstrap marked as a rehearsal, found one that is not",
                hint="a change is prepared on a copy: psql -X -v rehearsal=yes -f scripts/bootstrap.sql (docs/changes.md)",
            )
        hire(self.scene)
        with self.scene.connect(OPERATOR) as operator:
            if operator.execute("SELECT 1 FROM qt001_cp.instance_findings()").fetchone():
                operator.execute("SELECT qt001_cp.adopt_ledger('a copy on which a change is rehearsed')")

    def _prepared(self) -> ChangeBundle:
        """Tried, read, and taken back."""
        deployed = self._deployed()
        self.predecessor = deployed.manifest.body()
        self._sources(deployed)
        self.follows_server = deployed.manifest.server_major != self.scene.server.version // 10000
        if self.follows_server:
            with self.scene.connect(AUTHOR) as author:
                return prepare(author, deployed, self.change, moving(author, deployed, self.change, self.where.policy))
        self.say(f"change {self.where.name}: tried")
        with self.scene.connect(AUTHOR) as author, TemporaryDirectory() as folder:
            plan = moving(author, deployed, self.change, self.where.policy)
            x = {}
            if plan.draft.moved:
                propose_draft(author, plan, self.change)
                x["draft"] = str(Path(folder) / "draft.json")
                Path(x["draft"]).write_bytes(plan.draft.body())
            self._alembic("upgrade", self.where.name, **x)
            try:
                bundle = prepare(author, deployed, self.change, plan)
            finally:
                self._alembic("downgrade", f"{self.where.name}@-1", **x)
        self._locks("forward", self.change.forward, bundle.succession.manifest)
        return bundle

    def _deployed(self) -> Deployed:
        with self.scene.connect(AUTHOR) as author:
            return read_deployed(author)

    def _attacked(self, bundle: ChangeBundle, path: Path) -> None:
        """What attacks the sealed successor, the change as it will be made, what attacks what it leaves, and the way back."""
        manifest = bundle.succession.manifest
        self.say("no-go: denominator, canonical hash")
        cases = [
            *succession.cases(manifest, self.change, self.scene.public_only),
            *canonical.cases(manifest, "SELECT qt001_cp.seal_manifest('{}')"),
        ]
        self.transcript.outcomes += run_cases(self.scene, cases, manifest.application.name)
        self._noticed(manifest.digest())
        tried = self._to_be_tried(manifest.digest())
        self.say(f"change {self.where.name}: made")
        self._alembic("upgrade", self.where.name, manifest=str(path))
        try:
            tried |= self._to_be_tried(manifest.digest())
            self.say(f"no-go: all other families; {len(tried)} of {len(manifest.transferred)} objects one by one")
            self.transcript.outcomes += at_fix7c(self.scene, manifest, bundle.files, demand_of(bundle.policy), tried)
            self._gates()
            self._locks("back", self.change.back, manifest)
        finally:
            self.say(f"change {self.where.name}: taken back")
            # A server does not move back: the copy stays with the manifest of its own version.
            self._alembic(
                "downgrade",
                f"{self.where.name}@-1",
                **({"changes": "keep"} if self.follows_server else {"manifest": str(path)}),
            )

    def _sources(self, deployed: Deployed) -> None:
        """The apply path as PostgreSQL prints it before the change: a predecessor has it as its author wrote it."""
        with self.scene.connect(AUTHOR) as author:
            self.effects["sources"] = {
                part.identity: _value(author, _SOURCE, part.identity) for part in deployed.manifest.repoint
            }

    def _locks(self, way: Way, text: str, manifest: ObjectManifest) -> None:
        """Statement by statement, in a transaction that is taken back: what is moved before the text, and the text, which as a whole
        has run before."""
        self.effects[way], said = [], ""
        moves = ordered(manifest, "move" if way == "forward" else "unmove")
        try:
            self.effects[way] = read_locks(
                self.scene, text, [statement(p.object.ref, p.step, p.object.detail) for p in moves if not p.late]
            )
        except psycopg.Error as exc:
            said = str(exc).strip()
        self._check(f"what each statement locks was read, {way}", not said, said)

    def _to_be_tried(self, digest: str) -> frozenset[str]:
        """What the record of the successor has to try, the database says; what is around a change is not the same before it."""
        with self.scene.connect(OPERATOR) as operator:
            return frozenset(row[0] for row in operator.execute(_TO_BE_TRIED, [digest]).fetchall())

    def _noticed(self, digest: str) -> None:
        """Whether the application has to be out of its transactions: the database's own answer."""
        with self.scene.connect(OPERATOR) as operator:
            self.effects["takes_from_application"] = _value(operator, _TAKES, digest)

    def _effects(self, digest: str) -> bytes:
        return canonical_bytes(
            {"schema": EFFECTS_SCHEMA, "manifest": digest, "server": self.transcript.server, **self.effects}
        )

    def _gates(self) -> None:
        with self.scene.connect(OPERATOR) as operator:
            record_rehearsal(operator, self.transcript.record())
        for login, call in ((VERIFIER, "verify"), (SCANNER, "scan")):
            with self.scene.connect(login) as runner:
                row = runner.execute(f"SELECT qt001_cp.{call}()".encode()).fetchone()
            self._check(f"after the change {call}() finds nothing", row == ([],), json.dumps(row[0][:3]) if row else "")

    def _alembic(self, verb: str, revision: str, **x: str) -> None:
        revisions.change(self.where.ini, verb, self.scene.dsn(OPERATOR), revision, **x)

    def _photograph(self) -> tuple[str, str]:
        with self.scene.connect() as connection:
            return as_sets(self.scene.dump("--schema-only", "--create")), data_digest(connection, without=SCHEMA)

    def _check(self, what: str, passed: bool, found: str = "") -> None:
        self.transcript.check(what, passed, found)
        if not passed:
            self.say(f"✗ {what}: {found}")


def _value(opened: psycopg.Connection, query: str, given: str) -> Any:
    row = opened.execute(query.encode(), [given]).fetchone()
    assert row is not None
    return row[0]
