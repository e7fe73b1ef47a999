"""Names, loans and major versions: what the comparison of the estate with the manifest says, condition by condition."""

from __future__ import annotations

import json
from functools import partial

from tests.acceptance.attempt import Attempt
from tests.acceptance.closers import Closer
from tests.acceptance.moves import Move, behind, both, do, in_document, in_row, rehearsed
from tests.acceptance.stays_open import Stays

_ACL = partial(Closer, "owners_and_acls_exact", resign=False)
_THERE = partial(Closer, "inventory_exact", resign=False)
SETTING, _TAGS = ("table", "public.qt001_setting"), ("table", "public.tags")
_OF_16 = in_document("manifest.object", """jsonb_set(head, '{server_major}', '"16"')""")
"""The manifest says that it was made on PostgreSQL 16, which had no MAINTAIN."""
_ALL = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER")


def _left(entry: tuple[str, str], to: str, *privileges: str) -> Move:
    items = json.dumps([["qt001_cp_owner", to, privilege, False] for privilege in privileges])
    return in_row(entry, f"jsonb_set(object, '{{after,acl}}', (object #> '{{after,acl}}') || '{items}')")


def _named(change: str) -> Move:
    """The event that sealed the manifest says otherwise which names there were; ``change``: of ``detail``."""
    return behind(
        f"UPDATE qt001_cp.event SET detail = {change} WHERE verb = 'sealed' AND detail ->> 'kind' = 'qt001.manifest.object/1'",
        "event",
    )


def _forged(attempt: Attempt) -> None:
    """A table has changed, and the newest record says that its rows of now were there at the deployment."""
    attempt.run("ALTER TABLE public.qt001_setting REPLICA IDENTITY FULL")
    rows = attempt.run("SELECT d.rows FROM qt001_cp.definition_rows(ARRAY['public.qt001_setting'::regclass::oid]) d")
    meant = attempt.run(
        "SELECT o.definition FROM qt001_cp.expected_object(%s, 'deployed') o WHERE o.kind = %s AND o.identity = %s",
        [attempt.stage.digest, *SETTING],
    )
    rehearsed(lambda record: record.update(definitions=[[rows, meant]]))(attempt)


_LOAN = in_row(
    _TAGS,
    """object || '{"disposition": "lend", "after": {"owner": "directus", "acl": [["directus", "qt001_cp_owner", "SELECT", false]],"""
    """ "columns": [{"column": "name", "acl": [["directus", "qt001_cp_owner", "UPDATE", false]]}]}}'""",
)
_LENT, _LENT_COLUMN = (
    "GRANT SELECT ON public.tags TO qt001_cp_owner",
    "GRANT UPDATE (name) ON public.tags TO qt001_cp_owner",
)
WITHOUT_MAINTAIN = in_row(
    SETTING,
    "jsonb_set(object, '{after,acl}', (SELECT jsonb_agg(entry) FROM jsonb_array_elements(object #> '{after,acl}') entry"
    " WHERE entry ->> 2 <> 'MAINTAIN'))",
)
_ELSEWHERE = _named("""jsonb_set(detail, '{names,cluster}', '"1"')""")
_RENAMED = do("ALTER ROLE qt001_service RENAME TO other")

