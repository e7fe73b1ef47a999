"""One later release for all tests: making it runs its SQL both ways on a server of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conftest import Stage
from tests.release.product import Product, copied, mended, written_by_hand
from tests.succession.support import lent


@pytest.fixture(scope="session")
def product(tmp_path_factory: pytest.TempPathFactory) -> Product:
    """Released as 1.0.0, with a gate mended, and released as 1.1.0."""
    made = copied(tmp_path_factory.mktemp("product"))
    mended(made)
    made.run("scripts/release.py", "--next", "1.1.0")
    written_by_hand(made)
    made.run("-m", "qt001_cp.sql.structure")
    made.run("scripts/release.py", "1.1.0")
    return made


@pytest.fixture
def operator(at_fix7c_done: Stage) -> Iterator[str]:
    """A database in use, and an operator of it without superuser, to whom nothing is lent yet; her DSN."""
    with at_fix7c_done.connect() as admin:
        admin.execute("UPDATE qt001_cp.bootstrap SET rehearsal = false")
    with lent(at_fix7c_done) as dsn:
        yield dsn
