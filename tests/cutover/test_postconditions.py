"""An effect that does not belong to the manifest, in the same transaction: refused at its end, nothing has moved."""

from __future__ import annotations

import re

import pytest

from tests.conftest import Stage
from tests.cutover.support import printed, refused_in_psql, run

_END = re.compile(r'DO \$call_[0-9a-f]{16}\$ BEGIN PERFORM qt001_cp\."cutover_end"\(')
_BLOCK = "DO $qt001_"


def _with(text: str, statement: str, before: re.Pattern[str] | str = _END) -> str:
    (place,) = re.finditer(before if isinstance(before, re.Pattern) else re.escape(before), text)
    return f"{text[: place.start()]}{statement};\n\n{text[place.start() :]}"


LEFTOVERS = {
    "a grant to the application": "GRANT SELECT ON public.qt001_source TO directus",
    "a grant to PUBLIC": "GRANT EXECUTE ON FUNCTION public.qt001_write(jsonb) TO PUBLIC",
    "a grant on a column": "GRANT SELECT (title) ON public.qt001_source TO directus",
    "a grant to a third role": "GRANT SELECT ON public.qt001_source TO public_only",
    "another owner": "ALTER TABLE public.qt001_source OWNER TO directus",
    "a third role's grant gone": "REVOKE SELECT ON public.qt001_setting FROM intern",
    "a table of the application in between": "CREATE TABLE public.qt001_late (a int); ALTER TABLE public.qt001_late OWNER TO directus",
    "a body replaced": "CREATE OR REPLACE FUNCTION public.qt001_case_visible(confidential boolean, handler text) RETURNS boolean"
    " LANGUAGE sql STABLE AS 'SELECT true'",
    "a default privilege": "ALTER DEFAULT PRIVILEGES FOR ROLE reporting GRANT SELECT ON TABLES TO directus",
}


@pytest.mark.parametrize("way", LEFTOVERS)
def test_object_is_not_in_its_after_state(at_recorded: Stage, way: str) -> None:
    refused_in_psql(at_recorded, _with(printed(at_recorded), LEFTOVERS[way]), "QT110")


@pytest.mark.parametrize(
    "statement",
    ["GRANT reporting TO directus", "ALTER ROLE directus SUPERUSER", "GRANT pg_read_all_data TO directus"],
)
def test_privilege_by_another_route(at_recorded: Stage, statement: str) -> None:
    """No ACL of the manifest differs; the application has got a privilege all the same."""
    refused_in_psql(at_recorded, _with(printed(at_recorded), statement), "QT111", "directus has")


@pytest.mark.parametrize(
    "statement",
    [
        "GRANT SELECT ON public.tags TO intern",
        "ALTER TABLE public.tags OWNER TO reporting",
        "GRANT USAGE ON SCHEMA public TO intern",
    ],
)
def test_effect_on_the_estate_beside_the_manifest(at_recorded: Stage, statement: str) -> None:
    """The coverage sees a retained object first; the comparison with the beginning lists it as well."""
    named = "QT112" if "tags" in statement else "schema public"
    refused_in_psql(at_recorded, _with(printed(at_recorded), statement), "QT110", named)


_ELSEWHERE = (
    "CREATE SCHEMA elsewhere;\n CREATE TABLE elsewhere.thing (a int);\n"
    "CREATE FUNCTION elsewhere.helper() RETURNS int LANGUAGE sql AS 'SELECT 1';\n"
    "REVOKE EXECUTE ON FUNCTION elsewhere.helper() FROM PUBLIC;\n"
)
OUTSIDE = {
    "a grant": "GRANT SELECT ON elsewhere.thing TO reporting",
    "an owner": "ALTER TABLE elsewhere.thing OWNER TO reporting",
    "a grant on a column": "GRANT SELECT (a) ON elsewhere.thing TO reporting",
    "a function": "GRANT EXECUTE ON FUNCTION elsewhere.helper() TO reporting",
    "a schema": "GRANT USAGE ON SCHEMA elsewhere TO reporting",
    "something of the system": "GRANT SELECT ON pg_catalog.pg_authid TO reporting",
    "a new object": "CREATE TABLE elsewhere.more (a int)",
}


@pytest.mark.parametrize("way", OUTSIDE)
def test_effect_outside_the_estate(at_recorded: Stage, way: str) -> None:
    """No manifest speaks of it, so only the comparison with the beginning of the transaction can find it."""
    run(at_recorded, _ELSEWHERE)
    named = "elsewhere" if "elsewhere" in OUTSIDE[way] else "pg_authid"
    refused_in_psql(at_recorded, _with(printed(at_recorded), OUTSIDE[way]), "QT112", named)


def test_effect_outside_the_estate_before_the_statements(at_recorded: Stage) -> None:
    run(at_recorded, _ELSEWHERE)
    block = "-- privileges, before the owners: statements 1 to "
    refused_in_psql(at_recorded, _with(printed(at_recorded), OUTSIDE["a grant"], block), "QT112", "elsewhere.thing")


def test_statements_left_out(at_recorded: Stage) -> None:
    """Even without the block and its check the end of the script sees that nothing was done."""
    text = printed(at_recorded)
    start, end = text.index(_BLOCK), text.rindex("DO $call_", 0, text.index('"cutover_end"'))
    refused_in_psql(at_recorded, text[:start] + text[end:], "QT110")


def test_beginning_left_out(at_recorded: Stage) -> None:
    text = printed(at_recorded)
    begin = next(line for line in text.splitlines() if "cutover_begin" in line)
    refused_in_psql(at_recorded, text.replace(begin, ""), "QT112")