NAMES = (
    _THERE("a role is gone by its name, in another cluster", both(_ELSEWHERE, _RENAMED), "no role of this name"),
    _THERE("a schema is gone by its name, in another cluster", both(_ELSEWHERE, do("ALTER SCHEMA qt001_data RENAME TO moved")), "no schema of this name"),
)  # fmt: skip  # one case a line
"""What is asked by a name that nobody has cannot be answered: every gate is closed."""
ESTATE = (
    *NAMES,
    _ACL("a loan was not given", _LOAN, "table public.tags: expected owner directus, lent to qt001_cp_owner"),
    _ACL("a loan was given but for a column", both(_LOAN, do(_LENT)), "table public.tags: expected owner directus, lent to qt001_cp_owner"),
    _ACL("a loan was given on a column alone", both(_LOAN, do(_LENT_COLUMN)), "table public.tags: expected owner directus, lent to qt001_cp_owner"),
    _ACL("what was lent has another owner", both(_LOAN, do(_LENT, _LENT_COLUMN, "ALTER TABLE public.tags OWNER TO intern")),
         "table public.tags: expected owner directus, lent to qt001_cp_owner"),
    _ACL("what was lent is gone", both(_LOAN, do("DROP TABLE public.tags CASCADE")), "no such object"),
    _ACL("not everybody may connect any more", do("REVOKE CONNECT ON DATABASE directus_case FROM PUBLIC"), "database directus_case"),
    _ACL("the application may connect by a grant of its own", do("GRANT CONNECT ON DATABASE directus_case TO directus"), "database directus_case"),
    _ACL("somebody maintains a table", do("GRANT MAINTAIN ON public.qt001_setting TO intern"), "table public.qt001_setting"),
    _ACL("somebody maintains a table and holds nothing else, which the manifest's major version did not know",
         both(_OF_16, do("GRANT MAINTAIN ON public.qt001_setting TO qt001_service")), "MAINTAIN for qt001_service"),
    _ACL("the owner maintains a table, which the manifest does not say", WITHOUT_MAINTAIN, "MAINTAIN for qt001_cp_owner"),
    _ACL("the owner may not do something, which the manifest's major version knew", both(_OF_16, do("REVOKE UPDATE ON public.qt001_setting FROM qt001_cp_owner")),
         "UPDATE for qt001_cp_owner"),
    _THERE("a new table of the owner's that nobody else reaches",
           do("CREATE TABLE public.late (id int)", "ALTER TABLE public.late OWNER TO qt001_cp_owner"), "table public.late"),
    Closer("definitions_exact", "a table has changed, and another record than the deployment's says that it has not", _forged,
           "table public.qt001_setting", resign=False),
    Closer("definitions_exact", "the manifest was made on another major version, which words the database otherwise", both(
        _OF_16, do("ALTER DATABASE directus_case SET row_security = off")), "definitions: expected PostgreSQL 16", resign=False),
    _THERE("a role has another name", _RENAMED, "role other, which is it by another name"),
    _THERE("a role has another name, and another one has its", both(_RENAMED, do("CREATE ROLE qt001_service")), "role other, which is it by another name"),
    _THERE("a schema has another name", do("ALTER SCHEMA qt001_data RENAME TO moved"), "schema moved, which is it by another name"),
    _THERE("the database has another name", _named("replace(detail::text, '\"directus_case\"', '\"former\"')::jsonb"), "database directus_case, which is it by another name"),
)  # fmt: skip  # one case a line
_DEFINED = partial(Closer, "definitions_exact", resign=False)
_STATUS = "public.qt001_status"
ROWS = (
    _DEFINED("its replica identity", do("ALTER TABLE public.qt001_setting REPLICA IDENTITY FULL"), "table public.qt001_setting"),
    _DEFINED("a column has another name", do("ALTER TABLE public.qt001_setting RENAME COLUMN updated_at TO other"), "table public.qt001_setting"),
    _DEFINED("another default", do("ALTER TABLE public.qt001_setting ALTER updated_at SET DEFAULT '2020-01-01'"), "table public.qt001_setting"),
    _DEFINED("a foreign key has another name", do("ALTER TABLE public.qt001_case RENAME CONSTRAINT qt001_case_source_fkey TO other"), "table public.qt001_case"),
    _DEFINED("one more unique index", do("CREATE UNIQUE INDEX more ON public.qt001_setting (value)"), "table public.qt001_setting"),
    _DEFINED("one more trigger", do("CREATE TRIGGER more BEFORE UPDATE ON public.qt001_setting FOR EACH ROW EXECUTE FUNCTION"
             " suppress_redundant_updates_trigger()"), "table public.qt001_setting"),
    _DEFINED("the server's triggers of a foreign key are disabled", do(
        "ALTER TABLE public.qt001_case DISABLE TRIGGER ALL", "ALTER TABLE public.qt001_case ENABLE TRIGGER USER"), "table public.qt001_case"),
    _DEFINED("another query of a view", do(f"DO $$ BEGIN EXECUTE format('CREATE OR REPLACE VIEW {_STATUS} WITH (security_barrier = true) AS SELECT *"
             f" FROM (%s) one LIMIT 1', rtrim(pg_get_viewdef('{_STATUS}'), ';')); END $$"), f"view {_STATUS}"),
    _DEFINED("another policy", do("ALTER POLICY qt001_case_readers ON public.qt001_case USING (true)"), "table public.qt001_case"),
    _DEFINED("a child in a session", do("CREATE TEMP TABLE kid () INHERITS (public.qt001_setting)"), "table public.qt001_setting"),
    _DEFINED("a cast of its rows", do("CREATE CAST (public.qt001_setting AS jsonb) WITH INOUT"), "table public.qt001_setting"),
)  # fmt: skip  # one case a line
"""What only one catalog knows: of each the rows are compared before anything is worded."""
ESTATE_STAYS = (
    Stays("inventory_exact", "the application's routine with the name of a protected one", do(
        "CREATE FUNCTION public.qt001_gateway(text) RETURNS text LANGUAGE sql AS 'SELECT $1'", "ALTER FUNCTION public.qt001_gateway(text) OWNER TO directus")),
    Stays("inventory_exact", "the owner's routine that the manifest retains", in_row(
        ("function", "public.qt001_describe(integer)"), """jsonb_set(object, '{disposition}', '"retain"')""")),
    Stays("owners_and_acls_exact", "a loan was given, and more to somebody else", both(_LOAN, do(_LENT, _LENT_COLUMN, "GRANT SELECT ON public.tags TO intern"))),
    Stays("owners_and_acls_exact", "the owner maintains a table, which the manifest's major version did not know", both(_OF_16, WITHOUT_MAINTAIN)),
    Stays("owners_and_acls_exact", "who holds everything maintains it, which the manifest's major version did not know", both(
        _OF_16, _left(SETTING, "qt001_service", *_ALL), do("GRANT ALL ON public.qt001_setting TO qt001_service"))),
    Stays("definitions_exact", "what has another name is a matter of the inventory alone", both(
        do("ALTER DATABASE directus_case SET row_security = off"), _RENAMED)),
    Stays("definitions_exact", "what has another name is told before the major version", both(_OF_16, _RENAMED)),
    Stays("legacy_authority_removed", "its owner maintains it, which the manifest's major version did not know",
          both(_OF_16, do("GRANT MAINTAIN ON public.qt001_readiness TO qt001_cp_owner"))),
)  # fmt: skip  # one case a line
