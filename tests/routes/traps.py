"""Whether code of the application has run that nobody should have run: each trap draws from one sequence."""

from __future__ import annotations

import psycopg

from tests.conftest import Stage


def tripped(stage: Stage) -> bool:
    with psycopg.connect(
        stage.scene.server.conninfo("directus_case"), options="-c search_path=pg_catalog"
    ) as connection:
        row = connection.execute("SELECT is_called FROM public.articles_tripped").fetchone()
        return row is not None and bool(row[0])
