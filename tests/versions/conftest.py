"""Two servers, for what moves from the one to the other."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from qt001_cp.servers import Server, ServerError, open_server
from tests.versions.moves import NEW, OLD


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[Server, Server]]:
    """Of major version OLD and of NEW."""
    with ExitStack() as stack:
        try:
            yield (
                stack.enter_context(open_server("embedded", major=OLD)),
                stack.enter_context(open_server("embedded", major=NEW)),
            )
        except ServerError as exc:
            pytest.skip(exc.message)
