"""Deployed, sealed, withdrawn: gates, subject, drift and the way back follow what is in force (contract, section 2)."""

from __future__ import annotations

from typing import Any

from qt001_cp.model.canonical import canonical_bytes
from qt001_cp.rehearsal.scene import AUDITOR, AUTHOR, OPERATOR
from tests.acceptance.attempt import Attempt

KINDS = ("object", "readiness", "capability", "dependency")
_STATES = "SELECT jsonb_object_agg(m.digest, m.state) FROM qt001_cp.v_manifest m WHERE m.kind = %s"
_WITHDRAW = "SELECT qt001_cp.withdraw_manifest(%s, %s)"


def _seal_another(attempt: Attempt, kind: str, change: str) -> str:
    """One of a kind that says something else, sealed. Sealing by the function asks an object manifest for its coverage."""
    document = attempt.document(f"{kind}.json")
    match kind:
        case "object":
            document["policy"]["name"] = change
        case "readiness":
            document["verifier"]["max_age_seconds"] = 1
        case "capability":
            document["capabilities"] = []
        case _:
            document["objects"] = []
    made = str(attempt.run("SELECT qt001_cp.propose_manifest(%s)", [canonical_bytes(document)], user=AUTHOR))
    if kind == "object":
        attempt.write_event("sealed", made, '{"kind": "qt001.manifest.object/1"}')
    else:
        attempt.run("SELECT qt001_cp.seal_manifest(%s)", [made], user=OPERATOR)
    return made


def _follows(attempt: Attempt) -> dict[str, Any]:
    """What has to follow the deployed manifest: verdict, subject, drift, what is compared, the way back."""
    questions = {
        "verdict": "SELECT to_jsonb(a) FROM qt001_cp.v_fix7_acceptance a",
        "subject": "SELECT qt001_cp.subject_digest()",
        "drift": "SELECT coalesce(jsonb_agg(to_jsonb(d)), '[]') FROM qt001_cp.drift() d",
        "states": "SELECT count(*) FROM qt001_cp.drifted_state()",
        "reference": "SELECT qt001_cp.reference_manifest()",
        "valid": "SELECT qt001_cp.valid_until('2001-01-01')",
    }
    return {name: attempt.run(question) for name, question in questions.items()}


def test_sealing_another_one_changes_nothing(attempt: Attempt) -> None:
    """Of each kind one that would close everything is sealed, and waits; then what is known about another one is recorded."""
    before = _follows(attempt)
    assert before["verdict"]["accepted"]
    for kind in KINDS:
        schema = f"qt001.manifest.{kind}/1"
        deployed = attempt.run("SELECT qt001_cp.in_force(%s)", [schema])
        other = _seal_another(attempt, kind, "another one")
        assert attempt.run(_STATES, [schema]) == {deployed: "deployed", other: "sealed"}
        assert attempt.run("SELECT qt001_cp.in_force(%s)", [schema]) == deployed
    other = attempt.run("SELECT qt001_cp.sealed('qt001.manifest.object/1')")
    analysis = attempt.document("static-analysis.json")
    analysis["subject"] = other
    attempt.import_evidence(analysis)
    record = attempt.run(
        "SELECT qt001_cp.document_json(detail ->> 'document') FROM qt001_cp.v_event WHERE verb = 'rehearsal_recorded'"
    )
    record["manifest"] = other
    attempt.run("SELECT qt001_cp.record_rehearsal(%s)", [canonical_bytes(record)], user=OPERATOR)
    assert _follows(attempt) == before


def test_the_second_that_is_sealed_is_refused(attempt: Attempt) -> None:
    first = _seal_another(attempt, "readiness", "")
    document = attempt.document("readiness.json")
    document["verifier"]["max_age_seconds"] = 2
    made = attempt.run("SELECT qt001_cp.propose_manifest(%s)", [canonical_bytes(document)], user=AUTHOR)
    head = attempt.run("SELECT max(seq) FROM qt001_cp.event")
    refusal = attempt.refused("SELECT qt001_cp.seal_manifest(%s)", [made], user=OPERATOR)
    assert refusal.sqlstate == "QT210"
    assert (refusal.diag.message_hint or "").startswith(f"qt001-cp manifest withdraw {first} --reason ")
    assert attempt.run("SELECT max(seq) FROM qt001_cp.event") == head
    attempt.run(_WITHDRAW, [first, "not wanted"], user=OPERATOR)
    attempt.run("SELECT qt001_cp.seal_manifest(%s)", [made], user=OPERATOR)
    assert attempt.run("SELECT qt001_cp.sealed('qt001.manifest.readiness/1')") == made


def test_what_is_in_force_is_not_withdrawn(attempt: Attempt) -> None:
    """Neither the object manifest nor a document beside it; nor what is no sealed manifest; nor without a reason."""
    head = attempt.run("SELECT max(seq) FROM qt001_cp.event")
    for kind in KINDS:
        deployed = attempt.run("SELECT qt001_cp.in_force(%s)", [f"qt001.manifest.{kind}/1"])
        refusal = attempt.refused(_WITHDRAW, [deployed, "mine"], user=OPERATOR)
        assert refusal.sqlstate == "QT204"
        assert "found the deployed one" in str(refusal)
        assert "Only going back takes it out of force" in (refusal.diag.message_hint or "")
    assert "found none" in str(attempt.refused(_WITHDRAW, ["0" * 64, "mine"], user=OPERATOR))
    assert attempt.run("SELECT max(seq) FROM qt001_cp.event") == head
    waits = _seal_another(attempt, "readiness", "")
    assert "expected a reason" in str(attempt.refused(_WITHDRAW, [waits, " "], user=OPERATOR))
    for login in (AUTHOR, AUDITOR, "directus"):
        assert attempt.refused(_WITHDRAW, [waits, "mine"], user=login).sqlstate == "42501"
    attempt.run(_WITHDRAW, [waits, "not wanted"], user=OPERATOR)
    assert "found a withdrawn one" in str(attempt.refused(_WITHDRAW, [waits, "again"], user=OPERATOR))


def test_what_was_withdrawn_can_be_proposed_and_sealed_again(attempt: Attempt) -> None:
    schema = "qt001.manifest.readiness/1"
    made = _seal_another(attempt, "readiness", "")
    attempt.run(_WITHDRAW, [made, "too early"], user=OPERATOR)
    assert attempt.run(_STATES, [schema])[made] == "withdrawn"
    assert attempt.refused("SELECT qt001_cp.seal_manifest(%s)", [made], user=OPERATOR).sqlstate == "QT204"
    assert _seal_another(attempt, "readiness", "") == made
    assert attempt.run(_STATES, [schema])[made] == "sealed"


def test_what_was_deployed_is_superseded(attempt: Attempt) -> None:
    schema = "qt001.manifest.readiness/1"
    old = attempt.run("SELECT qt001_cp.in_force(%s)", [schema])
    document = attempt.document("readiness.json")
    document["verifier"]["max_age_seconds"] += 1
    attempt.deploy(document)
    new = attempt.run("SELECT qt001_cp.in_force(%s)", [schema])
    assert attempt.run(_STATES, [schema]) == {old: "superseded", new: "deployed"}
    assert attempt.verdict().closed == "sign_off_present"
    attempt.sign()
    assert attempt.verdict().accepted
