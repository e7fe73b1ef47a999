"""Gate 7 after the cutover: what others do for the application, or who can become it."""

from __future__ import annotations

import json

import pytest

from qt001_cp.rehearsal.scene import OPERATOR, SCANNER
from tests.acceptance.attempt import Attempt
from tests.acceptance.moves import behind
from tests.cutover.test_outside import SERVER, WAYS

GATE = "application_role_contained"


def _found(attempt: Attempt, gate: str = GATE) -> list[str]:
    rows = attempt.connection.execute("SELECT gate, object FROM qt001_cp.gate_findings()").fetchall()
    return [words for named, words in rows if named == gate]


def _do(attempt: Attempt, statements: str) -> None:
    for statement in statements.strip().split(";\n"):
        attempt.run(statement.removesuffix(";"))


def test_foreign_table_made_afterwards(attempt: Attempt) -> None:
    _do(attempt, SERVER)
    assert _found(attempt) == []
    _do(attempt, WAYS["a view of a superuser"])
    (path,) = _found(attempt)
    assert path.endswith("foreign table public.articles_ft → its definition → server loop"), path


def test_default_privileges_planted_afterwards(attempt: Attempt) -> None:
    _do(attempt, "CREATE ROLE zz_team;\nALTER DEFAULT PRIVILEGES FOR ROLE zz_team GRANT ALL ON TABLES TO directus;\n")
    assert _found(attempt) == []
    _do(attempt, "ALTER DEFAULT PRIVILEGES FOR ROLE reporting IN SCHEMA public GRANT ALL ON TABLES TO directus;\n")
    assert _found(attempt) == []  # the policy trusts it
    _do(attempt, "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON TABLES TO directus;\n")
    assert _found(attempt) == ["default acl for role postgres in schema public on tables"]


LEASES = """
DO $$ BEGIN FOR n IN 1..{} LOOP
    EXECUTE format('CREATE ROLE zz_lease_%s LOGIN IN ROLE directus', n);
    EXECUTE format('ALTER ROLE zz_lease_%s SET role = directus', n);
END LOOP; END $$
"""
_TEAM = "CREATE ROLE zz_team;\nCREATE ROLE zz_lease LOGIN IN ROLE directus, zz_team;\nALTER ROLE zz_lease SET role = directus;\n"
HOLDS = {
    "itself": ("GRANT SELECT ON public.qt001_setting TO zz_lease;\n", "role zz_lease"),
    "a column": ("GRANT UPDATE (value) ON public.qt001_setting TO zz_lease;\n", "role zz_lease"),
    "a routine": ("GRANT EXECUTE ON FUNCTION public.qt001_write(jsonb) TO zz_lease;\n", "role zz_lease"),
    "through a role": ("GRANT INSERT ON public.qt001_setting TO zz_team;\n", "role zz_team"),
    "through a role of a role": ("GRANT qt001_service TO zz_team;\n", "role qt001_service"),
    "everything there is to read": ("GRANT pg_read_all_data TO zz_team;\n", "role pg_read_all_data"),
    "the new owner": ("GRANT qt001_cp_owner TO zz_team;\n", "role qt001_cp_owner"),
}


def test_leased_logins_cost_no_verdict(attempt: Attempt) -> None:
    """They come and go: nothing closes, and what was signed stays signed."""
    signed = attempt.run("SELECT qt001_cp.subject_digest()")
    attempt.run(LEASES.format(1000))
    assert attempt.run("SELECT qt001_cp.subject_digest()") == signed
    assert attempt.verdict() == (True, "", "")
    assert attempt.run("SELECT qt001_cp.scan()", user=SCANNER) == []
    for n in (1, 500, 1000):
        attempt.run(f"DROP ROLE zz_lease_{n}")
    assert attempt.verdict() == (True, "", "")


