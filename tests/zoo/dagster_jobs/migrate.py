"""The orchestrator's own migrations: ``migrate.py`` to the newest, as ``dagster instance migrate`` does; with a revision back to it."""

import os
import sys

import dagster_postgres.event_log.event_log as storage
from dagster import DagsterInstance
from dagster._core.storage.sql import create_engine, run_alembic_downgrade
from dagster_postgres.utils import pg_alembic_config

with DagsterInstance.get() as instance:
    if len(sys.argv) > 1:
        with create_engine(os.environ["ZOO_URL"]).begin() as connection:
            run_alembic_downgrade(pg_alembic_config(storage.__file__), connection, rev=sys.argv[1])
    else:
        instance.upgrade(print)
