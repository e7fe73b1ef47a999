"""What a session has set changes neither what the gates find nor what is signed, nor what the writer's text means."""

from __future__ import annotations

import psycopg
import pytest

from tests.acceptance.attempt import SERVICE, Attempt
from tests.acceptance.closers import CLOSERS, Closer
from tests.acceptance.support import CALL
from tests.conftest import Stage

SETTINGS = (
    "standard_conforming_strings=off", "backslash_quote=off", "escape_string_warning=off", "quote_all_identifiers=on",
    "transform_null_equals=on", "array_nulls=off", "DateStyle=SQL,DMY", "IntervalStyle=sql_standard", "TimeZone=Pacific/Apia",
    "bytea_output=escape", "extra_float_digits=-15", "xmloption=document", "row_security=off", "check_function_bodies=off",
    "client_encoding=LATIN1", "search_path=pg_temp,public", "plan_cache_mode=force_generic_plan",
    "constraint_exclusion=on", "enable_seqscan=off", "enable_indexscan=off",
)  # fmt: skip  # a list of words
"""What every login may set for itself, and what could change how a text is read, printed or compared."""
_SUBJECT = "SELECT qt001_cp.subject_digest()"


def _session(stage: Stage, user: str | None, setting: str) -> psycopg.Connection:
    """A new one: a function is read when it is called for the first time."""
    name, _, value = setting.partition("=")
    connection = stage.connect(user)
    connection.execute("SELECT set_config(%s, %s, false)", [name, value])
    return connection


@pytest.mark.slow
@pytest.mark.parametrize("setting", SETTINGS)
def test_all_gates_stay_open_and_the_subject_the_same(opened: Stage, setting: str) -> None:
    with opened.connect() as plain, _session(opened, None, setting) as other:
        found = other.execute("SELECT accepted, closed FROM qt001_cp.v_fix7_acceptance").fetchone()
        assert found == (True, None)
        assert other.execute(_SUBJECT).fetchone() == plain.execute(_SUBJECT).fetchone()


@pytest.mark.parametrize("setting", SETTINGS[:6])
def test_the_writer_writes_whatever_its_caller_has_set(opened: Stage, setting: str) -> None:
    with opened.connect() as admin, _session(opened, SERVICE, setting) as service:
        admin.execute("GRANT SELECT ON public.qt001_source TO intern")  # the kept verdict is over: this call is judged
        admin.execute("REVOKE SELECT ON public.qt001_source FROM intern")
        service.execute(CALL)


@pytest.mark.slow
@pytest.mark.parametrize(
    "closer", [c for c in CLOSERS if c.gate in ("legacy_authority_removed", "entry_points_paired")], ids=str
)
def test_no_setting_opens_a_gate(attempt: Attempt, closer: Closer) -> None:
    closer.close(attempt)
    attempt.sign()
    for setting in SETTINGS:
        name, _, value = setting.partition("=")
        attempt.run("SELECT set_config(%s, %s, true)", [name, value])
        assert attempt.verdict().closed == closer.gate, setting
        attempt.run(f"RESET {name}")
