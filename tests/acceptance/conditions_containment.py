"""What the manifest leaves, who could give it back and who stands beside the application, condition by condition."""

from __future__ import annotations

import json
from functools import partial

from qt001_cp.rehearsal.scene import AUTHOR
from tests.acceptance.closers import Closer
from tests.acceptance.moves import Move, both, do, in_document, in_row
from tests.acceptance.stays_open import Stays

_CONTAINED = partial(Closer, "application_role_contained", resign=False)
_OPEN = partial(Stays, "application_role_contained")
_APPLICATION, _OTHER = "directus", "qt001_service"
_SWITCH, _STATISTICS = ("table", "public.qt001_switch"), ("materialized view", "public.qt001_source_statistics")
_TEMPLATE, _SETTING = ("table", "public.qt001_template"), ("table", "public.qt001_setting")
_BODY = ("function", "public.qt001_audit()")
"""A SECURITY DEFINER function that is not on the apply path."""


def _left(entry: tuple[str, str], privilege: str, to: str | None = _APPLICATION, *, option: bool = False) -> Move:
    """The manifest leaves a privilege; nobody has it in the database."""
    item = json.dumps([["qt001_cp_owner", to, privilege, option]])
    return in_row(entry, f"jsonb_set(object, '{{after,acl}}', (object #> '{{after,acl}}') || '{item}')")


def _left_column(
    entry: tuple[str, str],
    privilege: str,
    to: str | None = _APPLICATION,
    *,
    option: bool = False,
    column: str = "value",
) -> Move:
    parts = [{"column": each, "acl": [["qt001_cp_owner", to, privilege, option]]} for each in column.split()]
    columns = json.dumps(parts)
    return in_row(entry, f"jsonb_set(object, '{{after,columns}}', '{columns}')")


def _detail(entry: tuple[str, str], **said: object) -> Move:
    was = "coalesce(nullif(object -> 'detail', 'null'), '{}')"
    return in_row(entry, f"jsonb_set(object, '{{detail}}', {was} || '{json.dumps(said)}')")


def _reaching(verb: str, target: tuple[str, str]) -> Move:
    """The analysis in the manifest says what that body does."""
    return _detail(_BODY, definer=True, reaches=[{"verb": verb, "kind": target[0], "identity": target[1]}])


def _defaults(
    role: str, what: str = "SELECT ON TABLES", to: str = _APPLICATION, where: str = "IN SCHEMA public"
) -> Move:
    return do(f"ALTER DEFAULT PRIVILEGES FOR ROLE {role} {where} GRANT {what} TO {to}")


def _both_places(*roles: str) -> Move:
    """A new login that can become the application, and take the place of other roles."""
    return do("CREATE ROLE dave LOGIN", f"GRANT {', '.join((_APPLICATION, *roles))} TO dave")


def _key(of: str, to: str, action: str = "") -> Move:
    """A foreign key between two protected tables."""
    return do(f"ALTER TABLE {of} ADD COLUMN of_other text REFERENCES {to} {action}")


def _hiding(*statements: str, schema: str = _APPLICATION) -> Move:
    """Objects of the application in a schema of its own: the one with its name comes first on its search_path."""
    return both(do(f"CREATE SCHEMA {schema} AUTHORIZATION directus"), do(*statements, user="directus"))


def _kept(**said: str) -> Move:
    """The policy keeps a foreign key. ``said``: what it says otherwise of the one that there is."""
    of = {"name": "of_theirs", "table": "cms.t", "references": "public.qt001_setting", "on_delete": "NO ACTION"}
    kept = json.dumps([{**of, "on_update": "NO ACTION", "reason": "for a test", **said}])
    return in_document("policy", f"jsonb_set(head, '{{kept_foreign_key}}', '{kept}')")


def _theirs(action: str = "", *more: str) -> Move:
    """A foreign key of the application's own table to a protected one."""
    return do(
        "CREATE SCHEMA cms AUTHORIZATION directus",
        f"CREATE TABLE cms.t (key text CONSTRAINT of_theirs REFERENCES public.qt001_setting {action})",
        "ALTER TABLE cms.t OWNER TO directus",
        *more,
    )


