"""Comments and security labels are nobody's privilege: no stage touches them, and they are no part of a definition."""

from __future__ import annotations

import psycopg

from tests.conftest import Stage

_LABELS = "SELECT classoid::regclass, objoid, objsubid, provider, label FROM pg_seclabel ORDER BY 1, 2, 3"
_COMMENTS = "SELECT classoid::regclass, objoid, objsubid, description FROM pg_description WHERE objoid >= 16384 ORDER BY 1, 2, 3"


def _written(connection: psycopg.Connection) -> tuple[list[tuple[object, ...]], list[tuple[object, ...]]]:
    return connection.execute(_LABELS).fetchall(), connection.execute(_COMMENTS).fetchall()


def test_no_stage_touches_comments_and_labels(at_recorded: Stage) -> None:
    """No provider of labels is there; a superuser writes what one would. They came after the sealing, and stop nothing."""
    with at_recorded.connect() as connection:
        connection.execute("SET allow_system_table_mods = on")
        for catalog, number, sub in (
            ("pg_class", "'public.qt001_source'::regclass", 0),
            ("pg_class", "'public.qt001_source'::regclass", 1),
            ("pg_proc", "'public.qt001_write(jsonb)'::regprocedure", 0),
            ("pg_namespace", "'qt001_data'::regnamespace", 0),
        ):
            connection.execute(
                f"INSERT INTO pg_seclabel VALUES ({number}, 'pg_catalog.{catalog}'::regclass, {sub}, 'dummy', 'secret')".encode()
            )
        connection.execute("COMMENT ON TABLE public.qt001_source IS 'late'")
        connection.execute("COMMENT ON FUNCTION public.qt001_write(jsonb) IS 'late'")
        before = _written(connection)
        assert len(before[0]) == 4
        dump = at_recorded.scene.dump_without_ledger("--create")
        assert dump.count("SECURITY LABEL FOR dummy ON ") == 4
        at_recorded.upgrade("fix7b")
        assert _written(connection) == before
        at_recorded.downgrade("fix7a")
        assert _written(connection) == before
    assert at_recorded.scene.dump_without_ledger("--create") == dump
