"""One opened database for a file of tests, and attempts on it that leave no trace."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
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


@pytest.fixture(scope="module")
def session(opened: Stage) -> Iterator[psycopg.Connection]:
    """The one session of a file's attempts: what the server has once read and planned for the gates, it keeps."""
    with opened.connect() as connection:
        yield connection


@pytest.fixture
def attempt(opened: Stage, session: psycopg.Connection) -> Iterator[Attempt]:
    """A transaction on the opened database that is rolled back, whatever the test did in it; settings with it."""
    session.execute("BEGIN")
    yield Attempt(session, opened)
    session.execute("ROLLBACK")
    session.execute("RESET ALL")
