"""The whole way, once through psql from the printed file and once online, and back, with everything compared."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from difflib import unified_diff
from itertools import islice
from pathlib import Path
from typing import Any, Final, Protocol

import psycopg

from qt001_cp.errors import Qt001Error
from qt001_cp.estate import QT001, Reference
from qt001_cp.model.canonical import Json, canonical_bytes
from qt001_cp.model.manifest import ObjectManifest
from qt001_cp.model.roles import SCHEMA
from qt001_cp.model.versions import require_supported
from qt001_cp.plan.losses import losses, losses_page, reaching_in
from qt001_cp.policy_file import load_policy
from qt001_cp.rehearsal.behaviour.exercise import Behaviour, Difference, named
from qt001_cp.rehearsal.behaviour.smoke import Smoke
from qt001_cp.rehearsal.calling import call_of
from qt001_cp.rehearsal.nogo.families import at_fix7a, at_fix7c, demand_of
from qt001_cp.rehearsal.protection import Protection, measure
from qt001_cp.rehearsal.scene import AUTHOR, OPERATOR, SCANNER, VERIFIER, Scene, drop_scene, new_scene
from qt001_cp.rehearsal.state import data_digest
from qt001_cp.rehearsal.transcript import Transcript
from qt001_cp.servers import Server
from qt001_cp.workflow import revisions
from qt001_cp.workflow.bundle import OBJECT, Bundle, make_bundle
from qt001_cp.workflow.ledger import export
from qt001_cp.workflow.seal import propose, record_rehearsal, seal

Say = Callable[[str], None]
_SHOWN: Final = 3


class Origin(Protocol):
    """Where the estate of a rehearsal comes from: the reference estate, or a clone of somebody's own."""

    @property
    def policy_path(self) -> Path: ...

    def new_scene(self, server: Server) -> Scene:
        """A fresh copy of the estate, bootstrapped and marked as a rehearsal."""
        ...

    def findings(self, manifest: ObjectManifest) -> Iterable[tuple[str, bool, str]]:
        """Whether the manifest made there is the one that is to be rehearsed: (what, passed, found)."""
        ...

    def report(self) -> Json | None:
        """What the transcript says about the origin; None for the reference estate."""
        ...


class ReferenceEstate:
    """One of the estates that come with the package."""

    def __init__(self, reference: Reference = QT001) -> None:
        self.reference = reference
        self.policy_path = reference.policy_path

    def new_scene(self, server: Server) -> Scene:
        return new_scene(server, f"{self.reference.application}_rehearsal", reference=self.reference)

    def findings(self, manifest: ObjectManifest) -> Iterable[tuple[str, bool, str]]:  # noqa: ARG002 - the protocol's
        return ()

    def report(self) -> Json | None:
        return None


