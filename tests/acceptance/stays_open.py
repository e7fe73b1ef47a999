"""What must not close a gate: the other side of its conditions."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial

from qt001_cp.model.canonical import Json, canonical_bytes
from qt001_cp.rehearsal.scene import AUDITOR, AUTHOR, OPERATOR, VERIFIER
from tests.acceptance.attempt import Attempt
from tests.acceptance.closers import LEGACY
from tests.acceptance.conditions_routines import GUARDED, fresh
from tests.acceptance.moves import (
    Move,
    analysed,
    behind,
    both,
    do,
    in_manifest,
    offered,
    on_the_path,
    rehearsed,
    routine,
    unknown,
)


@dataclass(frozen=True)
class Stays:
    """The gate is as open after ``move`` as it was before."""

    gate: str
    name: str
    move: Move

    def __str__(self) -> str:
        return f"{self.gate} stays open: {self.name}"


def _another_analysis(attempt: Attempt) -> None:
    """A simulated one was recorded, a real one imported after it; then the first was bound to something."""
    simulated = {**attempt.document("static-analysis.json"), "class": "simulated"}
    attempt.import_evidence(simulated)
    attempt.import_evidence(attempt.document("static-analysis.json"))
    digest = attempt.run(
        "SELECT subject FROM qt001_cp.event WHERE verb = 'evidence_imported' AND detail ->> 'class' = 'simulated'"
    )
    attempt.write_event("bound", digest, '{"schema": "qt001.evidence.static-analysis/1"}')


def _proposed(attempt: Attempt) -> None:
    """The author has a newer object manifest ready; nobody has sealed it."""
    other = attempt.document("object.json")
    other["policy"]["name"] = "another one"
    other["objects"].append({**other["objects"][0], "identity": "nothing_like_it"})
    attempt.run("SELECT qt001_cp.propose_manifest(%s)", [canonical_bytes(other)], user=AUTHOR)


def _waits(attempt: Attempt) -> None:
    """Another object manifest is sealed, and waits. Sealing by the function would check its coverage."""
    _proposed(attempt)
    attempt.write_event("sealed", attempt.run("SELECT digest FROM qt001_cp.document ORDER BY recorded_at DESC LIMIT 1"))


def _of_another(record: Json) -> None:
    record["manifest"] = "0" * 64
    record["cases"][0]["sqlstate"] = "00000"


def _withdrawn_before(attempt: Attempt) -> None:
    """The first event is said to have withdrawn it."""
    change = f"UPDATE qt001_cp.event SET verb = 'withdrawn', subject = '{attempt.stage.digest}' WHERE verb = 'captured'"
    behind(change, "event")(attempt)


def _seen(attempt: Attempt) -> None:
    attempt.write_event("verified", attempt.run("SELECT qt001_cp.subject_digest()"), '{"findings": 0}')


def _columns_in_another_order(attempt: Attempt) -> None:
    """Two grantees of a column, whom the manifest names the other way round."""
    attempt.run("GRANT SELECT (value) ON public.qt001_setting TO intern, reporting")
    live = attempt.run(
        "SELECT columns::text FROM qt001_cp.live_object('directus', true, false) WHERE identity = 'public.qt001_setting'"
    )
    columns = [{**c, "acl": c["acl"][::-1]} for c in json.loads(live)]
    assert columns != json.loads(live)
    behind(
        f"UPDATE qt001_cp.manifest_row SET object = jsonb_set(object, '{{after,columns}}', $new${json.dumps(columns)}$new$)"
        " WHERE object ->> 'identity' = 'public.qt001_setting'",
        "manifest_row",
    )(attempt)


def _lately(attempt: Attempt) -> None:
    """FIX7c ran once more, when a table had no row security any more."""
    attempt.run("ALTER TABLE public.qt001_case DISABLE ROW LEVEL SECURITY")
    detail = attempt.run(
        """SELECT (detail || '{"row_security": []}')::text FROM qt001_cp.event WHERE verb = 'deployed'"""
    )
    manifest = attempt.run("SELECT qt001_cp.deployed_manifest()")
    attempt.write_event("undeployed", manifest)
    attempt.write_event("deployed", manifest, detail)


STORAGE = {
    "pages are left emptier": "ALTER TABLE public.qt001_setting SET (fillfactor = 90)",
    "it is vacuumed more often": "ALTER TABLE public.qt001_setting SET (autovacuum_vacuum_scale_factor = 0.01)",
    "its TOAST table is vacuumed more often": "ALTER TABLE public.qt001_setting SET (toast.autovacuum_vacuum_threshold = 1000)",
    "long values are compressed in another way": "ALTER TABLE public.qt001_setting ALTER value SET STORAGE EXTERNAL",
    "more of a column is sampled": "ALTER TABLE public.qt001_setting ALTER value SET STATISTICS 500",
    "how many values a column has": "ALTER TABLE public.qt001_setting ALTER value SET (n_distinct = -0.5)",
    "a plain index": "CREATE INDEX plain ON public.qt001_setting (value DESC) WITH (fillfactor = 70)",
    "the pages of an index": "ALTER INDEX public.qt001_setting_pkey SET (fillfactor = 80)",
    "a clustering mark": "ALTER TABLE public.qt001_setting CLUSTER ON qt001_setting_pkey",
    "statistics on columns": "CREATE STATISTICS public.together ON key, value FROM public.qt001_setting",
}
"""Statements of a member of the owner role that change how something protected is kept, and not what it means."""
_ONE = partial(Stays, "static_analysis_present")
_PATH = partial(Stays, "search_paths_secure")
_SIGNED = partial(Stays, "sign_off_present")
_KEPT = partial(Stays, "definitions_exact")
_PAIRED = partial(Stays, "entry_points_paired")
STAYS = (
    Stays("inventory_exact", "the application may read another role's new table",
          do("CREATE TABLE public.late (id int)", "GRANT SELECT ON public.late TO directus")),
    Stays("inventory_exact", "a retained table is gone", do("DROP TABLE public.newsletter", user="directus")),
    Stays("inventory_exact", "a retained default ACL is gone", do(
        "ALTER DEFAULT PRIVILEGES FOR ROLE directus IN SCHEMA public REVOKE ALL ON TABLES FROM reporting",
        "ALTER DEFAULT PRIVILEGES FOR ROLE directus IN SCHEMA public REVOKE ALL ON TABLES FROM qt001_service")),
    Stays("owners_and_acls_exact", "another owner of a retained table", do("ALTER TABLE public.tags OWNER TO intern")),
    Stays("owners_and_acls_exact", "a grant on a retained table, and on a column of it",
          do("GRANT SELECT ON public.tags TO intern", "GRANT UPDATE (name) ON public.tags TO intern")),
    Stays("owners_and_acls_exact", "another role may connect", do("GRANT CONNECT ON DATABASE directus_case TO intern")),
    Stays("definitions_exact", "another definition of a retained table, another time zone of the database",
          do("ALTER TABLE public.tags ADD COLUMN more int", "ALTER DATABASE directus_case SET timezone = 'Asia/Tokyo'")),
    Stays("search_paths_secure", "the application's own function, that nobody may call",
          both(routine("public.bare", owner="directus"), do("REVOKE EXECUTE ON FUNCTION public.bare() FROM directus"))),
    Stays("search_paths_secure", "a function of a role that holds nothing", routine("public.bare", owner="public_only", execute="PUBLIC")),
    Stays("search_paths_secure", "a superuser's function in a schema that the application may not use",
          both(do("CREATE SCHEMA shut"), routine("shut.bare", owner="postgres", execute="PUBLIC"))),
    Stays("application_role_contained", "a retained table has changed and reaches nothing", do("ALTER TABLE public.tags ADD COLUMN more int")),
    Stays("application_role_contained", "a view of the application's on a curated view", do(
        "CREATE VIEW public.shown AS SELECT * FROM public.qt001_status", "ALTER VIEW public.shown OWNER TO directus")),
    Stays("sign_off_present", "another role may connect", do("GRANT CONNECT ON DATABASE directus_case TO intern")),
    Stays("object_manifest_sealed", "the author proposes another manifest", _proposed),
    Stays("object_manifest_sealed", "another one is sealed and waits", _waits),
    Stays("object_manifest_sealed", "a bad rehearsal of another manifest", rehearsed(_of_another)),
    Stays("inventory_exact", "the author proposes another manifest", _proposed),
    Stays("owners_and_acls_exact", "the same privileges in another order",
          do("REVOKE SELECT ON public.qt001_setting FROM intern", "GRANT SELECT ON public.qt001_setting TO intern")),
    Stays("owners_and_acls_exact", "the same privileges on a column in another order", _columns_in_another_order),
    *(_KEPT(how, do("SET LOCAL ROLE qt001_cp_owner", statement, "RESET ROLE")) for how, statement in STORAGE.items()),
    _ONE("an older one is bound to something", _another_analysis),
    _ONE("a simulated one of another manifest", analysed(lambda _: None, **{"class": "simulated", "subject": "0" * 64})),
    _ONE("it does not understand what stays with the application", analysed(unknown("public.slugify(pg_catalog.text)"))),
    Stays("dependency_manifest_closed", "it does not understand what is not on the apply path", analysed(unknown(LEGACY[1]))),
    Stays("dependency_manifest_closed", "texts are run as SQL, and other servers reached, where the apply path does not go", do(
        "CREATE EXTENSION refint", "CREATE EXTENSION postgres_fdw", "CREATE SERVER far FOREIGN DATA WRAPPER postgres_fdw",
        "CREATE FOREIGN TABLE public.far (a int) SERVER far",
        "CREATE TABLE public.near (a text DEFAULT (query_to_xml('SELECT 1', true, true, '')::text))")),
    Stays("roles_apart", "the auditor's person is also called the verifier's",
          do(f"UPDATE qt001_cp.person SET person = (SELECT p.person FROM qt001_cp.person p WHERE p.login = '{AUDITOR}') WHERE login = '{VERIFIER}'")),
    Stays("dependency_manifest_closed", "the writer's table calls a trigger of qt001_cp",
          do("CREATE TRIGGER of_ours BEFORE TRUNCATE ON public.qt001_write_log EXECUTE FUNCTION qt001_cp.refuse_change()")),
    Stays("dependency_manifest_closed", "a function on the path that has no text",
          on_the_path("CREATE FUNCTION public.third() RETURNS timestamptz LANGUAGE internal AS 'now'")),
    Stays("dependency_manifest_closed", "a function on the path whose body the catalogs know",
          on_the_path("CREATE FUNCTION public.third() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1; END")),
    Stays("roles_apart", "somebody without a duty is the application role", do("GRANT directus TO intern")),
    Stays("roles_apart", "the operator is the owner role", do(f"GRANT qt001_cp_owner TO {OPERATOR}")),
    Stays("roles_apart", "the author is an auditor too, in another database", do("GRANT qt001_cp_auditor TO qt001_author")),
    Stays("roles_apart", "an operator without other powers is the owner role",
          do("CREATE ROLE dora LOGIN", "GRANT qt001_cp_operator, qt001_cp_owner TO dora")),
    Stays("roles_apart", "a superuser is the ledger role", do("CREATE ROLE boss SUPERUSER", "GRANT qt001_cp_ledger TO boss")),
    Stays("roles_apart", "a superuser administers, and has a duty", do(f"UPDATE qt001_cp.bootstrap SET actor = '{OPERATOR}'")),
    Stays("roles_apart", "the administrator may lend the ledger role, by somebody who may become it too", do(
        "CREATE ROLE chief LOGIN CREATEROLE", "UPDATE qt001_cp.bootstrap SET actor = 'chief'", "CREATE ROLE dora LOGIN", "GRANT chief TO dora",
        "GRANT qt001_cp_ledger TO chief, dora WITH ADMIN TRUE, INHERIT FALSE, SET FALSE")),
    Stays("roles_apart", "an auditor who creates roles may make others the application role", do(
        f"ALTER ROLE {AUDITOR} CREATEROLE", f"GRANT directus TO {AUDITOR} WITH ADMIN TRUE, INHERIT FALSE, SET FALSE")),
    Stays("roles_apart", "somebody creates roles, which since PostgreSQL 16 makes nobody a member of the ledger role",
          do("CREATE ROLE chief LOGIN CREATEROLE")),
    Stays("object_manifest_sealed", "another one is withdrawn", lambda a: a.write_event("withdrawn", "0" * 64)),
    Stays("object_manifest_sealed", "it was withdrawn before it was proposed and sealed again", _withdrawn_before),
    Stays("sign_off_present", "somebody joins for another database of the cluster",
          do("CREATE ROLE tom2 LOGIN", "GRANT qt001_cp_author TO tom2")),
    _SIGNED("somebody creates roles who may not call the apply path", do("ALTER ROLE intern CREATEROLE")),
    _SIGNED("a verifier creates roles", do(f"ALTER ROLE {VERIFIER} CREATEROLE")),
    _SIGNED("the owner of the apply path creates roles", do("ALTER ROLE qt001_cp_owner CREATEROLE")),
    _SIGNED("somebody without a power may call the apply path by a membership", do("CREATE ROLE club LOGIN", "GRANT qt001_service TO club")),
    Stays("sign_off_present", "a verifier's membership is taken", do(f"REVOKE qt001_cp_verifier FROM {VERIFIER}")),
    Stays("application_role_contained", "it is a member of a group that may nothing", do("CREATE ROLE club", "GRANT club TO directus")),
    Stays("capability_evidence_real", "real evidence of a real tool", offered()),
    Stays("protected_state_no_worse", "an older deployment had more", _lately),
    Stays("protected_state_no_worse", "a table of that name elsewhere",
          do("CREATE SCHEMA elsewhere", "CREATE TABLE elsewhere.qt001_case (a int)")),
    Stays("ledger_intact", "a table of that name elsewhere",
          do("CREATE TABLE public.event_fix7z (a int)", "CREATE TRIGGER t BEFORE TRUNCATE ON public.event_fix7z EXECUTE FUNCTION qt001_cp.refuse_change()")),
    _PAIRED("a new function that reads", fresh()),
    _PAIRED("a monitoring role reads the ledger", do("GRANT USAGE ON SCHEMA qt001_cp TO intern", "GRANT SELECT ON qt001_cp.event TO intern")),
    _PAIRED("a function of the owner's in another schema that everybody may call",
            do("CREATE FUNCTION public.open_to_all() RETURNS int LANGUAGE sql SET search_path = pg_catalog, pg_temp AS 'SELECT 1'",
               "ALTER FUNCTION public.open_to_all() OWNER TO qt001_cp_owner")),
    _PAIRED("a schema of the ledger role's elsewhere, with a table and a function, that everybody may use", do(
        "CREATE SCHEMA elsewhere AUTHORIZATION qt001_cp_ledger", "GRANT USAGE ON SCHEMA elsewhere TO PUBLIC",
        "CREATE TABLE elsewhere.kept (a int)", "ALTER TABLE elsewhere.kept OWNER TO qt001_cp_ledger", "GRANT SELECT ON elsewhere.kept TO PUBLIC",
        "CREATE FUNCTION elsewhere.told() RETURNS int LANGUAGE sql SET search_path = pg_catalog, pg_temp AS 'SELECT 1'",
        "ALTER FUNCTION elsewhere.told() OWNER TO qt001_cp_ledger")),
    _PAIRED("a new function that calls the writer, which asks", fresh(GUARDED)),
    _PAIRED("a Level-A routine that calls another", both(
        routine("qt001_cp.level_a", owner="qt001_cp_ledger", body="BEGIN PERFORM pg_catalog.now(); RETURN 1; END", language="plpgsql", options="STABLE SET search_path = pg_catalog, pg_temp"),
        do("INSERT INTO qt001_cp.entry_point VALUES ('qt001_cp.level_a()', NULL, '')"))),
    _PAIRED("a function with the name of a guard elsewhere", do("CREATE FUNCTION public.require_duty(text) RETURNS void LANGUAGE sql AS 'SELECT'")),
    _PAIRED("somebody else reads the gates", do("GRANT SELECT ON qt001_cp.v_fix7_gate TO intern")),
    _PAIRED("a composite type in qt001_cp", do("CREATE TYPE qt001_cp.pair AS (a int, b int)")),
    _PATH("a superuser's function that nobody may call", routine("public.bare", owner="postgres")),
    _PATH("a schema with the name of one of the application's tables",
          both(do("CREATE SCHEMA newsletter"), routine("public.bare", options="SET search_path = newsletter, pg_temp"))),
    _PATH("a schema that the application may use",
          both(in_manifest("qt001_data", "{after,acl}", '[["qt001_cp_owner", "directus", "USAGE", false]]'),
               routine("public.bare", options="SET search_path = qt001_data, pg_temp"))),
    _PATH("a schema in which another role makes objects",
          both(in_manifest("qt001_data", "{after,acl}", '[["qt001_cp_owner", "reporting", "CREATE", false]]'),
               routine("public.bare", options="SET search_path = qt001_data, pg_temp"))),
    _SIGNED("the verifier says something about the same subject", _seen),
    _SIGNED("the author proposes another manifest", _proposed),
    _SIGNED("another manifest is sealed and waits", _waits),
    _SIGNED("the owner role may read a table of the application", do("GRANT SELECT ON public.newsletter TO qt001_cp_owner")),
    _SIGNED("a view elsewhere", do("CREATE VIEW public.elsewhere AS SELECT 1 AS a")),
    _SIGNED("a trigger and its function elsewhere",
            do("CREATE FUNCTION public.elsewhere() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'", "CREATE TABLE public.somewhere (a int)",
               "CREATE TRIGGER t BEFORE TRUNCATE ON public.somewhere EXECUTE FUNCTION public.elsewhere()")),
    _SIGNED("an event trigger elsewhere",
            do("CREATE FUNCTION public.elsewhere() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'",
               "CREATE EVENT TRIGGER elsewhere ON sql_drop EXECUTE FUNCTION public.elsewhere()")),
    _SIGNED("somebody joins a role that is no duty", do("CREATE ROLE club", "GRANT club TO intern")),
)  # fmt: skip  # one case a line
__all__ = ["STAYS", "Stays"]
