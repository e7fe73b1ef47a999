"""All families for one manifest, by the stage at which they are tried."""

from __future__ import annotations

import json
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
    with scene.connect() as connection:
        open_to = _open_to(connection, manifest.application.name)
    cases = [*denominator.cases(manifest, open_to, scene.public_only), *canonical.cases(manifest)]
    return run_cases(scene, cases, manifest.application.name)


def at_fix7c(
    scene: Scene, manifest: ObjectManifest, files: Mapping[str, bytes], demand: tuple[str, str]
) -> list[Outcome]:
    """What attacks the protected state, the evidence and the signatures. ``demand``: a capability and its producer."""
    with scene.connect() as connection:
        denials = acl_denials.cases(connection, manifest)
        guarded, (filled, rows) = _guarded(connection, manifest), _filled(connection, manifest)
        touch = dependency.touched(connection, manifest, files["dependency.json"])
    application = manifest.application.name
    others = [
        *spoof.cases(
            manifest,
            scene.public_only,
            min(600, json.loads(files["readiness.json"])["sign_off"]["max_validity_seconds"]),
        ),
        *capability.cases(manifest, *demand),
        *dependency.cases(manifest, files["static-analysis.json"], touch),
        *no_worse.cases(manifest, guarded, filled, rows),
    ]
    return [*run_batch(scene, denials, application), *run_cases(scene, others, application)]


def _open_to(connection: psycopg.Connection, application: str) -> frozenset[str | None]:
    """Where the application role may create: schemas, and None where it may create schemas in the database."""
    query = """
    SELECT n.nspname FROM pg_catalog.pg_namespace n WHERE pg_catalog.has_schema_privilege(%(role)s, n.oid, 'CREATE')
    UNION ALL SELECT NULL WHERE pg_catalog.has_database_privilege(%(role)s, pg_catalog.current_database(), 'CREATE')
    """
    return frozenset(row[0] for row in connection.execute(query, {"role": application}))


def _guarded(connection: psycopg.Connection, manifest: ObjectManifest) -> ManifestObject | None:
    query = "SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relrowsecurity"
    names = set(connection.execute(query).fetchall())
    return next(
        (o for o in manifest.transferred if o.ref.kind == "table" and (o.ref.schema, o.ref.name) in names), None
    )


def _filled(connection: psycopg.Connection, manifest: ObjectManifest) -> tuple[ManifestObject, bool]:
    """A source table, and whether it has rows."""
    sources = [o for o in manifest.transferred if o.ref.identity in manifest.apply_path["source_tables"]]
    for o in sources:
        query = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(o.ref.schema or "", o.ref.name))
        if connection.execute(query).fetchone() != (0,):
            return o, True
    return sources[0], False
