"""Each printed script at each stage where it does not belong: refused with the stage that it found, and nothing changed."""

from __future__ import annotations

from itertools import pairwise

import pytest

from qt001_cp.workflow import revisions
from tests.conftest import Stage
from tests.cutover.support import refused_in_psql

pytestmark = pytest.mark.slow
STAGES = ("fix7a", "fix7b", "fix7c")
FIXTURES = {"fix7a": "at_recorded", "fix7b": "at_fix7b_done", "fix7c": "at_fix7c_done"}


def _scripts(stage: Stage) -> list[tuple[str, str]]:
    """The stage that each starts from, and its text."""
    x = {"manifest": stage.manifest_path}
    steps = list(pairwise(STAGES))
    forward = [(one, revisions.upgrade_sql(one, other, **x)) for one, other in steps]
    back = [(other, revisions.downgrade_sql(other, one, **x)) for one, other in steps]
    return [*forward, *back, ("fix7a", revisions.downgrade_sql("fix7a", "base", ledger=stage.export()))]


@pytest.mark.parametrize("now", STAGES)
def test_a_script_of_another_stage(request: pytest.FixtureRequest, now: str) -> None:
    stage: Stage = request.getfixturevalue(FIXTURES[now])
    others = [(start, text) for start, text in _scripts(stage) if start != now]
    assert len(others) >= 3
    for start, text in others:
        refused_in_psql(stage, text, "QT122", f"stage: expected {start}, found {now}", "See qt001-cp status")
