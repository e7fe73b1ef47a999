"""Who makes the changes: an operator without superuser."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conftest import Stage
from tests.succession.support import lent


@pytest.fixture
def operator(at_fix7c_done: Stage) -> Iterator[str]:
    """Of a deployed database, and no member of the owner role either."""
    with lent(at_fix7c_done) as dsn:
        yield dsn
