"""Precondition 8: nothing that the application role still controls reaches a transferred object."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from qt001_cp.errors import Refused
from qt001_cp.model.manifest import ManifestObject, ObjectManifest
from tests.conftest import Stage
from tests.cutover.support import cluster, edited_policy, findings, refused, reseal, run, sealed_with, stopped

_HOOK = "CREATE FUNCTION public.articles_hook() RETURNS {};\nALTER FUNCTION public.articles_hook() OWNER TO directus;\n"
_TRIGGER = _HOOK.format("trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'")
_EVENT = _HOOK.format("event_trigger LANGUAGE plpgsql AS 'BEGIN END'")
_TRUE = _HOOK.format("boolean LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN true; END'")
HOOK = "public.articles_hook()"

EDGES = {
    "a trigger function": (
        _TRIGGER
        + "CREATE TRIGGER hook AFTER INSERT ON public.qt001_source FOR EACH ROW EXECUTE FUNCTION public.articles_hook();\n",
        HOOK,
    ),
    "a default": (_TRUE + "ALTER TABLE public.qt001_reviewer ALTER active SET DEFAULT public.articles_hook();\n", HOOK),
    "a check": (_TRUE + "ALTER TABLE public.qt001_reviewer ADD CHECK (public.articles_hook());\n", HOOK),
    "an index": (_TRUE + "CREATE INDEX ON public.qt001_reviewer (id) WHERE public.articles_hook();\n", HOOK),
    "a generated column": (
        _TRUE
        + "ALTER TABLE public.qt001_reviewer ADD g boolean GENERATED ALWAYS AS (public.articles_hook()) STORED;\n",
        HOOK,
    ),
    "a policy": (_TRUE + "CREATE POLICY hook ON public.qt001_case USING (public.articles_hook());\n", HOOK),
    "a rule": (
        "CREATE RULE hook AS ON INSERT TO public.qt001_setting DO ALSO DELETE FROM public.articles WHERE false;\n",
        "table public.articles",
    ),
    "a view": (
        "CREATE OR REPLACE VIEW public.qt001_permit_queue AS SELECT p.number, p.state, p.requested_by, p.requested_at,"
        " t.name FROM public.qt001_permit_record p LEFT JOIN public.tags t ON t.id = 1;\n",
        "table public.tags",
    ),
    "a domain": (_TRUE + "ALTER DOMAIN public.qt001_amount ADD CHECK (public.articles_hook());\n", HOOK),
    "an aggregate": (
        "CREATE FUNCTION public.articles_step(int, int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 1';\n"
        "ALTER FUNCTION public.articles_step(int, int) OWNER TO directus;\n"
        "CREATE AGGREGATE public.qt001_hooked(int) (SFUNC = public.articles_step, STYPE = int);\n"
        "ALTER AGGREGATE public.qt001_hooked(int) OWNER TO directus;\n",
        "public.articles_step",
    ),
    "a body": (
        _TRUE
        + "CREATE FUNCTION public.qt001_calls() RETURNS boolean LANGUAGE sql AS 'SELECT public.articles_hook()';\n"
        "ALTER FUNCTION public.qt001_calls() OWNER TO directus;\n",
        HOOK,
    ),
    "a body that PostgreSQL parsed": (
        _TRUE + "CREATE FUNCTION public.qt001_calls() RETURNS boolean RETURN public.articles_hook();\n"
        "ALTER FUNCTION public.qt001_calls() OWNER TO directus;\n",
        HOOK,
    ),
    "a type of a column": (
        "ALTER TABLE public.qt001_reviewer ADD land public.country_code;\n",
        "type public.country_code",
    ),
    "a sequence in a default": (
        "ALTER TABLE public.qt001_reviewer ADD n bigint DEFAULT nextval('public.invoice_number');\n",
        "sequence public.invoice_number",
    ),
    "a foreign key from it": (
        "ALTER TABLE public.qt001_case ADD article integer REFERENCES public.articles (id) ON DELETE CASCADE;\n",
        "table public.articles",
    ),
    "a foreign key to it": (
        "ALTER TABLE public.articles ADD source bigint REFERENCES public.qt001_source (id);\n",
        "table public.articles",
    ),
    "a retained child": (
        "CREATE TABLE public.articles_child () INHERITS (public.qt001_setting);\n"
        "ALTER TABLE public.articles_child OWNER TO directus;\n",
        "table public.articles_child",
    ),
    "a retained partition": (
        "CREATE TABLE public.articles_part PARTITION OF qt001_data.measurement FOR VALUES FROM ('2028-01-01') TO ('2029-01-01');\n"
        "ALTER TABLE public.articles_part OWNER TO directus;\n",
        "table public.articles_part",
    ),
    "a retained parent": (
        "CREATE TABLE public.qt001_views PARTITION OF public.page_views FOR VALUES FROM ('2027-01-01') TO ('2028-01-01');\n"
        "ALTER TABLE public.qt001_views OWNER TO directus;\n",
        "table public.qt001_views",
    ),
    "a retained view on it": (
        "CREATE VIEW public.articles_spy AS SELECT * FROM public.qt001_source;\n ALTER VIEW public.articles_spy OWNER TO directus;\n",
        "view public.articles_spy",
    ),
    "dynamic SQL": (
        "CREATE FUNCTION public.qt001_dynamic(what text) RETURNS void LANGUAGE plpgsql AS 'BEGIN EXECUTE what; END';\n"
        "ALTER FUNCTION public.qt001_dynamic(text) OWNER TO directus;\n",
        "function public.qt001_dynamic(pg_catalog.text)",
    ),
    "an event trigger": (
        _EVENT + "CREATE EVENT TRIGGER hook ON ddl_command_end EXECUTE FUNCTION public.articles_hook();\n",
        "event trigger hook",
    ),
}


ONLINE = (
    "a trigger function",
    "a foreign key from it",
    "a foreign key to it",
    "a retained child",
    "dynamic SQL",
    "an event trigger",
)


@pytest.mark.parametrize("way", ONLINE)
def test_retained_object_reaches_in(at_fix7a_sealed: Stage, tmp_path: Path, way: str) -> None:
    statements, named = EDGES[way]
    run(at_fix7a_sealed, statements)
    reseal(at_fix7a_sealed, tmp_path)
    refused(at_fix7a_sealed, "QT108", named, rehearsal="first")


def test_every_other_way_in_is_found(at_fix7a_sealed: Stage) -> None:
    """All of them at once, each with a function of its own name, under one manifest that knows them."""
    ways = {way: EDGES[way] for way in EDGES if way not in ONLINE}
    statements, expected = "", {}
    for number, (way, (text, named)) in enumerate(ways.items()):
        statements += text.replace("_hook", f"_hook{number}").replace("_calls", f"_calls{number}")
        expected[way] = named.replace("_hook", f"_hook{number}")
    found = findings(at_fix7a_sealed, statements, sealed_again=True)
    missed = [way for way, named in expected.items() if not any(s == "QT108" and named in o for s, o in found)]
    assert not missed, found


KEPT = {
    "the schema": (
        'name = "qt001_data"\ndisposition = "transfer"',
        'name = "qt001_data"\ndisposition = "retain"',
        "schema qt001_data",
    ),
    "the database": (
        'kind = "database"\ndisposition = "transfer"',
        'kind = "database"\ndisposition = "retain"',
        "database directus_case",
    ),
    "CREATE on the schema": (
        'keep = [ { grantee = "public", privileges = ["USAGE"] } ]',
        'keep = [ { grantee = "public", privileges = ["USAGE"] }, { grantee = "application", privileges = ["CREATE"] } ]',
        "schema public",
    ),
    "CREATE on the database": (
        'keep = [ { grantee = "public", privileges = ["CONNECT"] } ]',
        'keep = [ { grantee = "public", privileges = ["CONNECT"] }, { grantee = "application", privileges = ["CREATE"] } ]',
        "database directus_case",
    ),
}


@pytest.mark.parametrize("way", KEPT)
def test_application_keeps_a_container(at_base: Stage, tmp_path: Path, way: str) -> None:
    old, new, named = KEPT[way]
    if way == "CREATE on the schema":
        run(at_base, "GRANT CREATE ON SCHEMA public TO directus;\n")
    if way == "CREATE on the database":
        run(at_base, "GRANT CREATE ON DATABASE directus_case TO directus;\n")
    policy = edited_policy(tmp_path, old, new)
    text = policy.read_text("utf-8")
    start, end = text.index("[[growth]]"), text.index("[apply_path]")
    policy.write_text(text[:start] + text[end:], "utf-8")  # where partitions are made it is refused when sealed
    sealed_with(at_base, tmp_path, policy)
    refused(at_base, "QT108", named, rehearsal="first")


def test_application_keeps_create_where_partitions_are_made(at_base: Stage, tmp_path: Path) -> None:
    """Refused when sealed: a table of its own would be in the way of one, or be taken for it."""
    old, new, _ = KEPT["the schema"]
    with pytest.raises(Refused, match=r"no CREATE .* partitions of qt001_data\.measurement") as caught:
        sealed_with(at_base, tmp_path, edited_policy(tmp_path, old, new))
    assert caught.value.sqlstate == "QT108"


def test_operator_of_the_application_in_a_body(at_base: Stage, tmp_path: Path) -> None:
    """An operator has an owner and no ACL; a view of QT001 uses it."""
    rule = '[[rule]]\nkind = "operator"\nschema = "public"\ndisposition = "retain"\nreason = "the shop"\n\n'
    head = '[[rule]]\nkind = "database"'
    run(
        at_base,
        "SET ROLE directus;\n"
        "CREATE FUNCTION public.articles_same(text, text) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true';\n"
        "CREATE OPERATOR public.=== (FUNCTION = public.articles_same, LEFTARG = text, RIGHTARG = text);\n"
        "CREATE VIEW public.qt001_same AS SELECT s.code FROM public.qt001_source s WHERE s.title OPERATOR(public.===) 'a';\n",
    )
    sealed_with(at_base, tmp_path, edited_policy(tmp_path, head, rule + head))
    refused(at_base, "QT108", "view public.qt001_same", rehearsal="first")


def test_routine_without_an_analysis(at_fix7a_sealed: Stage, tmp_path: Path) -> None:
    def forget(manifest: ObjectManifest) -> ObjectManifest:
        def bare(o: ManifestObject) -> ManifestObject:
            detail = {k: v for k, v in (o.detail or {}).items() if k not in ("reaches", "unknown")}
            return replace(o, detail=detail)

        objects = tuple(bare(o) if o.ref.name == "qt001_touch" else o for o in manifest.objects)
        return replace(manifest, objects=objects)

    reseal(at_fix7a_sealed, tmp_path, edit=forget)
    refused(at_fix7a_sealed, "QT108", "function public.qt001_touch()", rehearsal="first")


POWERS = {
    "BYPASSRLS": ("ALTER ROLE directus BYPASSRLS;\n", "BYPASSRLS"),
    "REPLICATION": ("ALTER ROLE directus REPLICATION;\n", "REPLICATION"),
    "SUPERUSER": ("ALTER ROLE directus SUPERUSER;\n", "SUPERUSER"),
    "a predefined role behind another": (
        "CREATE ROLE test_bridge;\n GRANT pg_write_server_files TO test_bridge;\n GRANT test_bridge TO directus;\n",
        "pg_write_server_files",
    ),
    "a role with CREATEROLE": ("CREATE ROLE test_bridge CREATEROLE;\n GRANT test_bridge TO directus;\n", "test_bridge"),
}


@pytest.mark.parametrize("way", POWERS)
def test_application_gets_around_every_acl(at_recorded: Stage, way: str) -> None:
    statements, named = POWERS[way]
    stopped(at_recorded, statements, "QT108", "role directus", named)


def test_application_may_make_roles(at_recorded: Stage) -> None:
    with cluster(at_recorded, "ALTER ROLE directus CREATEROLE;\n", "ALTER ROLE directus NOCREATEROLE;\n"):
        refused(at_recorded, "QT108", "role directus", "CREATEROLE")


def test_application_reads_everything(at_recorded: Stage) -> None:
    with cluster(at_recorded, "GRANT pg_read_all_data TO directus;\n", "REVOKE pg_read_all_data FROM directus;\n"):
        refused(at_recorded, "QT108", "role directus", "pg_read_all_data")


def test_application_is_a_member_of_a_grantee(at_recorded: Stage) -> None:
    """One membership is one finding, whatever the role holds."""
    found = findings(at_recorded, "GRANT qt001_service TO directus;\n")
    assert found == [("QT108", "membership of directus in qt001_service")]


def test_prepared_transaction(at_recorded: Stage) -> None:
    with cluster(
        at_recorded,
        "BEGIN;\n INSERT INTO public.tags (name) VALUES ('late');\n PREPARE TRANSACTION 'before the cutover';\n",
        "ROLLBACK PREPARED 'before the cutover';\n",
    ):
        refused(at_recorded, "QT108", "prepared transaction before the cutover")


def test_open_transaction_of_the_application(at_recorded: Stage) -> None:
    with at_recorded.connect("directus") as application:
        application.execute("BEGIN")
        application.execute("SELECT 1 FROM public.articles")
        refused(at_recorded, "QT108", "of directus", lock_timeout="300ms")
        application.execute("ROLLBACK")


def test_a_column_of_the_systems_own_given_to_everybody(at_fix7a_sealed: Stage) -> None:
    """Which the server did not come with: whoever may read it stays able to after the cutover."""
    run(at_fix7a_sealed, "GRANT SELECT (rolpassword) ON pg_catalog.pg_authid TO PUBLIC;\n")
    refused(at_fix7a_sealed, "QT108", "table column pg_catalog.pg_authid.rolpassword", rehearsal="first")


SETTINGS = {
    "of a role": ("ROLE directus SET", "for directus"),
    "of a role in this database": ("ROLE directus IN DATABASE {database} SET", "for directus"),
    "of the database": ("DATABASE {database} SET", "for every role"),
    "of all roles": ("ROLE ALL SET", "for every role"),
}


@pytest.mark.parametrize("kind", SETTINGS)
def test_what_a_finding_says_takes_a_setting_away(at_recorded: Stage, kind: str) -> None:
    """RESET has to name what the setting was stored for: of a role in one database it is another row than of the role."""
    target, whose = SETTINGS[kind]
    query = "SELECT mend FROM qt001_cp.environment_findings(%s) WHERE object = %s"
    asked = [at_recorded.digest, f"setting session_replication_role {whose}"]
    with at_recorded.connect() as connection, connection.transaction(force_rollback=True):
        named = target.format(database=at_recorded.scene.database)
        connection.execute(f"ALTER {named} session_replication_role = replica".encode())
        ((mend,),) = connection.execute(query, asked).fetchall()
        connection.execute(str(mend).encode())
        assert connection.execute(query, asked).fetchall() == []