_HIDING, _HIDDEN = (
    _hiding("CREATE TABLE directus.qt001_setting (a int)"),
    "nothing of directus that hides table public.qt001_setting",
)
_COLUMN, _THEIRS = "GRANT SELECT (value) ON public.qt001_setting TO directus", "table cms.t → constraint"
_FIRED = do(
    "CREATE TRIGGER carries AFTER INSERT ON public.qt001_template FOR EACH ROW EXECUTE FUNCTION public.qt001_audit()"
)
_PLANTED = _defaults(_OTHER)
_NAMED = "for role qt001_service in schema public on tables"
_REPORTING, _OWN = (
    ("default acl", "for role reporting on tables"),
    ("default acl", "for role directus in schema public on tables"),
)
_RENAMED = f"""jsonb_set(object, '{{identity}}', '"{_NAMED}"')"""
_SHOWN = in_row(
    ("table", "public.tags"),
    f"""jsonb_set(object, '{{after}}', '{{"owner": "directus", "columns": [], "acl":
    [["directus", "{_OTHER}", "SELECT", true]]}}')""",
)
_LEGACY_GONE = in_document("manifest.object", "jsonb_set(head, '{legacy}', '[]')")
_TRUSTS_OWNER = in_document("policy", """jsonb_set(head, '{trusted_grantor}', '[{"role": "qt001_cp_owner"}]')""")

