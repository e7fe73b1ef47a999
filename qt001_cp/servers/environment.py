"""The caller's environment without what libpq and PostgreSQL would read from it."""

from __future__ import annotations

import os


def without_pg() -> dict[str, str]:
    """``os.environ`` without any PG* variable: PGPORT would move the server, PGHOSTADDR and PGOPTIONS its clients."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")}
