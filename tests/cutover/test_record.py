"""A no-go record that cannot be read is refused at the door, with the place of what is wrong, and nothing of it stays."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from qt001_cp.model.canonical import canonical_bytes
from qt001_cp.rehearsal.scene import OPERATOR
from tests.conftest import Stage
from tests.cutover.support import unchanged

Doc = dict[str, Any]


def _record(stage: Stage) -> Doc:
    with stage.connect() as connection:
        row = connection.execute("SELECT body FROM qt001_cp.document WHERE kind = 'qt001.rehearsal/1'").fetchone()
    assert row is not None
    found: Doc = json.loads(row[0])
    return found


WRONG: dict[str, tuple[str, Callable[[Doc], object]]] = {
    "another manifest": ("manifest", lambda d: d.update(manifest="0" * 64)),
    "no manifest": ("manifest", lambda d: d.pop("manifest")),
    "a manifest that is a number": ("manifest", lambda d: d.update(manifest=7)),
    "no producer": ("producer.name", lambda d: d.pop("producer")),
    "a producer that is a text": ("producer.name", lambda d: d.update(producer="me")),
    "no version": ("producer.version", lambda d: d["producer"].update(version=" ")),
    "no time": ("produced_at", lambda d: d.pop("produced_at")),
    "a time to come": ("produced_at", lambda d: d.update(produced_at="2126-01-01T00:00:00Z")),
    "now": ("produced_at", lambda d: d.update(produced_at="now")),
    "no cases": ("cases", lambda d: d.pop("cases")),
    "an empty list": ("cases", lambda d: d.update(cases=[])),
    "cases that are an object": ("cases", lambda d: d.update(cases={})),
    "a case that is a text": ("cases[3]", lambda d: d["cases"].__setitem__(3, "x")),
    "a family that nobody knows": ("cases[2].family", lambda d: d["cases"][2].update(family="lunch")),
    "a name that is none": ("cases[2].name", lambda d: d["cases"][2].update(name="")),
    "a role that is a list": ("cases[2].role", lambda d: d["cases"][2].update(role=["author"])),
    "an object that is null": ("cases[2].object", lambda d: d["cases"][2].update(object=None)),
    "expected is a text": ("cases[2].expected", lambda d: d["cases"][2].update(expected="42501")),
    "expected is empty": ("cases[2].expected", lambda d: d["cases"][2].update(expected=[])),
    "expected holds a number": ("cases[2].expected", lambda d: d["cases"][2].update(expected=[42501])),
    "no SQLSTATE": ("cases[2].sqlstate", lambda d: d["cases"][2].pop("sqlstate")),
    "a SQLSTATE of four": ("cases[2].sqlstate", lambda d: d["cases"][2].update(sqlstate="4250")),
    "a state that is no digest": ("cases[2].state_after", lambda d: d["cases"][2].update(state_after="same")),
    "a state that is true": ("cases[2].state_before", lambda d: d["cases"][2].update(state_before=True)),
}


@pytest.mark.slow
@pytest.mark.parametrize("wrong", WRONG)
def test_a_record_that_cannot_be_read_is_refused(at_recorded: Stage, wrong: str) -> None:
    place, change = WRONG[wrong]
    record = _record(at_recorded)
    change(record)
    _refused(at_recorded, record, place)


def _refused(stage: Stage, record: Doc, place: str) -> None:
    with unchanged(stage), stage.connect(OPERATOR) as operator, pytest.raises(psycopg.Error) as caught:
        operator.execute("SELECT qt001_cp.record_rehearsal(%s)", [canonical_bytes(record)])
    assert caught.value.sqlstate == "QT202", caught.value
    assert f"refused: {place}: expected" in str(caught.value.diag.message_primary)


@pytest.mark.slow
def test_every_key_of_a_record_has_its_type(at_recorded: Stage) -> None:
    """Whatever key gets a value of another type, or goes: refused, or, where nobody reads it, recorded."""
    record, chosen = _record(at_recorded), random.Random(7)
    read = {"family", "name", "role", "object", "sqlstate", "message", "state_before", "state_after", "expected"}
    with at_recorded.connect() as connection:
        for key in sorted(read):
            number = chosen.randrange(len(record["cases"]))
            values: tuple[Any, ...] = (None, 7, True, {}, [[]])
            for value in values:
                case = {**record["cases"][number], key: value}
                cases = [*record["cases"][:number], case, *record["cases"][number + 1 :]]
                found = connection.execute(
                    "SELECT object FROM qt001_cp.record_findings(%s::jsonb)", [json.dumps({**record, "cases": cases})]
                ).fetchall()
                assert (f"cases[{number}].{key}",) in found, (key, value)


def test_a_record_that_closes_is_superseded_by_a_better_one(at_recorded: Stage) -> None:
    record = _record(at_recorded)
    worse = {**record, "cases": [{**c, "sqlstate": "00000"} if n == 0 else c for n, c in enumerate(record["cases"])]}
    query = "SELECT count(*) FROM qt001_cp.rehearsal_findings(%s)"
    with at_recorded.connect(OPERATOR) as operator:
        operator.execute("SELECT qt001_cp.record_rehearsal(%s)", [canonical_bytes(worse)])
        assert operator.execute(query, [at_recorded.digest]).fetchone() == (1,)
        operator.execute("SELECT qt001_cp.record_rehearsal(%s)", [canonical_bytes(record)])
        assert operator.execute(query, [at_recorded.digest]).fetchone() == (0,)