CONTAINMENT = (
    _CONTAINED("it may read a column of the server's", do("GRANT SELECT (ctid) ON public.qt001_setting TO directus"), "table public.qt001_setting"),
    _CONTAINED("who can become it holds something protected", do("GRANT directus TO intern"), "role intern: expected nothing beside directus"),
    _CONTAINED("who can become it can take the place of one that holds something, and of another", both(
        do("CREATE ROLE club"), _both_places("intern", "club")), "role intern: expected nothing beside directus"),
    _CONTAINED("who can become it reads all data", _both_places("pg_read_all_data"), "role pg_read_all_data: expected nothing beside"),
    _CONTAINED("who can become it can become a superuser", both(do("CREATE ROLE boss SUPERUSER"), _both_places("boss")), "role boss: expected nothing beside"),
    _CONTAINED("who can become it is the owner role", _both_places("qt001_cp_owner"), "role qt001_cp_owner: expected nothing beside"),
    _CONTAINED("who can become it is the ledger role", _both_places("qt001_cp_ledger"), "role qt001_cp_ledger: expected nothing beside"),
    _CONTAINED("a role that nobody trusts may pass on a privilege", _left(_TEMPLATE, "SELECT", _OTHER, option=True), "role qt001_service: expected no grant option"),
    _CONTAINED("a role that nobody trusts may pass on a privilege on a column", _left_column(_TEMPLATE, "SELECT", _OTHER, option=True),
               "role qt001_service: expected no grant option"),
    _CONTAINED("default privileges of a superuser", _defaults("postgres"), "default acl for role postgres"),
    _CONTAINED("default privileges of a role that holds something", _PLANTED, _NAMED),
    _CONTAINED("default privileges for everybody", _defaults(_OTHER, to="PUBLIC", where=""), "default acl for role qt001_service on tables"),
    _CONTAINED("default privileges on functions for everybody in a schema", _defaults(_OTHER, "EXECUTE ON FUNCTIONS", "PUBLIC"),
               "for role qt001_service in schema public on functions"),
    _CONTAINED("default privileges on functions for it, in whatever schema", _defaults(_OTHER, "EXECUTE ON FUNCTIONS", where=""),
               "default acl for role qt001_service on functions"),
    _CONTAINED("default privileges of the owner role", _defaults("qt001_cp_owner", where=""), "default acl for role qt001_cp_owner on tables"),
    _CONTAINED("default privileges of the owner role, which the policy trusts", both(_TRUSTS_OWNER, _defaults("qt001_cp_owner", where="")),
               "default acl for role qt001_cp_owner on tables"),
    _CONTAINED("default privileges of a role that reads all data", both(do("CREATE ROLE club", "GRANT pg_read_all_data TO club"), _defaults("club")),
               "default acl for role club"),
    _CONTAINED("default privileges of a member of a role that holds something", both(do("CREATE ROLE club", f"GRANT {_OTHER} TO club"), _defaults("club")),
               "default acl for role club"),
    _CONTAINED("default privileges that the manifest retains", both(in_row(_OWN, _RENAMED), _PLANTED), _NAMED),
    _CONTAINED("it keeps a write to a source table", _left(("table", "public.qt001_source"), "INSERT"), "is a source table of the apply path"),
    _CONTAINED("everybody keeps a write to a source table", _left(("table", "public.qt001_source"), "INSERT", None), "is a source table of the apply path"),
    _CONTAINED("it keeps a write to a column of a source table", _left_column(("table", "public.qt001_source"), "UPDATE"),
               "is a source table of the apply path"),
    _CONTAINED("it keeps a DELETE of what says what is blocked", _left(_SWITCH, "DELETE"), "is what says that the apply path is blocked"),
    _CONTAINED("it keeps a call of a part of the apply path", _left(("function", "public.qt001_refresh_statistics()"), "EXECUTE"), "is the apply path"),
    _CONTAINED("it keeps a call of the legacy authority", _left(("function", "public.qt001_self_audit(pg_catalog.text,pg_catalog.uuid)"), "EXECUTE"),
               "is legacy authority"),
    _CONTAINED("it keeps a write to the readiness", both(_LEGACY_GONE, _left(("view", "public.qt001_readiness"), "INSERT")), "is the readiness"),
    _CONTAINED("it keeps a call of a body that writes what the apply path writes", both(_reaching("writes", _STATISTICS), _left(_BODY, "EXECUTE")),
               "is written by the apply path"),
    _CONTAINED("it keeps a call of a body that calls the apply path",
               both(_reaching("calls", ("function", "public.qt001_permit(pg_catalog.jsonb)")), _left(_BODY, "EXECUTE")), "function public.qt001_audit(): expected nothing left"),
    _CONTAINED("it keeps a write to a table whose trigger writes what says what is blocked",
               both(_reaching("writes", _SWITCH), _FIRED, _left(_TEMPLATE, "INSERT")), "table public.qt001_template: expected nothing left"),
    _CONTAINED("it keeps a write to a view of what says what is blocked", _left(("view", "public.qt001_status"), "INSERT"),
               "view public.qt001_status: expected nothing left"),
    *(_CONTAINED(f"it keeps {verb}, and a foreign key ON {verb} CASCADE leads to what says what is blocked", both(
        _key("public.qt001_switch", "public.qt001_setting", f"ON {verb} CASCADE"), _left(_SETTING, verb), _left(_SWITCH, verb)),
        "table public.qt001_setting: expected nothing left") for verb in ("DELETE", "UPDATE")),
    *(_CONTAINED(f"it keeps {verb}, and a foreign key passes it on with {action}", both(
        _key("public.qt001_template", "public.qt001_setting", action), _left(_SETTING, verb)), f"expected no {verb} left to the application")
      for verb, action in (("DELETE", "ON DELETE CASCADE"), ("DELETE", "ON DELETE SET NULL"), ("UPDATE", "ON UPDATE CASCADE"))),
    _CONTAINED("its own table hides a protected one", _HIDING, _HIDDEN),
    _CONTAINED("its own type hides a protected one", _hiding("CREATE TYPE directus.qt001_state AS ENUM ('a')"), "hides type public.qt001_state"),
    _CONTAINED("its own routine hides a protected one", _hiding("CREATE FUNCTION directus.qt001_touch(a int) RETURNS int LANGUAGE sql AS 'SELECT 1'"),
               "hides function public.qt001_touch()"),
    _CONTAINED("its own table hides a protected one, on the path that is set for it", both(
        _hiding("CREATE TABLE cms.qt001_setting (a int)", schema="cms"), do("ALTER ROLE directus SET search_path = cms, public")), _HIDDEN),
    _CONTAINED("its own table hides a protected one, and it has another setting", both(_HIDING, do("ALTER ROLE directus SET work_mem = '8MB'")), _HIDDEN),
    _CONTAINED("its own table hides a protected one, and it has another path in another database", both(
        _HIDING, do("ALTER ROLE directus IN DATABASE postgres SET search_path = public")), _HIDDEN),
    _CONTAINED("its own table hides a protected one, and another role has another path", both(_HIDING, do("ALTER ROLE intern SET search_path = public")), _HIDDEN),
    _CONTAINED("it keeps a column, and reads the table", both(
        _left_column(_SETTING, "SELECT"), do("GRANT SELECT ON public.qt001_setting TO directus")), "directus has SELECT"),
    _CONTAINED("it keeps every column, and reads the table", both(
        _left_column(_SETTING, "SELECT", column="key value updated_at"), do("GRANT SELECT ON public.qt001_setting TO directus")), "directus has SELECT"),
    _CONTAINED("it keeps a column, and reads another one", both(
        _left_column(_SETTING, "SELECT"), do(_COLUMN, "GRANT SELECT (key) ON public.qt001_setting TO directus")), "directus has SELECT"),
    _CONTAINED("it keeps a column, and writes it", both(
        _left_column(_SETTING, "SELECT"), do(_COLUMN, "GRANT UPDATE (value) ON public.qt001_setting TO directus")), "directus has UPDATE"),
    _CONTAINED("it keeps a column, and empties the table", both(
        _left_column(_SETTING, "SELECT"), do(_COLUMN, "GRANT TRUNCATE ON public.qt001_setting TO directus")), "directus has TRUNCATE"),
    _CONTAINED("it writes a view that it keeps reading", do("GRANT UPDATE ON public.qt001_status TO directus"), "directus has UPDATE"),
    _CONTAINED("another role keeps a column that it reads", both(_left_column(_SETTING, "SELECT", "reporting"), do(_COLUMN)), "directus has SELECT"),
    *(_CONTAINED(f"the policy keeps a foreign key of another {what}", both(_theirs(), _kept(**said)), _THEIRS) for what, said in (
        ("name", {"name": "other"}), ("table", {"table": "cms.other"}), ("protected table", {"references": "public.qt001_template"}),
        ("action of DELETE", {"on_delete": "CASCADE"}), ("action of UPDATE", {"on_update": "CASCADE"}))),
    _CONTAINED("another constraint has the name of a foreign key that the policy keeps", both(
        _theirs("", "ALTER TABLE public.qt001_setting ADD CONSTRAINT of_theirs CHECK (true)"), _kept()), _THEIRS),
)  # fmt: skip  # one case a line
_UNREAD = (
    "CREATE FUNCTION public.unread() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'SELECT 1'; RETURN NEW; END $$",
    "ALTER FUNCTION public.unread() OWNER TO reporting",
)
CONTAINED_STAYS = (
    _OPEN("it may call what the manifest retains", both(
        in_row(("function", "public.qt001_describe(integer)"), """jsonb_set(object, '{disposition}', '"retain"')"""),
        do("GRANT EXECUTE ON FUNCTION public.qt001_describe(integer) TO directus"))),
    _OPEN("the policy keeps a foreign key", both(_theirs(), _kept())),
    _OPEN("another table has a constraint with the name of a foreign key that the policy keeps", both(
        _theirs("", "ALTER TABLE public.qt001_template ADD CONSTRAINT of_theirs CHECK (true)"), _kept())),
    _OPEN("it keeps a column, and reads that", both(_left_column(_SETTING, "SELECT"), do(_COLUMN))),
    _OPEN("everybody keeps a column, and it reads that", both(_left_column(_SETTING, "SELECT", None), do("GRANT SELECT (value) ON public.qt001_setting TO PUBLIC"))),
    _OPEN("what it writes for another role runs a trigger with its own rights", do(
        "CREATE TABLE public.theirs (id int)", "ALTER TABLE public.theirs OWNER TO reporting", "GRANT INSERT ON public.theirs TO directus", *_UNREAD,
        "CREATE TRIGGER t BEFORE INSERT ON public.theirs FOR EACH ROW EXECUTE FUNCTION public.unread()")),
    _OPEN("a foreign key's action writes for a role that holds nothing", do(
        "CREATE ROLE team", "CREATE TABLE public.own (id int PRIMARY KEY)", "ALTER TABLE public.own OWNER TO directus",
        "CREATE TABLE public.theirs (id int REFERENCES public.own ON DELETE CASCADE)", "ALTER TABLE public.theirs OWNER TO team", *_UNREAD,
        "CREATE TRIGGER t BEFORE DELETE ON public.theirs FOR EACH ROW EXECUTE FUNCTION public.unread()")),
    _OPEN("its own table hides one of its own", _hiding("CREATE TABLE directus.tags (a int)")),
    _OPEN("its own table has the name of a protected routine", _hiding("CREATE TABLE directus.qt001_touch (a int)")),
    _OPEN("its own table has the name of a protected type", _hiding("CREATE TABLE directus.qt001_state (a int)")),
    _OPEN("its own index has the name of a protected table", _hiding("CREATE TABLE directus.other (a int)", "CREATE INDEX qt001_setting ON directus.other (a)")),
    _OPEN("its own table hides nothing behind the schema of the protected one", both(_HIDING, do("ALTER ROLE directus SET search_path = public, directus"))),
    _OPEN("its own table has the name of a protected one, in a schema that is not on its path", both(
        _hiding(), do("CREATE SCHEMA cms AUTHORIZATION directus"), do("CREATE TABLE cms.qt001_setting (a int)", user="directus"))),
    _OPEN("its own table has the name of a protected object that no table hides", both(
        in_row(("aggregate", "public.qt001_sum_positive(numeric)"), """jsonb_set(object, '{kind}', '"collation"')"""),
        _hiding("CREATE TABLE directus.qt001_sum_positive (a int)"))),
    _OPEN("it keeps DELETE, and a foreign key of its own table passes it on, which the policy keeps", both(
        do("ALTER TABLE public.tags ADD COLUMN key text CONSTRAINT of_theirs REFERENCES public.qt001_setting ON DELETE CASCADE"),
        _kept(table="public.tags", on_delete="CASCADE"), _left(_SETTING, "DELETE"))),
    _OPEN("another role's table stands before a protected one", both(_HIDING, do("ALTER TABLE directus.qt001_setting OWNER TO intern"))),

    _OPEN("a superuser can become it, and holds something", do("CREATE ROLE boss SUPERUSER", "GRANT directus, intern TO boss")),
    _OPEN("a login with a duty can become it, and holds something", do(f"GRANT directus, intern TO {AUTHOR}")),
    _OPEN("an operator of another database is it, and holds something", _both_places("qt001_cp_operator", "intern")),
    _OPEN("who can become it holds nothing else", both(do("CREATE ROLE club"), _both_places("club"))),
    _OPEN("the owner may pass on what it owns", _left(_TEMPLATE, "SELECT", "qt001_cp_owner", option=True)),
    _OPEN("a superuser may pass on a privilege", _left(_TEMPLATE, "SELECT", "postgres", option=True)),
    _OPEN("a role may pass on a privilege on what is retained", _SHOWN),
    _OPEN("default privileges of a role that may pass them on", _left(_REPORTING, "SELECT", _OTHER, option=True)),
    _OPEN("its own default privileges", _defaults(_APPLICATION, to="PUBLIC")),
    _OPEN("default privileges on functions, which everybody has by default", _defaults(_OTHER, "EXECUTE ON FUNCTIONS", "intern", "")),
    _OPEN("default privileges for another role", _defaults(_OTHER, to="reporting")),
    _OPEN("default privileges of a role that holds nothing", _defaults("public_only")),
    _OPEN("default privileges of a role that the policy trusts", _defaults("intern")),
    _OPEN("default privileges that the manifest takes away", both(in_row(_REPORTING, _RENAMED), _PLANTED)),
    _OPEN("it keeps a write to another protected table", _left(_TEMPLATE, "INSERT")),
    _OPEN("it keeps a write to a table that the apply path only reads", _left(("table", "public.qt001_reviewer"), "INSERT")),
    _OPEN("it keeps a write to what a routine beside the apply path writes", _left(("table", "public.qt001_audit_log"), "INSERT")),
    _OPEN("it keeps SELECT on a source table", _left(("table", "public.qt001_source"), "SELECT")),
    _OPEN("it keeps a call of a legacy routine that runs with its caller's rights", _left(("function", "public.qt001_is_ready()"), "EXECUTE")),
    _OPEN("it keeps a call of a body that reads what says what is blocked", both(_reaching("reads", _SWITCH), _left(_BODY, "EXECUTE"))),
    _OPEN("it may do to what it lends what it always could, and a foreign key that the policy keeps passes it on", both(
        do("ALTER TABLE public.qt001_switch ADD COLUMN tag int CONSTRAINT of_theirs REFERENCES public.tags ON DELETE CASCADE"),
        _kept(table="public.qt001_switch", references="public.tags", on_delete="CASCADE"),
        in_row(("table", "public.tags"), """object || '{"disposition": "lend", "after": {"owner": "directus", "columns": [],
            "acl": [["directus", "directus", "DELETE", false]]}}'"""))),
    _OPEN("it keeps a write to a view that asks a routine, which only its reader calls", both(
        _detail(("function", "public.qt001_severity_rank(public.qt001_severity)"), reaches=[
            {"verb": "writes", "kind": _SWITCH[0], "identity": _SWITCH[1]}]), _left(("view", "public.qt001_case_age"), "INSERT"))),
    _OPEN("it keeps a write to what the system made", both(_detail(_SWITCH, system=True), _left(_SWITCH, "INSERT"))),
    _OPEN("it keeps a call of a body that writes what was retained", both(
        in_row(_SWITCH, """jsonb_set(object, '{disposition}', '"retain"')"""), _reaching("writes", _SWITCH), _left(_BODY, "EXECUTE"))),
    _OPEN("it keeps DELETE, and a foreign key without an action", both(_key("public.qt001_switch", "public.qt001_setting"), _left(_SETTING, "DELETE"))),
    _OPEN("a foreign key passes on what it does not keep", _key("public.qt001_template", "public.qt001_setting", "ON DELETE CASCADE")),
    _OPEN("it keeps DELETE on both ends of a foreign key", both(
        _key("public.qt001_template", "public.qt001_setting", "ON DELETE CASCADE"), _left(_SETTING, "DELETE"), _left(_TEMPLATE, "DELETE"))),
)  # fmt: skip  # one case a line
