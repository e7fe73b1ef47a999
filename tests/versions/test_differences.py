"""Where the major versions differ, FIX7b comes to the same end on each."""

from __future__ import annotations

import pytest

from qt001_cp.rehearsal.scene import OPERATOR
from tests.conftest import Stage
from tests.cutover.support import cluster, refused

TABLE = "public.qt001_source"


def held(stage: Stage, question: str) -> object:
    with stage.connect() as superuser:
        row = superuser.execute(f"SELECT {question}").fetchone()
    assert row is not None
    return row[0]


def test_create_in_public_goes_and_comes_back(at_recorded: Stage) -> None:
    """On 14 through PUBLIC; later through the ownership of the database."""
    question = "pg_catalog.has_schema_privilege('directus', 'public', 'CREATE')"
    assert held(at_recorded, question) is True
    at_recorded.upgrade("fix7b")
    assert held(at_recorded, question) is False
    at_recorded.downgrade("fix7a")
    assert held(at_recorded, question) is True


def test_a_membership_counts_whatever_its_options(at_fix7a_sealed: Stage) -> None:
    options = "WITH INHERIT FALSE, SET FALSE" if at_fix7a_sealed.scene.server.version >= 160000 else ""
    with cluster(
        at_fix7a_sealed, f"GRANT pg_write_all_data TO directus {options}", "REVOKE pg_write_all_data FROM directus"
    ):
        refused(at_fix7a_sealed, "QT108", "role directus", "no membership in pg_write_all_data", rehearsal="first")


@pytest.mark.parametrize("grantee", ["directus", "PUBLIC"])
@pytest.mark.parametrize("privilege", ["SET", "ALTER SYSTEM"])
def test_a_parameter_of_the_server_is_no_business_of_the_application(
    at_fix7a_sealed: Stage, grantee: str, privilege: str
) -> None:
    if at_fix7a_sealed.scene.server.version < 150000:
        pytest.skip("before PostgreSQL 15 parameters have no privileges")
    parameter = f"{privilege} ON PARAMETER session_replication_role"
    with cluster(at_fix7a_sealed, f"GRANT {parameter} TO {grantee}", f"REVOKE {parameter} FROM {grantee}"):
        refused(
            at_fix7a_sealed,
            "QT108",
            "parameter session_replication_role",
            f"{privilege} for {grantee}",
            rehearsal="first",
        )


def test_no_parameter_is_granted_here(at_fix7a_sealed: Stage) -> None:
    with at_fix7a_sealed.connect(OPERATOR) as operator:
        assert operator.execute("SELECT * FROM qt001_cp.application_power_findings('directus')").fetchall() == []


def test_maintain_is_gone_and_a_new_grant_of_it_is_found(at_fix7b_done: Stage) -> None:
    if at_fix7b_done.scene.server.version < 170000:
        pytest.skip("before PostgreSQL 17 there is no MAINTAIN")
    assert held(at_fix7b_done, f"pg_catalog.has_table_privilege('directus', '{TABLE}', 'MAINTAIN')") is False
    with at_fix7b_done.connect() as superuser:
        superuser.execute(f"GRANT MAINTAIN ON {TABLE} TO directus")
        found = superuser.execute(
            "SELECT sqlstate, object, found FROM qt001_cp.excess_privilege_findings(%s)", [at_fix7b_done.digest]
        ).fetchall()
    assert found == [("QT111", f"table {TABLE}", "directus has MAINTAIN")]
