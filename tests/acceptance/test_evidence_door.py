"""Static analysis that the gates could not read is refused when it comes in, with its place, and nothing of it stays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from qt001_cp.model.canonical import canonical_bytes
from qt001_cp.rehearsal.scene import AUTHOR
from tests.acceptance.attempt import Attempt

Doc = dict[str, Any]
WRONG: dict[str, tuple[str, Callable[[Doc], object]]] = {
    "no routines": ("routines: expected of JSON type array, found nothing", lambda d: d.pop("routines")),
    "an object": ("routines: ", lambda d: d.update(routines={})),
    "a text": ("routines: ", lambda d: d.update(routines="none")),
    "a routine that is a text": ("routines[1]: ", lambda d: d["routines"].__setitem__(1, "x")),
    "no identity": ("routines[1].identity: ", lambda d: d["routines"][1].pop("identity")),
    "a kind that is a number": ("routines[0].kind: ", lambda d: d["routines"][0].update(kind=7)),
    "edges that are an object": ("routines[2].edges: ", lambda d: d["routines"][2].update(edges={})),
    "an edge that is a text": ("routines[2].edges[0]: ", lambda d: d["routines"][2].update(edges=["x"])),
    "an edge without a verb": (
        "routines[2].edges[0].verb: ",
        lambda d: d["routines"][2].update(edges=[{"kind": "table", "identity": "public.tags", "line": 1}]),
    ),
    "unknown is null": ("routines[2].unknown: ", lambda d: d["routines"][2].update(unknown=None)),
    "an unknown without a rule": (
        "routines[2].unknown[0].rule: ",
        lambda d: d["routines"][2].update(unknown=[{"detail": "x", "line": 1}]),
    ),
}


@pytest.mark.parametrize("way", WRONG)
def test_what_the_gates_could_not_read_does_not_come_in(attempt: Attempt, way: str) -> None:
    place, change = WRONG[way]
    document = attempt.document("static-analysis.json")
    change(document)
    count = "SELECT (SELECT count(*) FROM qt001_cp.document) + (SELECT count(*) FROM qt001_cp.event)"
    before = attempt.run(count)
    error = attempt.refused("SELECT qt001_cp.import_evidence(%s)", [canonical_bytes(document)], user=AUTHOR)
    assert error.sqlstate == "QT302", error
    assert f"evidence refused: {place}" in str(error)
    assert attempt.run(count) == before
    assert attempt.run("SELECT count(*) FROM qt001_cp.v_fix7_gate") == 17


def test_the_document_as_it_was_made_comes_in(attempt: Attempt) -> None:
    document = attempt.document("static-analysis.json")
    attempt.import_evidence({**document, "raw": "once more"})
