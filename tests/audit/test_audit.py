"""The audit passes on a sound database, and finds each fault that a fault of ours would leave behind."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from qt001_cp.audit.envelope import Today, envelope
from qt001_cp.cli import main
from qt001_cp.rehearsal.scene import AUDITOR
from tests.conftest import Stage


def test_pg_dump_finds_what_the_session_found(
    at_fix7c_done: Stage, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A DSN may leave host, port and password to PG* variables, a service or ~/.pgpass."""
    server = at_fix7c_done.scene.server
    monkeypatch.setenv("PGHOST", server.host)
    monkeypatch.setenv("PGPORT", str(server.port))
    main(["audit", "--database", f"user={server.superuser} dbname={at_fix7c_done.scene.database}"])
    assert "✓ pg_dump: owners and grants" in capsys.readouterr().out


_LIE = """
CREATE OR REPLACE VIEW qt001_cp.v_fix7_gate AS
SELECT listed.ordinal, listed.gate, listed.meaning, true AS open, 0 AS findings, NULL::text AS reason, NULL::text AS mend
FROM qt001_cp.gate() listed
"""
_ASKS_LATE = """
CREATE OR REPLACE FUNCTION public.qt001_refresh_statistics() RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    REFRESH MATERIALIZED VIEW public.qt001_source_statistics;
    PERFORM qt001_cp.require_acceptance('refresh_statistics');  -- PERFORM qt001_cp.require_acceptance
END $$
"""
_UNGUARDED = "SET LOCAL session_replication_role = replica; ALTER TABLE {0} DISABLE TRIGGER USER; {1}; ALTER TABLE {0} ENABLE ALWAYS TRIGGER append_only; ALTER TABLE {0} ENABLE ALWAYS TRIGGER never_truncated"
# What is left behind when a module of ours is wrong: (the module and its fault, statements, the check, the words).
FAULTS: dict[str, tuple[str, str, str]] = {
    "plan/order: an owner is not moved": (
        "ALTER TABLE public.qt001_note OWNER TO directus", "owners and ACLs", "view public.qt001_note: expected owner qt001_cp_owner, found directus"),
    "emit/quoting: a quoted name is missed": (
        'ALTER TABLE public."qt001 Ledger" OWNER TO directus', "pg_dump", "OWNER TO directus"),
    "plan/step_plans: a grant is left": (
        "GRANT UPDATE ON public.qt001_source TO directus", "owners and ACLs", "found UPDATE for directus"),
    "plan/step_plans: a grant of a column is left": (
        "GRANT SELECT (title) ON public.qt001_source TO directus", "owners and ACLs", "column title: found SELECT for directus"),
    "plan/step_plans: PUBLIC keeps EXECUTE": (
        "GRANT EXECUTE ON FUNCTION public.qt001_write(jsonb) TO PUBLIC", "owners and ACLs", "found EXECUTE for PUBLIC"),
    "plan/step_plans: a grant to a third role is lost": (
        "REVOKE SELECT ON public.qt001_setting FROM intern", "owners and ACLs", "expected SELECT for intern"),
    "model/kinds: default privileges are missed": (
        "ALTER DEFAULT PRIVILEGES FOR ROLE directus IN SCHEMA qt001_data GRANT EXECUTE ON FUNCTIONS TO PUBLIC", "owners and ACLs", "default acl"),
    "model/kinds: a kind is missed": (
        "CREATE MATERIALIZED VIEW public.forgotten AS SELECT title FROM public.qt001_source; ALTER MATERIALIZED VIEW public.forgotten OWNER TO directus",
        "objects touch", "materialized view public.forgotten: it depends on table public.qt001_source, which is transferred"),
    "model/kinds: statistics are missed": (
        "CREATE STATISTICS public.forgotten ON id, title FROM public.qt001_source; ALTER STATISTICS public.forgotten OWNER TO directus",
        "objects touch", "statistics object public.forgotten: it depends on table public.qt001_source, which is transferred"),
    "model/kinds: a domain is missed": (
        "CREATE DOMAIN public.forgotten AS numeric CHECK (public.qt001_sum_positive_step(VALUE, VALUE) IS NULL); ALTER DOMAIN public.forgotten OWNER TO directus",
        "objects touch", "type public.forgotten: it depends on function public.qt001_sum_positive_step("),
    "catalog: an object is missed": (
        "CREATE VIEW public.late AS SELECT title FROM public.qt001_source; ALTER VIEW public.late OWNER TO directus",
        "objects touch", "view public.late: it depends on table public.qt001_source, which is transferred"),
    "catalog: a routine is missed": (
        "CREATE FUNCTION public.qt001_write(json) RETURNS int LANGUAGE sql AS 'SELECT 1'; ALTER FUNCTION public.qt001_write(json) OWNER TO directus",
        "objects touch", "function public.qt001_write(json): directus owns it, and a call of the transferred one"),
    "40_dependency: a privilege by a predefined role": (
        "GRANT pg_read_all_data TO directus", "may do to transferred", "directus may SELECT"),
    "10_ledger: a body that is not its digest's": (
        "ALTER TABLE qt001_cp.document DROP CONSTRAINT document_digest; " + _UNGUARDED.format("qt001_cp.document", "UPDATE qt001_cp.document SET body = body || ' ' WHERE kind LIKE 'qt001.inventory/%'"),
        "documents", "its sha256 is"),
    "10_ledger: rows that are not the document's": (
        _UNGUARDED.format("qt001_cp.manifest_row", "DELETE FROM qt001_cp.manifest_row WHERE number = 1"), "documents", "the rows of its objects"),
    "10_ledger: a document is taken out": (
        _UNGUARDED.format("qt001_cp.document", "DELETE FROM qt001_cp.document WHERE kind LIKE 'qt001.inventory/%'"), "documents", "names it, and it is not there"),
    "10_ledger: an event is edited": (
        _UNGUARDED.format("qt001_cp.event", "UPDATE qt001_cp.event SET actor = 'qt001_auditor' WHERE seq = 2"), "chain of events", "event 2 ("),
    "10_ledger: an event is taken out": (
        _UNGUARDED.format("qt001_cp.event", "DELETE FROM qt001_cp.event WHERE seq = 2"), "chain of events", "expected number 2"),
    "10_ledger: TRUNCATE is let through": (
        "ALTER TABLE qt001_cp.event DISABLE TRIGGER never_truncated", "triggers of the ledger", "refuses TRUNCATE"),
    "10_ledger: the owner role has a table of it": (
        "ALTER TABLE qt001_cp.event OWNER TO qt001_cp_owner", "who can write the ledger", "relation qt001_cp.event: expected nothing but"),
    "25_roles: the ledger role is lent": (
        "GRANT qt001_cp_ledger TO intern", "who can write the ledger", "role intern: expected nothing but"),
    "25_roles: a duty that no event gave": (
        "ALTER TABLE qt001_cp.person DISABLE TRIGGER USER; INSERT INTO qt001_cp.person (login, person, duty) VALUES ('intern', 'i', 'auditor')",
        "duties", "login intern: expected no duty by the events, found duty auditor of i"),
    "25_roles: a duty that was taken without an event": (
        "ALTER TABLE qt001_cp.person DISABLE TRIGGER USER; DELETE FROM qt001_cp.person WHERE login = 'qt001_auditor'",
        "duties", "login qt001_auditor: expected duty auditor of "),
    "10_ledger: it was recorded for another database": (
        _UNGUARDED.format("qt001_cp.event", "UPDATE qt001_cp.event SET detail = jsonb_set(detail, '{instance,database}', '\"1\"') WHERE verb = 'adopted'"),
        "instance of the ledger", "restored from a dump, or copied"),
    "30_manifest: FIX7a was configured for another pair": (
        _UNGUARDED.format("qt001_cp.event", "UPDATE qt001_cp.event SET detail = jsonb_set(detail, '{roles,owner}', '\"shop_cp_owner\"') WHERE verb = 'configured'"),
        "owner and ledger role", "names owner shop_cp_owner"),
    "30_manifest: no restore script is registered": (
        _UNGUARDED.format("qt001_cp.event", "DELETE FROM qt001_cp.event WHERE verb = 'restore_registered'"), "registered restore script", "none is registered"),
    "30_evidence: no analysis is imported": (
        _UNGUARDED.format("qt001_cp.event", "DELETE FROM qt001_cp.event WHERE verb = 'evidence_imported'"), "analysis against the sources", "no static analysis"),
    "60_deploy: a routine runs with its caller's rights": (
        "ALTER FUNCTION public.qt001_write(jsonb) SECURITY INVOKER", "sources of the apply path", "found definer=False"),
    "60_deploy: a search path is not pinned": (
        "ALTER FUNCTION public.qt001_permit(jsonb) SET search_path = public", "sources of the apply path", "and public"),
    "60_deploy: a routine does not ask first": (
        _ASKS_LATE, "sources of the apply path", "public.qt001_refresh_statistics(): its first statement is not PERFORM qt001_cp.require_acceptance"),
    "50_gate: a gate is skipped": (
        _LIE + "; GRANT UPDATE ON public.qt001_source TO directus", "what the gates claim", "gate owners_and_acls_exact is open"),
}  # fmt: skip  # one case a line


