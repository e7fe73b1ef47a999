"""A database with FIX7c in force is moved to another major version: what closes, what is told, what the way back gives.

``python -m tests.versions.moves``: every move that can be made here, written into docs/versions.md. test_moves.py makes them
too, and compares each with its row there.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.record import made_record
from qt001_cp import estate
from qt001_cp.audit.run import Outside, audit
from qt001_cp.catalog.inventory import read_owners
from qt001_cp.errors import Qt001Error
from qt001_cp.model.acl import AclItem
from qt001_cp.model.inventory import State
from qt001_cp.model.manifest import ObjectManifest
from qt001_cp.model.names import Role
from qt001_cp.rehearsal.scene import AUTHOR, OPERATOR, SCANNER, VERIFIER, Scene, new_scene
from qt001_cp.servers import Server, ServerError, open_server
from qt001_cp.servers.cluster import SUPERUSER, identity, reachable
from qt001_cp.servers.folders import bases, run_folder
from qt001_cp.servers.installation import server_user
from qt001_cp.servers.pinned import MAJORS
from qt001_cp.workflow import revisions
from qt001_cp.workflow.bundle import OBJECT, Bundle, make_bundle
from qt001_cp.workflow.seal import propose, record_rehearsal, seal
from tests.faults.cluster import Cluster, cluster

PAGE: Final = Path(__file__).parents[2] / "docs" / "versions.md"
DATABASE: Final = "directus_moved"
MAINTAIN_SINCE: Final = 17
DUMP, UPGRADE = "dump and restore", "`pg_upgrade`"
PAIRS: Final = tuple((old, new) for old in MAJORS for new in MAJORS if old < new)
OLD, NEW = 15, 18
UPGRADES: Final = ((OLD, NEW),)
_MARKS: Final = re.compile(r"(?<=<!-- moves -->\n).*?(?=<!-- /moves -->)", re.DOTALL)
_TIMES: Final = re.compile(r"\d{4}-\d\d-\d\d [\d:.]+\+\d\d|(?<=database )\d+|(?<=table )\d+")
"""What differs from one run to the next: when, and the numbers of a database and its table."""
_GATES: Final = "SELECT gate FROM qt001_cp.v_fix7_gate WHERE open ORDER BY ordinal"
_FOUND: Final = "SELECT gate, object || ': expected ' || expected || ', found ' || found FROM qt001_cp.gate_findings()"


@dataclass
class Home:
    """The database where it was made: verifier and scanner have run, only sign-off and capability evidence are missing."""

    scene: Scene
    folder: Path
    bundle: Bundle
    open: tuple[str, ...]

    @property
    def manifest_path(self) -> str:
        return str(self.folder / OBJECT)


@dataclass(frozen=True)
class Move:
    """``closed``: gates that were open before; ``told``: what those gates say; ``faults``: of the audit; ``back``: whether the way
    back gave every owner and ACL again."""

    how: str
    old: int
    new: int
    closed: tuple[str, ...]
    told: tuple[str, ...]
    faults: tuple[str, ...]
    back: str

    def row(self) -> str:
        closed = ", ".join(f"`{gate}`" for gate in self.closed) or "none"
        told = "; ".join(f"`{_TIMES.sub('…', words)}`" for words in self.told) or "nothing"
        return f"| {self.how} | {self.old} | {self.new} | {closed} | {told} | {self.back} |"


def home(scene: Scene, folder: Path) -> Home:
    """The reference estate brought to FIX7c; a third role holds all that there is to hold on one table."""
    with scene.connect() as admin:
        admin.execute("GRANT ALL ON public.qt001_setting TO reporting")
    dsn = scene.dsn(OPERATOR)
    revisions.upgrade(dsn, "fix7a", policy=str(estate.policy_path()))
    with scene.connect(AUTHOR) as author, scene.connect(OPERATOR) as operator:
        bundle = make_bundle(author, estate.policy_path())
        bundle.write(folder)
        propose(author, bundle.manifest)
        seal(operator, bundle.manifest)
        record_rehearsal(operator, made_record(bundle.manifest))
    for revision in ("fix7b", "fix7c"):
        revisions.upgrade(dsn, revision, manifest=str(folder / OBJECT))
    for login, call in ((VERIFIER, "verify"), (SCANNER, "scan")):
        with scene.connect(login) as watcher:
            watcher.execute(f"SELECT qt001_cp.{call}()".encode())
    return Home(scene, folder, bundle, _open(scene))


def _open(scene: Scene) -> tuple[str, ...]:
    with scene.connect() as connection:
        return tuple(gate for (gate,) in connection.execute(_GATES))


def measured(how: str, made: Home, scene: Scene, meanwhile: Callable[[], None] = lambda: None) -> Move:
    """What the moved database says, and after ``meanwhile`` what the way back gives."""
    old, new = made.scene.server.version // 10000, scene.server.version // 10000
    closed = tuple(gate for gate in made.open if gate not in _open(scene))
    with scene.connect() as connection:
        told = tuple(words for gate, words in connection.execute(_FOUND.encode()) if gate in closed)
    report = audit(
        scene.server.conninfo(scene.database),
        Outside(manifest=Path(made.manifest_path).read_bytes()),
        scene.server.bin / "pg_dump",
        scene.server.env(scene.database),
    )
    faults = tuple(f"{check.name}: {fault}" for check in report.checks for fault in check.faults)
    meanwhile()
    for revision in ("fix7b", "fix7a"):
        revisions.downgrade(scene.dsn(OPERATOR), revision, manifest=made.manifest_path)
    return Move(how, old, new, closed, told, faults, "; ".join(_not_back(scene, made.bundle.manifest)) or "all of it")


def _not_back(scene: Scene, manifest: ObjectManifest) -> Iterator[str]:
    """Objects whose owner or ACL is another than before the cutover. What a dump cannot say (an ACL that is the default) is the same."""
    with scene.connect() as connection:
        live = read_owners(connection, Role("directus"))
    newer = manifest.server_major < MAINTAIN_SINCE <= scene.server.version // 10000
    for o in manifest.transferred:
        found = live.get(o.ref.key)
        if found is None:
            if o.ref.kind != "default acl":
                yield f"{o.ref} is gone"
        elif _state(found, newer) != _state(o.before, False):
            yield f"{o.ref} differs"


def _state(state: State, newer: bool) -> tuple[str, frozenset[AclItem], Mapping[str, frozenset[AclItem]]]:
    """``newer``: MAINTAIN of an owner, or of one who was granted all, came with the server."""
    every = frozenset(state.acl)
    return (
        state.owner.name,
        frozenset(i for i in every if not (newer and i.privilege == "MAINTAIN")),
        {c.column: frozenset(c.acl) for c in state.columns},
    )


def by_dump(made: Home, new: Server) -> Scene:
    """The cluster's roles and the database, as two dumps have them, on another server."""
    old = made.scene.server
    new.psql(old.dump_roles().replace(f"CREATE ROLE {old.superuser};", ""), dbname="postgres")
    text = old.dump(made.scene.database, "--create")
    if new.version < 170000:  # pg_dump is the wheel's 18, and sets what older servers do not know
        text = text.replace("SET transaction_timeout = 0;\n", "")
    new.psql(text, dbname="postgres")
    return Scene(new, made.scene.database)


