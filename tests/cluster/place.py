"""One database of several in a cluster: its own pair, policy and operator, every stage there and back, and what it says of itself."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from qt001_cp.audit.run import Outside, audit
from qt001_cp.estate import Reference
from qt001_cp.model.names import Role
from qt001_cp.model.roles import DEFAULT, Pair
from qt001_cp.policy_file import load_policy
from qt001_cp.rehearsal.nogo.case import Outcome
from qt001_cp.rehearsal.nogo.families import at_fix7a, at_fix7c, demand_of
from qt001_cp.rehearsal.scene import (
    AUDITOR,
    AUTHOR,
    OPERATOR,
    PERSONS,
    SCANNER,
    VERIFIER,
    Scene,
    bootstrap,
    build_template,
    drop_scene,
    hire,
    teardown,
)
from qt001_cp.rehearsal.transcript import Transcript
from qt001_cp.servers import Server, wheel
from qt001_cp.workflow import revisions
from qt001_cp.workflow.bundle import make_bundle
from qt001_cp.workflow.seal import propose, record_rehearsal, seal
from qt001_cp.workflow.status import read_status
from tests.acceptance.support import open_all
from tests.conftest import Stage, exported

_RECORDS: dict[str, bytes] = {}
"""No-go records by the digest of their manifest: the same estate under the same name has the same one."""
_RENEWED = 300.0
"""The policies ask for a verification every 900 seconds."""
_BESIDE = "guard", "pair_beside"
"""What a status tells of the session's own memory, and of the other databases: no verdict."""


def pair(prefix: str) -> Pair:
    return Pair(Role(f"{prefix}_cp_owner"), Role(f"{prefix}_cp_ledger"))


def policy_of(reference: Reference, named: Pair) -> Path:
    """The policy of an estate with another pair; the sources that it names stand beside it."""
    folder = Path(tempfile.mkdtemp(prefix="qt001-pair-")) / "estate"
    shutil.copytree(reference.policy_path.parent, folder)
    path = folder / reference.policy_path.name
    if not named.is_default:
        line = f'application = "{reference.application}"\n'
        text = path.read_text("utf-8")
        assert line in text
        more = f'owner = "{named.owner.name}"\nledger = "{named.ledger.name}"\n'
        path.write_text(text.replace(line, line + more), "utf-8")
    return path


