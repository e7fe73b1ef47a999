"""One opened database for a file of tests, and attempts on it that leave no trace."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from qt001_cp.rehearsal.scene import drop_scene
from tests.acceptance.attempt import Attempt
from tests.acceptance.support import open_all
from tests.conftest import Library, Stage


@pytest.fixture(scope="module")
def opened(library: Library) -> Iterator[Stage]:
    """FIX7c deployed and every gate open. All tests' databases have one name: a file uses this or at_…, never both."""
    stage = library.copy("fix7c")
    open_all(stage)
    yield stage
    drop_scene(stage.scene)


@pytest.fixture
def attempt(opened: Stage) -> Iterator[Attempt]:
    """A transaction on the opened database that is rolled back, whatever the test did in it."""
    with opened.connect() as connection:
        connection.execute("BEGIN")
        yield Attempt(connection, opened)
        connection.execute("ROLLBACK")
