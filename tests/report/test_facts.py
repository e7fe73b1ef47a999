"""What the report says is what the database says, at every stage; the tests' own SQL is the judge."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from qt001_cp import estate
from qt001_cp.cli import main
from qt001_cp.model.canonical import Json
from qt001_cp.rehearsal.scene import AUDITOR, AUTHOR, OPERATOR
from qt001_cp.report.facts import Report
from qt001_cp.report.page import html
from qt001_cp.workflow import revisions
from qt001_cp.workflow.bundle import make_bundle
from tests.acceptance.support import open_all
from tests.conftest import Stage
from tests.report.conftest import STAGES, Made


def test_each_stage_is_told_with_its_counts_chain_and_no_go_results(all_reports: dict[str, Made]) -> None:
    for name, made in all_reports.items():
        facts, oracle = made.facts, made.oracle
        assert facts.head.stage == oracle["stage"]
        tables = next(k for k in facts.estate if k.kind == "table")
        assert (tables.application_now, tables.control_now) == (oracle["app_owned"], oracle["control_owned"]), name
        owned = [
            (k.application_now, k.application_before if name == "recorded" else k.application_after)
            for k in facts.estate
        ]
        assert all(now == wanted for now, wanted in owned)
        assert not any(k.missing for k in facts.estate)
        assert sum(k.total for k in facts.estate) == oracle["objects"]
        assert sum(k.transferred for k in facts.estate) == oracle["transferred"]
        assert sum(len(g.objects) for g in facts.changes if g.stage == "fix7b") == oracle["transferred"]
        assert (facts.head.chain_digest, len(facts.events)) == (oracle["head"], oracle["events"])
        assert facts.rehearsal is not None
        assert facts.drift == ()
        assert {f.name: f.cases for f in facts.rehearsal.families} == oracle["cases"]
        assert all(f.refused == f.cases > 0 for f in facts.rehearsal.families)
    done = [[s.done is not None for s in all_reports[name].facts.stages] for name in STAGES]
    assert done == [[True, False, False], [True, True, False], [True, True, True]]


def test_what_the_role_holds_now_is_what_postgresql_answers(all_reports: dict[str, Made]) -> None:
    for name, made in all_reports.items():
        assert made.facts.graph is not None
        nodes = {n.identity: n for n in made.facts.graph.nodes}
        writer, view = nodes["public.qt001_write(pg_catalog.jsonb)"], nodes["public.qt001_status"]
        assert writer.before == "owner"
        assert bool(writer.now) == made.oracle["writer"] == (name == "recorded")
        assert view.now is not None
        assert made.oracle["status"]
        assert view.now == ("SELECT" if not made.oracle["status_insert"] else "owner")
        blocked = {e.end[1] for e in made.facts.graph.edges if e.blocked and e.start[0] == "role"}
        assert (writer.identity in blocked) == (name != "recorded")
        assert view.identity not in blocked
    after, before = all_reports["fix7c"].facts.graph, all_reports["fix7b"].facts.graph
    assert after is not None
    assert before is not None
    legacy = ("public.qt001_write(pg_catalog.jsonb)", "public.qt001_is_ready()")
    assert [e.blocked for e in before.edges if (e.start[1], e.end[1]) == legacy] == [False]
    assert [e.blocked for e in after.edges if (e.start[1], e.end[1]) == legacy] == [True]
    assert any(e.end[1].startswith("qt001_cp.require_acceptance") and not e.blocked for e in after.edges)


def test_gates_after_fix7c_and_preconditions_before_it(all_reports: dict[str, Made]) -> None:
    gates = all_reports["fix7c"].facts
    assert {c.name: c.state == "holds" for c in gates.checks} == {
        g: v[0] for g, v in all_reports["fix7c"].oracle["gates"].items()
    }
    for c in gates.failing:
        _, reason, mend = all_reports["fix7c"].oracle["gates"][c.name]
        assert reason in [f"{f.object}: expected {f.expected}, found {f.found}" for f in c.findings]
        assert mend in [f.mend for f in c.findings]
    assert gates.accepted is False
    assert {c.name for c in gates.failing} == {
        "scheduled_verifier_recent",
        "sign_off_present",
        "capability_evidence_real",
    }
    assert all_reports["fix7c"].codes == (3, 3)
    assert all_reports["fix7b"].codes == (0, 0)
    for name, count, goal in (("recorded", 11, "fix7b"), ("fix7b", 5, "fix7c")):
        facts = all_reports[name].facts
        assert (len(facts.checks), facts.next_stage, facts.failing) == (count, goal, ())
        assert [b.what for b in facts.blocked if b.state == "not blocked"][-1] == goal.replace("fix", "FIX")


def test_the_json_document_holds_the_same_facts(all_reports: dict[str, Made]) -> None:
    for made in all_reports.values():
        document = dict(made.document)
        assert document.pop("schema") == "qt001.report/1"
        mine = json.loads(json.dumps(made.facts.to_json()))
        assert document.pop("head") | {"at": ""} == mine.pop("head") | {"at": ""}
        assert document == mine


def test_the_page_says_what_the_facts_say(all_reports: dict[str, Made]) -> None:
    for made in all_reports.values():
        page = made.page.read_text("utf-8")
        facts = made.facts
        assert html(facts) == html(facts)
        for word in (
            facts.head.manifest,
            facts.head.chain_digest,
            facts.head.server,
            *(c.meaning for c in facts.checks),
        ):
            assert word is not None
            assert word.replace("'", "&#39;") in page
        for wanted in ("<script", "http://", "https://", "<link", "<img", "url(http", "@import"):
            assert wanted not in page
        assert "default-src 'none'; style-src 'unsafe-inline'; img-src data:" in page


def test_before_a_rehearsal_is_recorded_fix7b_is_blocked_with_its_reason(
    at_fix7a_sealed: Stage, tmp_path: Path
) -> None:
    facts = _facts(at_fix7a_sealed, tmp_path, code=3)
    (failing,) = [c for c in facts["checks"] if c["state"] == "fails"]
    assert failing["findings"][0]["sqlstate"] == "QT105"
    assert facts["rehearsal"] is None
    blocked = next(b for b in facts["blocked"] if b["what"] == "FIX7b")
    assert blocked["state"] == "blocked"
    assert "evidence import --rehearsal" in blocked["commands"][0]


def test_drift_and_an_edited_ledger_are_told(at_fix7b_done: Stage, tmp_path: Path) -> None:
    with at_fix7b_done.connect() as superuser:
        superuser.execute("GRANT INSERT ON public.qt001_source TO directus")
        superuser.execute("ALTER TABLE qt001_cp.event DISABLE TRIGGER append_only")
        superuser.execute("UPDATE qt001_cp.event SET actor = 'nobody' WHERE seq = 3")
    facts = _facts(at_fix7b_done, tmp_path, code=3)
    assert ("acl", "table public.qt001_source") in [(d["aspect"], d["object"]) for d in facts["drift"]]
    assert next(b for b in facts["blocked"] if b["what"].startswith("directus on"))["state"] == "not blocked"
    assert facts["head"]["chain_findings"]
    assert not facts["in_order"]
    page = tmp_path / "report.html"
    assert main(["report", "--database", at_fix7b_done.scene.dsn(OPERATOR), "--out", str(page)]) == 3
    text = page.read_text()
    assert "The ledger was edited" in text
    assert "broken" in text
    assert "INSERT" in text


def test_the_auditor_may_make_it_and_is_not_judged_as_the_operator(at_fix7b_done: Stage, tmp_path: Path) -> None:
    facts = _facts(at_fix7b_done, tmp_path, user=AUDITOR)
    states = {c["number"]: c["state"] for c in facts["checks"]}
    assert states.pop(7) == "not asked"
    assert set(states.values()) == {"holds"}
    assert {b["state"] for b in facts["blocked"] if "switch" in b["what"]} == {"not known"}


def test_what_a_login_may_not_read_is_not_told_as_a_failure(at_recorded: Stage, tmp_path: Path) -> None:
    facts = _facts(at_recorded, tmp_path, user=AUDITOR)
    states = {c["number"]: c["state"] for c in facts["checks"]}
    assert (states.pop(6), states.pop(7), set(states.values())) == ("not asked", "not asked", {"holds"})
    assert {b["state"] for b in facts["blocked"] if "switch" in b["what"]} == {"not known"}
    with at_recorded.connect() as superuser:
        superuser.execute("UPDATE public.qt001_switch SET state = 'open' WHERE name = 'apply'")
    facts = _facts(at_recorded, tmp_path, code=3)
    assert [c["number"] for c in facts["checks"] if c["state"] == "fails"] == [6]
    switches = {b["what"].partition(":")[0]: b["state"] for b in facts["blocked"] if "switch" in b["what"]}
    assert switches == {"apply": "not blocked", "readiness": "blocked"}


def test_nothing_is_changed_by_a_report(at_fix7c_done: Stage, tmp_path: Path) -> None:
    state = """SELECT (SELECT md5(string_agg(e::text, '' ORDER BY e.seq)) FROM qt001_cp.event e),
                      (SELECT md5(string_agg(d.digest, '' ORDER BY d.digest)) FROM qt001_cp.document d),
                      (SELECT md5(string_agg(s::text, '' ORDER BY s.classid, s.objid, s.objsubid)) FROM qt001_cp.owner_acl() s)"""
    with at_fix7c_done.connect() as reader:
        before = reader.execute(state).fetchall()
        _facts(at_fix7c_done, tmp_path, code=3)
        assert reader.execute(state).fetchall() == before


def test_before_anything_is_sealed_a_file_may_be_named(at_base: Stage, tmp_path: Path) -> None:
    dsn, out = at_base.scene.dsn(OPERATOR), str(tmp_path / "r.json")
    revisions.upgrade(dsn, "fix7a", policy=str(estate.policy_path()))
    assert main(["report", "--database", dsn, "--out", str(tmp_path / "report.html")]) == 0
    assert "No object manifest is sealed" in (tmp_path / "report.html").read_text()
    with at_base.connect(AUTHOR) as author:
        file = make_bundle(author, estate.policy_path()).write(tmp_path / "bundle")
    assert main(["report", "--database", dsn, "--manifest", str(file), "--format", "json", "--out", out]) == 3
    facts = json.loads(Path(out).read_text())
    assert facts["head"]["manifest_state"] == "not in this database"
    assert facts["drift"] is None
    assert [c["state"] for c in facts["checks"]] == ["holds", "fails", *["not asked"] * 9]
    assert {b["state"] for b in facts["blocked"] if "switch" in b["what"]} == {"not known"}
    assert (
        sum(k["application_now"] for k in facts["estate"])
        == sum(k["application_before"] for k in facts["estate"])
        > 180
    )


def test_when_every_gate_is_open_it_says_that_the_guard_lets_writes_pass(at_fix7c_done: Stage, tmp_path: Path) -> None:
    open_all(at_fix7c_done)
    facts = _facts(at_fix7c_done, tmp_path)
    assert facts["accepted"]
    assert facts["in_order"]
    assert {c["state"] for c in facts["checks"]} == {"holds"}
    assert facts["graph"]["guard"] == f"open: all {len(facts['checks'])} gates"
    writes = next(b for b in facts["blocked"] if b["what"] == "writes through the apply path")
    assert writes["state"] == "not blocked"
    assert any("qt001_write" in o for o in writes["objects"])
    page = tmp_path / "report.html"
    assert main(["report", "--database", at_fix7c_done.scene.dsn(OPERATOR), "--out", str(page)]) == 0
    assert "Every gate is open" in page.read_text()


def test_bad_input_ends_in_words(at_base: Stage, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dsn, out = at_base.scene.dsn(OPERATOR), tmp_path / "report.html"
    assert main(["report", "--database", dsn, "--out", str(out)]) == 1
    assert "FIX7a is not deployed in database" in capsys.readouterr().err
    assert not out.exists()
    assert main(["report", "--database", dsn]) == 2
    assert "--out report.html" in capsys.readouterr().err
    assert main(["report", "--database", dsn, "--manifest", str(tmp_path / "none.json"), "--out", str(out)]) == 2
    assert "none.json" in capsys.readouterr().err
    (tmp_path / "bad.json").write_text('{"schema":"x"}')
    assert main(["report", "--database", dsn, "--manifest", str(tmp_path / "bad.json"), "--out", str(out)]) == 1
    assert main(["report", "--database", "host=/nowhere", "--out", str(out)]) == 1
    assert "could not be reached" in capsys.readouterr().err
    assert main(["report", "--help"]) == 0
    assert "qt001-cp report --database" in capsys.readouterr().out


def test_another_manifest_than_the_one_that_was_cut_over_is_refused(
    at_fix7b_done: Stage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other.json"
    assert at_fix7b_done.bundle is not None
    body = at_fix7b_done.bundle.manifest.body().replace(b'"reason":"data of QT001"', b'"reason":"data of QT002"')
    other.write_bytes(body)
    dsn = at_fix7b_done.scene.dsn(OPERATOR)
    assert main(["report", "--database", dsn, "--manifest", str(other), "--out", str(tmp_path / "r.html")]) == 2
    assert at_fix7b_done.digest in capsys.readouterr().err
    same = ["--manifest", at_fix7b_done.manifest_path, "--out", str(tmp_path / "r.html")]
    assert main(["report", "--database", dsn, *same]) == 0
    assert main(["report", "--database", at_fix7b_done.scene.dsn("directus"), "--out", str(tmp_path / "d.html")]) != 0
    assert "Traceback" not in capsys.readouterr().err
    assert not (tmp_path / "d.html").exists()


def _facts(stage: Stage, folder: Path, *, user: str = OPERATOR, code: int = 0) -> Json:
    out = folder / "facts.json"
    assert main(["report", "--database", stage.scene.dsn(user), "--format", "json", "--out", str(out)]) == code
    facts: Json = json.loads(out.read_text())
    return facts


def test_an_order_is_one_only_where_everything_is(reports: Callable[[str], Made]) -> None:
    facts: Report = reports("fix7b").facts
    assert facts.in_order
    assert not reports("fix7c").facts.in_order
