"""Nothing is lost for speed: after each way of changing a protected object the very next call is refused."""

from __future__ import annotations

import psycopg

from benchmarks.guarded.estate import CALL, SERVICE, apply_path
from qt001_cp.rehearsal.scene import Scene

CALL_ONE = CALL.format(n=1)
Way = tuple[str, tuple[str, ...], tuple[str, ...]]


def _way(name: str, do: str, undo: str) -> Way:
    return name, (do,), (undo,)


WAYS: tuple[Way, ...] = (
    ("source", (apply_path("write", guarded=False),), (apply_path("write", guarded=True),)),
    _way("owner", "ALTER TABLE public.qt001_permit OWNER TO postgres", "ALTER TABLE public.qt001_permit OWNER TO qt001_cp_owner"),
    _way("ACL", "GRANT UPDATE ON public.qt001_source TO directus", "REVOKE UPDATE ON public.qt001_source FROM directus"),
    _way("column ACL", "GRANT UPDATE (title) ON public.qt001_source TO directus", "REVOKE UPDATE (title) ON public.qt001_source FROM directus"),
    _way("trigger",
         "CREATE TRIGGER extra BEFORE UPDATE ON public.qt001_source FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",
         "DROP TRIGGER extra ON public.qt001_source"),
    _way("rule", "CREATE RULE quiet AS ON DELETE TO public.qt001_source DO INSTEAD NOTHING", "DROP RULE quiet ON public.qt001_source"),
    _way("policy", "CREATE POLICY extra ON public.qt001_source USING (true)", "DROP POLICY extra ON public.qt001_source"),
    _way("default", "ALTER TABLE public.qt001_source ALTER COLUMN title SET DEFAULT 'x'",
         "ALTER TABLE public.qt001_source ALTER COLUMN title DROP DEFAULT"),
    _way("new overload", "CREATE FUNCTION public.qt001_write(payload json) RETURNS text LANGUAGE sql AS 'SELECT 1::text'",
         "DROP FUNCTION public.qt001_write(json)"),
    ("drop and recreate", ("DROP FUNCTION public.qt001_gateway(jsonb)", apply_path("gateway", guarded=True)),
     ("ALTER FUNCTION public.qt001_gateway(jsonb) OWNER TO qt001_cp_owner", "SET ROLE qt001_cp_owner",
      "REVOKE ALL ON FUNCTION public.qt001_gateway(jsonb) FROM PUBLIC",
      f"GRANT EXECUTE ON FUNCTION public.qt001_gateway(jsonb) TO {SERVICE}", "RESET ROLE")),
    _way("membership", "GRANT pg_read_all_data TO directus", "REVOKE pg_read_all_data FROM directus"),
    _way("role attribute", "ALTER ROLE directus CREATEROLE", "ALTER ROLE directus NOCREATEROLE"),
    _way("database setting", "ALTER DATABASE {database} SET work_mem = '8MB'", "ALTER DATABASE {database} RESET work_mem"),
    _way("role setting", "ALTER ROLE directus SET session_replication_role = replica", "ALTER ROLE directus RESET session_replication_role"),
)  # fmt: skip  # one change a line


def prove(scene: Scene) -> list[str]:
    """The ways that were tried, each refused in the session that made it and in one that was open, and good again after.

    Raises :class:`RuntimeError` for the first that was not.
    """
    with scene.connect(SERVICE) as service:
        for name, do, undo in WAYS:
            service.execute(CALL_ONE)
            with scene.connect() as admin:
                admin.execute(CALL_ONE)
                for statement in do:
                    admin.execute(statement.replace("{database}", scene.database))
                for where, session in (("the same session", admin), ("a session that was open", service)):
                    _refused(session, f"{name}, {where}")
                for statement in undo:
                    admin.execute(statement.replace("{database}", scene.database))
        service.execute(CALL_ONE)
    return [name for name, _, _ in WAYS]


def _refused(session: psycopg.Connection, what: str) -> None:
    try:
        session.execute(CALL_ONE)
    except psycopg.Error as refused:
        # A new function of that name was not yet given to the service: PostgreSQL itself refuses.
        if refused.sqlstate in ("QT301", "42501"):
            return
        raise
    raise RuntimeError(f"after a change of the {what}: expected the next call to be refused, found it done")
