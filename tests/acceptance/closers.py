"""For each gate the ways to close it, and nothing else, in a database where all others are open."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from qt001_cp.model.canonical import Json, canonical_bytes
from qt001_cp.rehearsal.scene import AUDITOR, OPERATOR, SCANNER, VERIFIER
from tests.acceptance.attempt import Attempt

WATCHED = {
    "verified": ("scheduled verifier", "qt001-cp verify (as the verifier)"),
    "scanned": ("scheduled scanner", "qt001-cp scan (as the scanner)"),
}
"""What each of the pair says of the other when it is overdue: the object, and the command."""
LEGACY = ("function", "public.qt001_is_ready()")


@dataclass(frozen=True)
class Closer:
    """``close`` moves one thing; ``named`` stands in the gate's reason.

    ``resign``: the subject moves with it. The auditor signs again, so that only the gate under test stays closed.
    """

    gate: str
    name: str
    close: Callable[[Attempt], object]
    named: str
    resign: bool = True

    def __str__(self) -> str:
        return f"{self.gate}: {self.name}"


def _failed_rehearsal(attempt: Attempt) -> None:
    record: Json = attempt.run(
        "SELECT qt001_cp.document_json(detail ->> 'document') FROM qt001_cp.v_event WHERE verb = 'rehearsal_recorded'"
    )
    record["cases"][0]["sqlstate"] = "00000"
    attempt.run("SELECT qt001_cp.record_rehearsal(%s)", [canonical_bytes(record)], user=OPERATOR)


def withdrawn(attempt: Attempt) -> None:
    """The controlled function refuses it for what is in force; whoever has the ledger role's rights writes the event itself."""
    attempt.write_event("withdrawn", attempt.stage.digest, '{"kind": "qt001.manifest.object/1"}')


def _legacy_on_the_path(attempt: Attempt) -> None:
    """The analysis reaches the legacy authority, and a dependency manifest that holds it has been sealed."""
    analysis = attempt.document("static-analysis.json")
    assert attempt.stage.bundle is not None
    writer = attempt.stage.bundle.manifest.path["writer"]
    for routine in analysis["routines"]:
        if routine["identity"] == writer:
            routine["edges"].append({"verb": "calls", "kind": LEGACY[0], "identity": LEGACY[1], "line": 1})
        if routine["identity"] == LEGACY[1]:
            routine["edges"] = []
    attempt.import_evidence(analysis)
    dependency = attempt.document("dependency.json")
    dependency["objects"] = sorted([*dependency["objects"], list(LEGACY)])
    attempt.deploy(dependency)


def _other_body(attempt: Attempt) -> None:
    readiness = attempt.document("readiness.json")
    next(r for r in readiness["repoint"] if r["part"] == "writer")["body_sha256"] = "0" * 64
    attempt.deploy(readiness)


def _late(verb: str, other: str, login: str) -> Callable[[Attempt], None]:
    """Time cannot be turned forward; the limit can be turned down, and the other of the pair runs again."""

    def close(attempt: Attempt) -> None:
        age = "SELECT extract(epoch FROM clock_timestamp() - max(at))::float8 FROM qt001_cp.event WHERE verb = %s"
        attempt.run("SELECT pg_sleep(greatest(0, 3 - %s))", [attempt.run(age, [verb])])
        readiness = attempt.document("readiness.json")
        readiness["verifier"]["max_age_seconds"] = int(attempt.run(age, [verb]))
        attempt.deploy(readiness)
        seen = attempt.run(f"SELECT qt001_cp.{other}()", user=login)
        assert [(f["object"], f["mend"].partition(";")[0]) for f in seen] == [WATCHED[verb]]

    return close


def _ahead(verb: str) -> Callable[[Attempt], None]:
    """The event of a run that is dated 30 days ahead would not grow old."""

    def close(attempt: Attempt) -> None:
        attempt.run("ALTER TABLE qt001_cp.event DISABLE TRIGGER stamp")
        attempt.run(
            "INSERT INTO qt001_cp.event (epoch, seq, at, actor, verb, subject, detail, prev, digest)"
            " SELECT ahead.*, qt001_cp.event_digest(seq, epoch, at, actor, verb, subject, detail, prev) FROM ("
            "SELECT epoch, seq + 1 AS seq, clock_timestamp() + interval '30 days' AS at, %s::name AS actor, %s AS verb,"
            " subject, detail, digest AS prev FROM qt001_cp.event ORDER BY event.seq DESC LIMIT 1) ahead",
            [SCANNER if verb == "scanned" else VERIFIER, verb],
        )
        attempt.run("ALTER TABLE qt001_cp.event ENABLE ALWAYS TRIGGER stamp")

    return close


