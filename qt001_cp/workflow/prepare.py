"""The bundle of a change: the successor of what is deployed, and the documents that belong to it, from a copy on which its text has run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import psycopg

from qt001_cp.analyse.engine import TOOL
from qt001_cp.catalog.edges import read_catalog_edges
from qt001_cp.catalog.inventory import read_inventory
from qt001_cp.catalog.names import read_names
from qt001_cp.catalog.needs import read_needs
from qt001_cp.errors import DatabaseProblem
from qt001_cp.model.canonical import Json, canonical_bytes
from qt001_cp.model.change import Change
from qt001_cp.model.inventory import Inventory
from qt001_cp.model.manifest import ObjectManifest
from qt001_cp.model.policy import Policy, policy_from_data
from qt001_cp.plan import documents
from qt001_cp.plan.analysis import Analyses, analyse_estate
from qt001_cp.plan.follow_server import follow_server
from qt001_cp.plan.moves import Estate, draft, settled
from qt001_cp.plan.succession import Copy, Succession, succeed
from qt001_cp.policy_file import load_policy, read_file, write_whole
from qt001_cp.sql.build import version
from qt001_cp.workflow.bundle import OBJECT, lines
from qt001_cp.workflow.refusal import refusals

CHANGE: Final = "change.json"
POLICY: Final = "policy.json"
_DEPLOYED: Final = """
SELECT d.body, p.body, a.body, e.detail -> 'definitions'
FROM qt001_cp.deployment() e
JOIN qt001_cp.document d ON d.digest = e.subject
LEFT JOIN qt001_cp.document p ON p.digest = d.head #>> '{policy,sha256}'
LEFT JOIN qt001_cp.document a ON a.digest = qt001_cp.analysis(e.subject)
WHERE qt001_cp.stage() = 'fix7c'
"""


@dataclass(frozen=True)
class Deployed:
    """What is in force where the change is made. ``sources``: of each routine of the apply path, the digest of its source."""

    manifest: ObjectManifest
    policy: Policy
    analysis: Json
    sources: Mapping[str, str]


@dataclass(frozen=True)
class ChangeBundle:
    """All documents of one change. ``files``: name → bytes, every JSON file canonical."""

    succession: Succession
    policy: Policy
    files: Mapping[str, bytes]

    def write(self, folder: Path) -> Path:
        """Write every file; return the path of the object manifest."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, body in self.files.items():
            write_whole(folder / name, [body])
        return folder / OBJECT


def read_deployed(connection: psycopg.Connection) -> Deployed:
    """The deployed manifest with its policy and its analysis. Raises :class:`DatabaseProblem` where FIX7c is not deployed."""
    with refusals():
        row = connection.execute(_DEPLOYED.encode()).fetchone()
    if row is None or row[1] is None or row[2] is None:
        raise DatabaseProblem(
            f"database {connection.info.dbname}: expected FIX7c to be deployed, with its documents, found it is not",
            hint="a change is prepared on a copy of a database in which FIX7c is deployed: qt001-cp status",
        )
    policy = policy_from_data(json.loads(row[1]), "the deployed policy")
    sources = {identity: sha256 for identity, sha256, _ in row[3]}
    return Deployed(
        ObjectManifest.from_bytes(bytes(row[0]), "the deployed manifest"), policy, json.loads(row[2]), sources
    )


@dataclass(frozen=True)
class Moving:
    """A change before its text has run: its policy, and the successor as far as the policy says what moves."""

    policy: Policy
    draft: ObjectManifest


def moving(connection: psycopg.Connection, deployed: Deployed, change: Change, policy_path: Path | None) -> Moving:
    """What the change takes and gives back on the copy. ``policy_path``: another policy than the deployed one, by which alone anything
    moves. Raises what :func:`qt001_cp.plan.moves.draft` raises."""
    if policy_path is None:
        return Moving(
            deployed.policy, replace(deployed.manifest, objects=tuple(map(settled, deployed.manifest.objects)))
        )
    policy = load_policy(policy_path)
    inventory = read_inventory(connection, deployed.manifest.application)
    analyses = analyse_estate(inventory.objects, read_names(connection))
    estate = Estate(inventory, analyses, read_needs(connection))
    return Moving(policy, draft(deployed.manifest, estate, policy, change))