def _audit(
    stage: Stage, capsys: pytest.CaptureFixture[str], *more: str, code: int, user: str = "postgres"
) -> dict[str, Any]:
    arguments = [
        "audit",
        "--database",
        stage.scene.dsn(user),
        "--manifest",
        stage.manifest_path,
        "--format",
        "json",
        *more,
    ]
    found = main(arguments)
    said = capsys.readouterr()
    assert found == code, said.out + said.err
    document: dict[str, Any] = json.loads(said.out)
    return document


def _faults(document: dict[str, Any], check: str) -> Sequence[str]:
    return [f for c in document["checks"] if check in c["name"] for f in c["faults"]]


@pytest.mark.parametrize("stage", ["at_fix7a_sealed", "at_fix7b_done", "at_fix7c_done"])
def test_a_sound_database_passes_and_nothing_is_written(
    request: pytest.FixtureRequest, stage: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    at: Stage = request.getfixturevalue(stage)
    with at.connect() as connection:
        (head,) = connection.execute("SELECT digest FROM qt001_cp.event ORDER BY seq DESC LIMIT 1").fetchone() or ("",)
    (tmp_path / "heads").write_text(f"2026-01-01|7|{head}\n")
    before = at.scene.dump()
    document = _audit(at, capsys, "--head", str(tmp_path / "heads"), code=0)
    assert all(
        (c["passed"] and c["lookedAt"] > 0) or c["name"] == "what the application role owns" for c in document["checks"]
    )
    assert document["manifest"] == at.digest
    assert at.scene.dump() == before


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_what_a_fault_of_ours_would_leave_is_found(
    at_fix7c_done: Stage, capsys: pytest.CaptureFixture[str], fault: str
) -> None:
    statements, check, words = FAULTS[fault]
    with at_fix7c_done.connect() as connection, connection.transaction():
        connection.execute(statements)
    try:
        faults = _faults(_audit(at_fix7c_done, capsys, code=3), check)
    finally:
        with at_fix7c_done.connect() as connection:  # a membership outlives the test's database
            connection.execute("REVOKE pg_read_all_data FROM directus; REVOKE qt001_cp_ledger FROM intern")
    assert any(words in f for f in faults), faults


@pytest.mark.parametrize(
    ("statements", "told"),
    [
        ("CREATE COLLATION public.forgotten (locale = 'C'); ALTER COLLATION public.forgotten OWNER TO directus", "collation public.forgotten"),
        ("CREATE FUNCTION public.late() RETURNS int LANGUAGE sql AS 'SELECT 1'; ALTER FUNCTION public.late() OWNER TO directus", "function public.late()"),
    ],
)  # fmt: skip  # one case a line
def test_what_is_new_and_touches_nothing_is_told_after_the_cutover(
    at_fix7c_done: Stage, capsys: pytest.CaptureFixture[str], statements: str, told: str
) -> None:
    with at_fix7c_done.connect() as connection:
        connection.execute(statements)
    document = _audit(at_fix7c_done, capsys, code=0)
    (owned,) = [c for c in document["checks"] if c["name"] == "what the application role owns"]
    assert owned["told"] == [f"{told}: directus owns it, and no rule of the policy retains it"]


def test_what_the_manifest_does_not_know_is_a_fault_before_the_cutover(
    at_fix7a_sealed: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    with at_fix7a_sealed.connect() as connection:
        connection.execute("CREATE COLLATION public.forgotten (locale = 'C')")
        connection.execute("ALTER COLLATION public.forgotten OWNER TO directus")
    document = _audit(at_fix7a_sealed, capsys, code=3)
    assert _faults(document, "application role owns") == [
        "collation public.forgotten: directus owns it, and the manifest does not know it"
    ]


def test_a_rewritten_chain_is_found_by_its_head(
    at_fix7b_done: Stage, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "heads").write_text("f" * 64)
    document = _audit(at_fix7b_done, capsys, "--head", str(tmp_path / "heads"), code=3)
    assert any("is not in the chain" in f for f in _faults(document, "chain of events"))


def test_what_the_auditor_may_not_read_is_told(at_fix7c_done: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    document = _audit(at_fix7c_done, capsys, code=3, user=AUDITOR)
    (unseen,) = [c for c in document["checks"] if c["unseen"]]
    assert unseen["name"].startswith("pg_dump")
    assert "pg_read_all_data" in unseen["unseen"]
    assert all(c["passed"] for c in document["checks"] if c is not unseen)


def test_another_manifest_than_the_one_received(
    at_fix7b_done: Stage, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "object.json").write_text("{}")
    document = _audit(at_fix7b_done, capsys, "--manifest", str(tmp_path / "object.json"), code=3)
    assert any("the manifest of this database is" in f for f in _faults(document, "the manifest's file"))


def test_an_envelope_that_is_no_json(tmp_path: Path) -> None:
    (tmp_path / "e.json").write_text("{")
    (fault,) = envelope(tmp_path / "e.json", [], Today("d", "fix7c", "", None, [])).faults
    assert fault.startswith("it is not JSON: ")


def test_an_envelope_whose_signature_is_no_ascii(tmp_path: Path) -> None:
    document = {"payload": "e30=", "payloadType": "application/vnd.in-toto+json", "signatures": [{"sig": "ünïcode"}]}
    (tmp_path / "e.json").write_text(json.dumps(document, ensure_ascii=False), "utf-8")
    (fault,) = envelope(tmp_path / "e.json", [], Today("d", "fix7c", "", None, [])).faults
    assert fault.startswith("it is no DSSE envelope: ")


def test_bad_input_is_told(capsys: pytest.CaptureFixture[str], at_base: Stage, tmp_path: Path) -> None:
    assert main(["audit", "--database", at_base.scene.dsn("postgres")]) in (1, 2, 3)
    assert "nothing to audit" in capsys.readouterr().err
    assert main(["audit", "--database", "host=/nowhere dbname=x"]) == 1
    assert "could not be reached" in capsys.readouterr().err
    (tmp_path / "key").write_text("no key")
    assert main(["audit", "--database", "x", "--key", str(tmp_path / "key"), "--out", "x"]) == 2
    assert "openssl genpkey" in capsys.readouterr().err
