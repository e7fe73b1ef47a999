"""What the application does between the DBA's list, or our sealing, and the cutover."""

from __future__ import annotations

from tests.routes.route import Route, as_application, late


def _changed(words: str, shown: str, statements: str, proof: str, word: str) -> Route:
    """The plain cutover moves what is there now, whatever became of it."""
    return Route(words, shown, as_application(statements), late(word), proof=proof)


_OWNED = " AND {0}.relowner = 'qt001_cp_owner'::regrole"

ROUTES = (
    _changed("drop and recreate under the same name", "the new owner gets a table without rows, checks and triggers",
             "DROP TABLE public.qt001_template CASCADE;\nCREATE TABLE public.qt001_template (id integer);\n",
             "SELECT relowner = 'qt001_cp_owner'::regrole AND relnatts = 1 FROM pg_class WHERE oid = 'public.qt001_template'::regclass",
             "table public.qt001_template"),
    _changed("rename and replace", "the table with the rows stays with the application, a copy is transferred",
             "ALTER TABLE public.qt001_attachment RENAME TO articles_attachment;\nCREATE TABLE public.qt001_attachment (LIKE public.articles_attachment);\n",
             "SELECT relowner = 'directus'::regrole FROM pg_class WHERE oid = 'public.articles_attachment'::regclass",
             "table public.articles_attachment"),
    _changed("hidden in another schema", "it is not on the list of its schema any more",
             "CREATE SCHEMA articles_cellar;\nALTER TABLE public.qt001_reviewer SET SCHEMA articles_cellar;\nALTER TABLE articles_cellar.qt001_reviewer RENAME TO r;\n",
             "SELECT relowner = 'directus'::regrole FROM pg_class WHERE oid = 'articles_cellar.r'::regclass",
             "table articles_cellar.r"),
    _changed("a body replaced under the same OID", "the function that the new owner gets does something else",
             "CREATE OR REPLACE FUNCTION public.qt001_is_ready() RETURNS boolean LANGUAGE sql AS 'SELECT true';\n",
             "SELECT prosrc = 'SELECT true' AND proowner = 'qt001_cp_owner'::regrole FROM pg_proc WHERE oid = 'public.qt001_is_ready()'::regprocedure",
             "function public.qt001_is_ready()"),
    _changed("a trigger disabled", "the guard of the protected table stays silent",
             "ALTER TABLE public.qt001_source DISABLE TRIGGER qt001_source_guard;\n",
             "SELECT tgenabled = 'D' FROM pg_trigger WHERE tgname = 'qt001_source_guard'", "table public.qt001_source"),
    _changed("a trigger set to replica", "the guard of the protected table stays silent",
             "ALTER TABLE public.qt001_permit_record ENABLE REPLICA TRIGGER qt001_permit_audit;\n",
             "SELECT tgenabled = 'R' FROM pg_trigger WHERE tgname = 'qt001_permit_audit'", "table public.qt001_permit_record"),
    _changed("a trigger narrowed", "the guard of the protected table never fires",
             "CREATE OR REPLACE TRIGGER qt001_write_log_append_only BEFORE UPDATE ON public.qt001_write_log FOR EACH ROW WHEN (false)"
             " EXECUTE FUNCTION public.qt001_touch();\n",
             "SELECT tgqual IS NOT NULL FROM pg_trigger WHERE tgname = 'qt001_write_log_append_only'", "table public.qt001_write_log"),
    _changed("a trigger countered by a second one", "a later trigger puts back what the guard changed",
             "CREATE TRIGGER zz_counter BEFORE UPDATE ON public.qt001_setting FOR EACH ROW EXECUTE FUNCTION public.qt001_touch();\n",
             "SELECT EXISTS (SELECT 1 FROM pg_trigger WHERE tgname = 'zz_counter')", "table public.qt001_setting"),
    _changed("a constraint dropped", "the protected table takes what it refused",
             "ALTER TABLE public.qt001_apply_log DROP CONSTRAINT qt001_apply_log_permit_fkey;\n",
             "SELECT NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conname = 'qt001_apply_log_permit_fkey')", "table public.qt001_apply_log"),
    _changed("a constraint left NOT VALID", "rows from before are never checked",
             "ALTER TABLE public.qt001_audit_verdict DROP CONSTRAINT qt001_audit_verdict_verdict_check,"
             " ADD CONSTRAINT qt001_audit_verdict_verdict_check CHECK (verdict IN ('pass', 'fail')) NOT VALID;\n",
             "SELECT NOT convalidated FROM pg_constraint WHERE conname = 'qt001_audit_verdict_verdict_check'", "table public.qt001_audit_verdict"),
    _changed("a domain's check dropped", "every column of the domain takes what it refused",
             "ALTER DOMAIN qt001_data.band DROP CONSTRAINT band_not_empty;\n",
             "SELECT NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conname = 'band_not_empty')", "type qt001_data.band"),
    _changed("an enum value renamed", "every protected row with it says something else",
             "ALTER TYPE public.qt001_severity RENAME VALUE 'critical' TO 'harmless';\n",
             "SELECT EXISTS (SELECT 1 FROM pg_enum WHERE enumlabel = 'harmless')", "type public.qt001_severity"),
    _changed("a curated view widened", "the application reads columns and rows that were not meant for it",
             "CREATE OR REPLACE VIEW public.qt001_source_register WITH (security_barrier = true) AS SELECT s.code, s.title, s.state, s.severity,"
             " s.revision, s.updated_at, s.body FROM public.qt001_source s;\n",
             "SELECT has_column_privilege('directus', 'public.qt001_source_register', 'body', 'SELECT')", "view public.qt001_source_register"),
    _changed("row security switched off", "the protected rows are open to every reader",
             "ALTER TABLE public.qt001_case DISABLE ROW LEVEL SECURITY;\n",
             "SELECT NOT relrowsecurity FROM pg_class WHERE oid = 'public.qt001_case'::regclass", "table public.qt001_case"),
    _changed("an overload made after the sealing", "a better match for the protected body's call, made beside the list",
             "CREATE FUNCTION public.qt001_describe(value varchar) RETURNS text LANGUAGE sql AS 'SELECT 1::text';\n",
             "SELECT to_regprocedure('public.qt001_describe(varchar)') IS NOT NULL", "function public.qt001_describe(character varying)"),
    _changed("an object made after the sealing", "nobody has looked at it",
             "CREATE TABLE public.articles_later (id integer);\n",
             "SELECT relowner = 'directus'::regrole FROM pg_class WHERE oid = 'public.articles_later'::regclass", "table public.articles_later"),
    _changed("a column grant made after the sealing", "the list knows of none; on a retained table it stays",
             "GRANT SELECT (name) ON public.tags TO PUBLIC;\n",
             "SELECT has_column_privilege('public_only', 'public.tags', 'name', 'SELECT')", "table public.tags"),
)  # fmt: skip  # one route a line