def propose_draft(connection: psycopg.Connection, moving: Moving, change: Change) -> None:
    """As the author: what the trial of a change that moves something is held against."""
    with refusals(), connection.transaction():
        for body in (change.body(), moving.policy.body(), moving.draft.body()):
            connection.execute("SELECT qt001_cp.propose_manifest(%s)", [body])


def prepare(connection: psycopg.Connection, deployed: Deployed, change: Change, moving: Moving) -> ChangeBundle:
    """Read what the change has left on the copy, where its text has run. Nothing is written to the database.

    Raises what :func:`qt001_cp.plan.succession.succeed` raises.
    """
    policy = moving.policy
    here = connection.info.server_version // 10000
    owner = deployed.manifest.pair.owner
    owned = read_inventory(connection, owner)
    estate = read_inventory(connection, deployed.manifest.application)
    analyses = analyse_estate([o for o in owned.objects if o.state.owner == owner], read_names(connection))
    if here == deployed.manifest.server_major:
        copy = Copy(owned, estate, analyses, deployed.sources)
        succession = succeed(deployed.manifest, moving.draft, copy, policy, change)
    else:
        succession = follow_server(moving.draft, deployed.manifest, [*estate.objects, *owned.objects], change, here)
    manifest = succession.manifest
    evidence = _static_analysis(deployed, succession, owned, analyses)
    legacy = [(item["kind"], item["identity"]) for item in manifest.legacy]
    made: dict[str, Json] = {
        "readiness.json": documents.readiness(manifest, policy),
        "capability.json": documents.capability(manifest, policy),
        "dependency.json": documents.dependency(manifest, evidence, read_catalog_edges(connection), legacy),
        "static-analysis.json": evidence,
    }
    files = {
        OBJECT: manifest.body(),
        CHANGE: change.body(),
        POLICY: policy.body(),
        **{name: canonical_bytes(document) for name, document in made.items()},
        "restore.statements.sql": b"".join(lines(manifest, "restore")),
    }
    if manifest.moved:
        files["move.statements.sql"] = b"".join(lines(manifest, "move"))
        files["unmove.statements.sql"] = b"".join(lines(manifest, "unmove"))
    return ChangeBundle(succession, policy, files)


def _static_analysis(deployed: Deployed, succession: Succession, owned: Inventory, analyses: Analyses) -> Json:
    """What every transferred routine and view reaches today; what the control plane's owner does not own, as it was analysed before."""
    manifest = succession.manifest
    of_path = {r.identity for r in manifest.repoint}
    new = {key: analysis for key, analysis in analyses.items() if key[1] in of_path}
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    evidence = documents.static_analysis(manifest, owned, analyses, new, version=version(), engine=TOOL, at=now)
    missing = {o.ref.key for o in manifest.transferred} - {(r["kind"], r["identity"]) for r in evidence["routines"]}
    before = [r for r in deployed.analysis["routines"] if (r["kind"], r["identity"]) in missing]
    routines = sorted([*evidence["routines"], *before], key=lambda r: (r["kind"], r["identity"]))
    raw = f"{len(routines)} routines and views analysed; edges and unknowns as listed"
    return {**evidence, "routines": routines, "raw": raw}


def propose_change(connection: psycopg.Connection, folder: Path) -> str:
    """As the author: the change, its policy and its object manifest, from the files that :func:`prepare` made. Returns the digest of
    the manifest. Raises :class:`Refused`, :class:`FileProblem`."""
    bodies = [read_file(folder / name) for name in (CHANGE, POLICY, OBJECT)]
    with refusals(), connection.transaction():
        made = [connection.execute("SELECT qt001_cp.propose_manifest(%s)", [body]).fetchone() for body in bodies]
    assert made[-1] is not None
    return str(made[-1][0])