def upgradable(major: int) -> Path:
    """The programs of an older server that pg_upgrade needs. Raises :class:`ServerError` where they are not here."""
    named = os.environ.get(f"QT001_POSTGRES_BIN_{major}") or f"/usr/lib/postgresql/{major}/bin"
    lacking = [
        p for p in ("initdb", "postgres", "pg_ctl", "pg_controldata", "pg_resetwal") if not Path(named, p).exists()
    ]
    if lacking:
        raise ServerError(
            f"no PostgreSQL {major} that pg_upgrade can take over: {named} has no {', '.join(lacking)}",
            hint=f"QT001_POSTGRES_BIN_{major}: the programs of a distribution's server",
        )
    return Path(named)


@contextmanager
def by_upgrade(made: Home, old: Cluster, major: int) -> Iterator[Scene]:
    """The real pg_upgrade of ``major``, on a stopped cluster; the new one runs for the time of the block."""
    user = server_user()
    places = bases(user)
    with ExitStack() as stack:
        folder = stack.enter_context(run_folder(places[0], user))
        programs = reachable(major, user, folder, places[1:], stack)
        options = ["-U", SUPERUSER, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]
        if major >= 18:  # which checks its pages unless it is told not to; before, a cluster was made without
            options.append("--no-data-checksums")
        _run([str(programs / "initdb"), "-D", str(folder / "data"), *options], folder)
        _forget_notes(old.server())
        old.stop()
        from_to = ["-b", old.binaries, "-B", programs, "-d", old.folder / "data", "-D", folder / "data"]
        command = [programs / "pg_upgrade", *from_to, "-U", SUPERUSER, "-s", folder, "--no-sync"]
        _run(list(map(str, command)), folder)
        new = Cluster(programs, folder, identity(user))
        try:
            new.start()
            yield Scene(new.server(), made.scene.database)
        finally:
            new.stop()


