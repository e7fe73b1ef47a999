"""What a sign-off is about: one bit of what decides moves, and the subject is another one."""

from __future__ import annotations

import pytest

from tests.acceptance.attempt import Attempt

MOVES = {
    "a CHECK of the ledger goes": "ALTER TABLE qt001_cp.event DROP CONSTRAINT event_verb",
    "a CHECK of the ledger is another one": "ALTER TABLE qt001_cp.document DROP CONSTRAINT document_digest;"
    " ALTER TABLE qt001_cp.document ADD CONSTRAINT document_digest CHECK (digest <> '')",
    "a key of the ledger goes": "ALTER TABLE qt001_cp.person DROP CONSTRAINT person_pkey",
    "forced row security hides events": "ALTER TABLE qt001_cp.event ENABLE ROW LEVEL SECURITY;"
    " ALTER TABLE qt001_cp.event FORCE ROW LEVEL SECURITY; CREATE POLICY p ON qt001_cp.event USING (verb <> 'refused')",
    "a policy": "CREATE POLICY p ON qt001_cp.event USING (true)",
    "a trigger more": "CREATE TRIGGER mine BEFORE INSERT ON qt001_cp.person FOR EACH ROW EXECUTE FUNCTION qt001_cp.refuse_change()",
    "a trigger less": "DROP TRIGGER never_truncated ON qt001_cp.manifest_row",
    "a trigger that fires seldom": "ALTER TABLE qt001_cp.event ENABLE REPLICA TRIGGER append_only",
    "a rule": "CREATE RULE mine AS ON INSERT TO qt001_cp.run DO INSTEAD NOTHING",
    "a column": "ALTER TABLE qt001_cp.verdict ADD COLUMN mine int",
    "a default": "ALTER TABLE qt001_cp.verdict ALTER COLUMN number SET DEFAULT 7",
    "a column that may be null": "ALTER TABLE qt001_cp.event ALTER COLUMN digest DROP NOT NULL",
    "an option of a view": "ALTER VIEW qt001_cp.v_fix7_gate SET (security_barrier = true)",
    "the text of a view": "CREATE OR REPLACE VIEW qt001_cp.v_manifest AS"
    " SELECT digest, kind, 'sealed' AS state, proposed_by, sealed_by, sealed_at FROM qt001_cp.manifest_state()",
    "a grant on a table": "GRANT SELECT ON qt001_cp.event TO intern",
    "a grant on a column": "GRANT UPDATE (person) ON qt001_cp.person TO intern",
    "a grant on a routine": "GRANT EXECUTE ON FUNCTION qt001_cp.verify() TO intern",
    "a grant on the schema": "GRANT USAGE ON SCHEMA qt001_cp TO intern",
    "the owner of a table": "ALTER TABLE qt001_cp.event OWNER TO intern",
    "the owner of a routine": "ALTER FUNCTION qt001_cp.require_duty(text) OWNER TO intern",
    "the owner of the schema": "ALTER SCHEMA qt001_cp OWNER TO intern",
    "the body of a routine": "CREATE OR REPLACE FUNCTION qt001_cp.require_duty(duty text) RETURNS void LANGUAGE sql AS ''",
    "a table more": "CREATE TABLE qt001_cp.mine (a int)",
    "a table inherits from it": "CREATE TABLE qt001_cp.more () INHERITS (qt001_cp.event)",
    "a person": "UPDATE qt001_cp.person SET person = 'other' WHERE login = 'qt001_verifier'",
    "a duty": "UPDATE qt001_cp.person SET duty = 'author' WHERE login = 'qt001_scanner'",
    "a row of a person": "DELETE FROM qt001_cp.person WHERE login = 'qt001_scanner'",
    "a caller becomes a superuser": "ALTER ROLE qt001_service SUPERUSER",
    "a caller passes row security": "ALTER ROLE qt001_service BYPASSRLS",
    "a caller creates roles": "ALTER ROLE qt001_service CREATEROLE",
    "a caller replicates": "ALTER ROLE qt001_service REPLICATION",
    "a member of a caller becomes a superuser": "GRANT qt001_service TO intern; ALTER ROLE intern SUPERUSER",
}
STAYS = {
    "a login more": "CREATE ROLE stranger LOGIN",
    "a superuser more, who calls nothing": "CREATE ROLE stranger SUPERUSER",
    "a caller may create databases": "ALTER ROLE qt001_service CREATEDB",
    "statistics of a table of ours": "ANALYZE qt001_cp.event",
}


def _subject(attempt: Attempt) -> object:
    return attempt.run("SELECT qt001_cp.subject_digest()")


@pytest.mark.parametrize("what", MOVES)
def test_it_moves(attempt: Attempt, what: str) -> None:
    before = _subject(attempt)
    attempt.run(MOVES[what])
    assert _subject(attempt) != before


@pytest.mark.parametrize("what", STAYS)
def test_it_stays(attempt: Attempt, what: str) -> None:
    before = _subject(attempt)
    attempt.run(STAYS[what])
    assert _subject(attempt) == before


def test_who_looks_sees_the_same(attempt: Attempt) -> None:
    """The auditor, and the functions of the ledger role in which it is compared."""
    seen = {
        attempt.run("SELECT qt001_cp.subject_digest()", user=user) for user in (None, "qt001_auditor", "qt001_author")
    }
    assert len(seen) == 1
