"""Ways of changing what the gates protect, each with its way back; and statements that change nothing."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Change:
    """``do`` as a superuser, ``undo`` puts it back; ``gate``: one that has to be named in the refusal."""

    name: str
    gate: str
    do: tuple[str, ...]
    undo: tuple[str, ...]

    def __str__(self) -> str:
        return self.name


def _change(name: str, gate: str, do: str, undo: str) -> Change:
    return Change(name, gate, tuple(do.split(";; ")), tuple(undo.split(";; ")))


_ACL, _DEFINITION = "owners_and_acls_exact", "definitions_exact"
CHANGES = (
    _change("source", _DEFINITION,
            "CREATE TEMP TABLE kept AS SELECT pg_get_functiondef('public.qt001_describe(integer)'::regprocedure) AS was;; "
            "CREATE OR REPLACE FUNCTION public.qt001_describe(value integer) RETURNS text LANGUAGE sql IMMUTABLE"
            " SET search_path = pg_catalog, pg_temp AS 'SELECT NULL::text'",
            "DO $$ BEGIN EXECUTE (SELECT k.was FROM pg_temp.kept k); END $$;; DROP TABLE pg_temp.kept"),
    _change("source of the writer, as SECURITY INVOKER", "readiness_manifest_met",
            "ALTER FUNCTION public.qt001_write(jsonb) SECURITY INVOKER", "ALTER FUNCTION public.qt001_write(jsonb) SECURITY DEFINER"),
    _change("owner", _ACL, "ALTER TABLE public.qt001_note OWNER TO postgres", "ALTER TABLE public.qt001_note OWNER TO qt001_cp_owner"),
    _change("ACL", _ACL, "GRANT UPDATE ON public.qt001_source TO intern", "REVOKE UPDATE ON public.qt001_source FROM intern"),
    _change("column ACL", _ACL, "GRANT UPDATE (value) ON public.qt001_setting TO intern",
            "REVOKE UPDATE (value) ON public.qt001_setting FROM intern"),
    _change("trigger disabled", _DEFINITION, "ALTER TABLE public.qt001_source DISABLE TRIGGER USER",
            "ALTER TABLE public.qt001_source ENABLE TRIGGER USER"),
    _change("trigger added", _DEFINITION,
            "CREATE TRIGGER extra BEFORE UPDATE ON public.qt001_setting FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",
            "DROP TRIGGER extra ON public.qt001_setting"),
    _change("rule", _DEFINITION, "CREATE RULE quiet AS ON DELETE TO public.qt001_setting DO INSTEAD NOTHING",
            "DROP RULE quiet ON public.qt001_setting"),
    _change("policy", _DEFINITION, "CREATE POLICY open ON public.qt001_case FOR ALL USING (true)", "DROP POLICY open ON public.qt001_case"),
    _change("default", _DEFINITION, "ALTER TABLE public.qt001_write_log ALTER COLUMN written_by SET DEFAULT 'nobody'",
            "ALTER TABLE public.qt001_write_log ALTER COLUMN written_by DROP DEFAULT"),
    _change("new overload", "application_role_contained", "CREATE FUNCTION public.qt001_write(payload json) RETURNS bigint LANGUAGE sql AS 'SELECT 1::bigint'",
            "DROP FUNCTION public.qt001_write(json)"),
    _change("drop and recreate", _DEFINITION, "DROP INDEX public.qt001_source_open;; "
            "CREATE INDEX qt001_source_open ON public.qt001_source (updated_at)",
            "DROP INDEX public.qt001_source_open;; "
            "CREATE INDEX qt001_source_open ON public.qt001_source (updated_at) WHERE state <> 'applied'"),
    _change("index made concurrently", _DEFINITION, "CREATE UNIQUE INDEX CONCURRENTLY extra ON public.qt001_setting (value)", "DROP INDEX public.extra"),
    _change("inheritance by a temporary table", _DEFINITION, "CREATE TEMP TABLE child () INHERITS (public.qt001_setting)", "DROP TABLE pg_temp.child"),
    _change("membership", "application_role_contained", "GRANT pg_read_all_data TO directus", "REVOKE pg_read_all_data FROM directus"),
    _change("role attribute", "application_role_contained", "ALTER ROLE directus CREATEROLE", "ALTER ROLE directus NOCREATEROLE"),
    _change("ACL of the database", _ACL, "GRANT CREATE ON DATABASE directus_case TO intern", "REVOKE CREATE ON DATABASE directus_case FROM intern"),
    _change("setting of the database", _DEFINITION, "ALTER DATABASE directus_case SET row_security = off", "ALTER DATABASE directus_case RESET row_security"),
    _change("setting of a role", "application_role_contained", "ALTER ROLE directus SET session_replication_role = replica",
            "ALTER ROLE directus RESET session_replication_role"),
    _change("rows of a source table", "protected_state_no_worse",
            "CREATE TEMP TABLE kept AS SELECT * FROM public.qt001_write_log;; SET session_replication_role = replica;; "
            "DELETE FROM public.qt001_write_log;; RESET session_replication_role",
            "INSERT INTO public.qt001_write_log OVERRIDING SYSTEM VALUE SELECT * FROM pg_temp.kept;; DROP TABLE pg_temp.kept"),
    _change("an answer of the auditor", "sign_off_present",
            "SET SESSION AUTHORIZATION qt001_auditor;; SELECT qt001_cp.refuse_sign_off(qt001_cp.subject_digest(), 'no');; RESET SESSION AUTHORIZATION",
            "SET SESSION AUTHORIZATION qt001_auditor;; SELECT qt001_cp.sign_off(qt001_cp.subject_digest(), 'test', 600);; RESET SESSION AUTHORIZATION"),
    _change("who is behind a login", "sign_off_present", "UPDATE qt001_cp.person SET person = 'tom.author' WHERE login = 'qt001_auditor'",
            "UPDATE qt001_cp.person SET person = 'hana.auditor' WHERE login = 'qt001_auditor'"),
    _change("while the event triggers were disabled", _ACL,
            "ALTER EVENT TRIGGER qt001_cp_watch_end DISABLE;; GRANT UPDATE ON public.qt001_source TO intern;; "
            "ALTER EVENT TRIGGER qt001_cp_watch_end ENABLE ALWAYS", "REVOKE UPDATE ON public.qt001_source FROM intern"),
    _change("in a session of replica role", _ACL,
            "SET session_replication_role = replica;; GRANT UPDATE ON public.qt001_source TO intern;; RESET session_replication_role",
            "REVOKE UPDATE ON public.qt001_source FROM intern"),
)  # fmt: skip  # one case a line

UNNOTICED = (
    "COMMENT ON FUNCTION public.qt001_write(jsonb) IS 'a comment'",
    "COMMENT ON FUNCTION public.qt001_write(jsonb) IS NULL",
    "VACUUM FULL public.qt001_source",
    "VACUUM FULL pg_catalog.pg_proc",
    "VACUUM FULL pg_catalog.pg_auth_members",
    "ANALYZE",
    "CREATE TEMP TABLE scratch (id serial PRIMARY KEY, note text DEFAULT 'x')",
    "ALTER TABLE pg_temp.scratch ADD COLUMN more integer",
    "DROP TABLE pg_temp.scratch",
    "REFRESH MATERIALIZED VIEW public.qt001_source_statistics",
)
"""After these the verdict is still kept."""
JUDGED_AGAIN = (
    "GRANT SELECT ON public.qt001_source TO reporting WITH GRANT OPTION",
    "DO $$ BEGIN EXECUTE pg_get_functiondef('public.qt001_write(jsonb)'::regprocedure); END $$",
    "REINDEX TABLE public.qt001_setting",
    "GRANT qt001_cp_auditor TO qt001_auditor",
    "CREATE SCHEMA cms AUTHORIZATION directus",
    "CREATE TABLE cms.post (id serial PRIMARY KEY)",
    "DROP SCHEMA cms CASCADE",
    "DO $$ BEGIN SET LOCAL ROLE directus; PERFORM lo_create(4711); END $$",
    "SELECT lo_unlink(4711)",
    "ALTER DATABASE directus_case CONNECTION LIMIT 50",
    "ALTER DATABASE directus_case CONNECTION LIMIT -1",
)
"""Changes of nothing that look like one: the gates are computed, and the verdict is kept again."""
