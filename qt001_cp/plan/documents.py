"""The documents that go with an object manifest: readiness, capability and dependency manifest, static analysis."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from qt001_cp.analyse.result import RoutineAnalysis
from qt001_cp.errors import PolicyError
from qt001_cp.model.canonical import Json, digest
from qt001_cp.model.inventory import Inventory
from qt001_cp.model.manifest import ObjectManifest
from qt001_cp.model.policy import Policy
from qt001_cp.plan.analysis import Analyses

_BODY: Final = re.compile(r"\bAS\s+(\$[A-Za-z_0-9]*\$)(.*)\1", re.DOTALL | re.IGNORECASE)
Node = tuple[str, str]


def body_of(source: str, identity: str) -> str:
    """The body between dollar quotes: what PostgreSQL keeps as ``prosrc``. Raises :class:`PolicyError`."""
    match = _BODY.search(source)
    if match is None:
        raise PolicyError(
            f"repoint: the new source of {identity} has no dollar-quoted body",
            hint="write it as CREATE OR REPLACE FUNCTION … AS $body$ … $body$",
        )
    return match.group(2)


def readiness(manifest: ObjectManifest, policy: Policy) -> Json:
    """What has to be so before the writer may write."""
    return {
        "schema": "qt001.manifest.readiness/1",
        "object_manifest": manifest.digest(),
        "repoint": [
            {"identity": r.identity, "part": r.part, "body_sha256": digest(body_of(r.after, r.identity).encode())}
            for r in manifest.repoint
        ],
        "legacy": list(manifest.legacy),
        "verifier": dict(policy.verifier),
        "sign_off": dict(policy.sign_off),
    }


def capability(manifest: ObjectManifest, policy: Policy) -> Json:
    """What has to be shown to work, and by whom."""
    return {
        "schema": "qt001.manifest.capability/1",
        "object_manifest": manifest.digest(),
        "capabilities": [dict(c) for c in policy.capabilities],
    }


def static_analysis(
    manifest: ObjectManifest,
    inventory: Inventory,
    analyses: Analyses,
    new: Analyses,
    *,
    version: str,
    engine: str,
    at: str,
) -> Json:
    """Evidence: what every transferred routine reaches, the apply path in its new sources. ``at``: RFC 3339, UTC."""
    wanted = {o.ref.key for o in manifest.transferred}
    definitions = {o.ref.key: o.definition_digest for o in inventory.objects}
    bodies = {r.identity: digest(body_of(r.after, r.identity).encode()) for r in manifest.repoint}
    routines = []
    for key, analysis in sorted({**analyses, **new}.items()):
        if key in wanted:
            entry: Json = {
                "kind": key[0],
                "identity": key[1],
                "definition": None if key in new else definitions[key],
                "body_sha256": bodies[key[1]] if key in new else None,
                "edges": [
                    {"verb": e.verb, "kind": e.kind, "identity": e.identity, "line": e.line} for e in analysis.edges
                ],
                "unknown": [{"rule": u.rule, "line": u.line, "detail": u.detail} for u in analysis.unknown],
            }
            routines.append(entry)
    return {
        "schema": "qt001.evidence.static-analysis/1",
        "class": "real",
        "producer": {"name": "qt001-cp analyse", "version": version, "engine": engine},
        "subject": manifest.digest(),
        "produced_at": at,
        "raw": f"{len(routines)} routines and views analysed; edges and unknowns as listed",
        "routines": routines,
    }


def dependency(
    manifest: ObjectManifest, analysis: Json, catalog_edges: Iterable[tuple[Node, Node]], legacy: Iterable[Node] = ()
) -> Json:
    """All that the apply path, with its new sources, reaches: through bodies and through the catalogs."""
    bodies: dict[Node, Json] = {(r["kind"], r["identity"]): r for r in analysis["routines"]}
    replaced = {r.identity for r in manifest.repoint}
    reached = _reached([o.ref.key for o in manifest.objects if o.ref.identity in replaced], catalog_edges, bodies)
    held = sorted(reached & set(legacy))
    if held:
        raise PolicyError(
            f"the new apply path still reaches the legacy authority: {held[0][0]} {held[0][1]}",
            hint="take it out of the new sources in the policy's [[repoint]]",
        )
    return {
        "schema": "qt001.manifest.dependency/1",
        "object_manifest": manifest.digest(),
        "objects": [list(node) for node in sorted(reached)],
        "unknown": sorted([*node, u["rule"]] for node in reached & bodies.keys() for u in bodies[node]["unknown"]),
    }


def _reached(
    starts: Iterable[Node], catalog_edges: Iterable[tuple[Node, Node]], bodies: Mapping[Node, Json]
) -> set[Node]:
    """What there is on the ways from ``starts``; the control plane's own routines are no part of them."""
    graph: dict[Node, set[Node]] = {}
    for start, end in catalog_edges:
        graph.setdefault(start, set()).add(end)
    for node, routine in bodies.items():
        graph.setdefault(node, set()).update((e["kind"], e["identity"]) for e in routine["edges"])
    reached: set[Node] = set()
    todo = list(starts)
    while todo:
        node = todo.pop()
        if node not in reached and not node[1].startswith("qt001_cp."):
            reached.add(node)
            todo.extend(graph.get(node, ()))
    return reached


def unknowns(analyses: Mapping[Node, RoutineAnalysis]) -> int:
    return sum(len(a.unknown) for a in analyses.values())
