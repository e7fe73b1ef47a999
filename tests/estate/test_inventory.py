"""The inventory: what Python reads, what the server reads, and that no setting of a session moves it."""

from __future__ import annotations

import json

import pytest

from qt001_cp import estate
from qt001_cp.catalog.inventory import read_inventory
from qt001_cp.errors import DatabaseProblem
from qt001_cp.model.names import Role
from qt001_cp.policy_file import load_policy
from qt001_cp.rehearsal.scene import OPERATOR
from tests.conftest import Stage

BENT = (
    "SET quote_all_identifiers = on",
    "SET datestyle = 'German, DMY'",
    "SET intervalstyle = 'iso_8601'",
    "SET timezone = 'Asia/Kolkata'",
    "SET bytea_output = 'escape'",
    "SET extra_float_digits = -15",
    "SET search_path = public, qt001_data",
)


def test_the_estate_is_of_realistic_size_and_wholly_classified(at_base: Stage) -> None:
    policy = load_policy(estate.policy_path())
    with at_base.connect(OPERATOR) as connection:
        inventory = read_inventory(connection, policy.application)
    assert len(inventory.objects) >= 150
    assert [o.ref for o in inventory.objects if policy.rule_for(o.ref) is None] == []


def test_python_and_the_snapshot_of_fix7a_read_the_same(at_fix7a_sealed: Stage) -> None:
    with at_fix7a_sealed.connect(OPERATOR) as connection:
        ours = read_inventory(connection, Role("directus")).to_json()
        row = connection.execute(
            "SELECT convert_from(d.body, 'UTF8') FROM qt001_cp.document d WHERE d.kind = 'qt001.inventory/1'"
        ).fetchone()
    assert row is not None
    theirs = json.loads(row[0])
    for o in theirs["objects"]:
        o.pop("source")
    assert theirs["objects"] == ours["objects"]


@pytest.mark.parametrize("setting", BENT)
def test_no_setting_of_the_session_moves_the_estate(at_fix7a_sealed: Stage, setting: str) -> None:
    with at_fix7a_sealed.connect(OPERATOR) as connection:
        before = read_inventory(connection, Role("directus"))
        connection.execute(setting)
        assert read_inventory(connection, Role("directus")) == before
        found = connection.execute("SELECT * FROM qt001_cp.coverage_findings(%s, 'before')", [at_fix7a_sealed.digest])
        assert found.fetchall() == []


def test_an_unknown_application_role_is_told(at_base: Stage) -> None:
    with at_base.connect(OPERATOR) as connection, pytest.raises(DatabaseProblem, match="nobody_here"):
        read_inventory(connection, Role("nobody_here"))
