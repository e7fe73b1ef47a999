"""Preconditions 1, 2, 5, 6, 7: each broken by itself stops FIX7b with its own SQLSTATE, and nothing has moved."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from qt001_cp.model.canonical import canonical_bytes
from qt001_cp.rehearsal.scene import AUDITOR, AUTHOR, OPERATOR, VERIFIER
from qt001_cp.workflow.bundle import OBJECT
from qt001_cp.workflow.seal import propose, record_rehearsal
from tests.conftest import Stage
from tests.cutover.support import cluster, findings, refused, reseal, run, stopped

Record = dict[str, Any]


# 1: the manifest


def test_manifest_that_nobody_proposed(at_recorded: Stage, tmp_path: Path) -> None:
    assert at_recorded.bundle is not None
    other = replace(at_recorded.bundle.manifest, policy={"name": "other", "sha256": "0" * 64})
    (tmp_path / OBJECT).write_bytes(other.body())
    refused(at_recorded, "QT101", other.digest(), manifest=str(tmp_path / OBJECT))


def test_manifest_that_nobody_sealed(at_recorded: Stage, tmp_path: Path) -> None:
    assert at_recorded.bundle is not None
    other = replace(at_recorded.bundle.manifest, policy={"name": "other", "sha256": "0" * 64})
    with at_recorded.connect(AUTHOR) as author:
        propose(author, other)
    (tmp_path / OBJECT).write_bytes(other.body())
    refused(at_recorded, "QT101", other.digest(), "candidate", manifest=str(tmp_path / OBJECT))


def test_manifest_that_was_withdrawn(at_recorded: Stage, tmp_path: Path) -> None:
    old, digest = at_recorded.manifest_path, at_recorded.digest
    run(at_recorded, "ALTER TABLE public.articles ADD COLUMN subtitle text;\n")
    reseal(at_recorded, tmp_path)
    refused(at_recorded, "QT101", digest, "withdrawn", manifest=old)


# 2: the coverage

MOVED = {
    "a new table": ("CREATE TABLE public.qt001_late (a int);\n", "table public.qt001_late"),
    "a new view of another role, open to PUBLIC": (
        "CREATE VIEW public.window AS SELECT 1 AS a;\n ALTER VIEW public.window OWNER TO reporting;\n"
        "GRANT SELECT ON public.window TO PUBLIC;\n",
        'view public."window"',
    ),
    "a new overload": (
        "CREATE FUNCTION public.qt001_write(text) RETURNS int LANGUAGE sql AS 'SELECT 1';\n",
        "function public.qt001_write(pg_catalog.text)",
    ),
    "a publication": ("CREATE PUBLICATION leak FOR TABLE public.qt001_source;\n", "publication leak"),
    "a large object": ("SELECT pg_catalog.lo_create(4711);\n", "large object 4711"),
    "a table dropped": ("DROP TABLE public.qt001_import_batch;\n", "table public.qt001_import_batch"),
    "a retained table dropped": ("DROP TABLE public.newsletter;\n", "table public.newsletter"),
    "a column added": ("ALTER TABLE public.qt001_setting ADD COLUMN more int;\n", "table public.qt001_setting"),
    "a retained table changed": ("ALTER TABLE public.articles ADD COLUMN more int;\n", "table public.articles"),
    "a body replaced": (
        "CREATE OR REPLACE FUNCTION public.qt001_case_visible(confidential boolean, handler text) RETURNS boolean"
        " LANGUAGE sql STABLE AS 'SELECT true';\n",
        "function public.qt001_case_visible",
    ),
    "a trigger disabled": (
        "ALTER TABLE public.qt001_source DISABLE TRIGGER qt001_source_guard;\n",
        "table public.qt001_source",
    ),
    "a constraint dropped": (
        "ALTER TABLE public.qt001_switch DROP CONSTRAINT qt001_switch_state;\n",
        "table public.qt001_switch",
    ),
    "a label renamed": (
        "ALTER TYPE public.qt001_severity RENAME VALUE 'critical' TO 'none';\n",
        "type public.qt001_severity",
    ),
    "a curated view widened": (
        "CREATE OR REPLACE VIEW public.qt001_status WITH (security_barrier = true) AS SELECT s.name, s.state,"
        " 0::bigint AS sources, now() AS last_write, current_user AS who FROM public.qt001_switch s;\n",
        "view public.qt001_status",
    ),
    "row level security off": (
        "ALTER TABLE public.qt001_case DISABLE ROW LEVEL SECURITY;\n",
        "table public.qt001_case",
    ),
    "a setting of the database": (
        "ALTER DATABASE directus_case SET search_path = public;\n",
        "database directus_case",
    ),
    "the owner of a table": ("ALTER TABLE public.qt001_setting OWNER TO reporting;\n", "table public.qt001_setting"),
    "a grant on a table": (
        "GRANT TRIGGER ON public.qt001_setting TO public_only;\n",
        "table public.qt001_setting",
    ),
    "a grant on a function": (
        "GRANT EXECUTE ON FUNCTION public.qt001_write(jsonb) TO public_only;\n",
        "function public.qt001_write",
    ),
    "a grant on a schema": ("GRANT CREATE ON SCHEMA qt001_data TO PUBLIC;\n", "schema qt001_data"),
    "a revoke": ("REVOKE SELECT ON public.qt001_setting FROM intern;\n", "table public.qt001_setting"),
    "a grant on a column": (
        "GRANT UPDATE (value) ON public.qt001_setting TO public_only;\n",
        "table public.qt001_setting",
    ),
    "default privileges": (
        "ALTER DEFAULT PRIVILEGES FOR ROLE directus IN SCHEMA qt001_data GRANT SELECT ON TABLES TO public_only;\n",
        "default acl for role directus in schema qt001_data on tables",
    ),
    "a table renamed": (
        "ALTER TABLE qt001_data.holiday RENAME TO day_off;\n",
        "table qt001_data.day_off",
    ),
    "a table in another schema": ("ALTER TABLE qt001_data.holiday SET SCHEMA public;\n", "table "),
    "a table dropped and made again": (
        "DROP TABLE qt001_data.holiday;\n CREATE TABLE qt001_data.holiday (day date PRIMARY KEY, name text);\n"
        "ALTER TABLE qt001_data.holiday OWNER TO directus;\n",
        "table qt001_data.holiday",
    ),
    "a view dropped and made again by another owner": (
        "DROP VIEW public.qt001_status;\n CREATE VIEW public.qt001_status AS SELECT 'x'::text AS name;\n",
        "view public.qt001_status",
    ),
}


ONLINE = (
    "a new table",
    "a new overload",
    "a table dropped",
    "a body replaced",
    "the owner of a table",
    "a grant on a table",
    "a grant on a column",
    "default privileges",
    "a table renamed",
    "a table dropped and made again",
)


@pytest.mark.parametrize("way", ONLINE)
def test_estate_is_not_what_was_sealed(at_recorded: Stage, way: str) -> None:
    statements, named = MOVED[way]
    run(at_recorded, _as_directus(statements))
    refused(at_recorded, "QT102", named)


@pytest.mark.parametrize("way", [way for way in MOVED if way not in ONLINE])
def test_estate_is_not_what_was_sealed_either(at_recorded: Stage, way: str) -> None:
    statements, named = MOVED[way]
    stopped(at_recorded, _as_directus(statements), "QT102", named)


def _as_directus(statements: str) -> str:
    made = ("CREATE TABLE", "CREATE FUNCTION", "CREATE PUBLICATION", "SELECT")
    return ("SET ROLE directus;\n" if statements.startswith(made) else "") + statements


# 5: the no-go record


@pytest.fixture(scope="session")
def record(nogo_record: bytes) -> Record:
    """What the real rehearsal of the tests recorded."""
    document: Record = json.loads(nogo_record)
    return document


def test_nothing_was_recorded(at_fix7a_sealed: Stage) -> None:
    refused(at_fix7a_sealed, "QT105", at_fix7a_sealed.digest, "no record")


def test_another_manifest_was_rehearsed(record: Record, at_fix7a_sealed: Stage) -> None:
    assert at_fix7a_sealed.bundle is not None
    other = replace(at_fix7a_sealed.bundle.manifest, policy={"name": "other", "sha256": "0" * 64})
    with at_fix7a_sealed.connect(AUTHOR) as author:
        propose(author, other)
    body = canonical_bytes({**record, "manifest": other.digest()})
    stopped(at_fix7a_sealed, "", "QT105", at_fix7a_sealed.digest, "no record", record=body)


def _without_family(record: Record) -> str:
    record["cases"] = [c for c in record["cases"] if c["family"] != "fake_capability"]
    return "fake_capability"


def _not_refused(record: Record) -> str:
    record["cases"][0] |= {"sqlstate": "00000"}
    return str(record["cases"][0]["name"])


def _refused_otherwise(record: Record) -> str:
    record["cases"][0] |= {"sqlstate": "42P01"}
    return str(record["cases"][0]["name"])


def _state_changed(record: Record) -> str:
    record["cases"][0] |= {"state_after": "0" * 64}
    return "state changed"


def _state_unknown(record: Record) -> str:
    record["cases"][0] |= {"state_before": "", "state_after": ""}
    return str(record["cases"][0]["name"])


def _object_not_tried(record: Record) -> str:
    record["cases"] = [c for c in record["cases"] if c["object"] != "table public.qt001_source"]
    return "table public.qt001_source"


def _role_not_tried(record: Record) -> str:
    record["cases"] = [
        c for c in record["cases"] if (c["object"], c["role"]) != ("table public.qt001_source", "auditor")
    ]
    return "table public.qt001_source as auditor"


@pytest.mark.parametrize(
    "damage",
    [
        _without_family,
        _not_refused,
        _refused_otherwise,
        _state_changed,
        _state_unknown,
        _object_not_tried,
        _role_not_tried,
    ],
    ids=lambda f: f.__name__.strip("_"),
)
def test_record_is_not_complete(record: Record, at_fix7a_sealed: Stage, damage: Callable[[Record], str]) -> None:
    copied = {**record, "cases": [dict(c) for c in record["cases"]]}
    named = damage(copied)
    stopped(at_fix7a_sealed, "", "QT105", named, record=canonical_bytes(copied))


def test_a_later_record_counts(record: Record, at_recorded: Stage) -> None:
    copied = {**record, "cases": [dict(c) for c in record["cases"]]}
    named = _object_not_tried(copied)
    with at_recorded.connect(OPERATOR) as operator:
        record_rehearsal(operator, canonical_bytes(copied))
    refused(at_recorded, "QT105", named)


# 6: apply and readiness are blocked


@pytest.mark.parametrize("what", ["apply", "readiness"])
def test_not_blocked(at_recorded: Stage, what: str) -> None:
    run(at_recorded, f"UPDATE public.qt001_switch SET state = 'open' WHERE name = '{what}';\n")
    refused(at_recorded, "QT106", f"{what}: public.qt001_switch {what}", "found open")


@pytest.mark.parametrize("what", ["apply", "readiness"])
def test_nothing_says_that_it_is_blocked(at_recorded: Stage, what: str) -> None:
    statement = f"DELETE FROM public.qt001_switch WHERE name = '{what}';\n"
    stopped(at_recorded, statement, "QT106", f"{what}: public.qt001_switch {what}", "no such row")


@pytest.mark.parametrize("taken", ["USAGE ON SCHEMA public FROM PUBLIC", "SELECT ON public.qt001_switch FROM PUBLIC"])
def test_an_operator_who_may_not_look_is_told_what_to_grant(at_recorded: Stage, taken: str) -> None:
    with at_recorded.connect() as admin, admin.transaction(force_rollback=True):
        admin.execute(f"CREATE ROLE test_plain LOGIN; GRANT qt001_cp_operator TO test_plain; REVOKE {taken}")
        admin.execute("SET LOCAL SESSION AUTHORIZATION test_plain")
        rows = admin.execute("SELECT found, mend FROM qt001_cp.blocked_findings(%s)", [at_recorded.digest]).fetchall()
    assert len(rows) == 2
    assert all(
        found.startswith("permission denied") and mend.startswith("GRANT directus TO test_plain")
        for found, mend in rows
    )


def test_what_mends_a_row_that_is_not_there_is_no_update(at_recorded: Stage) -> None:
    """An UPDATE that finds no row says nothing, and the next try fails as the first did."""
    with at_recorded.connect() as admin:
        admin.execute("DELETE FROM public.qt001_switch WHERE name = 'apply'")
        admin.execute("UPDATE public.qt001_switch SET state = 'open'")
        rows = admin.execute(
            "SELECT mend FROM qt001_cp.blocked_findings(%s) ORDER BY object", [at_recorded.digest]
        ).fetchall()
    assert [row[0].split()[0] for row in rows] == ["Correct", "UPDATE"]
    assert "[[blocked]]" in rows[0][0]


# 7: who runs it, and the roles apart

ROLES = {
    "one person is operator and author": (
        "UPDATE qt001_cp.person SET person = 'tom.author' WHERE login = 'qt001_dba';\n",
        "person tom.author",
    ),
    "the operator is an author here": (
        "UPDATE qt001_cp.person SET duty = 'author' WHERE login = 'qt001_dba';\n",
        "expected duty operator in this database, found author",
    ),
    "the ledger role is lent": (
        "CREATE ROLE test_two LOGIN;\n GRANT qt001_cp_ledger TO test_two;\n",
        "role test_two: expected no membership in qt001_cp_ledger",
    ),
    "the application has a duty": (
        "INSERT INTO qt001_cp.person (login, person, duty) VALUES ('directus', 'directus', 'verifier');\n",
        "role directus",
    ),
    "the application is a member of the owner": ("GRANT qt001_cp_owner TO directus;\n", "directus"),
    "somebody is a member of the owner": ("GRANT qt001_cp_owner TO intern;\n", "intern"),
    "the owner may log in": ("ALTER ROLE qt001_cp_owner LOGIN;\n", "qt001_cp_owner"),
    "the owner is a superuser": ("ALTER ROLE qt001_cp_owner SUPERUSER;\n", "qt001_cp_owner"),
}


@pytest.mark.parametrize("way", ROLES)
def test_roles_are_not_apart(at_recorded: Stage, way: str) -> None:
    statements, named = ROLES[way]
    stopped(at_recorded, statements, "QT107", named)


def test_the_ledger_role_is_lent_through_another_role(at_recorded: Stage) -> None:
    found = findings(
        at_recorded,
        "CREATE ROLE test_two;\nGRANT qt001_cp_ledger TO test_two;\n"
        "CREATE ROLE test_bridge LOGIN;\nGRANT test_two TO test_bridge;\n",
    )
    assert {("QT107", "role test_two"), ("QT107", "role test_bridge")} <= set(found)


def test_operator_without_a_duty_here(at_recorded: Stage) -> None:
    """The role belongs to the cluster; the duty is this database's."""
    with at_recorded.connect() as admin:
        admin.execute("DELETE FROM qt001_cp.person WHERE login = 'qt001_dba'")
    refused(at_recorded, "QT107", "qt001_dba", "expected duty operator in this database, found none")


def test_owner_may_log_in(at_recorded: Stage) -> None:
    with cluster(at_recorded, "ALTER ROLE qt001_cp_owner LOGIN;\n", "ALTER ROLE qt001_cp_owner NOLOGIN;\n"):
        refused(at_recorded, "QT107", "qt001_cp_owner", "LOGIN")


def test_session_is_no_operator(at_recorded: Stage) -> None:
    superuser = at_recorded.scene.server.superuser
    refused(at_recorded, "QT107", superuser, "expected duty operator in this database", user=superuser)


@pytest.mark.parametrize("login", [AUTHOR, AUDITOR, VERIFIER, "directus"])
def test_nobody_else_gets_that_far(at_recorded: Stage, login: str) -> None:
    """What ends a cutover is the operator's alone; the application does not even reach the schema."""
    with at_recorded.connect(login) as connection:
        for call in ("cutover_begin", "cutover_end"):
            with pytest.raises(psycopg.Error) as caught:
                connection.execute(f"SELECT qt001_cp.{call}(%s, false)", [at_recorded.digest])
            assert caught.value.sqlstate == ("QT107" if call == "cutover_begin" and login != "directus" else "42501")
