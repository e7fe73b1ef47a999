"""Chains of changes that nobody thought of, forward and taken back in the order that is allowed."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from qt001_cp.rehearsal.scene import drop_scene
from tests.conftest import Library
from tests.succession.chains import LINKS, walk


@pytest.mark.slow
@settings(
    max_examples=2,
    deadline=None,
    database=None,
    derandomize=False,
    phases=(Phase.generate,),
    suppress_health_check=list(HealthCheck),
)
@given(links=LINKS, keep=st.booleans())
def test_a_chain_of_changes(
    library: Library, tmp_path_factory: pytest.TempPathFactory, links: list[tuple[str, int]], keep: bool
) -> None:
    """Each leaves all gates open that wait for nobody; each way back leads to what was there before it. Or the last is kept: then
    FIX7c and FIX7b go back from it, and nothing of it is the application's."""
    stage, folder = library.copy("fix7c"), tmp_path_factory.mktemp("chain")
    try:
        walk(stage, folder, links, keep)
    finally:
        drop_scene(stage.scene)