def _forget_notes(server: Server) -> None:
    """What Debian's 15.20 notes at each column (pg_attver) its pg_upgrade hands on, and a server of another build does not take it."""
    with server.connect("postgres") as admin:
        databases = admin.execute("SELECT datname FROM pg_database WHERE datallowconn").fetchall()
    for (name,) in databases:
        with server.connect(name) as admin:
            admin.execute(
                "UPDATE pg_attribute SET attoptions = NULL WHERE attoptions::text ~ '^{pg_attver=[0-9/A-F]+}$'"
            )


def _run(command: list[str], folder: Path) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder, **identity(server_user()))
    assert done.returncode == 0, f"{command[0]}: {done.stdout[-2000:]}{done.stderr[-2000:]}"


@contextmanager
def old_home(major: int, folder: Path) -> Iterator[tuple[Home, Cluster]]:
    """A database at FIX7c on a cluster of that major, whose programs pg_upgrade can use. Raises :class:`ServerError`."""
    with cluster(upgradable(major)) as made:
        yield home(new_scene(made.server(), DATABASE), folder), made


def moves(how: str, old: int, news: Iterable[int]) -> Iterator[Move]:
    """Each move of one database at FIX7c to a later major. Raises :class:`ServerError` where a server cannot be had."""
    with tempfile.TemporaryDirectory(prefix="qt001-moves-") as name:
        folder = Path(name)
        if how == UPGRADE:
            for new in news:
                with old_home(old, folder) as (made, there), by_upgrade(made, there, new) as scene:
                    yield measured(how, made, scene)
            return
        with open_server("embedded", major=old) as server:
            made = home(new_scene(server, DATABASE), folder)
            for new in news:
                with open_server("embedded", major=new) as target:
                    yield measured(how, made, by_dump(made, target))


def main() -> int:
    """Writes the table. A move that cannot be made here keeps the row that it has."""
    text = PAGE.read_text("utf-8")
    kept = {
        tuple(line.split(" | ")[:3]): line for line in _MARKS.findall(text)[0].splitlines() if line.startswith("| ")
    }
    lines = ["| how | from | to | closes | told | the way back gives |", "| --- | --- | --- | --- | --- | --- |"]
    wanted = [(DUMP, old, [n for o, n in PAIRS if o == old]) for old in MAJORS[:-1]]
    wanted += [(UPGRADE, old, [new]) for old, new in UPGRADES]
    for how, old, news in wanted:
        try:
            lines += [move.row() for move in moves(how, old, news)]
        except Qt001Error as exc:
            print(exc, file=sys.stderr)
            lines += [line for new in news if (line := kept.get((f"| {how}", str(old), str(new))))]
    PAGE.write_text(_MARKS.sub(lambda _: "\n".join(lines) + "\n", text), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
