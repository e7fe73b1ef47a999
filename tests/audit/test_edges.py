"""How much of the analysis the audit sees by itself: each edge of the evidence is taken away, one at a time."""

from __future__ import annotations

import json

from qt001_cp.audit import sources
from tests.conftest import Stage


def test_no_routine_or_relation_can_be_lost_from_the_evidence(at_fix7c_done: Stage) -> None:
    """But the guard, which the sources of the apply path are read for, and overloads that a view does not call."""
    assert at_fix7c_done.bundle is not None
    files = at_fix7c_done.bundle.files
    manifest, evidence = json.loads(files["object.json"]), json.loads(files["static-analysis.json"])
    with at_fix7c_done.connect() as connection:
        routines, noted = sources.read(connection)
    assert sources.analysis(manifest, evidence, routines, noted).faults == []
    taken, unseen = 0, set()
    for routine in evidence["routines"]:
        every = routine["edges"]
        for edge in every:
            if edge["kind"] == "type":
                continue
            taken += 1
            routine["edges"] = [e for e in every if e["identity"] != edge["identity"]]
            if not sources.analysis(manifest, evidence, routines, noted).faults:
                unseen.add((routine["identity"], edge["identity"].partition("(")[0]))
        routine["edges"] = every
    repointed = {(r["identity"], "qt001_cp.require_acceptance") for r in manifest["repoint"]}
    assert taken > 70
    assert unseen == repointed | {("public.qt001_audit_trail", "public.qt001_describe")}