@dataclass
class Place:
    """``login``: the operator's; another one than OPERATOR is no superuser, and is given what the database asks for, and no more."""

    stage: Stage
    reference: Reference
    policy: Path
    login: str = OPERATOR
    verified: float | None = None
    tried: list[Outcome] = field(default_factory=list)

    @property
    def scene(self) -> Scene:
        return self.stage.scene

    @property
    def pair(self) -> Pair:
        return self.scene.pair

    @property
    def x(self) -> dict[str, str]:
        return {"manifest": self.stage.manifest_path}

    @property
    def plain(self) -> bool:
        return self.login != OPERATOR

    def bootstrap(self) -> None:
        bootstrap(self.scene.server, self.scene.database, rehearsal=True, pair=self.pair)
        hire(self.scene)
        if self.plain:
            self.admin(
                f"GRANT qt001_cp_operator TO {self.login}",
                "INSERT INTO qt001_cp.person (login, person, duty)"
                f" VALUES ('{self.login}', '{self.scene.database}.operator', 'operator')",
                f"ALTER ROLE {self.login} IN DATABASE {self.scene.database} SET search_path = ''",
            )

    def fix7a(self) -> None:
        with _Lent(self):
            self._up("base", "fix7a", policy=str(self.policy))

    def seal(self) -> None:
        with self.scene.connect(AUTHOR) as author, self.scene.connect(self.login) as operator:
            made = make_bundle(author, self.policy)
            made.write(self.stage.folder)
            self.stage.bundle = made
            propose(author, made.manifest)
            seal(operator, made.manifest)
        if self.stage.digest not in _RECORDS:
            self.tried = at_fix7a(self.scene, made.manifest)

    def cutover(self) -> None:
        with _Given(self, "forward"):
            self._up("fix7a", "fix7b", rehearsal="first", **self.x)

    def deploy(self) -> None:
        with _Given(self, "retire"), _Lent(self):
            self._up("fix7b", "fix7c", **self.x)

    def sign(self) -> None:
        """Everything that opens the gates; the no-go record first, which is made once for a manifest."""
        with self.scene.connect(OPERATOR) as operator:
            record_rehearsal(operator, self._record())
        self.open()

    def open(self) -> None:
        """The sign-off lasts as long as a whole order of steps may take."""
        open_all(self.stage)
        with self.scene.connect(AUDITOR) as auditor:
            auditor.execute("SELECT qt001_cp.sign_off(qt001_cp.subject_digest(), 'all day', 86400)")
        self.verified = time.monotonic()

    def renew(self) -> bool:
        """Verifier and scanner on their schedule; whether they ran."""
        if self.verified is None or time.monotonic() - self.verified < _RENEWED:
            return False
        for login, call in ((VERIFIER, "verify"), (SCANNER, "scan")):
            with self.scene.connect(login) as runner:
                assert runner.execute(f"SELECT qt001_cp.{call}()".encode()).fetchone() == ([],)
        self.verified = time.monotonic()
        return True

    def _record(self) -> bytes:
        digest, made = self.stage.digest, self.stage.bundle
        assert made is not None
        if digest not in _RECORDS:
            policy = load_policy(self.policy)
            transcript = Transcript(manifest=digest, server="test", apply_path=policy.apply_path is not None)
            transcript.outcomes += self.tried
            transcript.outcomes += at_fix7c(self.scene, made.manifest, made.files, demand_of(policy))
            assert [(o.case.name, o.sqlstate, o.message) for o in transcript.outcomes if not o.passed] == []
            _RECORDS[digest] = transcript.record()
        return _RECORDS[digest]

    def undeploy(self) -> None:
        self.verified = None
        with _Given(self, "revive"), _Lent(self):
            self._down("fix7c", "fix7b", **self.x)

    def restore(self) -> None:
        with _Given(self, "restore"):
            self._down("fix7b", "fix7a", **self.x)

    def base(self) -> None:
        with _Lent(self):
            self._down("fix7a", "base", ledger=exported(self.scene, self.login))

    def teardown(self) -> None:
        """With what :func:`hire` has set for its people in this database."""
        self.admin(
            *(f"ALTER ROLE {login} IN DATABASE {self.scene.database} RESET ALL" for login in {*PERSONS, self.login})
        )
        teardown(self.scene.server, self.scene.database, roles=True, pair=self.pair)

    def admin(self, *statements: str) -> None:
        with self.scene.connect() as admin:
            for statement in statements:
                admin.execute(statement.encode())

    def _up(self, start: str, end: str, **x: str) -> None:
        """As superuser online; without superuser from the printed file, as it is."""
        if self.plain:
            self.scene.psql(revisions.upgrade_sql(start, end, **x), user=self.login)
        else:
            revisions.upgrade(self.scene.dsn(self.login), end, **x)

    def _down(self, start: str, end: str, **x: str) -> None:
        if self.plain:
            self.scene.psql(revisions.downgrade_sql(start, end, **x), user=self.login)
        else:
            revisions.downgrade(self.scene.dsn(self.login), end, **x)


class _Lent:
    """The ledger role of the database, lent to the operator's login for one script; to a superuser nothing is lent."""

    def __init__(self, place: Place) -> None:
        self.place = place
        options = " WITH INHERIT TRUE, SET TRUE" if place.scene.server.version >= 160000 else ""
        self.grant = f"GRANT {place.pair.ledger.name} TO {place.login}{options}"
        self.revoke = f"REVOKE {place.pair.ledger.name} FROM {place.login}"

    def __enter__(self) -> None:
        if self.place.plain:
            self.place.admin(self.grant)

    def __exit__(self, *_: object) -> None:
        if self.place.plain:
            self.place.admin(self.revoke)


