"""Settings of the caller's session: each is known to be harmless or not, and the guard asks for those by which the
reviewed text would do something else."""

from __future__ import annotations

from collections import Counter

import pytest

from qt001_cp.model.settings import ASKED, ELSEWHERE, FORMATS, HARMLESS, OF_SUPERUSERS, PINNED
from tests.acceptance.attempt import SERVICE, Attempt
from tests.acceptance.support import CALL
from tests.conftest import Library

OTHER = {
    "array_nulls": "off",
    "backslash_quote": "on",
    "gin_fuzzy_search_limit": "1",
    "plpgsql.check_asserts": "off",
    "plpgsql.extra_errors": "all",
    "quote_all_identifiers": "on",
    "standard_conforming_strings": "off",
    "transform_null_equals": "on",
    "xmloption": "document",
}
COUNTED = "SELECT count(*) FROM public.qt001_write_log"


@pytest.mark.matrix
def test_every_setting_of_a_session_is_in_exactly_one_list(library: Library) -> None:
    with library.server.connect("postgres") as connection:
        connection.execute("LOAD 'plpgsql'")
        found = {
            name: (context, value)
            for name, context, value in connection.execute(
                "SELECT name, context, boot_val FROM pg_settings"
                " WHERE context IN ('user', 'superuser', 'backend', 'superuser-backend')"
            ).fetchall()
        }
    listed = Counter([*HARMLESS, *FORMATS, *ASKED, *ELSEWHERE])
    assert [name for name, count in listed.items() if count > 1] == []
    assert sorted(found.keys() - listed.keys()) == [], "look at what it could do to a body: model/settings.py"
    assert {name: found[name][1] for name in ASKED} == ASKED
    assert {name for name in ASKED if found[name][0] != "user"} == OF_SUPERUSERS


@pytest.mark.parametrize("name", PINNED)
def test_a_routine_that_does_not_carry_it_is_not_called_under_another(attempt: Attempt, name: str) -> None:
    attempt.run(f"ALTER FUNCTION public.qt001_gateway(jsonb) RESET {name}")
    before = attempt.run(COUNTED)
    attempt.run(f"SET LOCAL {name} = '{OTHER[name]}'")
    refused = attempt.refused(CALL, user=SERVICE)
    assert refused.sqlstate == "QT305"
    assert f"expected {name} {ASKED[name]}, found" in str(refused)
    assert attempt.run(COUNTED) == before
    assert refused.diag.message_hint
    attempt.run(refused.diag.message_hint.partition(";")[0].replace("SET ", "SET LOCAL "))
    assert attempt.refused(CALL, user=SERVICE).sqlstate == "QT301", "the definition of the gateway is another one"


@pytest.mark.parametrize("name", PINNED)
def test_a_routine_that_carries_it_does_what_it_always_does(attempt: Attempt, name: str) -> None:
    before = attempt.run(COUNTED)
    attempt.run(f"SET LOCAL {name} = '{OTHER[name]}'")
    attempt.run(CALL, user=SERVICE)
    assert attempt.run(COUNTED) > before
