"""The no-go rehearsal that made the tests' databases: every family, every case refused for its reason."""

from __future__ import annotations

import json
from collections import defaultdict

from qt001_cp.model.canonical import Json
from qt001_cp.model.nogo import DENIED, FAMILIES
from tests.conftest import Stage


def _read(nogo_record: bytes) -> Json:
    record: Json = json.loads(nogo_record)
    return record


def test_every_family_has_cases(nogo_record: bytes) -> None:
    cases = defaultdict(set)
    for case in _read(nogo_record)["cases"]:
        cases[case["family"]].add(case["name"])
    assert set(cases) == set(FAMILIES)
    assert {family: len(names) for family, names in cases.items() if len(names) < 7} == {}


def test_every_case_is_refused_and_moves_nothing(nogo_record: bytes) -> None:
    failed = [
        c
        for c in _read(nogo_record)["cases"]
        if c["sqlstate"] not in c["expected"] or not c["state_before"] or c["state_before"] != c["state_after"]
    ]
    assert failed == []


def test_every_transferred_object_was_tried_by_every_role(at_recorded: Stage, nogo_record: bytes) -> None:
    assert at_recorded.bundle is not None
    tried = {(c["object"], c["role"]) for c in _read(nogo_record)["cases"] if c["family"] == "acl_denials"}
    wanted = {str(o.ref) for o in at_recorded.bundle.manifest.transferred if o.ref.kind != "default acl"}
    assert {(o, who) for o in wanted for who in DENIED} - tried == set()
    assert len(wanted) > 80


def test_record_says_who_what_and_for_which_manifest(at_recorded: Stage, nogo_record: bytes) -> None:
    record = _read(nogo_record)
    assert record["manifest"] == at_recorded.digest
    assert record["schema"] == "qt001.rehearsal/1"
    assert all(c["statements"] and c["message"] and c["login"] for c in record["cases"])


def test_server_finds_the_record_complete(at_recorded: Stage) -> None:
    with at_recorded.connect() as connection:
        query = "SELECT * FROM qt001_cp.rehearsal_findings(%s)"
        assert connection.execute(query, [at_recorded.digest]).fetchall() == []
