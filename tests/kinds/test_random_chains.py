"""Random chains of changes over random estates.

QT001_TEST_EXAMPLES=20 makes so many, at random; without it the same one each time.
"""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from qt001_cp.errors import Qt001Error
from qt001_cp.rehearsal.scene import AUTHOR, OPERATOR, drop_scene
from qt001_cp.workflow.bundle import make_bundle
from qt001_cp.workflow.seal import propose, seal
from tests.conftest import Library, Stage
from tests.kinds.random_sql import Estate, estates
from tests.succession.chains import LINKS, walk

EXAMPLES = int(os.environ.get("QT001_TEST_EXAMPLES", "0"))


def _cut_over(stage: Stage, estate: Estate) -> bool:
    """With FIX7c, the random estate protected beside the reference one; False where no manifest of it can be made or sealed."""
    stage.scene.server.psql(";\n".join(estate.statements) + ";\n", dbname=stage.scene.database)
    with stage.connect(AUTHOR) as author, stage.connect(OPERATOR) as operator:
        try:
            stage.bundle = make_bundle(author, stage.folder / "policy.toml")
        except Qt001Error:
            return False
        stage.bundle.write(stage.folder)
        propose(author, stage.manifest)
        seal(operator, stage.manifest)
    stage.upgrade("fix7b", rehearsal="first")
    stage.upgrade("fix7c")
    return True


@pytest.mark.slow
def test_chains_over_random_estates(
    random_base: Stage, library: Library, tmp_path_factory: pytest.TempPathFactory
) -> None:
    walked: list[int] = []

    @settings(
        max_examples=EXAMPLES or 2,
        deadline=None,
        derandomize=not EXAMPLES,
        database=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    @given(estate=estates(), links=LINKS, keep=st.booleans())
    def one(estate: Estate, links: list[tuple[str, int]], keep: bool) -> None:
        stage = library.copy("random")
        stage.folder = random_base.folder
        try:
            if _cut_over(stage, estate):
                walk(stage, tmp_path_factory.mktemp("chain"), links, keep, frozenset({"object_manifest_sealed"}))
                walked.append(len(links))
        finally:
            drop_scene(stage.scene)

    one()
    assert walked, "no estate came so far"
