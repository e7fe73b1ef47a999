"""What manifests, evidence and rehearsal record have to say, condition by condition."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

from qt001_cp.model.canonical import Json
from qt001_cp.rehearsal.scene import OPERATOR, VERIFIER
from tests.acceptance.closers import LEGACY, Closer, withdrawn
from tests.acceptance.moves import (
    analysed,
    as_reached,
    behind,
    both,
    do,
    forgotten,
    in_document,
    offered,
    on_the_path,
    ran,
    redeployed,
    rehearsed,
    unknown,
)

_NAIVE = datetime.now(UTC).strftime("%Y-%m-%d 00:00:00")
_WRITER = "public.qt001_write(pg_catalog.jsonb)"
_OF_ANOTHER = {"object_manifest": "0" * 64}
_MANIFEST = partial(Closer, "object_manifest_sealed", resign=False)
_READY = partial(Closer, "readiness_manifest_met", resign=False)
_CLOSED = partial(Closer, "dependency_manifest_closed", resign=False)
_ANALYSIS = partial(Closer, "static_analysis_present", resign=False)
_RECENT = partial(Closer, "scheduled_verifier_recent", resign=False)
_REAL = partial(Closer, "capability_evidence_real", resign=False)


def _class(value: str | None) -> Json:
    return {"class": value}


def _unsealed(kind: str) -> str:
    return f"AND detail ->> 'kind' = 'qt001.manifest.{kind}/1'"


def _first(**changes: object) -> Callable[[Json], object]:
    def change(record: Json) -> None:
        record["cases"][0].update(changes)

    return change


def _tried(record: Json) -> list[Json]:
    return [c for c in record["cases"] if c["family"] == "acl_denials" and c["object"] == "table public.qt001_setting"]


def _without(role: str | None) -> Callable[[Json], object]:
    def change(record: Json) -> None:
        gone = [c for c in _tried(record) if role in (None, c["role"])]
        record["cases"] = [c for c in record["cases"] if c not in gone]

    return change


def _elsewhere(record: Json) -> None:
    for case in _tried(record):
        case["family"] = "denominator"


def _no_family(name: str) -> Callable[[Json], object]:
    def change(record: Json) -> None:
        record["cases"] = [c for c in record["cases"] if c["family"] != name]

    return change


_WITHOUT_PATH = in_document("manifest.object", "jsonb_set(head, '{apply_path}', 'null')")
_SINK = "(query_to_xml('SELECT 1', true, true, '')::text)"

DOCUMENTS = (
    _MANIFEST("no event sealed it", forgotten("sealed", _unsealed("object")), "no event that sealed it"),
    _MANIFEST("it was withdrawn, and something else was sealed since", both(
        withdrawn, lambda attempt: attempt.write_event("sealed", "0" * 64, '{"kind": "qt001.manifest.capability/1"}')), "an event that withdrew it"),
    _MANIFEST("another one was cut over", behind("UPDATE qt001_cp.event SET subject = repeat('0', 64) WHERE verb = 'cutover'", "event"),
              "cut over: " + "0" * 64),
    _MANIFEST("no rehearsal was recorded", forgotten("rehearsal_recorded"), "rehearsal of manifest"),
    _MANIFEST("a family of no-go cases is missing", rehearsed(_no_family("fake_capability")), "no-go family fake_capability"),
    _MANIFEST("a family of no-go cases is missing, without an apply path", both(_WITHOUT_PATH, rehearsed(_no_family("denominator"))),
              "no-go family denominator"),
    _MANIFEST("a case does not say what was there before", rehearsed(_first(state_before=None, state_after=None)), "no-go case"),
    _MANIFEST("a case says nothing of what was there before and after", rehearsed(_first(state_before="", state_after="")), "state unknown"),
    _MANIFEST("a case changed something", rehearsed(_first(state_after="0" * 64)), "state changed"),
    _MANIFEST("a table was not tried", rehearsed(_without(None)), "table public.qt001_setting as"),
    _MANIFEST("a table was not tried by one role", rehearsed(_without("auditor")), "table public.qt001_setting as auditor"),
    _MANIFEST("a table was tried in another family", rehearsed(_elsewhere), "table public.qt001_setting as"),
    _READY("it is not sealed", forgotten("sealed", _unsealed("readiness")), "not sealed"),
    _READY("it belongs to another object manifest", redeployed("readiness.json", lambda d: d.update(_OF_ANOTHER)),
           "of object manifest " + "0" * 64),
    _READY("the writer has another owner", do("ALTER FUNCTION public.qt001_write(jsonb) OWNER TO postgres"), _WRITER),
    _READY("the writer runs with its caller's rights", do("ALTER FUNCTION public.qt001_write(jsonb) SECURITY INVOKER"), _WRITER),
    _READY("the writer is STABLE", do("ALTER FUNCTION public.qt001_write(jsonb) STABLE"), _WRITER),
    _CLOSED("it is not sealed", forgotten("sealed", _unsealed("dependency")), "not sealed"),
    _CLOSED("it belongs to another object manifest", redeployed("dependency.json", lambda d: d.update(_OF_ANOTHER)), "of " + "0" * 64),
    _CLOSED("it holds something unknown", redeployed("dependency.json", lambda d: d.update(unknown=["?"])), "no unknown dependency"),
    _CLOSED("the analysis does not understand the writer", analysed(unknown(_WRITER)), "every dependency known"),
    _CLOSED("another role's function on the path, which nobody has analysed",
            on_the_path("CREATE FUNCTION public.third() RETURNS int LANGUAGE sql AS 'SELECT 1'"), "not analysed"),
    _CLOSED("a trigger function that only the catalogs know is not in it",
            redeployed("dependency.json", lambda d: d["objects"].remove(["function", "public.qt001_touch()"])), "public.qt001_touch()"),
    _CLOSED("a default runs a text as SQL", do(f"ALTER TABLE public.qt001_write_log ALTER written_by SET DEFAULT {_SINK}"), "query_to_xml(text, boolean, boolean, text) in a default"),
    _CLOSED("a default asks whether a text is a value of a type that it names", do("ALTER TABLE public.qt001_write_log ALTER written_by SET DEFAULT"
            " pg_input_is_valid('x', 'public.label')::text"), "pg_input_is_valid(text, text) in a default"),
    _CLOSED("a trigger runs a function of an extension that deletes elsewhere", both(do(
        "CREATE EXTENSION refint", "CREATE TRIGGER quiet AFTER DELETE ON public.qt001_write_log FOR EACH ROW EXECUTE FUNCTION"
        " check_foreign_key('1', 'cascade', 'id', 'public.qt001_setting', 'key')"), as_reached), "unlisted-function: check_foreign_key() in trigger quiet"),
    _CLOSED("a child is on another server", both(do("CREATE EXTENSION postgres_fdw", "CREATE SERVER far FOREIGN DATA WRAPPER postgres_fdw",
            "CREATE FOREIGN TABLE public.far () INHERITS (public.qt001_write_log) SERVER far"), as_reached), "what another server does"),
    _ANALYSIS("it does not understand a routine", analysed(unknown(LEGACY[1])), "no blocking finding"),
    _ANALYSIS("the owner changed a body since", do("CREATE OR REPLACE FUNCTION public.qt001_touch() RETURNS trigger LANGUAGE plpgsql"
              " SET search_path = pg_catalog, pg_temp AS 'BEGIN RETURN NULL; END'"), "public.qt001_touch()"),
    _REAL("nothing is bound", forgotten("bound"), "found none"),
    _REAL("it was bound in another epoch", behind("UPDATE qt001_cp.event SET epoch = epoch - 1 WHERE verb = 'bound'", "event"), "was bound in epoch"),
    _REAL("the bootstrap was for another database", do("UPDATE qt001_cp.bootstrap SET database = 'elsewhere'"), "of class test"),
    _REAL("the manifest of capabilities is not sealed", forgotten("sealed", _unsealed("capability")), "not sealed"),
    _REAL("evidence of another kind", offered(schema="qt001.evidence.static-analysis/1", routines=[]), "not capability evidence"),
    _REAL("simulated evidence", offered(**_class("simulated")), "is simulated"),
    _REAL("a tool's own evidence of class test", offered(**_class("test")), "of class test"),
    _REAL("the test authority, called real", offered(producer="qt001-test-authority"), "called real"),
    _REAL("real, from a rehearsal", offered(environment="rehearsal"), "from a rehearsal"),
    _REAL("real, from nowhere", offered(environment=None), "from a rehearsal"),
    _REAL("of a producer that nobody named", offered(producer="home-made"), "unknown producer"),
    _REAL("about another object manifest", offered(subject="0" * 64), "another subject"),
    _REAL("about another capability", offered("sheet_comparison", producer="qt001-test-authority", **_class("test")), "another capability"),
    _REAL("without raw output", offered(raw=" ", recorded=True), "without raw output"),
    _REAL("too old", offered(produced_at="2001-01-01T00:00:00Z"), "produced at 2001"),
    _REAL("as old as it is looked at", offered(produced_at="now", recorded=True), "produced at now"),
    _REAL("of today, whatever day it is", offered(produced_at="today", recorded=True), "produced at today"),
    _REAL("of a time without a zone", offered(produced_at=_NAIVE, recorded=True), "produced at 2"),
    _REAL("of a day that does not exist", offered(produced_at="2026-13-45T00:00:00Z", recorded=True), "produced at 2026-13"),
    _REAL("of no time", offered(produced_at=None, recorded=True), "produced at no time"),
    _REAL("of no class", offered(recorded=True, **_class(None)), "of class none"),
    _REAL("of a class that is no class", offered(recorded=True, environment="rehearsal", **_class("REAL")), "of class REAL"),
    _REAL("about nothing", offered(subject=None, recorded=True), "another subject"),
    _REAL("of a producer without a name", offered(recorded=True, producer=None), "without a name"),
    _REAL("of no schema that says so", offered(recorded=True, schema="qt001.evidence.capability/2"), "not capability evidence"),
    _REAL("bound by the operator", offered(recorded=True, binder=OPERATOR), "bound by " + OPERATOR),
    _REAL("imported by the operator", offered(recorded=True, importer=OPERATOR), "not imported by an author"),
    _REAL("never imported", offered(recorded=True, importer=""), "not imported by an author"),
    _REAL("from the future", offered(produced_at="2999-01-01T00:00:00Z"), "produced at 2999"),
    Closer("scheduled_verifier_recent", "it never ran", forgotten("verified"), "never ran", resign=False),
    Closer("scheduled_verifier_recent", "nothing says how often", redeployed("readiness.json", lambda d: d.pop("verifier")),
           "scheduled scanner", resign=False),
    Closer("scheduled_verifier_recent", "it ran as the ledger role, which has the duty", both(
        do("INSERT INTO qt001_cp.person (login, person, duty) VALUES ('qt001_cp_ledger', 'ledger', 'verifier')"), lambda a: a.write_event("verified", "", '{"findings": 0}', user="qt001_cp_ledger")),
        "ran as qt001_cp_ledger", resign=False),
    _RECENT("it ran here as the ledger role, which has the duty", both(
        do("INSERT INTO qt001_cp.person (login, person, duty) VALUES ('qt001_cp_ledger', 'ledger', 'verifier')"), ran("verified", "qt001_cp_ledger")),
        "ran as qt001_cp_ledger"),
    _RECENT("it ran here as an operator", ran("verified", OPERATOR), "ran as " + OPERATOR),
    _RECENT("it ran in another instance of the ledger", lambda a: a.write_event("verified", "", '{"findings": 0}', user=VERIFIER),
            "in another instance of this ledger"),
    _RECENT("nobody may ask any more which cluster this is", do("REVOKE EXECUTE ON FUNCTION pg_catalog.pg_control_system() FROM PUBLIC"),
            "in another instance of this ledger"),
    _RECENT("it ran in another epoch", behind("UPDATE qt001_cp.event SET epoch = epoch - 1 WHERE verb = 'verified'", "event"), "in epoch "),
    _RECENT("the time of its run is in the future",
            behind("UPDATE qt001_cp.event SET at = clock_timestamp() + interval '30 days' WHERE verb = 'verified'", "event"), "in the future"),
    Closer("protected_state_no_worse", "row security is off", do("ALTER TABLE public.qt001_case DISABLE ROW LEVEL SECURITY"),
           "row security t", resign=False),
    Closer("protected_state_no_worse", "row security no longer binds the owner",
           behind("""UPDATE qt001_cp.event SET detail = jsonb_set(detail, '{row_security,0,forced}', 'true') WHERE verb = 'deployed'""",
                  "event"), "forced t", resign=False),
)  # fmt: skip  # one case a line
