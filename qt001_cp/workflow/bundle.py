"""The author's bundle: the object manifest, the documents that go with it, and the restore statements, as files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import psycopg

from qt001_cp.analyse.engine import TOOL
from qt001_cp.analyse.result import Names
from qt001_cp.catalog.application import require_no_superuser
from qt001_cp.catalog.edges import read_catalog_edges
from qt001_cp.catalog.inventory import read_inventory
from qt001_cp.catalog.names import read_names
from qt001_cp.catalog.needs import read_needs
from qt001_cp.emit.statements import statement
from qt001_cp.model.canonical import Json, canonical_bytes
from qt001_cp.model.inventory import Inventory, InventoryObject
from qt001_cp.model.manifest import ObjectManifest
from qt001_cp.model.roles import SCHEMA
from qt001_cp.plan import documents
from qt001_cp.plan.analysis import analyse_estate, analyse_new_sources
from qt001_cp.plan.generate import generate
from qt001_cp.plan.order import Direction, ordered
from qt001_cp.policy_file import load_policy, new_sources, write_whole
from qt001_cp.sql.build import version
from qt001_cp.workflow.transferred import owned_objects

OBJECT = "object.json"
_GUARD = ("function", f"{SCHEMA}.require_acceptance(pg_catalog.text)")


class Files(Mapping[str, bytes]):
    """Files by name. Their bytes are made when they are asked for: those of a large estate would fill the memory."""

    def __init__(self, pieces: Mapping[str, Callable[[], Iterable[bytes]]]) -> None:
        self._pieces = pieces

    def __getitem__(self, name: str) -> bytes:
        return b"".join(self._pieces[name]())

    def __iter__(self) -> Iterator[str]:
        return iter(self._pieces)

    def __len__(self) -> int:
        return len(self._pieces)

    def write(self, name: str, path: Path) -> None:
        write_whole(path, self._pieces[name]())


@dataclass(frozen=True)
class Bundle:
    """All documents of one cutover. ``files``: name → bytes, every JSON file canonical."""

    inventory: Inventory
    manifest: ObjectManifest
    files: Files

    def write(self, folder: Path) -> Path:
        """Write every file; return the path of the object manifest."""
        folder.mkdir(parents=True, exist_ok=True)
        for name in self.files:
            self.files.write(name, folder / name)
        return folder / OBJECT


def make_bundle(connection: psycopg.Connection, policy_path: Path) -> Bundle:
    """Read the estate, classify, analyse, plan. Nothing is written to the database.

    Raises what :func:`qt001_cp.plan.generate.generate` raises, and :class:`DatabaseProblem` where FIX7a is missing.
    """
    policy = load_policy(policy_path)
    require_no_superuser(connection, policy.application, first_only=True)
    sources = new_sources(policy, policy_path)
    inventory = read_inventory(connection, policy.application)
    kept = _kept(connection)
    every = _with(inventory, kept)
    names = _with_guard(read_names(connection))
    analyses = analyse_estate(every.objects, names)
    new = analyse_new_sources(every.objects, policy, sources, names)
    manifest = generate(inventory, policy, sources, analyses, read_needs(connection), kept)
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    evidence = documents.static_analysis(manifest, every, analyses, new, version=version(), engine=TOOL, at=now)
    legacy = [(item["kind"], item["identity"]) for item in policy.legacy]
    small: dict[str, Json] = {
        "readiness.json": documents.readiness(manifest, policy),
        "capability.json": documents.capability(manifest, policy),
        "dependency.json": documents.dependency(manifest, evidence, read_catalog_edges(connection), legacy),
        "static-analysis.json": evidence,
    }
    bodies = {name: canonical_bytes(document) for name, document in small.items()}
    pieces: dict[str, Callable[[], Iterable[bytes]]] = {
        "inventory.json": inventory.pieces,
        OBJECT: manifest.pieces,
        **{name: partial(_whole, body) for name, body in bodies.items()},
        "forward.statements.sql": partial(lines, manifest, "forward"),
        "restore.statements.sql": partial(lines, manifest, "restore"),
    }
    return Bundle(inventory, manifest, Files(pieces))


def _kept(connection: psycopg.Connection) -> tuple[InventoryObject, ...]:
    """What the control plane's owner has outside of its own schema: left by changes that were kept when FIX7 went back. Default
    privileges of its own are found by precondition 8."""
    return tuple(o for o in owned_objects(connection) if o.ref.schema != SCHEMA and o.ref.kind != "default acl")


def _with(inventory: Inventory, kept: Iterable[InventoryObject]) -> Inventory:
    """The estate with it; what is in both once."""
    objects = {o.ref.key: o for o in inventory.objects} | {o.ref.key: o for o in kept}
    return replace(inventory, objects=tuple(objects[key] for key in sorted(objects)))


def _whole(body: bytes) -> Iterable[bytes]:
    return (body,)


def lines(manifest: ObjectManifest, direction: Direction) -> Iterator[bytes]:
    """The statements of one direction, one a line."""
    for placed in ordered(manifest, direction):
        yield f"{statement(placed.object.ref, placed.step, placed.object.detail)}\n".encode()


def _with_guard(names: Names) -> Names:
    """FIX7c's guard as a known routine: the new sources call it, and it may not be deployed yet."""
    routines = {**names.routines, (SCHEMA, "require_acceptance"): (_GUARD,)}
    return replace(names, routines=routines)
