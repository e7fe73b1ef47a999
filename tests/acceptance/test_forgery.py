"""Who can put an event into the ledger, replace what decides, or switch off what stamps it: nobody, and it is tried.

Event × who × what happens. The operator here has every membership that docs/operator.md gives one at any time, but the ledger
role: that one is lent, and while it is, a gate is closed.
"""

from __future__ import annotations

import psycopg
import pytest

from qt001_cp.rehearsal.scene import AUDITOR, AUTHOR, SCANNER, VERIFIER
from tests.acceptance.attempt import Attempt

PLAIN, FULL, MEMBER = "qt001_plain", "qt001_full", "qt001_only_owner"
WHO = {
    "the application": "directus",
    "somebody": "intern",
    "the author": AUTHOR,
    "an operator": PLAIN,
    "an operator with every documented grant": FULL,
    "a member of the owner role": MEMBER,
    "the owner role itself": "qt001_cp_owner",
    "the verifier": VERIFIER,
    "the scanner": SCANNER,
    "the auditor": AUDITOR,
}
BECOMES = ("", "SET ROLE qt001_cp_owner", "SET ROLE qt001_cp_ledger")
WAYS = {
    "INSERT": "INSERT INTO qt001_cp.event (verb, subject, detail) VALUES ('{verb}', '', '{{}}')",
    "record_event()": "SELECT qt001_cp.record_event('{verb}', '', '{{}}')",
}
AROUND = (
    "ALTER TABLE qt001_cp.event DISABLE TRIGGER stamp",
    "ALTER TABLE qt001_cp.event DISABLE TRIGGER ALL",
    "DROP TRIGGER append_only ON qt001_cp.event",
    "ALTER TABLE qt001_cp.event DROP CONSTRAINT event_verb",
    "ALTER TABLE qt001_cp.event ENABLE ROW LEVEL SECURITY",
    "ALTER TABLE qt001_cp.event OWNER TO qt001_cp_owner",
    "CREATE TRIGGER mine BEFORE INSERT ON qt001_cp.event FOR EACH ROW EXECUTE FUNCTION qt001_cp.stamp_event()",
    "CREATE RULE mine AS ON INSERT TO qt001_cp.event DO INSTEAD NOTHING",
    "UPDATE qt001_cp.event SET detail = '{}'",
    "DELETE FROM qt001_cp.event",
    "TRUNCATE qt001_cp.event",
    "DROP TABLE qt001_cp.event CASCADE",
    "DROP SCHEMA qt001_cp CASCADE",
    "ALTER SCHEMA qt001_cp RENAME TO gone",
    "ALTER SCHEMA qt001_cp OWNER TO qt001_cp_owner",
    "CREATE TABLE qt001_cp.mine (a int)",
    "CREATE TABLE qt001_cp.event_mine () INHERITS (qt001_cp.event)",
    "CREATE OR REPLACE FUNCTION qt001_cp.event_digest(seq bigint, epoch bigint, at timestamptz, actor name, verb text, subject text,"
    " detail jsonb, prev text) RETURNS text LANGUAGE sql AS 'SELECT $1::text'",
    "CREATE OR REPLACE FUNCTION qt001_cp.require_acceptance(entry_point text) RETURNS void LANGUAGE sql AS ''",
    "ALTER FUNCTION qt001_cp.require_acceptance(text) SECURITY INVOKER",
    "CREATE OR REPLACE VIEW qt001_cp.v_fix7_acceptance AS SELECT true AS accepted",
    "UPDATE qt001_cp.verdict SET valid_until = 'infinity'",
    "DELETE FROM qt001_cp_watch.change",
    "INSERT INTO qt001_cp.person (login, person, duty) VALUES ('intern', 'somebody', 'auditor')",
    "UPDATE qt001_cp.person SET person = 'somebody', duty = 'auditor'",
    "SELECT qt001_cp.new_instance() FROM qt001_cp.event FOR UPDATE",
    "INSERT INTO qt001_cp.entry_point VALUES ('public.mine()', NULL, '')",
    "UPDATE qt001_cp.bootstrap SET rehearsal = true",
    "INSERT INTO qt001_cp.run (xid, script) VALUES (pg_current_xact_id(), 'upgrade fix7c')",
    "SELECT qt001_cp.begin_run('downgrade fix7c', 'fix7b')",
    "SELECT qt001_cp.require_export((SELECT digest FROM qt001_cp.v_event ORDER BY seq DESC LIMIT 1))",
    "GRANT ALL ON qt001_cp.event TO PUBLIC; DELETE FROM qt001_cp.event",  # the GRANT alone is a warning
    "GRANT qt001_cp_ledger TO CURRENT_USER",
    "ALTER DEFAULT PRIVILEGES FOR ROLE qt001_cp_ledger GRANT ALL ON TABLES TO PUBLIC",
    "SET session_replication_role = replica",
)
"""What would let an event, or a verdict, be forged without an INSERT into the ledger."""


@pytest.fixture
def cast(attempt: Attempt) -> Attempt:
    """With three operators: by duty alone, with every documented grant, and with the owner's membership alone."""
    for login in (PLAIN, FULL, MEMBER):
        attempt.run(f"CREATE ROLE {login} LOGIN")
        attempt.run(f"GRANT qt001_cp_operator TO {login}")
        attempt.run("INSERT INTO qt001_cp.person (login, person, duty) VALUES (%s, %s, 'operator')", [login, login])
    attempt.run(f"ALTER ROLE {FULL} CREATEDB")
    attempt.run(f"GRANT qt001_cp_owner, directus, reporting, pg_read_all_stats TO {FULL}")
    attempt.run(f"GRANT qt001_cp_owner TO {MEMBER}")
    return attempt