class Rehearsal:
    """One rehearsal on one server; everything it writes goes below ``out``."""

    def __init__(self, server: Server, out: Path, say: Say, origin: Origin, smoke: Smoke | None = None) -> None:
        self.server, self.out, self.say, self.origin, self.smoke = server, out, say, origin, smoke
        self.transcript = Transcript(server=f"PostgreSQL {server.version // 10000}, {server.kind}")
        self.policy_path = origin.policy_path
        self.policy = load_policy(self.policy_path)
        self.catalogs: dict[tuple[str, str], str] = {}

    def run(self) -> Transcript:
        """Everything. Raises :class:`Qt001Error` only where the rehearsal itself cannot go on."""
        self.out.mkdir(parents=True, exist_ok=True)
        bundle = self._through("psql")
        if all(o.passed for o in self.transcript.outcomes):
            self._through("online", bundle)
            self._same_catalogs()
        else:
            self._check("the second database", False, "not begun: a no-go case was not refused, so FIX7b would be")
        self._write()
        return self.transcript

    def _through(self, way: str, known: Bundle | None = None) -> Bundle:
        """One database from base to FIX7c and back to base."""
        with self._step(f"{way}: estate and bootstrap"):
            scene = self.origin.new_scene(self.server)
        base, base_rest, roles, data = self._photograph(scene)
        with self._step(f"{way}: FIX7a"):
            self._migrate(scene, way, "base", "fix7a", policy=str(self.policy_path))
            rest = scene.dump("--exclude-schema", SCHEMA)
            self._check(f"{way}: outside {SCHEMA} pg_dump is the same after FIX7a", rest == base_rest)
            self._check(f"{way}: the data has not moved after FIX7a", data_digest_of(scene) == data)
        with self._step(f"{way}: generate, propose, seal"):
            bundle = self._sealed(scene, known)
        if known is None:
            with self._step("no-go: denominator, canonical hash"):
                self.transcript.outcomes += at_fix7a(scene, bundle.manifest)
        else:
            with scene.connect(OPERATOR) as operator:
                record_rehearsal(operator, self.transcript.record())
        behaviour = self._behaviour(scene, way) if known is None else None
        fix7a, _, _, _ = self._photograph(scene)
        in_fix7a = measure(scene, bundle.manifest)
        x = {"manifest": str(self.out / OBJECT), **({} if known else {"rehearsal": "first"})}
        with self._step(f"{way}: FIX7b"):
            self._migrate(scene, way, "fix7a", "fix7b", **x)
        self._remember(scene, way, "FIX7b")
        fix7b, _, _, _ = self._photograph(scene)
        in_fix7b = self._no_worse(scene, way, bundle, "after FIX7b", in_fix7a)
        self._still(behaviour, way, "after FIX7b")
        with self._step(f"{way}: FIX7c"):
            self._migrate(scene, way, "fix7b", "fix7c", **x)
        self._remember(scene, way, "FIX7c")
        in_fix7c = self._no_worse(scene, way, bundle, "after FIX7c", in_fix7b)
        self._still(behaviour, way, "after FIX7c")
        if known is None:
            with self._step("no-go: all other families"):
                self.transcript.outcomes += at_fix7c(scene, bundle.manifest, bundle.files, demand_of(self.policy))
        with self._step(f"{way}: the scheduled verifier, the gates"):
            self._gates(scene, way, bundle, known is None)
        self._no_worse(scene, way, bundle, "after all refused attacks", in_fix7c)
        self._check(f"{way}: the data has not moved", data_digest_of(scene) == data)
        with self._step(f"{way}: back to FIX7b, FIX7a, base"):
            self._migrate(scene, way, "fix7c", "fix7b", manifest=x["manifest"])
            self._check(
                f"{way}: pg_dump is the same before FIX7c and after its downgrade, rows of the ledger aside",
                self._photograph(scene)[0] == fix7b,
            )
            self._no_worse(scene, way, bundle, "back in FIX7b", in_fix7b)
            self._still(behaviour, way, "back in FIX7b")
            self._migrate(scene, way, "fix7b", "fix7a", manifest=x["manifest"])
            self._no_worse(scene, way, bundle, "back in FIX7a", in_fix7a)
            self._still(behaviour, way, "back in FIX7a", cut_over=False)
            self._remember(scene, way, "FIX7a again")
            self._check(
                f"{way}: pg_dump is the same before FIX7b and after its downgrade, rows of the ledger aside",
                self._photograph(scene)[0] == fix7a,
            )
            self._migrate(scene, way, "fix7a", "base", ledger=str(self._exported(scene)))
            end, _, end_roles, end_data = self._photograph(scene)
            self._check(f"{way}: pg_dump is the same before FIX7a and after downgrade to base", end == base)
            self._check(f"{way}: pg_dumpall --roles-only is the same", end_roles == roles)
            self._check(f"{way}: the data is the same", end_data == data)
        drop_scene(scene)
        return bundle

    def _exported(self, scene: Scene) -> Path:
        """The ledger as a file: without it nothing is taken back to base."""
        path = self.out / "ledger.jsonl"
        with scene.connect(OPERATOR) as operator:
            export(operator, path)
        return path

    def _sealed(self, scene: Scene, known: Bundle | None) -> Bundle:
        with scene.connect(AUTHOR) as author, scene.connect(OPERATOR) as operator:
            bundle = make_bundle(author, self.policy_path)
            if known is None:
                bundle.write(self.out)
                kept = self.policy.raw.get("kept_foreign_key", ())
                (self.out / "losses.md").write_text(losses_page(bundle.manifest, kept), "utf-8")
                self.transcript.losses = losses(bundle.manifest)
                self.transcript.reaching_in = reaching_in(bundle.manifest, kept)
                self.transcript.manifest = bundle.manifest.digest()
                self.transcript.apply_path = bundle.manifest.apply_path is not None
                for what, passed, found in self.origin.findings(bundle.manifest):
                    self._check(what, passed, found)
            else:
                self._check("the same estate gives the same manifest", bundle.manifest.body() == known.manifest.body())
            made = propose(author, bundle.manifest)
            self._check(f"{made[:12]}: the server computes the digest of the file", made == bundle.manifest.digest())
            seal(operator, bundle.manifest)
        return bundle

    def _migrate(self, scene: Scene, way: str, start: str, end: str, **x: str) -> None:
        up = (start, end) in (("base", "fix7a"), ("fix7a", "fix7b"), ("fix7b", "fix7c"))
        if way == "online":
            move = revisions.upgrade if up else revisions.downgrade
            move(scene.dsn(OPERATOR), end, **x)
            return
        text = (revisions.upgrade_sql if up else revisions.downgrade_sql)(start, end, **x)
        name = f"{'upgrade' if up else 'downgrade'}-{start}-{end}.sql"
        (self.out / name).write_text(text, "utf-8")
        scene.psql(text)

    def _gates(self, scene: Scene, way: str, bundle: Bundle, first: bool) -> None:
        if first:
            with scene.connect(OPERATOR) as operator:
                record_rehearsal(operator, self.transcript.record())
        with scene.connect(VERIFIER) as verifier:
            row = verifier.execute("SELECT qt001_cp.verify()").fetchone()
            self._check(f"{way}: the scheduled verifier finds nothing", row == ([],), _words(row))
        with scene.connect(SCANNER) as scanner:
            row = scanner.execute("SELECT qt001_cp.scan()").fetchone()
            self._check(f"{way}: the scheduled scanner finds nothing", row == ([],), _words(row))
        with scene.connect() as connection:
            gates = connection.execute(
                "SELECT gate, open, coalesce(reason, '') FROM qt001_cp.v_fix7_gate ORDER BY ordinal"
            ).fetchall()
            closed = [g for g, is_open, _ in gates if not is_open]
            people = connection.execute(
                "SELECT gate FROM qt001_cp.gate() WHERE waits_for = 'people' ORDER BY ordinal"
            ).fetchall()
            waiting = [gate for (gate,) in people]
            missing = "sign-off and capability evidence are" if self.policy.apply_path else "the sign-off is"
            self._check(f"{way}: only {missing} missing", closed == waiting, ", ".join(closed))
            if first:
                self.transcript.gates = [(g, o, r) for g, o, r in gates]
            if self.policy.apply_path:
                self._blocked(scene, way, bundle)

    def _no_worse(self, scene: Scene, way: str, bundle: Bundle, state: str, before: Protection) -> Protection:
        now = measure(scene, bundle.manifest)
        worse = now.worse_than(before)
        self._check(f"{way}: protected state no worse {state}", not worse, worse)
        return now

    def _behaviour(self, scene: Scene, way: str) -> Behaviour:
        """Everybody tries what he holds, before the cutover; and the team's own test, where there is one."""
        with self._step(f"{way}: what everybody can do before FIX7b"):
            behaviour = Behaviour(scene)
            self.transcript.exercised = behaviour.exercised
            self.transcript.not_exercised = behaviour.not_exercised()
            self._smoke(scene, way, "before FIX7b")
        return behaviour

    def _still(self, behaviour: Behaviour | None, way: str, state: str, *, cut_over: bool = True) -> None:
        """The same again. A difference is the manifest's own (``cut_over``: then it takes privileges), or it fails."""
        if behaviour is None:
            return
        with self._step(f"{way}: what everybody can do {state}"):
            found = named(behaviour.differences(behaviour.answers()), self.policy.intended if cut_over else ())
            broken = [d for d in found if not (d.intended and cut_over)]
            self.transcript.differences += [(state, d) for d in found]
            self.transcript.not_exercised = behaviour.not_exercised()
            self._check(f"{way}: everybody can do {state} what the manifest leaves", not broken, _listed(broken))
            self._smoke(behaviour.scene, way, state)

    def _smoke(self, scene: Scene, way: str, state: str) -> None:
        if self.smoke is not None:
            said = self.smoke.run(scene, state)
            self._check(f"{way}: the smoke test passes {state}", not said, said)

    def _blocked(self, scene: Scene, way: str, bundle: Bundle) -> None:
        """Who may call the gateway does, in a session of its own; where nobody but its owner may, the owner."""
        caller, call = call_of(bundle.manifest, "gateway")
        with scene.connect(caller or bundle.manifest.pair.owner.name) as service:
            try:
                service.execute(call.encode())
                said = "not refused"
            except psycopg.Error as exc:
                said = f"[{exc.sqlstate}] {exc}".splitlines()[0]
        self._check(f"{way}: the writer is blocked", said.startswith("[QT301]"), said)

    def _photograph(self, scene: Scene) -> tuple[str, str, str, str]:
        return (
            scene.dump_without_ledger("--create"),
            scene.dump("--exclude-schema", SCHEMA),
            self.server.dump_roles(),
            data_digest_of(scene),
        )

    def _remember(self, scene: Scene, way: str, state: str) -> None:
        """Definitions, owners and ACLs of everything, without the ledger's rows: times differ, catalogs must not."""
        self.catalogs[way, state] = scene.dump("--create", "--schema-only")

    def _same_catalogs(self) -> None:
        for state in ("FIX7b", "FIX7c", "FIX7a again"):
            found = _first_lines(self.catalogs["psql", state], self.catalogs["online", state])
            self._check(f"psql and online give the same catalogs: {state}", not found, found)

    def _check(self, what: str, passed: bool, found: str = "") -> None:
        self.transcript.check(what, passed, found)
        if not passed:
            self.say(f"✗ {what}: {found}")

    @contextmanager
    def _step(self, what: str) -> Iterator[None]:
        begun = time.monotonic()
        self.say(what)
        yield
        self.transcript.seconds[what] = time.monotonic() - begun

    def _write(self) -> None:
        self.transcript.origin = self.origin.report()
        (self.out / "nogo.json").write_bytes(self.transcript.record())
        (self.out / "transcript.json").write_bytes(canonical_bytes(self.transcript.to_json()))
        (self.out / "transcript.md").write_text(self.transcript.to_markdown(), "utf-8")


