"""More of our own modules made wrong, several in one database; the audit names each by a finding of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from qt001_cp.cli import main
from qt001_cp.rehearsal.scene import OPERATOR
from qt001_cp.workflow import revisions
from tests.audit import wrong
from tests.audit.test_our_faults import faults_of, sealed
from tests.conftest import Stage

Patch = Callable[[pytest.MonkeyPatch], object]


@dataclass(frozen=True)
class Run:
    """``author``: wrong while the manifest is made; ``operator``: while the stages run, the last of which is ``to``."""

    author: Sequence[Patch] = ()
    operator: Sequence[Patch] = ()
    to: str = "fix7b"
    estate: str = ""


RUNS = {
    "what the author makes": Run(author=[wrong.canonical_bytes, wrong.restore_digest, wrong.way_back]),
    "no guards": Run(operator=[wrong.no_guards]),
    "another manifest": Run(operator=[wrong.another_manifest]),
    "FIX7c": Run([wrong.lost_edges, wrong.wrong_digest, wrong.no_triggers], [wrong.old_source], "fix7c", wrong.DYNAMIC),
}
# The module and its fault: (the run, the check, the words).
FAULTS = {
    "model/canonical escapes a character that it may not": ("what the author makes", "documents", "its bytes are not the canonical ones (RFC 8785)"),
    "workflow/seal registers another restore script": ("what the author makes", "registered restore script", "the statements of manifest"),
    "plan/step_plans forgets a step of a way back": (
        "what the author makes", "statements lead there and back", "aggregate public.qt001_sum_positive(numeric), restore: EXECUTE"),
    "ops/directives skips the guards": ("no guards", "owners and ACLs", "expected owner directus, found qt001_cp_owner"),
    "ops/directives prints another manifest": (
        "another manifest", "owners and ACLs", "table public.qt001_queue: expected owner qt001_cp_owner, found directus"),
    "analyse loses what a routine reads": ("FIX7c", "analysis against the sources", "the source names qt001_data.unit, the evidence does not"),
    "analyse loses what a view calls": (
        "FIX7c", "analysis against the sources", "view public.qt001_case_age: the server has noted that it needs public.qt001_days_open("),
    "analyse calls dynamic SQL known": ("FIX7c", "analysis against the sources", "EXECUTE of what is not constant"),
    "model/canonical computes a wrong digest": ("FIX7c", "analysis against the sources", f"is about source {wrong.NO_DIGEST}"),
    "catalog/edges misses the triggers": ("FIX7c", "dependency manifest", "reaches function public.qt001_touch(), it does not name it"),
    "ops/directives leaves an old source": ("FIX7c", "sources of the apply path", "public.qt001_apply(pg_catalog.uuid,pg_catalog.jsonb): its body is not"),
}  # fmt: skip  # one case a line


@pytest.mark.slow
@pytest.mark.parametrize("name", RUNS)
def test_wrong_modules_are_found(
    at_base: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    run, dsn = RUNS[name], at_base.scene.dsn(OPERATOR)
    if run.estate:
        with at_base.connect() as superuser:
            superuser.execute(run.estate)
    with monkeypatch.context() as patch:
        path = sealed(at_base, tmp_path, lambda: [wrong_module(patch) for wrong_module in run.author])
        for wrong_module in run.operator:
            wrong_module(patch)
        revisions.upgrade(dsn, "fix7b", manifest=str(path), rehearsal="first")
        if run.to == "fix7c":
            revisions.upgrade(dsn, "fix7c", manifest=str(path))
    capsys.readouterr()
    code = main(["audit", "--database", at_base.scene.dsn("postgres"), "--manifest", str(path), "--format", "json"])
    said = capsys.readouterr().out
    assert code == 3, said
    missed = [
        f
        for f, (r, check, words) in FAULTS.items()
        if r == name and not any(words in x for x in faults_of(said, check))
    ]
    assert missed == [], said