def _narrower(attempt: Attempt) -> None:
    dependency = attempt.document("dependency.json")
    dependency["objects"] = [o for o in dependency["objects"] if o[1] != "public.qt001_write_log"]
    attempt.deploy(dependency)


def _unanalysed(attempt: Attempt) -> None:
    analysis = attempt.document("static-analysis.json")
    analysis["routines"] = [r for r in analysis["routines"] if r["identity"] != LEGACY[1]]
    attempt.import_evidence(analysis)


def _simulated(attempt: Attempt) -> None:
    attempt.import_evidence({**attempt.document("static-analysis.json"), "class": "simulated"})


def _found_something(run: str, login: str) -> Callable[[Attempt], None]:
    """It ran while something was wrong; that has been mended, and nobody has looked since."""

    def close(attempt: Attempt) -> None:
        attempt.run("GRANT SELECT ON public.qt001_setting TO directus")
        assert attempt.run(f"SELECT qt001_cp.{run}()", user=login) != []
        attempt.run("REVOKE SELECT ON public.qt001_setting FROM directus")

    return close


def _rows_gone(attempt: Attempt) -> None:
    attempt.run("SET LOCAL session_replication_role = replica")
    attempt.run("DELETE FROM public.qt001_write_log")
    attempt.run("SET LOCAL session_replication_role = origin")


def _edited_event(attempt: Attempt) -> None:
    for statement in (
        "ALTER TABLE qt001_cp.event DISABLE TRIGGER append_only",
        "UPDATE qt001_cp.event SET at = at + interval '1 second' WHERE seq = (SELECT max(seq) FROM qt001_cp.event)",
        "ALTER TABLE qt001_cp.event ENABLE ALWAYS TRIGGER append_only",
    ):
        attempt.run(statement)


def _do(*statements: str, user: str | None = None) -> Callable[[Attempt], object]:
    def close(attempt: Attempt) -> None:
        for statement in statements:
            attempt.run(statement, user=user)

    return close


