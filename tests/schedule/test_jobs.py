"""A job of pg_cron that uses what goes is told before anything is deployed; here by the real extension."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from qt001_cp import estate
from qt001_cp.catalog.jobs import read_jobs
from qt001_cp.cli import main
from qt001_cp.model.names import Role
from qt001_cp.rehearsal.scene import Scene, new_scene
from qt001_cp.workflow.jobs import notes_of_jobs
from tests.faults.cluster import cluster
from tests.schedule.test_schedule import CRON

DATABASE = "qt001_jobs"
JOBS = {
    "reads": ("directus", "SELECT count(*) FROM public.qt001_source", "reads table public.qt001_source"),
    "writes": ("directus", "DELETE FROM qt001_write_log WHERE false", "writes table public.qt001_write_log"),
    "its own": ("directus", "DELETE FROM public.tags WHERE false", None),
    "its own, cleaned": ("directus", "VACUUM public.tags", None),
    "by a name that it makes": (
        "directus",
        "DO $$ BEGIN EXECUTE 'DELETE FROM public.' || current_setting('my.table'); END $$",
        "does what the analysis does not know",
    ),
    "two": ("directus", "SELECT 1; UPDATE public.qt001_source SET code = code", "writes table public.qt001_source"),
    "another role's": ("jobs_clerk", "SELECT count(*) FROM public.qt001_source", None),
}


@pytest.fixture(scope="module")
def scheduled() -> Iterator[Scene]:
    if CRON is None:
        pytest.skip("no PostgreSQL with pg_cron on this machine")
    settings = {"shared_preload_libraries": "pg_cron", "cron.database_name": DATABASE}
    with cluster(CRON.parents[1] / "bin", **settings) as own:
        scene = new_scene(own.server(), DATABASE)
        with scene.connect() as admin:
            admin.execute(
                "CREATE ROLE jobs_clerk LOGIN; CREATE EXTENSION pg_cron; GRANT USAGE ON SCHEMA cron TO PUBLIC"
            )
            for name, (role, command, _) in JOBS.items():
                admin.execute(
                    "SELECT cron.schedule_in_database(%s, '0 0 1 1 *', %s, current_database(), %s)",
                    [name, command, role],
                )
        yield scene


def _job_lines(lines: list[str]) -> list[str]:
    return [line for line in lines if "pg_cron" in line]


@pytest.mark.slow
def test_each_job_that_stops_working_is_told(scheduled: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    main(["inventory", "--policy", str(estate.policy_path()), "--database", scheduled.dsn("postgres")])
    said = _job_lines(capsys.readouterr().out.splitlines())
    for name, (role, _, words) in JOBS.items():
        mine = [line for line in said if f"({name})" in line]
        assert bool(mine) == (words is not None), (name, said)
        assert words is None or (words in mine[0] and f"runs as {role}" in mine[0])


@pytest.mark.slow
def test_a_session_that_sees_its_own_jobs_only_says_so(scheduled: Scene) -> None:
    with scheduled.connect("jobs_clerk") as clerk:
        jobs, unseen = read_jobs(clerk)
    assert [job.name for job in jobs] == ["another role's"]
    assert unseen == ["Of pg_cron's jobs only those of this login were seen: ask as a superuser."]


@pytest.mark.slow
def test_jobs_listed_in_another_database(scheduled: Scene) -> None:
    with scheduled.server.connect("postgres") as elsewhere:
        assert notes_of_jobs(elsewhere, [], Role("directus")) == [
            f"The jobs of pg_cron are listed in database {DATABASE}: look there (cron.job) for what runs in this one."
        ]


@pytest.mark.slow
def test_a_table_of_that_name_is_no_list_of_jobs(scheduled: Scene) -> None:
    """A view of the application's in its place would run the application's functions as whoever reads it."""
    with scheduled.server.connect("postgres") as other, other.transaction(force_rollback=True):
        other.execute("CREATE SCHEMA cron; CREATE VIEW cron.job AS SELECT 1 / 0 AS jobid")
        assert read_jobs(other)[0] == []
