"""The whole way and back, online, by a login that is no superuser: every dump is the one on the way there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from qt001_cp.rehearsal.scene import drop_scene
from tests.conftest import Library
from tests.operator.journey import Way, there_and_back
from tests.operator.support import POWERS, plain_operator, public_to_application


@pytest.fixture
def prepared(library: Library, tmp_path: Path) -> Iterator[Way]:
    """A superuser ran the bootstrap and gave the operator's login what it needs."""
    stage = library.copy("base")
    public_to_application(stage.scene)
    with plain_operator(stage, POWERS):
        yield Way(stage.scene, tmp_path, "online")
    drop_scene(stage.scene)


@pytest.mark.slow
def test_operator_without_superuser(prepared: Way) -> None:
    there_and_back(prepared, None)