CLOSERS = (
    Closer("object_manifest_sealed", "a no-go case was not refused", _failed_rehearsal, "no-go case"),
    Closer("object_manifest_sealed", "it has been withdrawn", withdrawn, "an event that withdrew it", resign=False),
    Closer("inventory_exact", "the application may use a foreign-data wrapper",
           _do("CREATE FOREIGN DATA WRAPPER away", "GRANT USAGE ON FOREIGN DATA WRAPPER away TO directus"),
           "foreign-data wrapper away", resign=False),
    Closer("inventory_exact", "a transferred aggregate is gone",
           _do("DROP AGGREGATE public.qt001_sum_positive(numeric) CASCADE"), "aggregate public.qt001_sum_positive"),
    Closer("owners_and_acls_exact", "a grant to a third role",
           _do("GRANT SELECT ON public.qt001_note TO qt001_service"), "public.qt001_note"),
    Closer("owners_and_acls_exact", "a grant on a column", _do("GRANT UPDATE (value) ON public.qt001_setting TO intern"),
           "table public.qt001_setting"),
    Closer("owners_and_acls_exact", "another owner of the database", _do("ALTER DATABASE directus_case OWNER TO postgres"),
           "database directus_case", resign=True),
    Closer("definitions_exact", "what a transferred table says of an old row",
           _do("ALTER TABLE public.qt001_setting REPLICA IDENTITY FULL"), "table public.qt001_setting"),
    Closer("definitions_exact", "a transferred table is lost in a crash",
           _do("ALTER TABLE public.qt001_setting SET UNLOGGED"), "persistence=u"),
    Closer("definitions_exact", "a value may stand there once only",
           _do("CREATE UNIQUE INDEX once ON public.qt001_setting (value)"), "CREATE UNIQUE INDEX once"),
    Closer("definitions_exact", "an index that calls a function",
           _do("CREATE INDEX by_call ON public.qt001_setting (pg_catalog.lower(key))"), "CREATE INDEX by_call"),
    Closer("search_paths_secure", "a function of the ledger role without a search_path",
           _do("CREATE FUNCTION public.unpinned() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'",
               "ALTER FUNCTION public.unpinned() OWNER TO qt001_cp_ledger",
               "REVOKE EXECUTE ON FUNCTION public.unpinned() FROM PUBLIC"), "unpinned()"),
    Closer("roles_apart", "one person with two duties",
           _do(f"UPDATE qt001_cp.person SET person = 'tom.author' WHERE login = '{OPERATOR}'"), "person tom.author"),
    Closer("roles_apart", "the ledger role is lent", _do("GRANT qt001_cp_ledger TO intern"), "role intern", resign=False),
    Closer("roles_apart", "the owner role may log in", _do("ALTER ROLE qt001_cp_owner LOGIN"), "role qt001_cp_owner", resign=False),
    Closer("application_role_contained", "the application may create roles", _do("ALTER ROLE directus CREATEROLE"),
           "role directus", resign=False),
    Closer("application_role_contained", "the application reads all data", _do("GRANT pg_read_all_data TO directus"),
           "directus has SELECT", resign=False),
    Closer("legacy_authority_removed", "the analysis reaches it again", _legacy_on_the_path, "function public.qt001_is_ready()"),
    Closer("entry_points_paired", "an entry point that is not registered",
           _do("DELETE FROM qt001_cp.entry_point WHERE identity = 'qt001_cp.verify()'"), "qt001_cp.verify()"),
    Closer("entry_points_paired", "a guard that is not called first",
           _do("UPDATE qt001_cp.entry_point SET guard = 'qt001_cp.stage' WHERE identity = 'qt001_cp.verify()'"), "qt001_cp.verify()"),
    Closer("readiness_manifest_met", "it asks for another writer", _other_body, "public.qt001_write"),
    Closer("dependency_manifest_closed", "the writer writes a table that it does not hold", _narrower,
           "table public.qt001_write_log"),
    Closer("static_analysis_present", "a transferred routine was not analysed", _unanalysed, LEGACY[1]),
    Closer("static_analysis_present", "the last analysis is simulated", _simulated, "static analysis of manifest"),
    Closer("scheduled_verifier_recent", "the verifier ran too long ago", _late("verified", "scan", SCANNER), "scheduled verifier"),
    Closer("scheduled_verifier_recent", "the scanner ran too long ago", _late("scanned", "verify", VERIFIER), "scheduled scanner"),
    Closer("scheduled_verifier_recent", "the verifier's last run is dated ahead", _ahead("verified"), "in the future", resign=False),
    Closer("scheduled_verifier_recent", "the scanner's last run is dated ahead", _ahead("scanned"), "in the future", resign=False),
    Closer("scheduled_verifier_recent", "the verifier's last run found something",
           _found_something("verify", VERIFIER), "2 finding(s)", resign=False),
    Closer("scheduled_verifier_recent", "the scanner's last run found something",
           _found_something("scan", SCANNER), "2 finding(s)", resign=False),
    Closer("scheduled_verifier_recent", "both ran as one login", _do("SELECT qt001_cp.scan()", user=VERIFIER),
           "both ran as " + VERIFIER, resign=False),
    Closer("scheduled_verifier_recent", "somebody else wrote that the verifier ran",
           lambda a: a.write_event("verified", "", '{"findings": 0}'), "ran as " + OPERATOR, resign=False),
    Closer("scheduled_verifier_recent", "somebody else wrote that the scanner ran",
           lambda a: a.write_event("scanned", "", '{"findings": 0}'), "ran as " + OPERATOR, resign=False),
    Closer("sign_off_present", "the auditor refuses",
           _do("SELECT qt001_cp.refuse_sign_off(qt001_cp.subject_digest(), 'seen enough')", user=AUDITOR),
           "refused by " + AUDITOR, resign=False),
    Closer("sign_off_present", "the subject has moved", _do("INSERT INTO qt001_cp.person (login, person, duty) VALUES ('public_only', 'pia', 'verifier')"), "not signed", resign=False),
    Closer("sign_off_present", "the auditor has left",
           _do(f"DELETE FROM qt001_cp.person WHERE login = '{AUDITOR}'"), "not signed", resign=False),
    Closer("capability_evidence_real", "the test authority is no authority here",
           _do("UPDATE qt001_cp.bootstrap SET test_authority = false"), "capability restore_drill", resign=False),
    Closer("capability_evidence_real", "the database is no rehearsal", _do("UPDATE qt001_cp.bootstrap SET rehearsal = false"),
           "capability restore_drill", resign=False),
    Closer("protected_state_no_worse", "rows of a source table are gone", _rows_gone, "table public.qt001_write_log", resign=False),
    Closer("ledger_intact", "an event was edited", _edited_event, "event ", resign=False),
    Closer("ledger_intact", "a trigger of the ledger is off",
           _do("ALTER TABLE qt001_cp.document DISABLE TRIGGER never_truncated"), "trigger never_truncated"),
)  # fmt: skip  # one case a line
GATES = tuple(dict.fromkeys(closer.gate for closer in CLOSERS))
"""All gates in their order: one without a way to close it is not tested."""
