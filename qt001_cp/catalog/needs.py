"""What inserting a row needs beside the table, as the catalogs have it; needs FIX7a."""

from __future__ import annotations

import psycopg

from qt001_cp.plan.keep import Need
from qt001_cp.project import without_fix7a

_QUERY = "SELECT relation, kind, identity, privilege, definer FROM qt001_cp.needed_by_inserting()"


def read_needs(connection: psycopg.Connection) -> list[Need]:
    """Raises :class:`DatabaseProblem` where FIX7a is missing."""
    row = connection.execute("SELECT pg_catalog.to_regprocedure('qt001_cp.needed_by_inserting()') IS NULL").fetchone()
    if row is None or row[0]:
        raise without_fix7a(connection.info.dbname, connection.info.server_version)
    return [Need(r[0], (r[1], r[2]), r[3], r[4]) for r in connection.execute(_QUERY)]
