"""Each gate is necessary: with all the others open, breaking just this one closes acceptance."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass

import psycopg
import pytest

from qt001_cp.model.canonical import Json, canonical_bytes
from qt001_cp.rehearsal.scene import AUDITOR, OPERATOR
from tests.acceptance.support import CALL, closed, open_all, reimport, reseal, sign, superuser
from tests.conftest import Library, Stage


@dataclass(frozen=True)
class Break:
    """How one gate is broken, what its reason has to name, and how the cluster is mended afterwards."""

    do: Callable[[Stage], object]
    names: str
    mend: tuple[str, ...] = ()


def _record_with_a_hole(stage: Stage) -> None:
    with stage.connect(OPERATOR) as operator:
        row = operator.execute(
            "SELECT convert_from(d.body, 'UTF8') FROM qt001_cp.document d WHERE d.kind = 'qt001.rehearsal/1'"
        ).fetchone()
        assert row is not None
        record = json.loads(row[0])
        record["cases"][0]["sqlstate"] = "00000"
        operator.execute("SELECT qt001_cp.record_rehearsal(%s)", [canonical_bytes(record)])


def _reach_the_legacy(stage: Stage) -> None:
    """Known to the dependency manifest, and still legacy."""
    verdict = {"verb": "calls", "kind": "function", "identity": "public.qt001_is_ready()", "line": 1}

    def widen(document: Json) -> None:
        document["objects"] += [["function", "public.qt001_is_ready()"], ["view", "public.qt001_readiness"],
                                ["table", "public.qt001_switch"]]  # fmt: skip

    def reach(document: Json) -> None:
        for routine in document["routines"]:
            if routine["identity"].startswith("public.qt001_write("):
                routine["edges"].append(verdict)

    reseal(stage, "dependency.json", widen)
    reimport(stage, reach)


def _wait_for_the_verifier(stage: Stage) -> None:
    reseal(stage, "readiness.json", lambda d: d["verifier"].update(max_age_seconds=1))
    time.sleep(1.1)


def _refuse(stage: Stage) -> None:
    with stage.connect(AUDITOR) as auditor:
        auditor.execute("SELECT qt001_cp.refuse_sign_off(qt001_cp.subject_digest(), 'the restore drill is missing')")


def _sql(*statements: str) -> Callable[[Stage], object]:
    return lambda stage: superuser(stage, *statements)


BREAKS = {
    "object_manifest_sealed": Break(_record_with_a_hole, "no-go case"),
    "inventory_exact": Break(
        _sql("CREATE TABLE public.unheard_of (a int)", "ALTER TABLE public.unheard_of OWNER TO directus"), "unheard_of"
    ),
    "owners_and_acls_exact": Break(_sql("GRANT DELETE ON public.articles TO intern"), "public.articles"),
    "definitions_exact": Break(_sql("ALTER TABLE public.qt001_switch ADD COLUMN smuggled int"), "qt001_switch"),
    "search_paths_secure": Break(
        _sql("ALTER FUNCTION public.articles_count(text) SECURITY DEFINER"), "public.articles_count"
    ),
    "roles_apart": Break(
        _sql("GRANT qt001_cp_author TO qt001_verifier"), "qt001_verifier", ("REVOKE qt001_cp_author FROM qt001_verifier",)
    ),
    "application_role_contained": Break(
        _sql("ALTER ROLE directus CREATEROLE"), "CREATEROLE", ("ALTER ROLE directus NOCREATEROLE",)
    ),
    "legacy_authority_removed": Break(_reach_the_legacy, "qt001_is_ready"),
    "entry_points_paired": Break(
        _sql("INSERT INTO qt001_cp.entry_point VALUES ('public.qt001_touch()', 'qt001_cp.require_acceptance', 'x')"),
        "qt001_touch",
    ),
    "readiness_manifest_met": Break(
        lambda s: reseal(s, "readiness.json", lambda d: d["repoint"][0].update(body_sha256="0" * 64)), "qt001_"
    ),
    "dependency_manifest_closed": Break(
        lambda s: reseal(s, "dependency.json", lambda d: d["objects"].remove(["table", "public.qt001_source"])),
        "public.qt001_source",
    ),
    "static_analysis_present": Break(
        lambda s: reimport(s, lambda d: d.update({"class": "simulated"})), "static analysis"
    ),
    "scheduled_verifier_recent": Break(_wait_for_the_verifier, "scheduled verifier"),
    "sign_off_present": Break(_refuse, "the restore drill is missing"),
    "capability_evidence_real": Break(
        lambda s: reseal(s, "capability.json", lambda d: d["capabilities"].append(
            {"name": "failover", "reason": "x", "producers": ["patroni"], "max_age_seconds": 600})), "failover"
    ),
    "protected_state_no_worse": Break(
        _sql("SET session_replication_role = replica; DELETE FROM public.qt001_source_line"), "qt001_source_line"
    ),
    "ledger_intact": Break(_sql("ALTER TABLE qt001_cp.event_fix7a DISABLE TRIGGER append_only"), "append_only"),
}  # fmt: skip


def test_every_gate_has_a_break(at_fix7c_done: Stage) -> None:
    with at_fix7c_done.connect() as admin:
        gates = [row[0] for row in admin.execute("SELECT gate FROM qt001_cp.gate ORDER BY ordinal")]
    assert gates == list(BREAKS)


@pytest.mark.parametrize("gate", BREAKS)
def test_one_gate_alone_closes_acceptance(at_fix7c_done: Stage, library: Library, gate: str) -> None:
    stage, broken = at_fix7c_done, BREAKS[gate]
    open_all(stage)
    try:
        broken.do(stage)
        if gate != "sign_off_present":
            sign(stage)  # where the break has moved the subject, the signature is not what this test is about
        found = closed(stage)
        assert set(found) == {gate}
        assert broken.names in found[gate]
        with stage.connect("qt001_service") as service, pytest.raises(psycopg.Error) as refused:
            service.execute(CALL)
        assert refused.value.sqlstate == "QT301"
        assert gate in str(refused.value)
    finally:
        superuser(stage, *broken.mend)
