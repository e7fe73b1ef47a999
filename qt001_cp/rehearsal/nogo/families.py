"""All families for one manifest, by the stage at which they are tried."""

from __future__ import annotations

import json
from collections.abc import Mapping

import psycopg
from psycopg import sql

from qt001_cp.model.manifest import ManifestObject, ObjectManifest
from qt001_cp.model.policy import Policy
from qt001_cp.rehearsal.nogo import acl_denials, canonical, capability, denominator, dependency, no_worse, spoof
from qt001_cp.rehearsal.nogo.case import Outcome
from qt001_cp.rehearsal.nogo.runner import run_batch, run_cases
from qt001_cp.rehearsal.scene import Scene

TEST_AUTHORITY = "qt001-test-authority"
_ALWAYS = """
SELECT 1 FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid
WHERE t.tgtype & 32 <> 0 AND t.tgenabled IN ('A', 'R') AND NOT t.tgisinternal AND c.relnamespace::pg_catalog.regnamespace::text <> 'qt001_cp' LIMIT 1
"""


def at_fix7a(scene: Scene, manifest: ObjectManifest) -> list[Outcome]:
    """What attacks the manifest: before the cutover, with the manifest sealed."""
    with scene.connect() as connection:
        open_to = _open_to(connection, manifest.application.name)
    cases = [*denominator.cases(manifest, open_to, scene.public_only), *canonical.cases(manifest)]
    return run_cases(scene, cases, manifest.application.name)


def at_fix7c(
    scene: Scene,
    manifest: ObjectManifest,
    files: Mapping[str, bytes],
    demand: tuple[str, str] | None,
    among: frozenset[str] = frozenset(),
) -> list[Outcome]:
    """What attacks the protected state, the evidence and the signatures. ``demand``: a capability and its producer, where the
    policy has an apply path; without one the families that speak of it are left out. ``among``: the objects that are tried one by
    one; empty: all."""
    with scene.connect() as connection:
        denials = acl_denials.cases(connection, manifest, among)
        guarded, (filled, rows) = _guarded(connection, manifest), _filled(connection, manifest)
        touch = dependency.touched(connection, manifest, files["dependency.json"]) if demand is not None else None
    application = manifest.application.name
    others = [
        *spoof.cases(
            manifest,
            scene.public_only,
            min(600, json.loads(files["readiness.json"])["sign_off"]["max_validity_seconds"]),
        ),
        *(capability.cases(manifest, *demand) if demand is not None else ()),
        *(dependency.cases(manifest, files["static-analysis.json"], touch) if demand is not None else ()),
        *no_worse.cases(manifest, guarded, filled, rows),
    ]
    return [*run_batch(scene, denials, application), *run_cases(scene, others, application)]


def demand_of(policy: Policy) -> tuple[str, str] | None:
    """A capability of the policy and a producer of real evidence for it; None without an apply path."""
    if policy.apply_path is None:
        return None
    for demand in policy.capabilities:
        for producer in demand["producers"]:
            if producer != TEST_AUTHORITY:
                return demand["name"], producer
    return policy.capabilities[0]["name"], policy.capabilities[0]["producers"][0]


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


def _filled(connection: psycopg.Connection, manifest: ObjectManifest) -> tuple[ManifestObject | None, bool]:
    """A source table, and whether it has rows that may be truncated: a trigger that fires for a replica too would run.

    Without an apply path any transferred table, where there is one.
    """
    named = (manifest.apply_path or {}).get("source_tables")
    tables = [o for o in manifest.transferred if o.ref.kind == "table" and not (o.detail or {}).get("system")]
    sources = [o for o in manifest.transferred if o.ref.identity in named] if named is not None else tables
    barred = connection.execute(_ALWAYS).fetchone() is not None
    for o in sources:
        query = sql.SQL("COPY {} TO STDOUT").format(sql.Identifier(o.ref.schema or "", o.ref.name))
        if o.ref.kind == "table" and _plain(connection, o) and not barred:
            with connection.cursor().copy(query) as copy:
                if next(iter(copy), None) is not None:
                    for _ in copy:
                        pass
                    return o, True
    return (sources[0] if sources else None), False


def _plain(connection: psycopg.Connection, o: ManifestObject) -> bool:
    query = "SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE (n.nspname, c.relname, c.relkind) = (%s, %s, 'r')"
    return connection.execute(query, [o.ref.schema, o.ref.name]).fetchone() is not None
