"""Who could give the application back what the cutover takes: refused when sealing, unless the policy trusts them."""

from __future__ import annotations

import pytest

from qt001_cp.errors import Refused
from tests.conftest import Stage
from tests.cutover.support import findings

pytestmark = pytest.mark.slow

SERVICE = "GRANT {} TO qt001_service WITH GRANT OPTION;\n"
OPTIONS = {
    "on a table": ("SELECT, TRUNCATE ON TABLE public.qt001_source", "SELECT, TRUNCATE on table public.qt001_source"),
    "on a column": (
        'UPDATE ("what it\'s about") ON TABLE public."qt001 ""draft"" note"',
        'UPDATE ("what it\'s about") on table public."qt001 ""draft"" note"',
    ),
    "on a routine": (
        "EXECUTE ON FUNCTION public.qt001_write(jsonb)",
        "EXECUTE on function public.qt001_write(pg_catalog.jsonb)",
    ),
    "on the database": ("CREATE ON DATABASE directus_case", "CREATE on database directus_case"),
    "on a schema": ("CREATE ON SCHEMA qt001_data", "CREATE on schema qt001_data"),
    "on a type": ("USAGE ON TYPE public.qt001_state", "USAGE on type public.qt001_state"),
    "on a sequence": ("UPDATE ON SEQUENCE public.qt001_permit_number", "UPDATE on sequence public.qt001_permit_number"),
}
DEFAULTS = "CREATE ROLE zz_team;\nGRANT zz_team TO postgres;\nALTER DEFAULT PRIVILEGES FOR ROLE {} IN SCHEMA public GRANT ALL ON TABLES TO {};\n"


def _sealing(stage: Stage, statements: str) -> Refused:
    with pytest.raises(Refused) as caught:
        findings(stage, statements, sealed_again=True)
    assert caught.value.sqlstate == "QT108"
    return caught.value


@pytest.mark.parametrize("way", OPTIONS)
def test_grant_option_of_a_role_that_nobody_trusts(at_fix7a_sealed: Stage, way: str) -> None:
    """The REVOKE that is told takes the option away, and leaves the privilege: then the manifest is sealed."""
    granted, named = OPTIONS[way]
    refusal = _sealing(at_fix7a_sealed, SERVICE.format(granted))
    assert "role qt001_service: expected no grant option" in str(refusal)
    assert f"{named} WITH GRANT OPTION" in str(refusal)
    assert refusal.hint is not None
    assert '[[trusted_grantor]] with role = "qt001_service"' in refusal.hint
    mended = SERVICE.format(granted) + refusal.hint.partition(" -- ")[0] + "\n"
    assert not any("role qt001_service" in what for _, what in findings(at_fix7a_sealed, mended, sealed_again=True))


def test_one_finding_a_role(at_fix7a_sealed: Stage) -> None:
    many = SERVICE.format("SELECT ON TABLE public.qt001_case, public.qt001_setting, public.qt001_note")
    assert "objects more" in str(_sealing(at_fix7a_sealed, many))


@pytest.mark.parametrize("grantee", ["directus", "PUBLIC"])
@pytest.mark.parametrize("role", ["postgres", "qt001_service", "qt001_cp_owner"])
def test_default_privileges_that_stay(at_fix7a_sealed: Stage, role: str, grantee: str) -> None:
    """Of a superuser, of a role that holds something protected, of the new owner: what it makes next is the application's."""
    refusal = _sealing(at_fix7a_sealed, DEFAULTS.format(role, grantee))
    assert f"default acl for role {role} in schema public on tables" in str(refusal)


def test_default_privileges_of_a_role_that_has_nothing_to_give(at_fix7a_sealed: Stage) -> None:
    found = findings(at_fix7a_sealed, DEFAULTS.format("zz_team", "directus"), sealed_again=True)
    assert not any("zz_team" in what for _, what in found)


def test_default_privileges_that_say_what_is_so_anyway(at_fix7a_sealed: Stage) -> None:
    usual = "ALTER DEFAULT PRIVILEGES FOR ROLE postgres GRANT EXECUTE ON FUNCTIONS TO reporting;\n"
    found = findings(at_fix7a_sealed, usual)
    assert not any(state == "QT108" and "for role postgres" in what for state, what in found)
