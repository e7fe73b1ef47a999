"""Who gets a duty and who loses one is in the ledger, by login and by number: another login of the same name is another one."""

from __future__ import annotations

import pytest

from qt001_cp.rehearsal.scene import AUDITOR, AUTHOR, SCANNER, VERIFIER
from tests.acceptance.attempt import Attempt

_GIVE = "INSERT INTO qt001_cp.person (login, person, duty) VALUES ('zz_nora', 'nora.nash', 'author')"
_PROPOSE = "SELECT qt001_cp.propose_manifest('x')"


def _events(attempt: Attempt) -> list[tuple[str, str, str, str | None]]:
    return attempt.connection.execute(
        "SELECT verb, subject, detail ->> 'duty', detail ->> 'number' FROM qt001_cp.event"
        " WHERE verb LIKE 'duty%' ORDER BY seq"
    ).fetchall()


def _hired(attempt: Attempt) -> str:
    attempt.run("CREATE ROLE zz_nora LOGIN IN ROLE qt001_cp_author")
    attempt.run(_GIVE)
    return str(attempt.run("SELECT oid::text FROM pg_roles WHERE rolname = 'zz_nora'"))


def _told(attempt: Attempt) -> list[tuple[str, str, str]]:
    return attempt.connection.execute(
        "SELECT object, found, mend FROM qt001_cp.told() WHERE object LIKE 'role %'"
    ).fetchall()


def _refusal(attempt: Attempt, login: str = "zz_nora") -> str:
    return str(attempt.refused(_PROPOSE, user=login))


@pytest.mark.parametrize("replica", [False, True])
def test_each_change_is_an_event(attempt: Attempt, replica: bool) -> None:
    if replica:
        attempt.run("SET LOCAL session_replication_role = replica")
    number = _hired(attempt)
    attempt.run("UPDATE qt001_cp.person SET duty = 'verifier' WHERE login = 'zz_nora'")
    attempt.run("DELETE FROM qt001_cp.person WHERE login = 'zz_nora'")
    assert _events(attempt) == [
        ("duty_given", "zz_nora", "author", number),
        ("duty_revoked", "zz_nora", "author", None),
        ("duty_given", "zz_nora", "verifier", number),
        ("duty_revoked", "zz_nora", "verifier", None),
    ]
    everybody = attempt.run("SELECT count(*) FROM qt001_cp.person")
    attempt.run("TRUNCATE qt001_cp.person")
    assert len(_events(attempt)) == 4 + everybody


def test_nobody_with_a_duty_gives_one(attempt: Attempt) -> None:
    for login in (AUTHOR, AUDITOR, VERIFIER, SCANNER):
        assert attempt.refused(_GIVE, user=login).sqlstate == "42501"
    assert _events(attempt) == []


def test_another_login_of_the_name_has_no_duty(attempt: Attempt) -> None:
    _hired(attempt)
    assert "QT107" not in _refusal(attempt)
    attempt.run("DROP ROLE zz_nora")
    assert ("role zz_nora", "no role of this name") in [t[:2] for t in _told(attempt)]
    attempt.sign()
    assert attempt.verdict() == (True, "", ""), "a role that is gone closes nothing"
    attempt.run("CREATE ROLE zz_nora LOGIN IN ROLE qt001_cp_author")
    assert "expected the login that was given duty author" in _refusal(attempt)
    reasons = attempt.verdict().reasons
    assert "role zz_nora: expected the login that was given duty author, found another role of this name" in reasons
    attempt.run("UPDATE qt001_cp.person SET login = login WHERE login = 'zz_nora'")
    assert "another one of this name" not in _refusal(attempt)
    assert attempt.verdict() == (True, "", "")


def test_who_had_a_duty_before_fix7a_is_known_by_number_too(attempt: Attempt) -> None:
    attempt.run(f"ALTER ROLE {AUTHOR} RENAME TO zz_elsewhere")
    attempt.run(f"CREATE ROLE {AUTHOR} LOGIN IN ROLE qt001_cp_author")
    assert "expected the login that was given duty author" in _refusal(attempt, AUTHOR)
    assert f"role {AUTHOR}" in attempt.verdict().reasons
    assert "it is role zz_elsewhere now" in attempt.verdict().reasons


def test_renamed_login_is_told_with_the_statement(attempt: Attempt) -> None:
    _hired(attempt)
    attempt.sign()
    attempt.run("ALTER ROLE zz_nora RENAME TO zz_nora_nash")
    ((object_, found, mend),) = _told(attempt)
    assert (object_, found) == ("role zz_nora", "role zz_nora_nash, which is it by another name")
    assert attempt.verdict() == (True, "", "")
    assert "found none" in _refusal(attempt, "zz_nora_nash")
    attempt.run(mend)
    assert _told(attempt) == []
    assert "QT107" not in _refusal(attempt)
