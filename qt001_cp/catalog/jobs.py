"""The jobs of pg_cron that run in this database. No catalog knows what they use.

Source: pg_cron's README; its table cron.job shows a role the jobs of that role only, by row security.
"""

from __future__ import annotations

import psycopg

from qt001_cp.model.job import Job
from qt001_cp.model.names import Role

_ELSEWHERE = """
SELECT pg_catalog.current_setting('cron.database_name', true)
WHERE pg_catalog.current_setting('cron.database_name', true) <> pg_catalog.current_database()
"""
# A table of the extension, and nothing of that name that somebody else made: a view would run its functions as whoever reads.
_HERE = """
SELECT pg_catalog.has_table_privilege(job.oid, 'SELECT'),
       (SELECT r.rolsuper OR r.rolbypassrls FROM pg_catalog.pg_roles r WHERE r.rolname = current_user)
FROM pg_catalog.pg_extension e
JOIN pg_catalog.pg_depend d ON d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass AND d.refobjid = e.oid
     AND d.deptype = 'e' AND d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
JOIN pg_catalog.pg_class job ON job.oid = d.objid AND job.relkind = 'r' AND job.relname = 'job'
JOIN pg_catalog.pg_namespace n ON n.oid = job.relnamespace AND n.nspname = 'cron'
WHERE e.extname = 'pg_cron'
"""
_JOBS = """
SELECT jobid, coalesce(pg_catalog.to_jsonb(job) ->> 'jobname', ''), username, command FROM cron.job
WHERE database = pg_catalog.current_database() AND active ORDER BY jobid
"""


def read_jobs(connection: psycopg.Connection) -> tuple[list[Job], list[str]]:
    """The active jobs of this database, and a sentence for what this session cannot see of them."""
    here = connection.execute(_HERE).fetchone()
    if here is None:
        elsewhere = connection.execute(_ELSEWHERE).fetchone()
        said = "The jobs of pg_cron are listed in database {}: look there (cron.job) for what runs in this one."
        return [], [said.format(elsewhere[0])] if elsewhere else []
    may_read, sees_all = here
    if not may_read:
        return [], [
            "pg_cron is in this database, and this session may not read its jobs (cron.job): ask as a superuser."
        ]
    jobs = [Job(number, name, Role(role), command) for number, name, role, command in connection.execute(_JOBS)]
    return jobs, [] if sees_all else ["Of pg_cron's jobs only those of this login were seen: ask as a superuser."]
