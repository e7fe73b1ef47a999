"""Each moment is played once a worker; the tests judge what came of each route."""

from __future__ import annotations

import pytest

from tests.conftest import Library
from tests.routes import walk


@pytest.fixture(scope="session")
def plain(library: Library) -> dict[str, walk.Answer]:
    return walk.after_plain(library)


@pytest.fixture(scope="session")
def ours(library: Library, tmp_path_factory: pytest.TempPathFactory) -> dict[str, walk.Answer]:
    return walk.after_ours(library, tmp_path_factory.mktemp("ours"))


@pytest.fixture(scope="session")
def sealing(library: Library, tmp_path_factory: pytest.TempPathFactory) -> walk.Found:
    return walk.at_sealing(library, tmp_path_factory.mktemp("sealing"))


@pytest.fixture(scope="session")
def late(library: Library) -> walk.Found:
    return walk.after_sealing(library)
