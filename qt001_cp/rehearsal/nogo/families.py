"""All families for one manifest, by the stage at which they are tried."""

from __future__ import annotations

from collections.abc import Mapping

import psycopg
from psycopg import sql

from qt001_cp.model.manifest import ManifestObject, ObjectManifest
from qt001_cp.rehearsal.nogo import acl_denials, canonical, capability, denominator, dependency, no_worse, spoof
from qt001_cp.rehearsal.nogo.case import Outcome
from qt001_cp.rehearsal.nogo.runner import run_batch, run_cases
from qt001_cp.rehearsal.scene import Scene


def at_fix7a(scene: Scene, manifest: ObjectManifest) -> list[Outcome]:
    """What attacks the manifest: before the cutover, with the manifest sealed."""
    cases = [*denominator.cases(manifest), *canonical.cases(manifest)]
    return run_cases(scene, cases, manifest.application.name)


def at_fix7c(
    scene: Scene, manifest: ObjectManifest, files: Mapping[str, bytes], demand: tuple[str, str]
) -> list[Outcome]:
    """What attacks the protected state, the evidence and the signatures. ``demand``: a capability and its producer."""
    with scene.connect() as connection:
        denials = acl_denials.cases(connection, manifest)
        guarded, filled = _guarded(connection, manifest), _filled(connection, manifest)
    application = manifest.application.name
    others = [
        *spoof.cases(manifest),
        *capability.cases(manifest, *demand),
        *dependency.cases(manifest, files["static-analysis.json"]),
        *no_worse.cases(manifest, guarded, filled),
    ]
    return [*run_batch(scene, denials, application), *run_cases(scene, others, application)]


def _guarded(connection: psycopg.Connection, manifest: ObjectManifest) -> ManifestObject | None:
    query = "SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relrowsecurity"
    names = set(connection.execute(query).fetchall())
    return next(
        (o for o in manifest.transferred if o.ref.kind == "table" and (o.ref.schema, o.ref.name) in names), None
    )


def _filled(connection: psycopg.Connection, manifest: ObjectManifest) -> ManifestObject:
    sources = [o for o in manifest.transferred if o.ref.identity in manifest.apply_path["source_tables"]]
    for o in sources:
        query = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(o.ref.schema or "", o.ref.name))
        if connection.execute(query).fetchone() != (0,):
            return o
    return sources[0]
