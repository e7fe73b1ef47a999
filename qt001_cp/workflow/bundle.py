"""The author's bundle: the object manifest, the documents that go with it, and the restore statements, as files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import psycopg

import qt001_cp
from qt001_cp.analyse.engine import TOOL
from qt001_cp.analyse.result import Names
from qt001_cp.catalog.edges import read_catalog_edges
from qt001_cp.catalog.inventory import read_inventory
from qt001_cp.catalog.names import read_names
from qt001_cp.emit.statements import statements
from qt001_cp.model.canonical import Json, canonical_bytes
from qt001_cp.model.inventory import Inventory
from qt001_cp.model.manifest import ObjectManifest
from qt001_cp.model.roles import SCHEMA
from qt001_cp.plan import documents
from qt001_cp.plan.analysis import analyse_estate, analyse_new_sources
from qt001_cp.plan.generate import generate
from qt001_cp.policy_file import load_policy, new_sources

OBJECT = "object.json"
_GUARD = ("function", f"{SCHEMA}.require_acceptance(pg_catalog.text)")


@dataclass(frozen=True)
class Bundle:
    """All documents of one cutover. ``files``: name → bytes, every JSON file canonical."""

    inventory: Inventory
    manifest: ObjectManifest
    files: Mapping[str, bytes]

    def write(self, folder: Path) -> Path:
        """Write every file; return the path of the object manifest."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, body in self.files.items():
            (folder / name).write_bytes(body)
        return folder / OBJECT


def make_bundle(connection: psycopg.Connection, policy_path: Path) -> Bundle:
    """Read the estate, classify, analyse, plan. Nothing is written to the database.

    Raises what :func:`qt001_cp.plan.generate.generate` raises, and :class:`DatabaseProblem` where FIX7a is missing.
    """
    policy = load_policy(policy_path)
    sources = new_sources(policy, policy_path)
    inventory = read_inventory(connection, policy.application)
    names = _with_guard(read_names(connection))
    analyses = analyse_estate(inventory.objects, names)
    new = analyse_new_sources(inventory.objects, policy, sources, names)
    manifest = generate(inventory, policy, sources, analyses)
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    evidence = documents.static_analysis(
        manifest, inventory, analyses, new, version=qt001_cp.__version__, engine=TOOL, at=now
    )
    legacy = [(item["kind"], item["identity"]) for item in policy.legacy]
    parts: dict[str, Json] = {
        "inventory.json": inventory.to_json(),
        OBJECT: manifest.to_json(),
        "readiness.json": documents.readiness(manifest, policy),
        "capability.json": documents.capability(manifest, policy),
        "dependency.json": documents.dependency(manifest, evidence, read_catalog_edges(connection), legacy),
        "static-analysis.json": evidence,
    }
    files = {name: canonical_bytes(document) for name, document in parts.items()}
    for direction in ("forward", "restore"):
        lines = statements(manifest, direction)
        files[f"{direction}.statements.sql"] = "".join(line + "\n" for line in lines).encode()
    return Bundle(inventory, manifest, files)


def _with_guard(names: Names) -> Names:
    """FIX7c's guard as a known routine: the new sources call it, and it may not be deployed yet."""
    routines = {**names.routines, (SCHEMA, "require_acceptance"): (_GUARD,)}
    return replace(names, routines=routines)
