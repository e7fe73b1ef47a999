"""A day of the orchestrator: a job of two steps runs in this process, and its events go into the log; prints how many there are."""

import sys

from dagster import DagsterInstance, job, op


@op
def count() -> int:
    return 3


@op
def double(number: int) -> int:
    return 2 * number


@job
def nightly() -> None:
    double(count())


with DagsterInstance.get() as instance:
    if not nightly.execute_in_process(instance=instance, raise_on_error=False).success:
        sys.exit("the job failed")
    (run,) = instance.get_runs(limit=1)
    print(run.status.value, len(instance.all_logs(run.run_id)), instance.get_runs_count())
