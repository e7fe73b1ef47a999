"""The jobs of the database that a plan breaks."""

from __future__ import annotations

from collections.abc import Iterable

import psycopg

from qt001_cp.catalog.jobs import read_jobs
from qt001_cp.catalog.names import read_names
from qt001_cp.model.manifest import ManifestObject
from qt001_cp.model.names import Role
from qt001_cp.plan.jobs import job_notes


def notes_of_jobs(connection: psycopg.Connection, objects: Iterable[ManifestObject], application: Role) -> list[str]:
    """One sentence for each job that stops working or cannot be judged, and for what could not be seen."""
    jobs, unseen = read_jobs(connection)
    if not jobs:
        return unseen
    return [*job_notes(jobs, objects, read_names(connection), application), *unseen]