class _Given:
    """What the database itself says that the operator's login lacks for one direction, statement by statement, taken back afterwards."""

    def __init__(self, place: Place, direction: str) -> None:
        self.place, self.direction = place, direction

    def __enter__(self) -> None:
        if not self.place.plain:
            return
        query = "SELECT object, mend FROM qt001_cp.operator_power_findings(%s, %s)"
        for _ in range(9):
            with self.place.scene.connect(self.place.login) as operator:
                lacking = operator.execute(query.encode(), [self.place.stage.digest, self.direction]).fetchall()
            if not lacking:
                return
            for _, mend in lacking:
                self.place.admin(str(mend).partition(" -- ")[0])
        raise AssertionError(lacking)

    def __exit__(self, *_: object) -> None:
        if self.place.plain:
            self.place.admin(f"ALTER ROLE {self.place.login} NOCREATEDB")
            with self.place.scene.connect() as admin:
                held = admin.execute(
                    "SELECT DISTINCT roleid::regrole::text FROM pg_auth_members WHERE member = %s::regrole",
                    [self.place.login],
                ).fetchall()
            for (role,) in held:
                if role != "qt001_cp_operator":
                    self.place.admin(f"REVOKE {role} FROM {self.place.login}")


def made(server: Server, database: str, reference: Reference, named: Pair = DEFAULT, login: str = OPERATOR) -> Place:
    """A database as its application leaves it; no bootstrap."""
    template = build_template(server, reference)
    files = " STRATEGY file_copy" if server.version >= 150000 else ""
    with server.connect("postgres") as connection:
        create = sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {}" + files)
        names = (sql.Identifier(name) for name in (database, reference.application, template))
        connection.execute(create.format(*names))
        known = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [login]).fetchone()
        if login != OPERATOR and known is None:
            connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(login)))
    scene = Scene(server, database, application=reference.application, pair=named)
    if server.version < 150000:
        with scene.connect() as admin:
            admin.execute(sql.SQL("ALTER SCHEMA public OWNER TO {}").format(sql.Identifier(reference.application)))
    stage = Stage(scene, Path(tempfile.mkdtemp(prefix="qt001-place-")))
    return Place(stage, reference, policy_of(reference, named), login)


def gone(place: Place) -> None:
    """The database, its operator and its own pair."""
    drop_scene(place.scene)
    with place.scene.server.connect("postgres") as admin:
        named = () if place.pair.is_default else (place.pair.ledger.name, place.pair.owner.name)
        for role in (*named, *([place.login] if place.plain else [])):
            admin.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(role)))


def verdict(scene: Scene) -> dict[str, Any]:
    """All that a database says of itself: status with gates, acceptance, drift, what is told; the audit; before FIX7a its dump."""
    with scene.connect() as connection:
        if not _has(connection, "qt001_cp.event"):
            return {"stage": "base", "dump": scene.dump("--create")}
        document = read_status(connection).document()
        sealed = connection.execute("SELECT 1 FROM qt001_cp.v_event WHERE verb = 'sealed'").fetchone()
    said: dict[str, Any] = {key: value for key, value in document.items() if key not in _BESIDE}
    if sealed:
        report = audit(scene.dsn(scene.server.superuser), Outside(), wheel.programs() / "pg_dump", os.environ)
        said["audit"] = {c.name: (sorted(c.faults), sorted(c.told), c.unseen) for c in report.checks}
    return said


def _has(connection: psycopg.Connection, relation: str) -> bool:
    row = connection.execute("SELECT to_regclass(%s) IS NOT NULL", [relation]).fetchone()
    return row == (True,)


Step = Callable[[Place], None]
STEPS: dict[str, Step] = {
    "bootstrap": Place.bootstrap,
    "FIX7a": Place.fix7a,
    "seal": Place.seal,
    "FIX7b": Place.cutover,
    "FIX7c": Place.deploy,
    "sign": Place.sign,
    "FIX7c back": Place.undeploy,
    "FIX7b back": Place.restore,
    "base": Place.base,
    "teardown": Place.teardown,
}