def _outcomes(attempt: Attempt, user: str, statement: str) -> set[str | None]:
    """What PostgreSQL answers, as the login and as each role that it may try to become."""
    found: set[str | None] = set()
    for becomes in BECOMES:
        try:
            with attempt.connection.transaction(force_rollback=True):
                attempt.become(user)
                if becomes:
                    attempt.connection.execute(becomes.encode())
                attempt.connection.execute(statement.encode())
                found.add(None)
        except psycopg.Error as refused:
            found.add(refused.sqlstate)
        attempt.become(None)
    return found


def _verbs(attempt: Attempt) -> list[str]:
    query = (
        "SELECT DISTINCT m[1] FROM regexp_matches((SELECT pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE conrelid = 'qt001_cp.event'::regclass AND conname = 'event_verb'), '''([a-z_]+)''', 'g') m ORDER BY 1"
    )
    return [row[0] for row in attempt.connection.execute(query).fetchall()]


@pytest.mark.parametrize("who", WHO)
def test_nobody_writes_an_event(cast: Attempt, who: str) -> None:
    """Every verb, as a login and as whatever role it may become: 42501, and the chain is as it was."""
    before = cast.run("SELECT count(*) FROM qt001_cp.event")
    verbs = _verbs(cast)
    assert len(verbs) >= 14, verbs
    for verb in verbs:
        for way, statement in WAYS.items():
            assert _outcomes(cast, WHO[who], statement.format(verb=verb)) == {"42501"}, f"{who}: {verb} by {way}"
    assert cast.run("SELECT count(*) FROM qt001_cp.event") == before


@pytest.mark.parametrize("who", WHO)
def test_nobody_goes_around_what_stamps_and_decides(cast: Attempt, who: str) -> None:
    for statement in AROUND:
        assert _outcomes(cast, WHO[who], statement) == {"42501"}, f"{who}: {statement}"


def test_the_forged_sign_off_is_refused(cast: Attempt) -> None:
    """An operator who is a member of the owner role switches the stamp off, and signs for the auditor."""
    refusal = cast.refused(
        "DO $$ BEGIN SET LOCAL ROLE qt001_cp_owner; ALTER TABLE qt001_cp.event DISABLE TRIGGER stamp; END $$",
        user=FULL,
    )
    assert (refusal.sqlstate, refusal.diag.message_primary) == ("42501", "must be owner of table event")


def test_while_the_ledger_role_is_lent_a_gate_is_closed(cast: Attempt) -> None:
    """The window is told: an event can be written then, as the login's own, and nothing is accepted."""
    cast.run(f"REVOKE directus FROM {FULL}")
    cast.sign()
    assert cast.verdict().accepted
    cast.run(f"GRANT qt001_cp_ledger TO {FULL}")
    verdict = cast.verdict()
    assert (verdict.accepted, verdict.closed) == (False, "roles_apart")
    assert f"role {FULL}: expected no membership in qt001_cp_ledger" in verdict.reasons
    assert cast.gateway().sqlstate == "QT301"
    cast.run(f"REVOKE qt001_cp_ledger FROM {FULL}")
    assert cast.verdict().accepted


CRAFTED = {
    "a way back that puts nothing back": "SELECT qt001_cp.start_run('downgrade fix7b', 'fix7a', qt001_cp.build(), NULL);"
    " SELECT qt001_cp.note_step('restore_begin'); SELECT qt001_cp.finish_run('downgrade fix7b', '{restore_begin}', '')",
    "an end that nothing has checked": "SELECT qt001_cp.start_run('downgrade fix7b', 'fix7a', qt001_cp.build(), NULL);"
    " SELECT qt001_cp.note_step('restore_end')",
    "a cutover that moves nothing": "SELECT qt001_cp.start_run('upgrade fix7b', 'fix7b', qt001_cp.build(), NULL);"
    " SELECT qt001_cp.finish_run('upgrade fix7b', '{}', '')",
    "another revision": "SELECT qt001_cp.start_run('upgrade fix7b', 'fix7c', qt001_cp.build(), NULL);"
    " SELECT qt001_cp.finish_run('upgrade fix7b', '{}', '')",
    "a script that there is not": "SELECT qt001_cp.start_run('mine', 'fix7c', qt001_cp.build(), NULL);"
    " SELECT qt001_cp.finish_run('mine', '{}', '')",
    "a restore without its beginning": "SELECT qt001_cp.start_run('downgrade fix7b', 'fix7a', qt001_cp.build(), NULL);"
    " SELECT qt001_cp.restore_end((SELECT subject FROM qt001_cp.v_event WHERE verb = 'cutover'))",
}


@pytest.mark.parametrize("what", CRAFTED)
def test_no_operator_ends_a_script_that_has_not_done_its_work(cast: Attempt, what: str) -> None:
    """Nothing of the ledger goes, and no stage is said to be there, by calls that only look like the printed script."""
    assert cast.refused(CRAFTED[what], user=FULL).sqlstate == "QT112"


def test_the_version_is_written_by_a_whole_script_only(cast: Attempt) -> None:
    statement = "UPDATE qt001_cp.alembic_version SET version_num = 'fix7a'; SET CONSTRAINTS ALL IMMEDIATE"
    assert cast.refused(statement, user=FULL).sqlstate == "QT112"
