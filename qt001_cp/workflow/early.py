"""What catalogs and policy tell before anything is deployed: for ``policy init``, ``inventory --policy`` and ``manifest generate``."""

from __future__ import annotations

import psycopg

from qt001_cp.catalog.early import Early, read_early
from qt001_cp.catalog.names import read_names
from qt001_cp.model.inventory import Inventory
from qt001_cp.model.manifest import ObjectManifest
from qt001_cp.model.policy import Policy
from qt001_cp.plan.analysis import Analyses, analyse_estate
from qt001_cp.plan.generate import drafted
from qt001_cp.workflow.jobs import notes_of_jobs


def early_of_policy(
    connection: psycopg.Connection, inventory: Inventory, policy: Policy, analyses: Analyses | None = None
) -> Early:
    """What FIX7b's checks say of this estate under a policy, which need not be whole yet."""
    known = analyse_estate(inventory.objects, read_names(connection)) if analyses is None else analyses
    objects, refused = drafted(inventory, policy, known)
    jobs = notes_of_jobs(connection, objects, policy.application)
    head = {
        "application": policy.application.name,
        "policy": {"sha256": policy.digest()},
        "apply_path": policy.apply_path,
    }
    early = read_early(connection, head, (o.to_json() for o in objects), policy)
    unplanned = [
        {
            "sqlstate": "QT103",
            "object": exc.message.partition(":")[0],
            "expected": "a plan that leads there and exactly back",
            "found": exc.message.partition(":")[2].strip() or exc.message,
            "mend": exc.hint or "See docs/policy.md.",
        }
        for exc in refused
    ]
    return Early([*unplanned, *early.findings], [*early.notes, *jobs], early.unasked)


def early_of_manifest(connection: psycopg.Connection, manifest: ObjectManifest, policy: Policy) -> Early:
    """The same of a manifest that has not been proposed yet."""
    early = read_early(connection, manifest.head(), (o.to_json() for o in manifest.objects), policy)
    jobs = notes_of_jobs(connection, manifest.objects, manifest.application)
    return Early(early.findings, [*early.notes, *jobs], early.unasked)
