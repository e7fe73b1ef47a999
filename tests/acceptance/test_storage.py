"""How something protected is kept is told, by status and by the database, and closes nothing."""

from __future__ import annotations

from tests.acceptance.attempt import Attempt

TOLD = "SELECT object, expected, found FROM qt001_cp.storage_changes()"


def test_what_is_kept_otherwise_is_told_as_a_difference(attempt: Attempt) -> None:
    assert attempt.connection.execute(TOLD).fetchall() == []
    attempt.run("ALTER TABLE public.qt001_setting SET (fillfactor = 90)")
    attempt.run("CREATE INDEX plain ON public.qt001_reviewer (id DESC)")
    told = {row[0]: row[1:] for row in attempt.connection.execute(TOLD)}
    assert told["table public.qt001_setting"] == ("storage without options fillfactor=90", "storage with it")
    (index,) = [expected for name, (expected, _) in told.items() if name == "table public.qt001_reviewer"]
    assert "index plain CREATE INDEX plain" in index
    assert len(told) == 2
    assert attempt.verdict().closed == ""


def test_of_what_the_application_keeps_nothing_is_told(attempt: Attempt) -> None:
    attempt.run("ALTER TABLE public.newsletter SET (fillfactor = 90)", user="directus")
    assert attempt.connection.execute(TOLD).fetchall() == []