def _words(row: tuple[Any, ...] | None) -> str:
    """What verifier or scanner found, for people: the first few findings."""
    findings = row[0] if row is not None else []
    said = [f"[{f['sqlstate']}] {f['object']}: expected {f['expected']}, found {f['found']}" for f in findings[:_SHOWN]]
    more = [f"and {len(findings) - _SHOWN} more"] if len(findings) > _SHOWN else []
    return "; ".join([*said, *more])


def _listed(differences: Sequence[Difference]) -> str:
    """Who, what, before and after: the first, and how many more."""
    more = [f"and {len(differences) - _SHOWN} more"] if len(differences) > _SHOWN else []
    return "; ".join([*map(str, differences[:_SHOWN]), *more])


def data_digest_of(scene: Scene) -> str:
    """The rows of every table outside the control plane."""
    with scene.connect() as connection:
        return data_digest(connection, without=SCHEMA)


def rehearse(
    server: Server, out: Path, say: Say, origin: Origin | None = None, smoke: Smoke | None = None
) -> Transcript:
    """Run the rehearsal on ``server`` and write its folder. Raises :class:`Qt001Error`."""
    require_supported(server.version)
    rehearsal = Rehearsal(server, out, say, origin or ReferenceEstate(), smoke)
    try:
        return rehearsal.run()
    except Qt001Error as exc:
        rehearsal.transcript.check("the rehearsal came to its end", False, exc.message)
        rehearsal._write()
        raise


def _first_lines(one: str, other: str, most: int = 20) -> str:
    """What differs between two dumps, as ``diff -U1`` says it, but at most so many lines; '' for nothing."""
    lines = unified_diff(one.splitlines(), other.splitlines(), "psql", "online", n=1, lineterm="")
    return "\n".join(islice(lines, most))
