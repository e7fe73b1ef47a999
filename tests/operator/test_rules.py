"""Who may be the application role by membership, what an ADMIN option is, and what a session must be able to see."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from qt001_cp.cli import main
from qt001_cp.plan.order import Direction
from tests.conftest import Stage
from tests.cutover.support import edited_policy, reseal, sealed_with
from tests.operator.support import (
    LOGIN,
    POWERS,
    Finding,
    act,
    give,
    needs_15,
    options,
    plain_operator,
    power_findings,
    public_to_application,
    rolled_back,
    statements,
    whole,
)

MIDDLE, VISITOR = "qt001_plain_middle", "qt001_plain_visitor"


@pytest.fixture
def sealed(at_fix7a_sealed: Stage) -> Iterator[Stage]:
    needs_15(at_fix7a_sealed)
    with plain_operator(at_fix7a_sealed):
        yield at_fix7a_sealed


def _apart(connection: psycopg.Connection) -> list[tuple[str, str, str]]:
    return connection.execute("SELECT sqlstate, object, mend FROM qt001_cp.roles_apart_findings()").fetchall()


def _strict(connection: psycopg.Connection) -> list[tuple[str, str, str]]:
    query = "SELECT sqlstate, object, mend FROM qt001_cp.application_member_findings(false)"
    return connection.execute(query).fetchall()


def test_only_the_operators_login_and_only_directly(sealed: Stage) -> None:
    cases = {
        f"GRANT directus TO {LOGIN}": [],
        "GRANT directus TO qt001_auditor": [("QT107", "role qt001_auditor", "REVOKE directus FROM qt001_auditor;")],
        "GRANT directus TO qt001_author": [("QT107", "role qt001_author", "REVOKE directus FROM qt001_author;")],
        f"GRANT directus TO {MIDDLE}; GRANT {MIDDLE} TO {LOGIN}": [
            ("QT107", f"role {LOGIN}", f"REVOKE directus FROM {MIDDLE}; -- the role in between")
        ],
    }
    for grants, expected in cases.items():
        with rolled_back(sealed) as connection:
            connection.execute(f"CREATE ROLE {MIDDLE}")
            assert _apart(connection) == _strict(connection) == []
            for grant in grants.split("; "):
                connection.execute(grant)
            assert _apart(connection) == expected, grants
            assert len(_strict(connection)) == 1, grants
    with rolled_back(sealed) as connection:
        connection.execute("GRANT directus TO qt001_cp_operator")
        assert ("QT107", "role qt001_cp_operator", "REVOKE directus FROM qt001_cp_operator;") in _apart(connection)


def test_the_right_to_grant_is_no_membership_of_an_administrator(sealed: Stage) -> None:
    if not options(sealed):
        pytest.skip("memberships have options since PostgreSQL 16")
    duties = "qt001_cp_owner, qt001_cp_author, qt001_cp_operator, qt001_cp_verifier, qt001_cp_auditor"
    with rolled_back(sealed) as connection:
        connection.execute(f"CREATE ROLE {MIDDLE} CREATEROLE")
        connection.execute(f"GRANT {duties} TO {MIDDLE} WITH ADMIN TRUE, INHERIT FALSE, SET FALSE")
        assert _apart(connection) == []
        connection.execute(f"ALTER ROLE {MIDDLE} NOCREATEROLE")
        assert {f[1] for f in _apart(connection)} == {f"role {MIDDLE}"}


def test_a_session_that_cannot_be_seen_into_is_a_finding(sealed: Stage) -> None:
    def seen(connection: psycopg.Connection) -> list[tuple[str, str]]:
        with act(connection):
            query = "SELECT found, mend FROM qt001_cp.session_findings(%s) WHERE object ~ %s"
            return connection.execute(query, [sealed.digest, f"of {VISITOR}$"]).fetchall()

    with sealed.connect() as admin:
        admin.execute(f"CREATE ROLE {VISITOR} LOGIN")
        admin.execute(f"GRANT directus TO {VISITOR}")
    try:
        with sealed.connect(VISITOR) as visitor:
            with rolled_back(sealed) as connection:
                for power in POWERS:
                    give(connection, power, options(sealed))
                (hidden,) = seen(connection)
                assert hidden[0] == f"a session whose transactions {LOGIN} may not see"
                connection.execute(hidden[1])
                assert seen(connection) == []
            with visitor.transaction():
                visitor.execute("SET LOCAL ROLE directus")
                with rolled_back(sealed) as connection:
                    for power in POWERS:
                        give(connection, power, options(sealed))
                    connection.execute(hidden[1])
                    (open_now,) = seen(connection)
                    assert open_now[0].startswith("in a transaction in database ")
    finally:
        with sealed.connect() as admin:
            admin.execute(f"DROP ROLE {VISITOR}")


def test_preflight_says_what_to_grant(sealed: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    call = ["preflight", sealed.manifest_path, "--database", sealed.scene.dsn(LOGIN)]
    assert main([*call, "--format", "json"]) == 3
    document = json.loads(capsys.readouterr().out)
    seven = [f for f in document["findings"] if f["precondition"] == 7]
    with sealed.connect() as admin:
        for finding in seven:
            admin.execute(finding["mend"])
    assert len(seven) == 4
    assert main(call) == 3, "the no-go record is missing still"
    said = capsys.readouterr().out
    assert "! 7 " in said
    assert "✗ 5 " in said
    assert f"warning: {LOGIN} is a member of the application role. After FIX7b take it away" in said


def test_a_duty_without_its_rights_is_told(sealed: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    with sealed.connect() as admin:
        admin.execute(
            f"GRANT qt001_cp_operator TO {LOGIN} WITH INHERIT FALSE"
            if options(sealed)
            else f"ALTER ROLE {LOGIN} NOINHERIT"
        )
    assert main(["preflight", sealed.manifest_path, "--database", sealed.scene.dsn(LOGIN)]) == 1
    said = capsys.readouterr().err
    assert "permission denied for schema qt001_cp" in said
    assert "lacks the membership of its duty" in said


def test_the_event_says_under_what_powers(sealed: Stage) -> None:
    manifest = sealed.manifest
    with rolled_back(sealed) as connection:
        for power in POWERS:
            give(connection, power, options(sealed))
        with act(connection):
            whole(connection, manifest, "forward")
        row = connection.execute("SELECT detail FROM qt001_cp.v_event WHERE verb = 'cutover'").fetchone()
        assert row is not None
        assert row[0]["operator"] == {
            "superuser": False,
            "createrole": False,
            "member_of": ["directus", "qt001_cp_operator", "qt001_cp_owner", "reporting"],
        }


def test_a_schema_of_somebody_else(at_base: Stage, tmp_path: Path) -> None:
    """The new owner has to be able to CREATE in a schema that stays where it is; both ways."""
    public_to_application(at_base.scene)
    with at_base.connect() as admin:
        admin.execute("CREATE SCHEMA elsewhere")
        admin.execute("GRANT USAGE, CREATE ON SCHEMA elsewhere TO directus")
        admin.execute("CREATE TABLE elsewhere.qt001_far (id int)")
        admin.execute("ALTER TABLE elsewhere.qt001_far OWNER TO directus")
        admin.execute("REVOKE CREATE ON SCHEMA elsewhere FROM directus")
    rules = (
        '[[rule]]\nkind = "schema"\nname = "elsewhere"\ndisposition = "retain"\nreason = "of somebody else"\n\n'
        '[[rule]]\nkind = "table"\nschema = "elsewhere"\ndisposition = "transfer"\nreason = "data of QT001"\n\n'
    )
    first = '[[rule]]\nkind = "database"\n'
    policy = edited_policy(tmp_path, first, rules + first)
    with plain_operator(at_base):
        sealed_with(at_base, tmp_path, policy)
        with at_base.connect() as admin:
            for power in POWERS:
                give(admin, power, options(at_base))
        _mended(at_base, tmp_path, policy, "forward", "qt001_cp_owner")
        _mended(at_base, tmp_path, policy, "restore", "directus")


def _mended(stage: Stage, folder: Path, policy: Path, direction: Direction, who: str) -> None:
    assert stage.bundle is not None
    wanted = [f"GRANT CREATE ON SCHEMA elsewhere TO {who}"]
    assert [f.mend.partition(";")[0] for f in _findings(stage, direction)] == wanted
    with rolled_back(stage) as connection:
        with pytest.raises(psycopg.Error) as refused, connection.transaction(), act(connection):
            statements(connection, stage.bundle.manifest, direction)
        assert refused.value.sqlstate == "42501"
    with stage.connect() as admin:
        admin.execute(wanted[0])
    if direction == "forward":
        reseal(stage, folder, policy=policy)
    assert _findings(stage, direction) == []
    with stage.connect() as connection, connection.transaction(), act(connection):
        whole(connection, stage.bundle.manifest, direction)


def _findings(stage: Stage, direction: Direction) -> list[Finding]:
    assert stage.bundle is not None
    with rolled_back(stage) as connection:
        return power_findings(connection, stage.bundle.manifest, direction)
