"""The way back asks for owners and ACLs, on whatever major version it is gone; definitions are nothing to it."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from qt001_cp.catalog.inventory import read_owners
from qt001_cp.errors import Refused
from qt001_cp.model.inventory import State
from qt001_cp.model.names import Role
from qt001_cp.rehearsal.scene import Scene
from tests.conftest import Stage
from tests.cutover.support import of_another_major

GROWN = (
    "ALTER TABLE public.qt001_source ADD COLUMN late text",
    "CREATE UNIQUE INDEX late ON public.qt001_source (late)",
    "ALTER TABLE public.qt001_setting REPLICA IDENTITY FULL",
    "CREATE TABLE public.qt001_late (a int)",
    "ALTER TABLE public.qt001_late OWNER TO qt001_cp_owner",
)
"""Definitions that nobody reviewed; owners and ACLs are as they were."""


def owners(stage: Stage | Scene) -> Mapping[tuple[str, str], State]:
    with stage.connect() as connection:
        return read_owners(connection, Role("directus"))


def test_another_major_is_no_reason_to_stay(at_recorded: Stage) -> None:
    stage, before = at_recorded, owners(at_recorded)
    stage.upgrade("fix7b")
    stage.upgrade("fix7c")
    other = 15 if stage.scene.server.version < 150000 else 14
    of_another_major(stage, other)
    with stage.connect() as connection:
        rows = connection.execute(
            "SELECT object, expected FROM qt001_cp.estate_findings(%s) WHERE gate = 'definitions_exact'", [stage.digest]
        ).fetchall()
    assert rows == [("definitions", f"PostgreSQL {other}")]
    stage.downgrade("fix7b")
    with pytest.raises(Refused, match="QT120"):
        stage.upgrade("fix7c")
    stage.downgrade("fix7a")
    assert owners(stage) == before


def test_no_definition_keeps_anybody_from_going_back(at_recorded: Stage) -> None:
    before = owners(at_recorded)
    at_recorded.upgrade("fix7b")
    with at_recorded.connect() as connection:
        for statement in GROWN:
            connection.execute(statement.encode())
    at_recorded.downgrade("fix7a")
    after = owners(at_recorded)
    assert {key: after[key] for key in before} == before
    with at_recorded.connect() as connection:
        row = connection.execute(
            "SELECT relowner::regrole::text FROM pg_class WHERE oid = 'public.qt001_late'::regclass"
        ).fetchone()
    assert row == ("qt001_cp_owner",)


@pytest.mark.parametrize(
    "statement",
    [
        "GRANT SELECT ON public.qt001_source TO public_only",
        "ALTER TABLE public.qt001_source OWNER TO directus",
        "GRANT SELECT (id) ON public.qt001_source TO public_only",
        "DROP TABLE public.qt001_setting",
    ],
)
def test_an_owner_or_an_acl_does(at_fix7b_done: Stage, statement: str) -> None:
    with at_fix7b_done.connect() as connection:
        connection.execute(statement.encode())
    before = at_fix7b_done.scene.dump()
    with pytest.raises(Refused) as caught:
        at_fix7b_done.downgrade("fix7a")
    assert caught.value.sqlstate == "QT113"
    assert at_fix7b_done.scene.dump() == before


def maintains(stage: Stage, acl: str) -> object:
    with stage.connect() as connection:
        row = connection.execute("SELECT qt001_cp.without_maintain(%s)", [acl]).fetchone()
    assert row is not None
    return row[0]


def test_maintain_of_whoever_held_all_is_no_change(at_fix7a_sealed: Stage) -> None:
    if at_fix7a_sealed.scene.server.version < 170000:
        pytest.skip("before PostgreSQL 17 there is no MAINTAIN")
    all_ = [[g, "club", p, False] for g in ("app",) for p in (
        "INSERT", "SELECT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER", "MAINTAIN")]  # fmt: skip
    assert maintains(at_fix7a_sealed, json.dumps(all_)) == all_[:-1]
    assert maintains(at_fix7a_sealed, json.dumps(all_[1:])) == all_[1:]
    assert maintains(at_fix7a_sealed, json.dumps([["app", "app", "MAINTAIN", False]])) == []
    option = [*all_[:-1], ["app", "club", "MAINTAIN", True]]
    assert maintains(at_fix7a_sealed, json.dumps(option)) == option