@pytest.mark.parametrize("way", HOLDS)
def test_who_can_become_the_application_holds_something_protected(attempt: Attempt, way: str) -> None:
    _do(attempt, _TEAM)
    assert _found(attempt) == []
    statements, named = HOLDS[way]
    _do(attempt, statements)
    if "ON " in statements:
        # What the manifest does not say closes other gates; here it says so, and the role is the one thing that is wrong.
        table = (
            "table public.qt001_setting" if "setting" in statements else "function public.qt001_write(pg_catalog.jsonb)"
        )
        kind, _, identity = table.partition(" ")
        live = "SELECT jsonb_build_object('acl', acl, 'columns', columns) FROM qt001_cp.live_object('directus', true, false) WHERE kind = %s AND identity = %s"
        acl = attempt.run(live, [kind, identity])
        behind(
            f"UPDATE qt001_cp.manifest_row SET object = jsonb_set(object, '{{after}}', (object -> 'after') || $new${json.dumps(acl)}$new$::jsonb)"
            f" WHERE object ->> 'identity' = '{identity}'",
            "manifest_row",
        )(attempt)
    assert named in _found(attempt)


def test_member_with_a_duty_or_every_power_is_a_matter_of_other_gates(attempt: Attempt) -> None:
    _do(attempt, f"GRANT directus TO {OPERATOR};\nCREATE ROLE zz_boss SUPERUSER IN ROLE directus;\n")
    assert _found(attempt) == []


OWNS = {
    "a function with the name of a transferred one": (
        "CREATE FUNCTION public.qt001_gateway(text) RETURNS jsonb LANGUAGE sql AS 'SELECT NULL::jsonb';\n"
        "ALTER FUNCTION public.qt001_gateway(text) OWNER TO zz_team;\n",
        "function public.qt001_gateway(pg_catalog.text)",
    ),
    "a user mapping": (
        "CREATE FOREIGN DATA WRAPPER far;\nCREATE SERVER far FOREIGN DATA WRAPPER far;\nCREATE USER MAPPING FOR zz_team SERVER far;\n",
        "user mapping for zz_team on server far",
    ),
    "a setting": (
        "ALTER ROLE zz_lease SET session_replication_role = replica;\n",
        "setting session_replication_role for zz_lease",
    ),
}


@pytest.mark.parametrize("way", OWNS)
def test_what_they_own_is_the_applications(attempt: Attempt, way: str) -> None:
    _do(attempt, _TEAM)
    statements, named = OWNS[way]
    _do(attempt, statements)
    assert named in _found(attempt)


@pytest.mark.parametrize("column", ["ctid", "xmin", "tableoid"])
def test_system_column_is_a_column(attempt: Attempt, column: str) -> None:
    attempt.run(f"GRANT SELECT ({column}) ON public.qt001_setting TO directus")
    assert "table public.qt001_setting" in _found(attempt)
    attempt.run(f"REVOKE SELECT ({column}) ON public.qt001_setting FROM directus")
    assert attempt.verdict() == (True, "", "")


@pytest.mark.parametrize("grantee", ["PUBLIC", "directus"])
def test_who_may_run_the_text_of_a_change(attempt: Attempt, grantee: str) -> None:
    attempt.run(f"GRANT EXECUTE ON FUNCTION qt001_cp.run_change(text) TO {grantee}")
    rows = attempt.connection.execute("SELECT gate, object FROM qt001_cp.gate_findings()").fetchall()
    assert ("function qt001_cp.run_change(pg_catalog.text)") in {words for _, words in rows}, rows


_OWN = ("row_security = off", "work_mem = '64MB'", "default_transaction_isolation = 'serializable'")


@pytest.mark.parametrize("setting", _OWN)
def test_what_a_login_sets_for_itself_closes_nothing(attempt: Attempt, setting: str) -> None:
    """Anybody may, with no right on anything."""
    attempt.run("CREATE ROLE zz_lease LOGIN")
    attempt.run(f"ALTER ROLE zz_lease IN DATABASE directus_case SET {setting}", user="zz_lease")
    assert attempt.verdict() == (True, "", "")


def test_caller_whose_triggers_would_not_fire(attempt: Attempt) -> None:
    for where in ("", "IN DATABASE directus_case "):
        attempt.run(f"ALTER ROLE qt001_service {where}SET session_replication_role = replica")
        assert _found(attempt) == ["setting session_replication_role for qt001_service"]
        attempt.run(f"ALTER ROLE qt001_service {where}RESET session_replication_role")
        assert attempt.verdict() == (True, "", "")
