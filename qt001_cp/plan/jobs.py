"""What a scheduler's job runs and what of it goes: it fails at its next time, and nobody looks at its log."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from qt001_cp.analyse.analyser import analyse
from qt001_cp.analyse.result import Names, RoutineAnalysis, RoutineSource
from qt001_cp.model.job import Job
from qt001_cp.model.manifest import ManifestObject
from qt001_cp.model.names import Role
from qt001_cp.plan.behaviour import loses

_CHOICE = "read a curated view instead, let a role run it that keeps the right, or rewrite it"


def job_notes(jobs: Iterable[Job], objects: Iterable[ManifestObject], names: Names, application: Role) -> Iterator[str]:
    """A sentence for each job that uses what its role loses, and for each of the application's that cannot be read."""
    moved = {o.ref.key: o for o in objects if o.disposition == "transfer"}
    for job in jobs:
        found = _analysed(job, names)
        used = sorted(
            {
                f"{e.verb} {e.kind} {e.identity}"
                for e in found.edges
                if (goes := moved.get((e.kind, e.identity))) is not None and loses(job.role, goes)
            }
        )
        if used:
            yield f"{job} runs as {job.role.name} and {', '.join(used)}: it stops working; {_CHOICE}."
        elif found.unknown and job.role == application:
            what = ", ".join(sorted({u.detail for u in found.unknown}))
            yield f"{job} runs as {job.role.name} and does what the analysis does not know ({what}): read it."


def _analysed(job: Job, names: Names) -> RoutineAnalysis:
    """Its command as a text of SQL; a name without a schema may be in any."""
    return analyse(RoutineSource("view", str(job), "", "view", job.command, None), names)
