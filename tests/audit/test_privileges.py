"""The three independent lists of privileges are one, and each of verifier, scanner and audit knows what a role passes on."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

from qt001_cp.audit import privileges
from qt001_cp.cli import main
from qt001_cp.model.kinds import PRIVILEGES
from qt001_cp.rehearsal.scene import OPERATOR, SCANNER, VERIFIER
from tests.conftest import Stage

_OF_TABLES = {p.key: p for p in PRIVILEGES if p.of_tables}
# What was granted: (since which version, statements, what takes it back, words of verifier and scanner, words of the audit).
POWERS: dict[str, tuple[int, Sequence[str], str, str, str]] = {
    "MAINTAIN by a role in between": (
        170000, ("CREATE ROLE zz_m NOLOGIN", "GRANT zz_m TO directus", "GRANT pg_maintain TO zz_m"), "DROP ROLE zz_m",
        "MAINTAIN", "directus may MAINTAIN"),
    "the new owner itself": (
        0, ("GRANT qt001_cp_owner TO directus",), "REVOKE qt001_cp_owner FROM directus",
        "a member", "directus is a member of qt001_cp_owner"),
    "CREATEROLE": (
        0, ("ALTER ROLE directus CREATEROLE",), "ALTER ROLE directus NOCREATEROLE", "CREATEROLE", "directus has CREATEROLE"),
    "who can become it has grants of its own": (
        0, ("GRANT directus TO qt001_service",), "REVOKE directus FROM qt001_service",
        "qt001_service", "qt001_service can become directus, and qt001_service, which has"),
    "a lease that is a member of a grantee too": (
        0, ("CREATE ROLE zz_lease LOGIN IN ROLE directus, intern",), "DROP ROLE zz_lease",
        "zz_lease", "zz_lease can become directus, and intern, which has"),
}  # fmt: skip


def test_the_audit_knows_every_privilege_on_tables() -> None:
    assert {key: p.since for key, p in _OF_TABLES.items()} == privileges.SINCE
    assert {key for key, p in _OF_TABLES.items() if p.of_columns} == set(privileges.ON_COLUMNS)


def test_the_scanner_knows_every_privilege_on_tables(at_fix7c_done: Stage) -> None:
    with at_fix7c_done.connect() as connection:
        listed = connection.execute(
            "SELECT privilege, since, of_columns FROM qt001_cp.scan_table_privilege()"
        ).fetchall()
    assert sorted(listed) == sorted((key, p.since, p.of_columns) for key, p in _OF_TABLES.items())


@pytest.mark.parametrize(("version", "knows"), [(160014, False), (170000, True), (180001, True)])
def test_a_privilege_is_asked_for_where_the_server_knows_it(version: int, knows: bool) -> None:
    assert ("MAINTAIN" in privileges.known(version)) is knows


@pytest.mark.slow
@pytest.mark.parametrize("power", POWERS)
def test_verifier_scanner_and_audit_find_what_a_role_passes_on(
    at_fix7c_done: Stage, capsys: pytest.CaptureFixture[str], power: str
) -> None:
    with _granted(at_fix7c_done, power) as (words, of_audit):
        for login, call in ((VERIFIER, "verify"), (SCANNER, "scan")):
            with at_fix7c_done.connect(login) as connection:
                (findings,) = connection.execute(f"SELECT qt001_cp.{call}()".encode()).fetchone() or ([],)
            assert any(words in f["found"] for f in findings), (call, findings)
        _audit_finds(at_fix7c_done, capsys, of_audit)


@pytest.mark.slow
@pytest.mark.parametrize("power", POWERS)
def test_audit_and_status_find_it_after_the_cutover(
    at_fix7b_done: Stage, capsys: pytest.CaptureFixture[str], power: str
) -> None:
    status = ["status", "--database", at_fix7b_done.scene.dsn(OPERATOR)]
    assert main([*status, "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["beyond_manifest"] == []
    with _granted(at_fix7b_done, power) as (words, of_audit):
        assert main([*status, "--format", "json"]) == 3
        beyond = json.loads(capsys.readouterr().out)["beyond_manifest"]
        assert any(words in f["found"] for f in beyond), beyond
        assert main(status) == 3
        assert words in capsys.readouterr().out
        _audit_finds(at_fix7b_done, capsys, of_audit)


@contextmanager
def _granted(stage: Stage, power: str) -> Iterator[tuple[str, str]]:
    """Roles are the whole server's: what was granted is taken back."""
    since, statements, undo, words, of_audit = POWERS[power]
    if stage.scene.server.version < since:
        pytest.skip(f"needs PostgreSQL {since // 10000}")
    with stage.connect() as superuser:
        for statement in statements:
            superuser.execute(statement.encode())
        try:
            yield words, of_audit
        finally:
            superuser.execute(undo.encode())


def _audit_finds(stage: Stage, capsys: pytest.CaptureFixture[str], words: str) -> None:
    code = main(
        ["audit", "--database", stage.scene.dsn("postgres"), "--manifest", stage.manifest_path, "--format", "json"]
    )
    checks = json.loads(capsys.readouterr().out)["checks"]
    faults = [fault for check in checks for fault in check["faults"]]
    assert code == 3
    assert any(words in fault for fault in faults), faults
